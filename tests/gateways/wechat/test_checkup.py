from datetime import UTC, datetime

import pytest

from payment_cli.gateways.wechat.checkup import examine
from payment_cli.model.finding import Level
from payment_cli.model.secret import Secret
from tests.support import wechat
from tests.support.certificates import certificate_pem

NOW = wechat.NOW  # 2026-09-21


def said(findings):
    return [(f.level, f.sentence) for f in findings]


def merchant_cert(serial=int(wechat.SERIAL, 16), owner="merchant", **life):
    return certificate_pem(wechat.private_key(owner), serial=serial, **life)


def certified(**changes):
    settled = {
        "client_cert": merchant_cert(),
        "client_key": Secret(wechat.private_pem("merchant")),
        **changes,
    }
    return wechat.account(**settled)


def test_a_merchant_certificate_that_fits_is_no_finding():
    findings = list(examine("x", certified(), NOW))
    assert said(findings) == [
        (Level.OK, "public-key mode"),
        (Level.OK, f"client_cert: 1 certificate, serial {wechat.SERIAL}"),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"serial_no": "ABC123"}, "serial_no is not the serial number of client_cert"),
        (
            {"private_key": Secret(wechat.private_pem("stranger"))},
            "private_key is not the key of client_cert",
        ),
        (
            {"client_key": Secret(wechat.private_pem("stranger"))},
            "client_key is not the key of client_cert",
        ),
        (
            {"client_key": Secret("nonsense")},
            "wxpay.conf: client_key is not a private key in any known form",
        ),
        (
            {"client_cert": "nonsense"},
            "wxpay.conf: client_cert is not a certificate in any known form",
        ),
        (
            {"client_cert": merchant_cert(begins=datetime(2020, 1, 1, tzinfo=UTC), days=30)},
            "client_cert ended on 2020-01-31",
        ),
        (
            {"client_cert": merchant_cert(begins=datetime(2030, 1, 1, tzinfo=UTC))},
            "client_cert is not valid before 2030-01-01",
        ),
        ({"public_key_id": "0119000072"}, "public_key_id does not begin with PUB_KEY_ID_"),
        (
            {"public_key": "nonsense"},
            "wxpay.conf: public_key is not a public key in any known form",
        ),
        ({"api_base": "http://api.example.com"}, "api_base http://api.example.com must be https"),
        ({"api_base": "http://me:pw@a.example"}, "api_base http://a.example must be https"),
    ],
    ids=[
        "serial", "private key", "client key", "no key", "no certificate", "expired", "not yet",
        "key id", "public key", "plain http", "a login in it",
    ],
)  # fmt: skip
def test_what_does_not_fit_together_at_wechat_is_named(changes, sentence):
    findings = list(examine("x", certified(**changes), NOW))
    assert [f.sentence for f in findings if f.level is Level.ERROR] == [sentence]


def test_scans_by_v2_need_the_v2_key_and_the_certificate():
    account = wechat.account(scan_api="v2", pay_key=Secret(""))
    assert [f for f in examine("x", account, NOW) if "scan_api v2 needs" in f.sentence]
    assert not [f for f in examine("x", certified(scan_api="v2"), NOW) if f.level is Level.ERROR]


OLD = wechat.platform_cert(serial=1, days=30)
GOOD = wechat.platform_cert(serial=2)
NONE = {"public_key_id": "", "public_key": ""}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"platform_certs": (GOOD,)}, (Level.OK, "public key and platform certificates (migr")),
        ({**NONE, "platform_certs": (GOOD,)}, (Level.OK, "platform-certificate mode")),
        (NONE, (Level.WARN, "platform-certificate mode, certificates are fetched")),
        ({**NONE, "platform_certs": (OLD,)}, (Level.ERROR, "a platform certificate ended on")),
        ({**NONE, "platform_certs": (OLD, GOOD)}, (Level.WARN, "a platform certificate ended on")),
        ({"platform_certs": (OLD,)}, (Level.WARN, "a platform certificate ended on")),
    ],
    ids=["both", "certificates", "fetched", "only old", "old and good", "old and public key"],
)
def test_the_mode_and_the_platforms_certificates_are_told(changes, expected):
    findings = list(examine("x", certified(**changes), NOW))
    level, sentence = expected
    assert [f for f in findings if f.level is level and f.sentence.startswith(sentence)]
    if level is not Level.ERROR:
        assert not [f for f in findings if f.level is Level.ERROR]


def test_the_certificates_that_were_read_are_counted_and_named_by_their_serials():
    bundle = (OLD + GOOD, wechat.platform_cert(serial=0xABC))
    findings = examine("x", certified(**NONE, platform_certs=bundle), NOW)
    told = [f.sentence for f in findings if f.sentence.startswith("platform")]
    assert told == [
        "platform-certificate mode",
        "platform_certs: 3 certificates, serial 1, 2, ABC",
    ]


@pytest.mark.parametrize(("minutes", "is_told"), [(120, False), (121, True)])
def test_an_order_that_outlives_its_code_is_a_warning(minutes, is_told):
    findings = examine("x", wechat.account(pay_time_expire=minutes), NOW)
    told = [f.sentence for f in findings if "a code can be scanned for 120 only" in f.sentence]
    assert told == (
        [f"pay_time_expire is {minutes} minutes, but a code can be scanned for 120 only"] * is_told
    )


def test_every_key_that_can_not_be_read_is_told_at_once():
    wrong = {
        "private_key": "x",
        "public_key": "x",
        "platform_certs": ("x", GOOD),
        "client_cert": "x",
    }
    told = [f.sentence for f in examine("x", certified(**wrong, client_key="x"), NOW)]
    assert [sentence.split()[1] for sentence in told] == [
        "private_key", "public_key", "platform_certs", "client_cert", "client_key",
    ]  # fmt: skip


def test_the_merchants_own_public_key_in_place_of_wechat_pays_is_noticed():
    findings = list(examine("x", certified(public_key=wechat.public_pem("merchant")), NOW))
    [finding] = [f for f in findings if f.level is Level.ERROR]
    assert finding.sentence == "wxpay.conf: public_key is the merchant's own public key"

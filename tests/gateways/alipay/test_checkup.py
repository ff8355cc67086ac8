from datetime import UTC, datetime

import pytest

from payment_cli.gateways.alipay.checkup import examine
from payment_cli.model.finding import Level
from tests.support import alipay
from tests.support.certificates import certificate_pem

NOW = 1_790_000_000_000  # 2026-09-21


def said(findings):
    return [(f.level, f.sentence) for f in findings]


def certified(**life):
    return alipay.account(
        alipay_public_key="",
        app_cert=certificate_pem(alipay.private_key("app"), serial=11, **life),
        alipay_cert=certificate_pem(alipay.private_key("alipay"), serial=22),
        alipay_root_cert=certificate_pem(alipay.private_key("root"), serial=33),
    )


def test_alipays_modes_are_told():
    assert said(examine("x", alipay.account(), NOW)) == [
        (Level.OK, "public-key mode, the keys fit")
    ]
    assert said(examine("x", certified(), NOW)) == [
        (Level.OK, "certificate mode, the keys fit"),
        (Level.OK, "app_cert: 1 certificate, serial B"),
        (Level.OK, "alipay_cert: 1 certificate, serial 16"),
        (Level.OK, "alipay_root_cert: 1 certificate, serial 21"),
    ]


def test_an_alipay_certificate_near_its_end_is_a_warning_and_after_it_an_error():
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    near = list(examine("x", certified(begins=begins, days=280), NOW))
    assert (Level.WARN, "app_cert ends on 2026-10-08") in said(near)
    over = list(examine("x", certified(begins=begins, days=200), NOW))
    assert (Level.ERROR, "app_cert ended on 2026-07-20") in said(over)


def test_a_wrong_alipay_key_is_named():
    account = alipay.account(alipay_public_key=alipay.public_pem("app"))
    [finding] = examine("x", account, NOW)
    assert finding.level is Level.ERROR
    assert "the app's own public key" in finding.sentence


def test_an_account_at_the_sandbox_is_called_no_real_money():
    account = alipay.account(gateway_url="http://127.0.0.1:8499/gateway.do")
    assert (Level.OK, "gateway_url is on this machine: no real money") in said(
        examine("x", account, NOW)
    )


@pytest.mark.parametrize(("minutes", "is_told"), [(120, False), (121, True)])
def test_an_order_that_outlives_its_code_is_a_warning(minutes, is_told):
    findings = examine("x", alipay.account(timeout_express=minutes), NOW)
    told = [f.sentence for f in findings if "a code can be scanned for 120 only" in f.sentence]
    assert told == (
        [f"timeout_express is {minutes} minutes, but a code can be scanned for 120 only"] * is_told
    )


def test_every_key_that_can_not_be_read_is_told_at_once():
    wrong = {"private_key": "x", "app_cert": "x", "alipay_root_cert": "x"}
    certificate = certificate_pem(alipay.private_key("alipay"), serial=22)
    account = alipay.account(alipay_public_key="", alipay_cert=certificate, **wrong)
    told = [f.sentence.split()[1] for f in examine("x", account, NOW)]
    assert told == ["private_key", "app_cert", "alipay_root_cert"]

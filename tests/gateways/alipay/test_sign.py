import pytest
from alipay import DCAliPay

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.sign import (
    cert_sn,
    load_keys,
    root_cert_sn,
    string_to_sign,
)
from tests.support import alipay as side
from tests.support.certificates import certificate_pem
from tests.support.vectors import vectors

CERTIFICATES = {
    "app_cert": certificate_pem(side.private_key("app"), serial=2**80 + 1),
    "alipay_cert": certificate_pem(side.private_key("alipay"), serial=77),
    "alipay_root_cert": "\n".join(
        certificate_pem(side.private_key(owner), serial=serial)
        for owner, serial in (("root one", 5), ("root two", 6))
    ),
}


def with_certificates(**changes):
    return side.account(**{"alipay_public_key": "", **CERTIFICATES, **changes})


def test_what_we_sign_another_library_verifies_and_the_other_way_round():
    keys = load_keys(side.account())
    text = "a=1&subject=两杯 coffee + cake"
    assert side._sdk("alipay", "app")._verify(text, keys.sign(text))
    assert keys.verify(text.encode(), side.sign(text))


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "é"])
def test_what_is_no_signature_is_wrong(signature):
    assert not load_keys(side.account()).verify(b"text", signature)


def test_a_signature_of_another_text_or_by_another_key_is_wrong():
    keys = load_keys(side.account())
    assert not keys.verify(b"text", side.sign("other text"))
    assert not keys.verify(b"text", side.sign("text", "stranger"))


def test_the_apps_own_public_key_in_place_of_alipays_is_noticed():
    with pytest.raises(ConfigError, match="is the app's own public key"):
        load_keys(side.account(alipay_public_key=side.public_pem("app")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_certificate_numbers_agree_with_another_library():
    keys = load_keys(with_certificates())
    assert keys.app_cert_sn == DCAliPay.get_cert_sn(CERTIFICATES["app_cert"])
    assert keys.alipay_cert_sn == DCAliPay.get_cert_sn(CERTIFICATES["alipay_cert"])
    assert keys.root_cert_sn == DCAliPay.get_root_cert_sn(CERTIFICATES["alipay_root_cert"])
    assert keys.root_cert_sn.count("_") == 1


def test_in_certificate_mode_alipays_certificate_verifies():
    keys = load_keys(with_certificates())
    assert keys.verify(b"text", side.sign("text"))
    assert not keys.verify(b"text", side.sign("text", "app"))


@pytest.mark.parametrize(
    "key", ["private_key", "alipay_public_key", "app_cert", "alipay_cert", "alipay_root_cert"]
)
def test_what_is_no_key_is_named(key):
    account = side.account if key == "alipay_public_key" else with_certificates
    with pytest.raises(ConfigError, match=rf"^alipay\.conf: {key} is not a"):
        load_keys(account(**{key: "nonsense"}))


def test_a_certificate_of_another_key_is_noticed():
    other = certificate_pem(side.private_key("stranger"), serial=9)
    with pytest.raises(ConfigError, match="app_cert and private_key don't belong together"):
        load_keys(with_certificates(app_cert=other))


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_sign_rsa2"))
def test_published_request_signature(vector):
    text = string_to_sign(vector["inputs"]["params"])
    assert text == vector["inputs"]["string_to_sign"]
    key = vector["inputs"]["app_private_key_b64_der"]
    assert load_keys(side.account(private_key=key)).sign(text) == vector["expected"]


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_cert_sn"))
def test_published_certificate_numbers(vector):
    inputs, expected = vector["inputs"], vector["expected"]
    account = with_certificates(
        app_cert=inputs["app_cert_pem"],
        alipay_cert=inputs["alipay_cert_pem"],
        alipay_root_cert=inputs["root_cert_pem"],
    )
    assert cert_sn(account.app_cert.certificates[0]) == expected["app_cert_sn"]
    assert cert_sn(account.alipay_cert.certificates[0]) == expected["alipay_cert_sn"]
    found = account.alipay_root_cert.certificates
    assert root_cert_sn(found) == expected["alipay_root_cert_sn"]

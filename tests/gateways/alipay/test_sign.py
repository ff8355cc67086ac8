import re

import pytest
from alipay import DCAliPay
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.sign import (
    cert_sn,
    load_certificate,
    load_keys,
    root_cert_sn,
    string_to_sign,
)
from payment_cli.model.secret import Secret
from tests.support import alipay as side
from tests.support.certificates import certificate_pem
from tests.support.vectors import vectors


def bare(pem):
    return "".join(re.sub(r"-----[A-Z ]+-----", "", pem).split())


def with_certificates(**changes):
    certificates = {
        "alipay_public_key": "",
        "app_cert": certificate_pem(side.private_key("app"), serial=2**80 + 1),
        "alipay_cert": certificate_pem(side.private_key("alipay"), serial=77),
        "alipay_root_cert": "\n".join(
            certificate_pem(side.private_key(owner), serial=serial)
            for owner, serial in (("root one", 5), ("root two", 6))
        ),
    }
    return side.account(**{**certificates, **changes})


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


@pytest.mark.parametrize(
    ("form", "paste"),
    [
        (PrivateFormat.PKCS8, str),
        (PrivateFormat.TraditionalOpenSSL, str),
        (PrivateFormat.PKCS8, bare),
        (PrivateFormat.TraditionalOpenSSL, bare),
        (PrivateFormat.PKCS8, lambda pem: pem.replace("\n", "\\n")),
        (PrivateFormat.PKCS8, lambda pem: pem.replace("\n", " ")),
        (PrivateFormat.PKCS8, lambda pem: pem.replace("\n", "\r\n")),
    ],
    ids=["PKCS#8", "PKCS#1", "bare PKCS#8", "bare PKCS#1", "escaped lines", "one line", "CRLF"],
)
def test_a_private_key_is_read_however_it_was_pasted(form, paste):
    keys = load_keys(side.account(private_key=Secret(paste(side.private_pem("app", form)))))
    assert side._sdk("alipay", "app")._verify("text", keys.sign("text"))


def test_alipays_key_is_read_bare_as_its_pages_show_it():
    keys = load_keys(side.account(alipay_public_key=bare(side.public_pem("alipay"))))
    assert keys.verify(b"text", side.sign("text"))


def _elliptic(what):
    key = ec.generate_private_key(ec.SECP256R1())
    if what == "private":
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _short():
    key = generate_private_key(65537, 1024)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _locked():
    key = side.private_key("app")
    locked = BestAvailableEncryption(b"x")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()


@pytest.mark.parametrize(
    "make",
    [
        lambda: "nonsense",
        lambda: "é",
        lambda: side.public_pem("app"),
        lambda: _elliptic("private"),
        _short,
        _locked,
    ],
    ids=["nonsense", "not ASCII", "a public key", "elliptic curve", "1024 bits", "with password"],
)
def test_a_wrong_private_key_names_app_and_key_and_shows_nothing(make):
    text = make()
    with pytest.raises(ConfigError, match=f"Alipay app {side.APP_ID}: private_key is not") as e:
        load_keys(side.account(private_key=Secret(text)))
    assert text not in f"{e.value}{e.value.hint}"


@pytest.mark.parametrize(
    "make",
    [lambda: "nonsense", lambda: side.private_pem("alipay"), lambda: _elliptic("public")],
    ids=["nonsense", "a private key", "elliptic curve"],
)
def test_a_wrong_alipay_key_is_named(make):
    with pytest.raises(ConfigError, match="alipay_public_key is not an RSA public key"):
        load_keys(side.account(alipay_public_key=make()))


def test_the_apps_own_public_key_in_place_of_alipays_is_noticed():
    with pytest.raises(ConfigError, match="is the app's own public key"):
        load_keys(side.account(alipay_public_key=side.public_pem("app")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_certificate_numbers_agree_with_another_library():
    account = with_certificates()
    keys = load_keys(account)
    assert keys.app_cert_sn == DCAliPay.get_cert_sn(account.app_cert)
    assert keys.alipay_cert_sn == DCAliPay.get_cert_sn(account.alipay_cert)
    assert keys.root_cert_sn == DCAliPay.get_root_cert_sn(account.alipay_root_cert)
    assert keys.root_cert_sn.count("_") == 1


def test_in_certificate_mode_alipays_certificate_verifies():
    keys = load_keys(with_certificates())
    assert keys.verify(b"text", side.sign("text"))
    assert not keys.verify(b"text", side.sign("text", "app"))


@pytest.mark.parametrize("key", ["app_cert", "alipay_cert", "alipay_root_cert"])
def test_a_wrong_certificate_is_named(key):
    with pytest.raises(ConfigError, match=f"{key} is not a"):
        load_keys(with_certificates(**{key: side.public_pem("app")}))


def test_a_certificate_of_another_key_is_noticed():
    other = certificate_pem(side.private_key("stranger"), serial=9)
    with pytest.raises(ConfigError, match="app_cert and private_key don't belong together"):
        load_keys(with_certificates(app_cert=other))


def test_a_root_bundle_with_a_damaged_certificate_is_refused():
    pem = certificate_pem(side.private_key("alipay"), serial=8)
    body = pem.splitlines()
    damaged = "\n".join([*body[:-4], *body[-3:]])
    with pytest.raises(ValueError, match=r"."):
        root_cert_sn(f"{pem}\n{damaged}")


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_sign_rsa2"))
def test_published_request_signature(vector):
    text = string_to_sign(vector["inputs"]["params"])
    assert text == vector["inputs"]["string_to_sign"]
    key = Secret(vector["inputs"]["app_private_key_b64_der"])
    assert load_keys(side.account(private_key=key)).sign(text) == vector["expected"]


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_cert_sn"))
def test_published_certificate_numbers(vector):
    inputs, expected = vector["inputs"], vector["expected"]
    assert cert_sn(load_certificate(inputs["app_cert_pem"])) == expected["app_cert_sn"]
    assert cert_sn(load_certificate(inputs["alipay_cert_pem"])) == expected["alipay_cert_sn"]
    assert root_cert_sn(inputs["root_cert_pem"]) == expected["alipay_root_cert_sn"]

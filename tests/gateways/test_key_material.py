"""Keys and certificates as people have them: every form, each kind, from a file, env and inline."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

import payment_cli
from payment_cli.config.targets import load_account
from payment_cli.errors import ConfigError
from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.gateways.registry import find_provider
from tests.support import wechat
from tests.support.certificates import ISSUER, certificate_pem

OWNER = wechat.private_key("merchant")
PRIVATE = {
    "PKCS#8": wechat.private_pem("merchant"),
    "PKCS#1": wechat.private_pem("merchant", PrivateFormat.TraditionalOpenSSL),
}
PUBLIC = {
    "SPKI": wechat.public_pem("merchant"),
    "PKCS#1": OWNER.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(),
}
CERTIFICATE = certificate_pem(OWNER, serial=0xA1)
OTHER = certificate_pem(wechat.private_key("other"), serial=0xB2)


def bare(pem):
    return "".join(re.sub(r"-----[A-Z ]+-----", "", pem).split())


def der(pem):
    return base64.b64decode(bare(pem))


def relabelled(pem):
    """The other label of the pair: as if somebody had typed the wrong header round the base64."""
    pairs = (
        ("-BEGIN PRIVATE", "-BEGIN RSA PRIVATE"), ("-END PRIVATE", "-END RSA PRIVATE"),
        ("-BEGIN PUBLIC", "-BEGIN RSA PUBLIC"), ("-END PUBLIC", "-END RSA PUBLIC"),
        ("-BEGIN CERTIFICATE", "-BEGIN TRUSTED CERTIFICATE"),
        ("-END CERTIFICATE", "-END TRUSTED CERTIFICATE"),
    )  # fmt: skip
    for plain, marked in pairs:
        pem = pem.replace(marked, plain) if marked in pem else pem.replace(plain, marked)
    return pem


def folded(pem):
    return "\n".join(
        base64.b64encode(pem.encode()).decode()[i : i + 76] for i in range(0, 9999, 76)
    )


#: How a PEM text looks when it arrives. All but the last few fit everywhere.
TEXT_FORMS = {
    "PEM": str,
    "literal \\n": lambda pem: pem.replace("\n", "\\n"),
    "doubly escaped": lambda pem: pem.replace("\n", "\\\\n"),
    "literal \\r\\n": lambda pem: pem.replace("\n", "\\r\\n"),
    "literal \\n and real ones": lambda pem: pem.replace("\n", "\\n\n"),
    "in quotes": lambda pem: '"' + pem.strip().replace("\n", "\\n") + '"',
    "CRLF": lambda pem: pem.replace("\n", "\r\n"),
    "CR": lambda pem: pem.replace("\n", "\r"),
    "one line": lambda pem: pem.replace("\n", " "),
    "no line ends at all": lambda pem: pem.replace("\n", ""),
    "no spaces at all": lambda pem: "".join(pem.split()),
    "one long line of base64": lambda pem: re.sub(
        r"(-\n)(.*)(\n-)", lambda m: m[1] + m[2].replace("\n", "") + m[3], pem, flags=re.DOTALL
    ),
    "indented": lambda pem: "    " + pem.replace("\n", "\n    "),
    "BOM": lambda pem: "\ufeff" + pem,
    "words around it": lambda pem: f"Bag Attributes\n    friendlyName: 商户\n{pem}\nthe end\n",
    "the other label": relabelled,
    "bare base64": bare,
    "bare base64, lines": lambda pem: re.sub(r"-----[A-Z ]+-----", "", pem),
    "bare base64, literal \\n": lambda pem: re.sub(r"-----[A-Z ]+-----", "", pem).replace(
        "\n", "\\n"
    ),
    "bare base64, no padding": lambda pem: bare(pem).rstrip("="),
    "whole PEM as base64": lambda pem: base64.b64encode(pem.encode()).decode(),
    "whole PEM as base64, lines": folded,
    "whole PEM with CRLF and BOM as base64": lambda pem: base64.b64encode(
        b"\xef\xbb\xbf" + pem.replace("\n", "\r\n").encode()
    ).decode(),
}  # fmt: skip

#: What only a file can hold.
BINARY_FORMS = {
    "DER": der,
    "UTF-16 of PowerShell": lambda pem: pem.encode("utf-16"),
    "a comment in GBK": lambda pem: "# 密钥\n".encode("gbk") + pem.encode(),
}

KINDS = {
    **{f"private {name}": ("private_key", pem) for name, pem in PRIVATE.items()},
    **{f"public {name}": ("public_key", pem) for name, pem in PUBLIC.items()},
    "certificate": ("platform_certs", CERTIFICATE),
}


def numbers(material, key):
    """What was read, in a form that can be compared."""
    if key == "private_key":
        return material.private_key.private_numbers()
    if key == "public_key":
        return material.public_key.public_numbers()
    return [certificate.serial_number for certificate in material.certificates]


WANTED = {
    "private_key": OWNER.private_numbers(),
    "public_key": OWNER.public_key().public_numbers(),
    "platform_certs": [0xA1],
}


@pytest.fixture
def account(tmp_path):
    """Loads a WeChat account whose `key` has this value; `data` is what is in `key.txt`."""
    folder = tmp_path / "home/demo/.payment/wxpay/main"
    folder.mkdir(parents=True)

    def load(key, value, *, data=b"", environ=None):
        conf = {
            "appid": wechat.APPID, "pay_mch_id": wechat.MCHID, "api_v3_key": wechat.API_V3_KEY,
            "serial_no": wechat.SERIAL, "private_key": PRIVATE["PKCS#8"],
            key: [value] if key == "platform_certs" else value,
        }  # fmt: skip
        if key == "public_key":
            conf["public_key_id"] = wechat.PUBLIC_KEY_ID
        for name, content in (("key.txt", data), ("wxpay.conf", json.dumps(conf).encode())):
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        found = load_account(tmp_path, find_provider("wxpay"), "demo", "main", environ or {})
        material = getattr(found, key)
        return material[0] if key == "platform_certs" else material

    return load


def by_inline(account, key, text):
    return account(key, text)


def by_env(account, key, text):
    return account(key, "env:THE_KEY", environ={"THE_KEY": text})


def by_file(account, key, text):
    return account(key, "file:key.txt", data=text.encode())


@pytest.mark.parametrize("place", [by_file, by_env, by_inline])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", TEXT_FORMS)
def test_every_form_of_every_kind_is_read_from_every_place(account, form, kind, place):
    key, pem = KINDS[kind]
    assert numbers(place(account, key, TEXT_FORMS[form](pem)), key) == WANTED[key]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", BINARY_FORMS)
def test_what_only_a_file_can_hold_is_read_from_it(account, form, kind):
    key, pem = KINDS[kind]
    material = account(key, "file:key.txt", data=BINARY_FORMS[form](pem))
    assert numbers(material, key) == WANTED[key]


@given(serial=st.integers(1, 2**150), begins=st.sampled_from(["", " ", "\n\n", "\ufeff"]))
def test_a_certificate_survives_der_whatever_bytes_it_ends_in(serial, begins):
    pem = certificate_pem(OWNER, serial=serial)
    for raw in (der(pem), (begins + pem).encode(), (begins + bare(pem)).encode()):
        [found] = KeyMaterial(raw, "x").certificates
        assert found.serial_number == serial


@pytest.mark.parametrize(
    "join", ["\n", "", " ", "\r\n", "\n\ufeff", "\nsubject=CN = 商户\n"], ids=ascii
)
def test_all_certificates_of_a_bundle_are_read(join):
    bundle = join.join((CERTIFICATE, OTHER, certificate_pem(OWNER, serial=3)))
    for text in (bundle, bundle.replace("\n", "\\n"), base64.b64encode(bundle.encode()).decode()):
        found = KeyMaterial(text.encode(), "x").certificates
        assert [certificate.serial_number for certificate in found] == [0xA1, 0xB2, 3]


@pytest.mark.parametrize("join", ["\n", "\n\n", "", ",", "\r\n;\r\n"], ids=ascii)
@pytest.mark.parametrize("one", [bare, TEXT_FORMS["bare base64, lines"]])
def test_all_certificates_of_a_bundle_without_labels_are_read(join, one):
    # Of several lengths, so that some end in padding and some don't.
    pems = [certificate_pem(OWNER, serial=7 ** (9 * size)) for size in range(1, 7)]
    assert len({bare(pem)[-2:].count("=") for pem in pems}) > 1
    found = KeyMaterial(join.join(map(one, pems)).encode(), "x").certificates
    assert [certificate.serial_number for certificate in found] == [
        7 ** (9 * size) for size in range(1, 7)
    ]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_all_certificates_of_a_bundle_in_der_are_read(end):
    found = KeyMaterial(der(CERTIFICATE) + der(OTHER) + end, "x").certificates
    assert [certificate.serial_number for certificate in found] == [0xA1, 0xB2]


def test_a_key_and_its_certificate_may_share_a_file():
    material = KeyMaterial(f"{CERTIFICATE}{PRIVATE['PKCS#8']}{OTHER}".encode(), "x")
    assert material.private_key.private_numbers() == OWNER.private_numbers()
    assert [certificate.serial_number for certificate in material.certificates] == [0xA1, 0xB2]


def test_certificates_of_another_kind_than_rsa_in_a_bundle_are_passed_over_and_counted():
    material = KeyMaterial(f"{elliptic_certificate()}{CERTIFICATE}".encode(), "x")
    assert [certificate.serial_number for certificate in material.certificates] == [0xA1]
    assert material.passed_over == 1


def test_what_was_read_is_written_for_tls_as_pem():
    key = KeyMaterial(bare(PRIVATE["PKCS#1"]).encode(), "x").private_pem()
    assert load_pem_private_key(key.reveal().encode(), None).private_numbers() == (
        OWNER.private_numbers()
    )
    chain = KeyMaterial((CERTIFICATE + OTHER).replace("\n", "\\n").encode(), "x")
    assert chain.certificates_pem() == CERTIFICATE + OTHER


# ---- what is refused, each with its own sentence


def pem_of(key, encryption=None, form=PrivateFormat.PKCS8):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def elliptic():
    return ec.generate_private_key(ec.SECP256R1())


def elliptic_certificate():
    key, begins = elliptic(), datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(ISSUER)
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=9))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


LOCKED = BestAvailableEncryption(b"x")
SPKI = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DAMAGED = "\n".join([*CERTIFICATE.splitlines()[:-4], *CERTIFICATE.splitlines()[-3:]])

WRONG = {
    # private keys
    "nonsense": ("private_key", "nonsense", "is not a private key in any known form"),
    "not ASCII": ("private_key", "密钥", "is not a private key in any known form"),
    "PKCS#8 with a password": ("private_key", pem_of(OWNER, LOCKED), "is protected by a password"),
    "PKCS#1 with a password": (
        "private_key",
        pem_of(OWNER, LOCKED, PrivateFormat.TraditionalOpenSSL),
        "is protected by a password",
    ),
    "EC": ("private_key", pem_of(elliptic()), "is an EC key, and RSA is needed"),
    "EC of openssl": (
        "private_key",
        pem_of(elliptic(), form=PrivateFormat.TraditionalOpenSSL),
        "is an EC key, and RSA is needed",
    ),
    "Ed25519": (
        "private_key",
        pem_of(ed25519.Ed25519PrivateKey.generate()),
        "is an Ed25519 key, and RSA is needed",
    ),
    "too short": (
        "private_key",
        pem_of(rsa.generate_private_key(65537, 1024)),
        "has 1024 bits, and 2048 are the least",
    ),
    "the public half": ("private_key", PUBLIC["SPKI"], "is a public key, not a private key"),
    "its certificate": ("private_key", CERTIFICATE, "is a certificate, not a private key"),
    "two keys": (
        "private_key",
        PRIVATE["PKCS#8"] + wechat.private_pem("other"),
        "holds 2 private keys",
    ),
    "cut off": ("private_key", PRIVATE["PKCS#8"][:600], "was cut off: it begins as PEM"),
    "damaged": (
        "private_key",
        PRIVATE["PKCS#8"].replace("MII", "MI"),
        "is not a private key in any known form",
    ),
    # public keys
    "no public key": ("public_key", "nonsense", "is not a public key in any known form"),
    "the private half": ("public_key", PRIVATE["PKCS#8"], "is a private key, not a public key"),
    "a certificate": ("public_key", CERTIFICATE, "is a certificate, not a public key"),
    "an EC public key": (
        "public_key",
        elliptic().public_key().public_bytes(*SPKI).decode(),
        "is an EC key, and RSA is needed",
    ),
    # certificates
    "no certificate": ("platform_certs", "nonsense", "is not a certificate in any known form"),
    "a key": ("platform_certs", PUBLIC["SPKI"], "is a public key, not a certificate"),
    "only EC": ("platform_certs", elliptic_certificate(), "holds no RSA certificate"),
    "one damaged": (
        "platform_certs",
        f"{CERTIFICATE}{DAMAGED}\n{OTHER}",
        "holds a damaged certificate (2 of 3)",
    ),
}


def read(material, key):
    what = {"private_key": "private_key", "public_key": "public_key"}.get(key, "certificates")
    return getattr(material, what)


@pytest.mark.parametrize("place", [by_file, by_env, by_inline])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_one_is_named_by_config_and_key_in_one_sentence(account, case, place, tmp_path):
    key, text, sentence = WRONG[case]
    material = place(account, key, text)
    with pytest.raises(ConfigError) as caught:
        read(material, key)
    said = str(caught.value)
    conf = f"{tmp_path}/home/demo/.payment/wxpay/main/wxpay.conf"
    where = {by_file: " (file:key.txt)", by_env: " (env:THE_KEY)", by_inline: ""}[place]
    assert said.startswith(f"{conf}: {key}{where} {sentence}")
    assert "\n" not in said
    assert not any(part in f"{said}{caught.value.hint}{material!r}" for part in pieces(text))


def pieces(text):
    """Every piece of a key that could be told by an error."""
    body = bare(text)
    return [body[i : i + 12] for i in range(0, len(body) - 12, 12)] or ["nonsense"]


def test_a_p12_is_called_one():
    raw = pkcs12.serialize_key_and_certificates(b"x", OWNER, None, None, NoEncryption())
    for text in (raw, base64.b64encode(raw)):
        with pytest.raises(ConfigError, match=r"is a PKCS#12 file \(\.p12\), not a private key"):
            _ = KeyMaterial(text, "private_key").private_key


def test_numbers_that_do_not_fit_are_noticed_when_they_are_looked_at_closely():
    good = OWNER.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        good.p, good.q, good.d + 2, good.dmp1, good.dmq1, good.iqmp, good.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    material = KeyMaterial(pem_of(wrong).encode(), "private_key")
    assert material.private_key.key_size == 2048
    with pytest.raises(ConfigError, match="private_key is damaged: its numbers don't fit"):
        material.prove_private_key()


@given(raw=st.binary(max_size=400))
def test_no_bytes_make_another_error_than_the_configs(raw):
    for key in WANTED:
        with pytest.raises(ConfigError):
            read(KeyMaterial(raw, "x"), key)


@given(
    text=st.lists(
        st.sampled_from(
            ["-----BEGIN ", "-----END ", "PRIVATE KEY-----", "CERTIFICATE-----", "-", "\n", "\\n",
             "AAAA", "MIIB", "=", "Proc-Type: 4,ENCRYPTED", "\ufeff", "é"]
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_no_pem_makes_another_error_than_the_configs(text):
    for key in WANTED:
        with pytest.raises(ConfigError):
            read(KeyMaterial(text.encode(), "x"), key)


def test_it_shows_nothing_of_what_it_holds():
    material = KeyMaterial(PRIVATE["PKCS#8"].encode(), "wxpay.conf: private_key")
    _ = material.private_key
    assert repr(material) == "KeyMaterial(wxpay.conf: private_key)"
    assert "MII" not in f"{material!r} {material}"


def test_what_is_not_set_is_false():
    assert not KeyMaterial(b"", "client_key")
    assert KeyMaterial(b"x", "client_key")


def test_nothing_else_parses_keys():
    package = Path(payment_cli.__file__).parent
    parses = re.compile(r"load_(?:pem|der)_|-----BEGIN|b64decode\(.*pem")
    found = [
        str(file.relative_to(package))
        for file in sorted(package.rglob("*.py"))
        if "sandbox" not in file.parts and parses.search(file.read_text())
    ]
    # The others keep keys out of what is said.
    assert found == ["errors.py", "gateways/key_material.py", "gateways/scrub.py"]


@pytest.mark.parametrize(
    "piece",
    [b"-", b"-BEGIN-", b"-----BEGIN A-----\n", b"\\", b"\\\\x", b"-BEGIN ", b"a=", b"\x30\x81\x80"],
)
@pytest.mark.parametrize("wanted", ["private_key", "certificates"])
def test_a_file_of_any_rubbish_is_read_through_once(piece, wanted):
    """A reader that begins anew at each mark needs hours for the largest file there may be."""
    material = KeyMaterial(piece * (256 * 1024 // len(piece)), "x.conf: a_key")
    with pytest.raises(ConfigError, match=r"^x\.conf: a_key (is not|was cut off)"):
        getattr(material, wanted)


def test_a_certificate_that_is_cut_off_by_the_next_is_named_by_its_number():
    bundle = CERTIFICATE[: len(CERTIFICATE) // 2] + OTHER
    with pytest.raises(ConfigError, match=r"a damaged certificate \(1 of 2\)"):
        _ = KeyMaterial(bundle.encode(), "x.conf: certs").certificates

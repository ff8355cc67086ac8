"""Alipay's signatures (RSA2: SHA256withRSA, PKCS#1 v1.5), keys, and certificate numbers.

Alipay OpenAPI 2.0, "sign and verify" and "public key certificate" of the provider documents.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.account import AlipayAccount

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.x509 import Certificate

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

#: 1.2.840.113549.1.1 in DER: the mark of an RSA certificate. Those of SM2 in Alipay's bundle don't
#: count for its number, and their unusual form can't be parsed here anyway.
_RSA_OID = bytes.fromhex("2a864886f70d0101")

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class AlipayKeys:
    """The parsed keys of one account. The `*_sn` are "" in public-key mode."""

    private_key: "RSAPrivateKey"
    alipay_key: "RSAPublicKey"
    app_cert_sn: str = ""
    alipay_cert_sn: str = ""
    root_cert_sn: str = ""

    def sign(self, text: str) -> str:
        """Return the base64 signature of `text` (UTF-8) by the app's private key."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        signature = self.private_key.sign(text.encode(), PKCS1v15(), SHA256())
        return base64.b64encode(signature).decode()

    def verify(self, content: bytes, signature: str) -> bool:
        """Whether `signature` (base64) of `content` was made with Alipay's private key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            raw = base64.b64decode(signature, validate=True)
            self.alipay_key.verify(raw, content, PKCS1v15(), SHA256())
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True


def load_keys(account: AlipayAccount, *, thorough: bool = False) -> AlipayKeys:
    """Parse the keys and certificates of `account`.

    `thorough` also proves the private key's numbers, which takes longer than anything else a
    command does; a key that was damaged makes signatures that Alipay refuses, no worse.

    Raises:
        ConfigError: one of them is not what it must be; the sentence names app and key.
    """
    private_key = _named(account, "private_key", lambda: _private_key(account, thorough=thorough))
    if account.uses_certificates:
        return _with_certificates(account, private_key)
    alipay_key = _named(account, "alipay_public_key", lambda: _public_key(account))
    if alipay_key == private_key.public_key():
        raise ConfigError(
            f"Alipay app {account.app_id}: alipay_public_key is the app's own public key",
            hint="copy the one Alipay shows in exchange for it",
        )
    return AlipayKeys(private_key, alipay_key)


def string_to_sign(params: Mapping[str, str]) -> str:
    """Join `params` for signing: sorted by key, `k=v` with `&`, values as they are."""
    return "&".join(f"{key}={params[key]}" for key in sorted(params))


def load_certificate(pem: str) -> "Certificate":
    """Parse the first certificate of a PEM text.

    Raises:
        ValueError: it is none.
    """
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.encode())


def cert_sn(certificate: "Certificate") -> str:
    """Return a certificate's number: MD5 over issuer (most specific part first) and serial."""
    import hashlib

    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_cert_sn(bundle: str) -> str:
    """Return the number of Alipay's root bundle: those of its RSA certificates, joined by `_`.

    Raises:
        ValueError: it holds no RSA certificate, or a damaged one.
    """
    numbers = [
        cert_sn(load_certificate(pem)) for pem in _PEM.findall(bundle) if _RSA_OID in _der(pem)
    ]
    if not numbers:
        raise ValueError("no RSA certificate in it")
    return "_".join(numbers)


def _with_certificates(account: AlipayAccount, private_key: "RSAPrivateKey") -> AlipayKeys:
    app_cert = _named(account, "app_cert", lambda: load_certificate(account.app_cert))
    alipay_cert = _named(account, "alipay_cert", lambda: load_certificate(account.alipay_cert))
    if app_cert.public_key() != private_key.public_key():
        raise ConfigError(
            f"Alipay app {account.app_id}: app_cert and private_key don't belong together",
            hint="use the key that the certificate's request was made with",
        )
    return AlipayKeys(
        private_key,
        _named(account, "alipay_cert", lambda: _rsa_public(alipay_cert.public_key())),
        cert_sn(app_cert),
        cert_sn(alipay_cert),
        _named(account, "alipay_root_cert", lambda: root_cert_sn(account.alipay_root_cert)),
    )


def _named(account: AlipayAccount, key: str, load: Callable[[], _Value]) -> _Value:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"Alipay app {account.app_id}: {key} is not {_EXPECTED[key]}",
            hint="the config names the file; PEM text or Alipay's bare base64 will do",
        ) from error


_EXPECTED = {
    "private_key": "an RSA private key of 2048 bits or more, without a password",
    "alipay_public_key": "an RSA public key (Alipay's own, not the app's)",
    "app_cert": "a certificate",
    "alipay_cert": "a certificate with an RSA key",
    "alipay_root_cert": "a bundle of certificates",
}


def _private_key(account: AlipayAccount, *, thorough: bool) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    key = load_der_private_key(
        _der(account.private_key.reveal()), None, unsafe_skip_rsa_key_validation=not thorough
    )
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise ValueError("not RSA, or too short")
    return key


def _public_key(account: AlipayAccount) -> "RSAPublicKey":
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return _rsa_public(load_der_public_key(_der(account.alipay_public_key)))


def _rsa_public(key: object) -> "RSAPublicKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if not isinstance(key, RSAPublicKey):
        raise ValueError("not RSA")  # noqa: TRY004  every bad key is a ValueError here
    return key


def _der(text: str) -> bytes:
    """Decode PEM or bare base64, however its lines were mangled on the way into a config."""
    body = re.sub(r"-----[A-Z ]+-----|\\n|\s", "", text)
    return base64.b64decode(body, validate=True)

"""Alipay's signatures (RSA2: SHA256withRSA, PKCS#1 v1.5), and certificate numbers.

Alipay OpenAPI 2.0, "sign and verify" and "public key certificate" of the provider documents.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.key_material import rsa_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.x509 import Certificate


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


def load_keys(account: AlipayAccount) -> AlipayKeys:
    """Read the keys and certificates of `account`.

    Raises:
        ConfigError: one of them is not what it must be; the sentence names config and key.
    """
    private_key = account.private_key.private_key
    if account.uses_certificates:
        return _with_certificates(account, private_key)
    alipay_key = account.alipay_public_key.public_key
    if alipay_key == private_key.public_key():
        raise ConfigError(
            f"{account.alipay_public_key.place} is the app's own public key",
            hint="copy the one Alipay shows in exchange for it",
        )
    return AlipayKeys(private_key, alipay_key)


def string_to_sign(params: Mapping[str, str]) -> str:
    """Join `params` for signing: sorted by key, `k=v` with `&`, values as they are."""
    return "&".join(f"{key}={params[key]}" for key in sorted(params))


def cert_sn(certificate: "Certificate") -> str:
    """Return a certificate's number: MD5 over issuer (most specific part first) and serial."""
    import hashlib

    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_cert_sn(bundle: "Iterable[Certificate]") -> str:
    """Return the number of Alipay's root bundle: those of its RSA certificates, joined by `_`."""
    return "_".join(map(cert_sn, bundle))


def _with_certificates(account: AlipayAccount, private_key: "RSAPrivateKey") -> AlipayKeys:
    app_cert = account.app_cert.certificates[0]
    alipay_cert = account.alipay_cert.certificates[0]
    if app_cert.public_key() != private_key.public_key():
        raise ConfigError(
            f"{account.app_cert.place} and private_key don't belong together",
            hint="use the key that the certificate's request was made with",
        )
    return AlipayKeys(
        private_key,
        rsa_key(alipay_cert),
        cert_sn(app_cert),
        cert_sn(alipay_cert),
        root_cert_sn(account.alipay_root_cert.certificates),
    )

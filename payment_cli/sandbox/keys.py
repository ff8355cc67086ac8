"""Keys, certificates, signatures and sealed envelopes, as the two providers use them."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

#: All certificates of the sandbox live this long; WeChat's platform certificates do too.
CERTIFICATE_LIFE = timedelta(days=5 * 365)
#: Object identifiers of RSA signatures start so; Alipay leaves out all other root certificates.
RSA_SIGNATURE_OID = "1.2.840.113549.1.1"

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs a certificate: its name and its private key."""

    name: x509.Name
    key: SigningKey


def new_key() -> rsa.RSAPrivateKey:
    """Make a 2048-bit RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """Return the key as unencrypted PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPublicKey) -> str:
    """Return the key as SubjectPublicKeyInfo PEM."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def load_private(pem: str) -> rsa.RSAPrivateKey:
    """Read an RSA private key of the sandbox's own from PEM."""
    # Checking a key's primes takes longer than serving a request; the sandbox made them itself.
    key = serialization.load_pem_private_key(
        pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA private key")
    return key


def load_public(pem: str) -> rsa.RSAPublicKey:
    """Read an RSA public key from PEM."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("not an RSA public key")
    return key


def sign(key: rsa.RSAPrivateKey, message: bytes) -> str:
    """SHA256withRSA, PKCS#1 v1.5, base64: what both providers call a signature."""
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, message: bytes, signature: str) -> bool:
    """Tell whether `signature` (base64) is `key`'s over `message`."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def seal(api_v3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """AES-256-GCM with the merchant's APIv3 key, laid out as WeChat Pay's `resource`."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(api_v3_key.encode()).encrypt(
        nonce.encode(), plaintext, associated_data.encode()
    )
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }


def subject(common_name: str, organisation: str, unit: str = "Sandbox") -> x509.Name:
    """Return a name in the order C, O, OU, CN, as both providers issue them."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def certify(
    name: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: Issuer,
) -> str:
    """Issue a certificate for `key`, valid from yesterday, and return its PEM."""
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + CERTIFICATE_LIFE)
        .sign(issuer.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def new_elliptic_root(name: x509.Name) -> str:
    """Issue a root certificate that is not RSA, such as Alipay's own bundle contains."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certify(name, key.public_key(), Issuer(name, key))


def serial_of(certificate_pem: str) -> str:
    """Return the certificate's serial number as WeChat writes it: upper-case hex."""
    return f"{x509.load_pem_x509_certificate(certificate_pem.encode()).serial_number:X}"


def validity_of(certificate_pem: str) -> tuple[datetime, datetime]:
    """Return when the certificate begins and ends to be valid."""
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def alipay_serial(bundle_pem: str) -> str:
    """Return Alipay's serial number of a certificate, or of all RSA ones of a bundle.

    MD5 over the issuer's name (CN first) and the decimal serial number; several joined by `_`.
    """
    certificates = x509.load_pem_x509_certificates(bundle_pem.encode())
    return "_".join(_alipay_digest(c) for c in _rsa_signed(certificates))


def _rsa_signed(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    return [
        c
        for c in certificates
        if c.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNATURE_OID)
    ]


def _alipay_digest(certificate: x509.Certificate) -> str:
    issuer = {a.oid: str(a.value) for a in certificate.issuer}
    name = ",".join(
        f"{label}={issuer[oid]}"
        for label, oid in (
            ("CN", NameOID.COMMON_NAME),
            ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
            ("O", NameOID.ORGANIZATION_NAME),
            ("C", NameOID.COUNTRY_NAME),
        )
    )
    text = f"{name}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

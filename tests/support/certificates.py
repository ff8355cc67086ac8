"""Certificates of a pretended authority, for tests of certificate modes."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ISSUER = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ant Financial test"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority test"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Ant Financial Class 2 R1 test"),
    ]
)


def certificate_pem(
    key: RSAPrivateKey,
    *,
    serial: int,
    begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    days: int = 1825,
) -> str:
    """A certificate of `key`'s public half, signed by itself in the issuer's name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"number {serial}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()

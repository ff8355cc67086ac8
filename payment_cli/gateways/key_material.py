"""Keys and certificates in the forms people have them: the one reader of all of them.

PEM (its lines ended by LF, CR, CRLF, a literal `\\n`, or by nothing), bare base64, a whole PEM file
as base64, DER; PKCS#8 and PKCS#1, SPKI and PKCS#1, whatever the header says; one certificate or a
bundle. What it is, its content decides: labels are often typed by hand.
"""

import base64
import binascii
import codecs
import re
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

from payment_cli.errors import ConfigError
from payment_cli.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.x509 import Certificate

#: Both providers sign with keys of 2048 bits or more.
BITS_MIN = 2048

_PEM_MARK = b"-BEGIN"
#: The line before a block, and the one behind it. Of the hyphens one must be there: a pattern that
#: asks for all of them would try each of a long row anew.
_MARK = re.compile(r"-\s*(BEGIN|END)([A-Z0-9 ]*)-+")
#: Line ends as environment files and JSON write them, once or twice escaped; and quotes around all.
_WRITTEN_OUT = re.compile(r"(?<!\\)\\+(?:[nrt]|(?=\s|\Z))|[\"']")
#: What may stand in and between texts in base64; and one of them, to the end of its padding.
_BETWEEN = re.compile(r"[\s,;]+")
_PADDED = re.compile(r"[^=]+=*")

#: Object identifiers in DER: RSA and its signatures (1.2.840.113549.1.1), keys on elliptic curves.
_RSA_OID = bytes.fromhex("2a864886f70d0101")
_EC_OID = bytes.fromhex("2a8648ce3d0201")
#: How PKCS#12 begins, after its length: with the number 3.
_P12 = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...)\x02\x01\x03", re.DOTALL)

_UNLOCK = "openssl pkey -in OLD.pem -out NEW.pem takes the password off"
_FORMS = "PEM, bare base64 or DER will do, as the provider gave it"


class _Block(NamedTuple):
    """One piece of what was written: its PEM label ("" if bare), and its DER, b"" if damaged."""

    label: str
    der: bytes
    is_locked: bool


class KeyMaterial:
    """A key or certificates as somebody wrote them, read when they are used, and once.

    Every reading raises ConfigError: one sentence of the place and what is wrong there, and nothing
    of the content.
    """

    def __init__(self, raw: bytes, place: str) -> None:
        """Hold `raw`; `place` says where it is from: the config, its key, and the file if any."""
        self._raw = raw
        self.place = place

    def __bool__(self) -> bool:
        return bool(self._raw)

    def __repr__(self) -> str:
        return f"KeyMaterial({self.place})"

    @cached_property
    def private_key(self) -> "RSAPrivateKey":
        """The RSA private key.

        Its numbers are not proved, which takes longer than anything else a command does: a damaged
        key makes signatures that the provider refuses, no worse (see prove_private_key).
        """
        found = [key for key in (_private(block.der) for block in self._blocks) if key is not None]
        if not found:
            self._refuse_all("a private key")
        if len(found) > 1:
            raise ConfigError(f"{self.place} holds {len(found)} private keys, and needs one")
        self._check_rsa(found[0])
        if found[0].key_size < BITS_MIN:
            raise ConfigError(
                f"{self.place} has {found[0].key_size} bits, and {BITS_MIN} are the least"
            )
        return found[0]  # type: ignore[no-any-return]  # _check_rsa has looked

    def prove_private_key(self) -> None:
        """See that the numbers of the private key fit together."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers

        numbers: RSAPrivateNumbers = self.private_key.private_numbers()
        try:
            numbers.private_key()
        except ValueError:
            raise ConfigError(
                f"{self.place} is damaged: its numbers don't fit together", hint="copy it anew"
            ) from None

    @cached_property
    def public_key(self) -> "RSAPublicKey":
        """The RSA public key."""
        found = [key for key in (_public(block.der) for block in self._blocks) if key is not None]
        if not found:
            self._refuse_all("a public key")
        if len(found) > 1:
            raise ConfigError(f"{self.place} holds {len(found)} public keys, and needs one")
        self._check_rsa(found[0])
        return found[0]  # type: ignore[no-any-return]  # _check_rsa has looked

    @property
    def certificates(self) -> "tuple[Certificate, ...]":
        """All RSA certificates, in their order, at least one."""
        return self._certificates[0]

    @property
    def passed_over(self) -> int:
        """How many certificates are of another kind than RSA (SM2, in Alipay's root bundle)."""
        return self._certificates[1]

    def private_pem(self) -> Secret:
        """Return the private key as PEM, for what reads nothing else."""
        from cryptography.hazmat.primitives import serialization as form

        pem = self.private_key.private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
        )
        return Secret(pem.decode())

    def certificates_pem(self) -> str:
        """Return the certificates as PEM, for what reads nothing else."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return "".join(found.public_bytes(Encoding.PEM).decode() for found in self.certificates)

    @cached_property
    def _certificates(self) -> "tuple[tuple[Certificate, ...], int]":
        blocks = [block for block in self._blocks if _is_certificate(block)]
        if not blocks:
            self._refuse_all("a certificate")
        found: list[Certificate] = []
        passed_over = 0
        for number, block in enumerate(blocks, 1):
            certificate = _certificate(block.der)
            if certificate is not None:
                found.append(certificate)
            elif block.der and _RSA_OID not in block.der:
                passed_over += 1
            else:
                raise ConfigError(
                    f"{self.place} holds a damaged certificate ({number} of {len(blocks)})",
                    hint="copy it anew",
                )
        if not found:
            raise ConfigError(f"{self.place} holds no RSA certificate, only others")
        return tuple(found), passed_over

    @cached_property
    def _blocks(self) -> list[_Block]:
        found = _read_blocks(self._raw)
        if not found:
            raise ConfigError(
                f"{self.place} was cut off: it begins as PEM and does not end",
                hint="copy all of it, the line with END too",
            )
        return found

    def _check_rsa(self, key: object) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
            self._refuse_kind(_kind_of_key(key))

    def _refuse_kind(self, kind: str) -> NoReturn:
        raise ConfigError(
            f"{self.place} is an {kind} key, and RSA is needed",
            hint="make an RSA key of 2048 bits at the provider",
        )

    def _refuse_all(self, wanted: str) -> NoReturn:
        """Say what was found in place of what is wanted."""
        if any(block.is_locked or _is_locked(block.der) for block in self._blocks):
            raise ConfigError(f"{self.place} is protected by a password", hint=_UNLOCK)
        for block in self._blocks:
            what = _name_of(block.der)
            if what:
                raise ConfigError(f"{self.place} is {what}, not {wanted}", hint=_FORMS)
        if any(_EC_OID in block.der or block.label.startswith("EC") for block in self._blocks):
            self._refuse_kind("EC")
        raise ConfigError(f"{self.place} is not {wanted} in any known form", hint=_FORMS)


#: What a config does not have.
NOT_SET = KeyMaterial(b"", "a key that is not set")


def rsa_key(certificate: "Certificate") -> "RSAPublicKey":
    """Return the key of one of `KeyMaterial.certificates`, which are RSA's."""
    return cast("RSAPublicKey", certificate.public_key())


def serial_hex(certificate: "Certificate") -> str:
    """Return the serial number of a certificate as WeChat Pay and openssl write it."""
    return format(certificate.serial_number, "X")


def _text(raw: bytes) -> str:
    """Return what is written, without byte order marks; other texts round a PEM don't matter."""
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if is_utf16 else "utf-8", "replace").replace("\ufeff", "")
    return _WRITTEN_OUT.sub("\n", text)


def _read_blocks(raw: bytes) -> list[_Block]:
    """Return the pieces, none if it begins as PEM and does not end."""
    if _is_der(raw):
        return _bare_blocks(raw)
    text = _text(raw)
    marks = list(_MARK.finditer(text))
    if any(mark[1] == "BEGIN" for mark in marks):
        return _pem_blocks(text, marks)
    inner = _decoded(text)
    if _PEM_MARK in inner:
        return _read_blocks(inner)
    return _bare_blocks(inner)


def _bare_blocks(der: bytes) -> list[_Block]:
    """Return the sequences that stand one after the other, or all as one if it isn't such."""
    found, start = [], 0
    while _is_der(der[start : start + 2]):
        count = der[start + 1] & 0x7F
        end = start + 2 + count + int.from_bytes(der[start + 2 : start + 2 + count])
        found.append(_Block("", der[start:end], is_locked=False))
        start = end
    return [_Block("", der, is_locked=False)] if der[start:].strip() or not found else found


def _pem_blocks(text: str, marks: "list[re.Match[str]]") -> list[_Block]:
    """Return the blocks between a BEGIN and the next mark; what begins and does not end is none.

    One that is cut off by the beginning of the next is there, and damaged.
    """
    return [
        _pem_block(mark[2], text[mark.end() : after.start()].rstrip("-"))
        for mark, after in pairwise(marks)
        if mark[1] == "BEGIN"
    ]


def _pem_block(label: str, body: str) -> _Block:
    """Read one block. Headers in it (`Proc-Type: 4,ENCRYPTED`) mean a password."""
    return _Block(label.strip(), _decoded(body), is_locked="ENCRYPTED" in body)


def _decoded(text: str) -> bytes:
    """Return the bytes of base64, of several one after the other; b"" if it is none.

    The last one's padding may have been lost.
    """
    found = _PADDED.findall("".join(_BETWEEN.split(text)))
    try:
        return b"".join(
            base64.b64decode(body + "=" * (-len(body) % 4), validate=True) for body in found
        )
    except (binascii.Error, ValueError):
        return b""


def _is_der(raw: bytes) -> bool:
    """Whether it is a long sequence in DER; no text begins so."""
    return raw[:1] == b"\x30" and raw[1:2] in (b"\x81", b"\x82", b"\x83")


def _is_certificate(block: _Block) -> bool:
    return "CERTIFICATE" in block.label or _certificate(block.der) is not None


def _name_of(der: bytes) -> str:
    """Return what it is, "" if it is nothing known."""
    if _P12.match(der):
        return "a PKCS#12 file (.p12)"
    if _certificate(der) is not None:
        return "a certificate"
    if _public(der) is not None:
        return "a public key"
    return "a private key" if _private(der) is not None else ""


def _private(der: bytes) -> Any:
    """Return the private key of whatever kind, None if it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _is_locked(der: bytes) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        load_der_private_key(der, None)
    except TypeError:  # "password was not given"
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return False


def _public(der: bytes) -> Any:
    """Return the public key of whatever kind, None if it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        return load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _certificate(der: bytes) -> "Certificate | None":
    """Return the RSA certificate, None if it is none. Its parts are read here: it reads lazily."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_der_x509_certificate

    try:
        certificate = load_der_x509_certificate(der)
        is_rsa = isinstance(certificate.public_key(), RSAPublicKey)
        _ = certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm):
        return None
    return certificate if is_rsa else None


def _kind_of_key(key: object) -> str:
    """Return EC, Ed25519, …: as the key's class is called."""
    name = type(key).__name__
    return "EC" if name.startswith(("EllipticCurve", "EC")) else re.split("Private|Public", name)[0]

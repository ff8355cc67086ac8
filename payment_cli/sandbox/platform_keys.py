"""The keys the two providers sign with, kept in `platform/` of the sandbox's state."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from payment_cli.sandbox import keys
from payment_cli.sandbox.private_file import make_private_dir, read_private, reading, write_private

WECHAT = keys.subject("Tenpay.com Sandbox CA", "Sandbox of Tenpay.com")
ALIPAY = keys.subject("Ant Financial Sandbox Authority R1", "Sandbox of Ant Financial")


@dataclass(frozen=True, slots=True)
class PlatformCertificate:
    """A WeChat Pay platform certificate with its private key."""

    serial: str
    pem: str
    key: RSAPrivateKey


class Platform:
    """Both providers' keys. Made at the first opening, the same ever after."""

    def __init__(self, state: Path) -> None:
        """Open, or make, the platform keys of the sandbox whose state is in `state`."""
        self._dir = make_private_dir(state / "platform")
        with reading(self._dir):
            self._open()

    def _open(self) -> None:
        self.wechat_key = self._key("wechat_public_key_mode")
        self._wechat_ca = keys.Issuer(WECHAT, self._key("wechat_ca"))
        #: All platform certificates, the one that signs now last.
        self.wechat_certificates = [_read(path) for path in self._certificate_files()]
        if not self.wechat_certificates:
            self.rotate()
        self.alipay_key = self._key("alipay_public_key_mode")
        self.alipay_cert_key = self._key("alipay_certificate_mode")
        self._alipay_ca = keys.Issuer(ALIPAY, self._key("alipay_ca"))
        self.alipay_cert = self._text("alipay_cert.pem", self._make_alipay_cert)
        self.alipay_root = self._text("alipay_root.pem", self._make_alipay_root)
        self.alipay_cert_sn = keys.alipay_serial(self.alipay_cert)
        self.alipay_root_cert_sn = keys.alipay_serial(self.alipay_root)

    def rotate(self) -> str:
        """Issue a new WeChat platform certificate, which signs from now on; return its serial."""
        number = len(self._certificate_files()) + 1
        key = keys.new_key()
        pem = keys.certify(
            keys.subject("Tenpay.com sign", "Sandbox of Tenpay.com"),
            key.public_key(),
            self._wechat_ca,
        )
        write_private(self._dir / f"wechat_cert_{number:03}.key", keys.private_pem(key))
        path = self._dir / f"wechat_cert_{number:03}.pem"
        write_private(path, pem)
        self.wechat_certificates.append(_read(path))
        return keys.serial_of(pem)

    def certify_wechat_merchant(self, mchid: str, key: RSAPrivateKey) -> str:
        """Issue the API certificate of a WeChat Pay merchant; return its PEM."""
        return keys.certify(keys.subject(mchid, "Merchant"), key.public_key(), self._wechat_ca)

    def certify_alipay_app(self, app_id: str, key: RSAPrivateKey) -> str:
        """Issue the certificate of an Alipay application; return its PEM."""
        return keys.certify(keys.subject(app_id, "Merchant"), key.public_key(), self._alipay_ca)

    def _certificate_files(self) -> list[Path]:
        return sorted(self._dir.glob("wechat_cert_*.pem"))

    def _key(self, name: str) -> RSAPrivateKey:
        return keys.load_private(
            self._text(f"{name}.key", lambda: keys.private_pem(keys.new_key()))
        )

    def _text(self, name: str, make: Callable[[], str]) -> str:
        path = self._dir / name
        if not path.exists():
            write_private(path, make())
        return read_private(path)

    def _make_alipay_cert(self) -> str:
        name = keys.subject("Alipay Sandbox", "Sandbox of Ant Financial")
        return keys.certify(name, self.alipay_cert_key.public_key(), self._alipay_ca)

    def _make_alipay_root(self) -> str:
        # Alipay's own bundle holds roots that are not RSA; a client must leave those out.
        ca = self._alipay_ca
        root = keys.certify(ca.name, self._key("alipay_ca").public_key(), ca)
        other = keys.new_elliptic_root(keys.subject("Ant Sandbox SM2 Root", "Sandbox of Ant"))
        return f"{root}\n{other}"


def _read(path: Path) -> PlatformCertificate:
    pem = read_private(path)
    key = keys.load_private(read_private(path.with_suffix(".key")))
    return PlatformCertificate(keys.serial_of(pem), pem, key)

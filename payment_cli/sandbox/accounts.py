"""Who may talk to the sandbox: the merchants it knows, kept in `accounts.json` of its state.

Only what a provider knows of a merchant is here: public keys and the shared API keys, never a
merchant's private key.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from payment_cli.sandbox.private_file import read_private, reading, write_private

PUBLIC_KEY_MODE = "public-key"
CERTIFICATE_MODE = "certificate"


@dataclass(frozen=True, slots=True)
class WechatAccount:
    """A WeChat Pay merchant. `public_key_id` is set in public-key mode only."""

    mchid: str
    appid: str
    mode: str
    api_v3_key: str
    pay_key: str
    merchant_serial: str
    merchant_public_key: str
    public_key_id: str = ""


@dataclass(frozen=True, slots=True)
class AlipayAccount:
    """An Alipay application. The two serial numbers are set in certificate mode only."""

    app_id: str
    seller_id: str
    mode: str
    app_public_key: str
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""


class Accounts:
    """The merchants, read again when an unknown one appears (`init` may run beside `serve`)."""

    def __init__(self, state: Path) -> None:
        """Open the accounts of the sandbox whose state is in the folder `state`."""
        self._path = state / "accounts.json"
        self._wechat: dict[str, WechatAccount] = {}
        self._alipay: dict[str, AlipayAccount] = {}
        self._read()

    def wechat(self, mchid: str) -> WechatAccount:
        """Return the WeChat Pay merchant `mchid`.

        Raises:
            KeyError: there is none.
        """
        if mchid not in self._wechat:
            self._read()
        return self._wechat[mchid]

    def alipay(self, app_id: str) -> AlipayAccount:
        """Return the Alipay application `app_id`.

        Raises:
            KeyError: there is none.
        """
        if app_id not in self._alipay:
            self._read()
        return self._alipay[app_id]

    def add_wechat(self, account: WechatAccount) -> None:
        """Remember a WeChat Pay merchant."""
        self._read()
        self._wechat[account.mchid] = account
        self._write()

    def add_alipay(self, account: AlipayAccount) -> None:
        """Remember an Alipay application."""
        self._read()
        self._alipay[account.app_id] = account
        self._write()

    def _read(self) -> None:
        try:
            text = read_private(self._path)
        except FileNotFoundError:
            return
        with reading(self._path):
            document = json.loads(text)
            self._wechat = {a["mchid"]: WechatAccount(**a) for a in document["wechat"]}
            self._alipay = {a["app_id"]: AlipayAccount(**a) for a in document["alipay"]}

    def _write(self) -> None:
        document = {
            "wechat": [asdict(a) for a in self._wechat.values()],
            "alipay": [asdict(a) for a in self._alipay.values()],
        }
        write_private(self._path, json.dumps(document, indent=2))

"""Writes a merchant's sandbox targets: keys, certificates, and configs that point here."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from payment_cli.sandbox import keys
from payment_cli.sandbox.accounts import (
    CERTIFICATE_MODE,
    PUBLIC_KEY_MODE,
    Accounts,
    AlipayAccount,
    WechatAccount,
)
from payment_cli.sandbox.exchange import Json, SandboxError
from payment_cli.sandbox.platform_keys import Platform
from payment_cli.sandbox.private_file import make_private_dir, read_private, reading, write_private

#: Its presence marks a target that `init` made and may write again.
MARK = ".sandbox"
MARK_TEXT = "Made by pay sandbox init, which may write this folder again. No real money here.\n"
EXPIRE_MINUTES = 10

#: A target's files: name -> text.
Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A target that was written: its provider's folder name, its name, its config."""

    provider: str
    name: str
    conf: Path


def init(home: Path, state: Path, *, base_url: str, notify_base: str) -> list[Target]:
    """Write the sandbox targets of a merchant into `home`/.payment; return them.

    wxpay: `sandbox` (public-key mode), `sandbox-cert` (platform certificates), `sandbox-v2`
    (the merchant of `sandbox`, scanning by v2). alipay: `sandbox` (public key), `sandbox-cert`.
    `base_url` is where the sandbox will serve; `notify_base` is written as it is and gets
    `/<pay_tp>/<domain>/<target>` appended by its user. Called again, keys and merchants stay,
    only the two URLs are written anew.

    Raises:
        SandboxError: a target of that name exists and is not the sandbox's.
    """
    folders = {
        (provider, name): home / ".payment" / provider / name
        for provider, name in (
            ("wxpay", "sandbox"),
            ("wxpay", "sandbox-v2"),
            ("wxpay", "sandbox-cert"),
            ("alipay", "sandbox"),
            ("alipay", "sandbox-cert"),
        )
    }
    for (provider, _), folder in folders.items():
        _check_ours(folder / f"{provider}.conf")
    maker = _Maker(make_private_dir(state), base_url.rstrip("/"), notify_base)
    maker.wechat(folders["wxpay", "sandbox"], folders["wxpay", "sandbox-v2"], PUBLIC_KEY_MODE)
    maker.wechat(folders["wxpay", "sandbox-cert"], None, CERTIFICATE_MODE)
    maker.alipay(folders["alipay", "sandbox"], PUBLIC_KEY_MODE)
    maker.alipay(folders["alipay", "sandbox-cert"], CERTIFICATE_MODE)
    return [Target(p, n, folder / f"{p}.conf") for (p, n), folder in folders.items()]


class _Maker:
    """Makes merchants and writes their targets."""

    def __init__(self, state: Path, base_url: str, notify_base: str) -> None:
        self._accounts = Accounts(state)
        self._platform = Platform(state)
        self._wechat_urls = {"api_base": base_url, "pay_notify_url": notify_base}
        self._alipay_urls = {"gateway_url": f"{base_url}/gateway.do", "notify_url": notify_base}

    def wechat(self, folder: Path, v2_folder: Path | None, mode: str) -> None:
        folders = [f for f in (folder, v2_folder) if f]
        known = [self._knows_wechat(f / "wxpay.conf") for f in folders]
        if all(known):
            for each in folders:
                _rewrite(each / "wxpay.conf", self._wechat_urls)
            return
        conf, files = self._new_wechat(mode)
        _write_target(folder, "wxpay.conf", conf, files)
        if v2_folder:
            _write_target(v2_folder, "wxpay.conf", conf | {"scan_api": "v2"}, files)

    def alipay(self, folder: Path, mode: str) -> None:
        path = folder / "alipay.conf"
        if self._knows_alipay(path):
            _rewrite(path, self._alipay_urls)
            return
        conf, files = self._new_alipay(mode)
        _write_target(folder, "alipay.conf", conf, files)

    def _knows_wechat(self, conf: Path) -> bool:
        try:
            self._accounts.wechat(_read(conf)["pay_mch_id"])
        except (FileNotFoundError, KeyError):
            return False
        return True

    def _knows_alipay(self, conf: Path) -> bool:
        try:
            self._accounts.alipay(_read(conf)["app_id"])
        except (FileNotFoundError, KeyError):
            return False
        return True

    def _new_wechat(self, mode: str) -> tuple[Json, Files]:
        key = keys.new_key()
        mchid = f"19{_digits(8)}"
        certificate = self._platform.certify_wechat_merchant(mchid, key)
        account = WechatAccount(
            mchid=mchid,
            appid=f"wx{secrets.token_hex(8)}",
            mode=mode,
            api_v3_key=secrets.token_hex(16),
            pay_key=secrets.token_hex(16),
            merchant_serial=keys.serial_of(certificate),
            merchant_public_key=keys.public_pem(key.public_key()),
            public_key_id=f"PUB_KEY_ID_01{mchid}{_digits(18)}" if mode == PUBLIC_KEY_MODE else "",
        )
        self._accounts.add_wechat(account)
        files = {
            "merchant_key.pem": keys.private_pem(key),
            "merchant_cert.pem": certificate,
            "api_v3_key": account.api_v3_key,
            "pay_key": account.pay_key,
        }
        conf: Json = {
            "appid": account.appid,
            "pay_mch_id": mchid,
            "api_v3_key": "file:api_v3_key",
            "serial_no": account.merchant_serial,
            "private_key": "file:merchant_key.pem",
            "pay_key": "file:pay_key",
            "client_cert": "file:merchant_cert.pem",
            "client_key": "file:merchant_key.pem",
            "scan_api": "v3",
            "pay_time_expire": EXPIRE_MINUTES,
            **self._wechat_urls,
        }
        if mode == PUBLIC_KEY_MODE:
            files["wechatpay_public_key.pem"] = keys.public_pem(
                self._platform.wechat_key.public_key()
            )
            conf["public_key_id"] = account.public_key_id
            conf["public_key"] = "file:wechatpay_public_key.pem"
        else:
            files["platform_cert.pem"] = self._platform.wechat_certificates[-1].pem
            conf["platform_certs"] = ["file:platform_cert.pem"]
        return conf, files

    def _new_alipay(self, mode: str) -> tuple[Json, Files]:
        key = keys.new_key()
        app_id = f"2021{_digits(12)}"
        is_certified = mode == CERTIFICATE_MODE
        certificate = self._platform.certify_alipay_app(app_id, key)
        account = AlipayAccount(
            app_id=app_id,
            seller_id=f"2088{_digits(12)}",
            mode=mode,
            app_public_key=keys.public_pem(key.public_key()),
            app_cert_sn=keys.alipay_serial(certificate) if is_certified else "",
            alipay_root_cert_sn=self._platform.alipay_root_cert_sn if is_certified else "",
        )
        self._accounts.add_alipay(account)
        files = {"app_key.pem": keys.private_pem(key)}
        conf: Json = {
            "app_id": app_id,
            "seller_id": account.seller_id,
            "private_key": "file:app_key.pem",
            "timeout_express": f"{EXPIRE_MINUTES}m",
            **self._alipay_urls,
        }
        if is_certified:
            files["app_cert.pem"] = certificate
            files["alipay_cert.pem"] = self._platform.alipay_cert
            files["alipay_root_cert.pem"] = self._platform.alipay_root
            for name in ("app_cert", "alipay_cert", "alipay_root_cert"):
                conf[name] = f"file:{name}.pem"
        else:
            files["alipay_public_key.pem"] = keys.public_pem(self._platform.alipay_key.public_key())
            conf["alipay_public_key"] = "file:alipay_public_key.pem"
        return conf, files


def _check_ours(conf: Path) -> None:
    if conf.parent.is_symlink():
        raise SandboxError("damaged", f"{conf.parent} is not a plain folder")
    if conf.exists() and not (conf.parent / MARK).exists():
        raise SandboxError("conflict", f"{conf} was not made by the sandbox; it is left as it is")


def _write_target(folder: Path, conf_name: str, conf: Json, files: Mapping[str, str]) -> None:
    make_private_dir(folder)
    write_private(folder / MARK, MARK_TEXT)
    for name, text in files.items():
        write_private(folder / name, text)
    write_private(folder / conf_name, json.dumps(conf, indent=2) + "\n")


def _rewrite(conf: Path, urls: Mapping[str, str]) -> None:
    write_private(conf, json.dumps(_read(conf) | dict(urls), indent=2) + "\n")


def _read(conf: Path) -> Json:
    text = read_private(conf)
    with reading(conf):
        return dict(json.loads(text))


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))

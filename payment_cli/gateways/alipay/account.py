"""One account at Alipay: what its `alipay.conf` says."""

from dataclasses import dataclass

from payment_cli.gateways.account_keys import (
    NUMBER,
    PRIVATE_KEY,
    PUBLIC_KEY,
    URL,
    AccountKeys,
    Key,
    Kind,
)
from payment_cli.gateways.key_material import NOT_SET, KeyMaterial

#: Alipay's own gateway; its sandbox is https://openapi-sandbox.dl.alipaydev.com/gateway.do.
GATEWAY_URL = "https://openapi.alipay.com/gateway.do"
#: The longest life of an unpaid order: 15 days.
MINUTES_MAX = 15 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayAccount:
    """The fields of `alipay.conf`, references resolved; the fields have the names of its keys.

    Keys and certificates are read when they are used (gateways/key_material.py). Either
    `alipay_public_key` is set (public-key mode), or all three certificates are (certificate mode).
    `timeout_express` is minutes until an unpaid order expires. `return_url` is where a page of
    Alipay's leads back to, "" for nowhere.
    """

    app_id: str
    seller_id: str
    private_key: KeyMaterial
    alipay_public_key: KeyMaterial = NOT_SET
    app_cert: KeyMaterial = NOT_SET
    alipay_cert: KeyMaterial = NOT_SET
    alipay_root_cert: KeyMaterial = NOT_SET
    notify_url: str = ""
    return_url: str = ""
    timeout_express: int = 10
    gateway_url: str = GATEWAY_URL

    @property
    def uses_certificates(self) -> bool:
        """Whether this account is in certificate mode."""
        return bool(self.app_cert)

    @property
    def notify_base(self) -> str:
        """The notify URL of the config, "" to use the tree's `public_url`."""
        return self.notify_url

    @property
    def api_url(self) -> str:
        """Where Alipay is spoken to."""
        return self.gateway_url


_CERTIFICATES = ("app_cert", "alipay_cert", "alipay_root_cert")

#: What `alipay.conf` may hold, and how it is written.
KEYS = AccountKeys(
    keys={
        "app_id": NUMBER,
        "seller_id": NUMBER,
        "private_key": PRIVATE_KEY,
        "alipay_public_key": PUBLIC_KEY,
        "app_cert": PUBLIC_KEY,
        "alipay_cert": PUBLIC_KEY,
        "alipay_root_cert": PUBLIC_KEY,
        "notify_url": URL,
        "return_url": URL,
        "timeout_express": Key(Kind.MINUTES, high=MINUTES_MAX),
        "gateway_url": URL,
    },
    required=("app_id", "seller_id", "private_key"),
    together=(_CERTIFICATES,),
    either=(("alipay_public_key",), _CERTIFICATES),
)

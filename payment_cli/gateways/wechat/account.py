"""One merchant's account at WeChat Pay: what its `wxpay.conf` says."""

from dataclasses import dataclass, field

from payment_cli.gateways.account_keys import (
    NUMBER,
    PRIVATE_KEY,
    PUBLIC_KEY,
    SECRET,
    URL,
    AccountKeys,
    Key,
    Kind,
)
from payment_cli.gateways.key_material import NOT_SET, KeyMaterial
from payment_cli.model.secret import Secret

#: WeChat Pay's own host; the backup is https://api2.mch.weixin.qq.com.
API_BASE = "https://api.mch.weixin.qq.com"
#: The longest life of an unpaid order: 7 days.
MINUTES_MAX = 7 * 24 * 60
#: The length of an APIv3 key, which is set in the merchant platform.
API_V3_KEY_CHARS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatAccount:
    """The fields of `wxpay.conf`, references resolved; the fields have the names of its keys.

    Keys and certificates are read when they are used (gateways/key_material.py). Answers and
    callbacks are verified by the WeChat Pay public key (`public_key_id`, "PUB_KEY_ID_…", and
    `public_key`), by the platform certificates given here or fetched, or while an account migrates
    by either: the message names the key.

    Attributes:
        appid: the official account or mini program, "wx…".
        pay_mch_id: the merchant number.
        api_v3_key: 32 ASCII characters, decrypts callbacks and platform certificates.
        serial_no: of the merchant certificate, upper-case hex.
        private_key: of the merchant certificate.
        pay_key: the APIv2 key, for `scan_api` "v2" and v2 callbacks.
        client_cert: the merchant certificate, shown by mutual TLS when a v2 scan is reversed.
        client_key: its private key.
        scan_api: "v3" (codepay) or "v2" (micropay).
        sign_type: of v2 messages, "MD5" (the provider's default) or "HMAC-SHA256"; messages
            signed in another way are refused.
        pay_time_expire: minutes until an unpaid order expires.
        pay_notify_url: where callbacks arrive, "" for the tree's `public_url`.
        api_base: where the API is, without a slash at its end.
    """

    appid: str
    pay_mch_id: str
    api_v3_key: Secret
    serial_no: str
    private_key: KeyMaterial
    public_key_id: str = ""
    public_key: KeyMaterial = NOT_SET
    platform_certs: tuple[KeyMaterial, ...] = ()
    pay_key: Secret = field(default_factory=lambda: Secret(""))
    client_cert: KeyMaterial = NOT_SET
    client_key: KeyMaterial = NOT_SET
    scan_api: str = "v3"
    sign_type: str = "MD5"
    pay_time_expire: int = 10
    pay_notify_url: str = ""
    api_base: str = API_BASE

    @property
    def notify_base(self) -> str:
        """The notify URL of the config, "" to use the tree's `public_url`."""
        return self.pay_notify_url

    def is_named(self, mchid: object, appid: object) -> bool:
        """Whether a message is about this merchant, and about this app if it names one.

        The merchant is required in every answer and notice, the app is not (provider document
        doc/v3/merchant/4012556352: "appid 选填, mchid 必填").
        """
        return mchid == self.pay_mch_id and appid in (None, "", self.appid)

    @property
    def api_url(self) -> str:
        """Where WeChat Pay is spoken to."""
        return self.api_base


#: What `wxpay.conf` may hold, and how it is written.
KEYS = AccountKeys(
    keys={
        "appid": NUMBER,
        "pay_mch_id": NUMBER,
        "api_v3_key": Key(Kind.SECRET, chars=API_V3_KEY_CHARS),
        "serial_no": Key(Kind.SERIAL),
        "private_key": PRIVATE_KEY,
        "public_key_id": NUMBER,
        "public_key": PUBLIC_KEY,
        "platform_certs": Key(Kind.PUBLIC_KEYS),
        "pay_key": SECRET,
        "client_cert": PUBLIC_KEY,
        "client_key": PRIVATE_KEY,
        "scan_api": Key(Kind.TEXT, one_of=("v3", "v2")),
        "sign_type": Key(Kind.TEXT, one_of=("MD5", "HMAC-SHA256")),
        "pay_time_expire": Key(Kind.MINUTES, high=MINUTES_MAX),
        "pay_notify_url": URL,
        "api_base": URL,
    },
    required=("appid", "pay_mch_id", "api_v3_key", "serial_no", "private_key"),
    together=(("public_key_id", "public_key"), ("client_cert", "client_key")),
)

"""One merchant's account at WeChat Pay: what its `wxpay.conf` says."""

from dataclasses import dataclass, field

from payment_cli.model.secret import Secret

#: WeChat Pay's own host; the backup is https://api2.mch.weixin.qq.com.
API_BASE = "https://api.mch.weixin.qq.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatAccount:
    """The fields of `wxpay.conf`, references resolved; the fields have the names of its keys.

    Keys and certificates are PEM text. Answers and callbacks are verified by the WeChat Pay public
    key (`public_key_id`, "PUB_KEY_ID_…", and `public_key`), by the platform certificates given
    here or fetched, or while an account migrates by either: the message names the key.

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
    private_key: Secret
    public_key_id: str = ""
    public_key: str = ""
    platform_certs: tuple[str, ...] = ()
    pay_key: Secret = field(default_factory=lambda: Secret(""))
    client_cert: str = ""
    client_key: Secret = field(default_factory=lambda: Secret(""))
    scan_api: str = "v3"
    sign_type: str = "MD5"
    pay_time_expire: int = 10
    pay_notify_url: str = ""
    api_base: str = API_BASE

"""The pay types of seed 001: which provider, what the answer holds, what the caller must bring."""

from dataclasses import dataclass
from enum import StrEnum

from payment_cli.errors import InvalidValueError


class ReturnType(StrEnum):
    """`re_tp`: what a gateway's answer holds for the one who shows it (seed 001)."""

    LINK = "LINK"
    QRCODE = "QRCODE"
    JSON = "JSON"
    TEXT = "TEXT"


class Argument(StrEnum):
    """What `pay send` needs beside type and target."""

    NONE = "none"
    AUTH_CODE = "auth code"  # the payer's one-minute code; never recorded, never logged
    OPENID = "openid"


@dataclass(frozen=True, slots=True)
class PayType:
    """One way to pay.

    `provider` names the config folder (`~/.payment/<provider>/<target>/`); `poll_s` is the
    provider's own pace for asking about a payment somebody is watching. Without `has_callback` the
    provider takes no notify URL for it.
    """

    name: str
    provider: str
    re_tp: ReturnType
    argument: Argument = Argument.NONE
    poll_s: int = 5
    has_callback: bool = True

    @property
    def is_scan(self) -> bool:
        """A scan of the payer's code: no callback comes, it is asked about and reversed."""
        return self.argument is Argument.AUTH_CODE


PAY_TYPES = {
    pay_type.name: pay_type
    for pay_type in (
        PayType("wx.qrcode", "wxpay", ReturnType.QRCODE),
        PayType("wx.jsapi", "wxpay", ReturnType.JSON, Argument.OPENID),
        PayType("wx.scan", "wxpay", ReturnType.JSON, Argument.AUTH_CODE, has_callback=False),
        PayType("zfb.qrcode", "alipay", ReturnType.QRCODE, poll_s=3),
        PayType("zfb.scan", "alipay", ReturnType.JSON, Argument.AUTH_CODE, poll_s=3),
        PayType("free", "free", ReturnType.TEXT, has_callback=False),
    )
}


def pay_type(name: str) -> PayType:
    """Return the pay type called `name`.

    Raises:
        InvalidValueError: there is none (the reference's `e.pay.no3x`).
    """
    found = PAY_TYPES.get(name)
    if found is None:
        raise InvalidValueError(
            f"{name[:40]!a} is not a pay type", hint=f"one of {', '.join(PAY_TYPES)}"
        )
    return found

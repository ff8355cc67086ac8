"""The pay types of seed 001: which provider, what the answer holds, what the caller must bring."""

import re
from dataclasses import dataclass
from enum import StrEnum

from payment_cli.errors import InvalidValueError
from payment_cli.model.secret import Secret


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
    provider takes no notify URL for it. `auth_codes` is the form of the payers' codes, which tells
    whose they are. With `needs_client_ip` the provider wants to know the payer's address.
    `for_phones`: it hands over to the payer's app, and so belongs on the phone's own browser.

    How it is sent is one row at the provider (gateways/<provider>/pay_types.py).
    """

    name: str
    provider: str
    re_tp: ReturnType
    argument: Argument = Argument.NONE
    poll_s: int = 5
    has_callback: bool = True
    auth_codes: str = ""
    needs_client_ip: bool = False
    for_phones: bool = False

    @property
    def family(self) -> str:
        """The part of the name that a provider's types share (`wx`); `sellers` may name it."""
        return family_of(self.name)

    @property
    def is_scan(self) -> bool:
        """A scan of the payer's code: no callback comes, it is asked about and reversed."""
        return self.argument is Argument.AUTH_CODE

    def takes(self, auth_code: Secret) -> bool:
        """Whether this is the code of a payer who pays so; codes have no other mark."""
        return self.is_scan and re.fullmatch(self.auth_codes, auth_code.reveal()) is not None


PAY_TYPES = {
    pay_type.name: pay_type
    for pay_type in (
        PayType("wx.qrcode", "wxpay", ReturnType.QRCODE),
        PayType("wx.jsapi", "wxpay", ReturnType.JSON, Argument.OPENID),
        PayType("wx.h5", "wxpay", ReturnType.LINK, needs_client_ip=True, for_phones=True),
        PayType(
            "wx.scan",
            "wxpay",
            ReturnType.JSON,
            Argument.AUTH_CODE,
            has_callback=False,
            auth_codes=r"1[0-5][0-9]{16}",
        ),
        PayType("zfb.qrcode", "alipay", ReturnType.QRCODE, poll_s=3),
        PayType("zfb.page", "alipay", ReturnType.LINK, poll_s=3),
        PayType("zfb.wap", "alipay", ReturnType.LINK, poll_s=3, for_phones=True),
        PayType(
            "zfb.scan",
            "alipay",
            ReturnType.JSON,
            Argument.AUTH_CODE,
            poll_s=3,
            auth_codes=r"(?:2[5-9]|30)[0-9]{14,22}",
        ),
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


def family_of(name: str) -> str:
    """Return the part of a pay type's name that its provider's types share: `wx` of `wx.qrcode`."""
    return name.partition(".")[0]


def scan_type_of(auth_code: Secret) -> PayType | None:
    """Return the pay type by which a payer's code is charged, None if it is nobody's."""
    return next((kind for kind in PAY_TYPES.values() if kind.takes(auth_code)), None)

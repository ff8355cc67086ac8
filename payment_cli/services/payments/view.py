"""What a payer may see of a payment: found by its view key, and nothing but the screen's needs."""

import hmac
import re
from dataclasses import dataclass

from payment_cli.errors import NotFoundError
from payment_cli.model.payments.pay_type import PAY_TYPES, PayType, ReturnType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import stored_data
from payment_cli.model.record import Json, Record
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.storage.base import Reader

#: A view key is the payment's id and a token, each 32 hex digits.
_VIEW_KEY = re.compile(r"([0-9a-f]{32})[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class View:
    """A payment as its payer sees it. `fee` in fen; `pay_type` None before it is sent.

    `seller` is the store that takes the money.

    `data` is what the screen shows (text of a QR code, a web address, browser parameters), None
    unless the payment waits for its payer. `flag` is "" or what the payer has to know: that another
    amount came than was asked for, or that the money went back.
    """

    fee: int
    cur: str
    brief: str
    st: Status
    re_tp: str
    data: Json
    pay_type: PayType | None
    seller: str
    flag: str = ""

    def to_record(self) -> Record:
        """Return `{status, type, data, flag?}`, what a page asks for again and again."""
        record: Record = {"status": str(self.st), "type": self.re_tp, "data": self.data}
        return {**record, "flag": self.flag} if self.flag else record


def view_payment(storage: Reader, view_key: str) -> View:
    """Return what the holder of `view_key` may see.

    Raises:
        NotFoundError: it is no key of a payment.
    """
    found = _VIEW_KEY.fullmatch(view_key)
    payment = _find(storage, found[1]) if found else None
    # Compared in constant time: the time of an answer must not tell how much of a key was right.
    if payment is None or not hmac.compare_digest(payment.view_key, view_key):
        raise NotFoundError("payment", "with this key")
    return view_of(payment)


def view_of(payment: Payment) -> View:
    """Return what the payer of `payment` may see of it."""
    pay_type = PAY_TYPES.get(payment.pay_tp)
    data = stored_data(payment)
    # The answer to a scan is the provider's record of it; the payer's screen needs nothing of it.
    if pay_type is not None and pay_type.is_scan:
        data = None
    # A page opens what it is given: a gateway that lies must not make it run a script.
    if payment.re_tp == ReturnType.LINK and not is_web_address(data):
        data = None
    flag = payment.flag if payment.has_other_amount or payment.went_back else ""
    return View(
        payment.fee, payment.cur, payment.brief, payment.st, payment.re_tp, data, pay_type,
        payment.seller_nm, flag,
    )  # fmt: skip


def is_web_address(data: Json) -> bool:
    """Whether this is what a page may offer as a link."""
    return isinstance(data, str) and data.startswith(("https://", "http://"))


def _find(storage: Reader, payment_id: str) -> Payment | None:
    # To a stranger an id without its token is as unknown as no id at all.
    try:
        return Payment.from_record(storage.get(PAYMENTS, payment_id))
    except NotFoundError:
        return None

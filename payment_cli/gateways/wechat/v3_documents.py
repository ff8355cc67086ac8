"""The documents of WeChat Pay APIv3: pure functions that build requests and read answers.

An answer is believed only if its signature is right. Error answers often carry none: their words
are shown, and at most mean that our request was refused. Who signed the request correctly gets a
signed answer (provider document: verifying answers): an unsigned "no such order" decides nothing.
"""

from dataclasses import dataclass, replace

from payment_cli.gateways.base import Answer, Outcome, Paid, SendRequest
from payment_cli.gateways.scrub import scrub_text
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.pay_types import order_row
from payment_cli.gateways.wechat.signature import decrypt
from payment_cli.gateways.wechat.words import of_error, of_trade_state, one_line, time_of
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.record import Json, Record
from payment_cli.model.secret import Secret

#: Where orders live.
TRANSACTIONS = "/v3/pay/transactions"
#: The provider allows 127 characters.
DESCRIPTION_MAX = 127


@dataclass(frozen=True, slots=True)
class V3Answer:
    """What came back. `distrust` says why it can't be believed, "" if its signature is right."""

    status: int
    document: Record
    distrust: str
    is_signed: bool
    number: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it says, believably, that the call did what it asked."""
        return not self.distrust and 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The provider's error code, "" if there is none."""
        return text_of(self.document.get("code"))

    @property
    def error(self) -> Outcome:
        """What the error means if it can be believed; a server's own trouble means nothing."""
        if 400 <= self.status < 500:
            return of_error(self.code, self.number)
        return Outcome.UNKNOWN


def build_order(account: WechatAccount, request: SendRequest, auth_code: Secret) -> Record:
    """Return the document that places an order; `auth_code` is empty where there is none."""
    document: Record = {
        "appid": account.appid,
        "mchid": account.pay_mch_id,
        "description": one_line(request.brief, DESCRIPTION_MAX),
        "out_trade_no": request.payment_id,
        "amount": {"total": request.fee, "currency": "CNY"},
    }
    if request.profit_sharing:
        document["settle_info"] = {"profit_sharing": True}
    return {**document, **order_row(request.pay_tp).fields(account, request, auth_code)}


def parse_scan(account: WechatAccount, answer: V3Answer, order_no: str) -> Answer:
    """Read the answer to a scan: an order, a decline, or nothing certain.

    Unlike elsewhere, an unsigned error is not even a refusal: the payer may be paying.
    """
    if answer.is_success:
        return with_order_shown(parse_transaction(account, answer.document, order_no))
    failure = failure_of(answer)
    if answer.distrust or failure.outcome is Outcome.NOT_FOUND:
        return replace(failure, outcome=Outcome.UNKNOWN)
    return with_order_shown(failure)


def parse_query(account: WechatAccount, answer: V3Answer, order_no: str) -> Answer:
    """Read the answer to a query. NOT_FOUND ends a payment, so it must be signed."""
    if answer.is_success:
        return parse_transaction(account, answer.document, order_no)
    failure = failure_of(answer)
    is_not_found = failure.outcome is Outcome.NOT_FOUND and not answer.distrust
    return failure if is_not_found else replace(failure, outcome=Outcome.UNKNOWN)


def parse_transaction(account: WechatAccount, document: Record, order_no: str = "") -> Answer:
    """Read a verified transaction object, which should be about `order_no` if that is known.

    UNKNOWN for another merchant's, one without an amount, or the failure of another order. Money
    for another order is PAID all the same: the caller compares, and says so aloud.
    """
    state = text_of(document.get("trade_state"))
    outcome = of_trade_state(state)
    extra = _extra(document)
    if (document.get("mchid"), document.get("appid")) != (account.pay_mch_id, account.appid):
        return Answer(Outcome.UNKNOWN, message="the answer speaks of another merchant or app")
    if outcome is Outcome.PAID:
        paid = _paid(document)
        if paid is None:
            return Answer(Outcome.UNKNOWN, code=state, message="the answer names no amount")
        return Answer(outcome, paid=paid, extra=extra)
    if order_no and document.get("out_trade_no") != order_no:
        return Answer(Outcome.UNKNOWN, message="the answer speaks of another order")
    words = one_line(text_of(document.get("trade_state_desc")), 200)
    return Answer(outcome, code=state, message=words, extra=extra)


def with_order_shown(answer: Answer) -> Answer:
    """Return a scan's answer with what the cashier may see of the order, unless it failed."""
    if answer.outcome not in (Outcome.PAID, Outcome.WAITING):
        return answer
    state = answer.extra.get("wx_trade_state", answer.code)
    shown: Record = {"trade_state": state, "trade_state_desc": answer.message}
    if answer.paid is not None:
        shown["transaction_id"] = answer.paid.trade_no
    return replace(answer, re_tp=ReturnType.JSON, re_obj=shown)


def parse_certificates(account: WechatAccount, document: Record) -> list[str]:
    """Decrypt the list of platform certificates into PEM texts.

    Raises:
        UntrustedError: our APIv3 key does not open them.
    """
    entries = document.get("data")
    if not isinstance(entries, list):
        return []
    return [
        decrypt(account.api_v3_key, entry.get("encrypt_certificate")).decode("ascii", "replace")
        for entry in entries
        if isinstance(entry, dict)
    ]


def closed_by(now: Answer, failure: Answer) -> Answer:
    """Return what a failed close comes to, from what a query says now.

    Paid: too late. Failed: it was closed before. Anything else leaves the close undecided.
    """
    if now.outcome in (Outcome.PAID, Outcome.NOT_FOUND):
        return now
    if now.outcome is Outcome.FAILED:
        return replace(now, outcome=Outcome.CLOSED)
    return replace(failure, outcome=Outcome.UNKNOWN)


def failure_of(answer: V3Answer) -> Answer:
    """Read an answer that is no success; the caller decides what its error means for its call.

    A wrong signature makes it UNKNOWN; none at all is usual for errors.
    """
    if answer.distrust and answer.is_signed:
        return Answer(Outcome.UNKNOWN, message=f"HTTP {answer.status}: {answer.distrust}")
    words = scrub_text(one_line(text_of(answer.document.get("message")), 200))
    if not answer.code:
        words = answer.distrust or words or "an answer that can't be understood"
        return Answer(Outcome.UNKNOWN, message=f"HTTP {answer.status}: {words}")
    return Answer(answer.error, code=one_line(answer.code, 64), message=words)


def _paid(document: Record) -> Paid | None:
    amount = document.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if not isinstance(amount, dict) or not isinstance(total, int) or isinstance(total, bool):
        return None
    payer = document.get("payer")
    return Paid(
        order_no=text_of(document.get("out_trade_no")),
        trade_no=text_of(document.get("transaction_id")),
        fee=total,
        cur=text_of(amount.get("currency", "CNY")),
        payer=text_of(payer.get("openid")) if isinstance(payer, dict) else "",
        paid_at=time_of(text_of(document.get("success_time"))),
        paid_by=text_of(document.get("bank_type")),
    )


def _extra(document: Record) -> Record:
    kept = ("trade_state", "trade_type")
    return {f"wx_{name}": document[name] for name in kept if isinstance(document.get(name), str)}


def text_of(value: Json) -> str:
    """Return a text as it is, "" for anything else."""
    return value if isinstance(value, str) else ""

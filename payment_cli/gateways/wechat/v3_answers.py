"""What the answers of WeChat Pay APIv3 mean: one function per conversation, each with its list.

A class of statuses says nothing: 202 is a documented answer that closes and pays nothing. What a
list does not name is UNKNOWN, and is asked about.

An answer is believed if its signature is right. Errors often carry none: their words are shown, may
refuse an order, find none, or say that a payer is paying; they never fail a payment. An error whose
signature is *wrong* says nothing at all. (Provider document: verifying answers.)
"""

from dataclasses import dataclass, replace

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.gateways.scrub import scrub_text
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.v3_documents import (
    parse_transaction,
    text_of,
    waiting_for_payer,
    with_order_shown,
)
from payment_cli.gateways.wechat.words import PAYER_IS_PAYING, of_error, one_line, plain
from payment_cli.model.record import Record

#: A refusal whatever the status: the documents list it with 500, as no trouble of the server.
_REFUSED_AT_ANY_STATUS = frozenset({"OPENIDMISMATCH"})


@dataclass(frozen=True, slots=True)
class V3Answer:
    """What came back. `distrust` says why it can't be believed, "" if its signature is right.

    `document` is {} where the body is none; `number` is the tail of Request-ID, the exact error.
    """

    status: int
    document: Record
    distrust: str
    is_signed: bool
    is_empty: bool = False
    number: str = ""

    def says(self, *statuses: int) -> bool:
        """Whether it has one of these statuses, believably, and no error beside it."""
        return not self.distrust and self.status in statuses and not self.code

    @property
    def code(self) -> str:
        """The provider's error code, "" if there is none."""
        return text_of(self.document.get("code"))

    @property
    def message(self) -> str:
        """The provider's words about an error, "" if there are none."""
        return text_of(self.document.get("message"))


def placed(answer: V3Answer, field: str) -> str | Answer:
    """Read the answer to an order: what the payer is shown, or why it is not.

    - 200, with a text in `field`: that text.
    - an error that means REFUSED: no order was made. All else is UNKNOWN: only a scan can be
      declined, and only its order awaited by an error.
    """
    shown = text_of(answer.document.get(field))
    if answer.says(200) and shown:
        return shown
    failure = failure_of(answer)
    return failure if failure.outcome is Outcome.REFUSED else _undecided(failure)


def scanned(account: WechatAccount, answer: V3Answer, order_no: str) -> Answer:
    """Read the answer to a scan.

    - 200, a transaction: as its trade_state says.
    - 200 or 202, a transaction with trade_state USERPAYING: WAITING. It may hold nothing else.
    - 202 or 4xx with the code USERPAYING, signed or not: WAITING.
    - an error that means FAILED or REFUSED, if signed: unsigned, the payer may be paying.
    """
    if answer.says(200, 202):
        waiting = waiting_for_payer(account, answer.document, order_no)
        if waiting is not None:
            return with_order_shown(waiting)
    if answer.says(200):
        return with_order_shown(parse_transaction(account, answer.document, order_no))
    failure = failure_of(answer)
    if failure.outcome is Outcome.WAITING:
        return with_order_shown(failure)
    is_decided = failure.outcome in (Outcome.FAILED, Outcome.REFUSED) and not answer.distrust
    return failure if is_decided else _undecided(failure)


def queried(account: WechatAccount, answer: V3Answer, order_no: str) -> Answer:
    """Read the answer to a query.

    - 200, a transaction: as its trade_state says.
    - 404 ORDER_NOT_EXIST, signed or not: NOT_FOUND. Whether 404s are signed no document says; the
      message of an unsigned one says so.
    """
    if answer.says(200):
        return parse_transaction(account, answer.document, order_no)
    failure = failure_of(answer)
    if failure.outcome is not Outcome.NOT_FOUND:
        return _undecided(failure)
    return replace(failure, message=f"{failure.message} (unsigned)") if answer.distrust else failure


def is_closed(answer: V3Answer) -> bool:
    """Whether a close closed the order: 204 and an empty body, nothing else.

    202 USER_PAYING is a documented answer (doc/v3/merchant/4012556398), and closes nothing.
    """
    return answer.says(204) and answer.is_empty


def is_reversed(account: WechatAccount, answer: V3Answer, order_no: str) -> bool:
    """Whether a scan was reversed: 200, naming our order and merchant, and our app if any."""
    said = answer.document
    return (
        answer.says(200)
        and said.get("out_trade_no") == order_no
        and account.is_named(said.get("mchid"), said.get("appid"))
    )


def closed_by(now: Answer, failure: Answer) -> Answer:
    """Return what a failed close comes to, from what a query says now.

    Paid: too late. Failed: it was closed before. Anything else leaves the close undecided.
    """
    if now.outcome in (Outcome.PAID, Outcome.NOT_FOUND):
        return now
    if now.outcome is Outcome.FAILED:
        return replace(now, outcome=Outcome.CLOSED)
    return _undecided(failure)


def failure_of(answer: V3Answer) -> Answer:
    """Read an answer that is no success; the caller decides what its error means for its call."""
    if answer.distrust and answer.is_signed:
        return Answer(Outcome.UNKNOWN, message=f"HTTP {answer.status}: {answer.distrust}")
    words = scrub_text(one_line(answer.message, 200))
    if not answer.code:
        words = answer.distrust or words or "an answer that can't be understood"
        return Answer(Outcome.UNKNOWN, message=f"HTTP {answer.status}: {words}")
    return Answer(_error(answer), code=one_line(answer.code, 64), message=words)


def _error(answer: V3Answer) -> Outcome:
    """Return what an error means if it can be believed: its word counts with its own status."""
    word = plain(answer.code)
    if answer.status == 202:
        return Outcome.WAITING if word == PAYER_IS_PAYING else Outcome.UNKNOWN
    if word in _REFUSED_AT_ANY_STATUS and 400 <= answer.status < 600:
        return Outcome.REFUSED
    if not 400 <= answer.status < 500:
        return Outcome.UNKNOWN
    outcome = of_error(answer.code, answer.number, answer.message)
    is_missing = outcome is Outcome.NOT_FOUND
    return Outcome.UNKNOWN if is_missing and answer.status != 404 else outcome


def _undecided(failure: Answer) -> Answer:
    return replace(failure, outcome=Outcome.UNKNOWN)

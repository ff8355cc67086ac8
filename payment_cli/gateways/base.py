"""What a gateway is: the one word list all providers are spoken to with.

A gateway is *stateless* and never sees storage: values in, one `Answer` out. Pure `build_*`
functions make requests, pure `parse_*` functions read answers, and only `http_session.py` touches
the network. Laws:

- The default is WAITING or UNKNOWN; only the provider's explicit, *verified* word makes an answer
  PAID or FAILED. A transport failure, HTML page, 5xx, bad or missing signature on an answer that
  would say PAID is UNKNOWN. A decline is a value, not an exception.
- PAID always carries `Paid`, with what the provider itself said about amount, currency, merchant
  and order number; the caller compares (services/payments/settlement.py). The adapter has already
  checked signature, merchant number and app id against its own account.
- An unsigned error answer may make a send REFUSED (the payment goes back to NEW) but never FAILED,
  and for a scan not even that: it is UNKNOWN and asked about.
- A pay type that the provider has no row for is refused (`InvalidValueError`), never sent as
  another.
- Exceptions are for what the caller can't go on from: `UntrustedError` from `complete`,
  `InvalidValueError` for arguments the provider would refuse by rule (before anything is sent),
  `ConfigError`.
- Nothing here logs or keeps keys, signatures, auth codes, phone numbers or openids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.record import Json
from payment_cli.model.secret import Secret


class Outcome(StrEnum):
    """What is known after talking to a provider."""

    WAITING = "waiting"  # the provider has the order, the payer has not paid yet
    PAID = "paid"
    FAILED = "failed"  # definite: not paid, and by this order it never will be
    REFUSED = "refused"  # definite: the request created nothing at the provider
    CLOSED = "closed"  # close or reverse succeeded: it can't be paid any more
    NOT_FOUND = "not found"  # the provider knows no such order (yet): nothing is decided by one
    UNKNOWN = "unknown"  # timeout, 5xx, unreadable: it may or may not have happened


class AccountId(NamedTuple):
    """Which account at a provider: the merchant that is paid, and the app it asks through.

    A payment records it when it is sent: an order number means something to this account alone.
    """

    merchant: str
    app: str

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        return f"merchant {self.merchant} (app {self.app})"


@dataclass(frozen=True, slots=True)
class SendRequest:
    """What will be sent, decided and recorded before the call; the same value may be sent again.

    `fee` is in fen, `cur` is CNY, `expires_at` is AMS. `client_ip` is the payer's address, "" where
    nobody knows it. No auth code: that never is recorded.
    """

    payment_id: str
    pay_tp: str
    brief: str
    fee: int
    cur: str
    notify_url: str
    expires_at: int
    openid: str = ""
    client_ip: str = ""
    profit_sharing: bool = False


@dataclass(frozen=True, slots=True)
class OrderRef:
    """A payment as its provider knows it. `send_at` is AMS."""

    payment_id: str
    pay_tp: str
    fee: int
    cur: str
    send_at: int


@dataclass(frozen=True, slots=True)
class Paid:
    """What the provider says about money that arrived: `fee` in fen of the whole order.

    `went_back`: it was returned before we heard that it came. Of a provider that does not say how
    much, perhaps not all of it.
    """

    order_no: str
    trade_no: str
    fee: int
    cur: str
    payer: str = ""
    paid_at: int = 0
    paid_by: str = ""
    went_back: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one conversation with a provider.

    `re_tp`/`re_obj` are what the payer's screen needs after a send. `code` and `message` are the
    provider's own words about a failure. `extra` holds provider fields worth keeping on the
    payment, each under the family of the pay type and `_`.
    """

    outcome: Outcome
    re_tp: ReturnType | None = None
    re_obj: Json = None
    paid: Paid | None = None
    code: str = ""
    message: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A callback as it came. `headers` have lower-case names; `body` is the very bytes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified callback: which order it speaks of and what it says.

    `order_no` "" means a genuine message that is not about a payment (acknowledge, do nothing). One
    that speaks of money names its order, or is refused.
    """

    order_no: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The bytes the provider wants as the answer to a callback."""

    status: int
    content_type: str
    body: bytes


class Gateway(Protocol):
    """One account at one provider."""

    #: Whose account it is at the provider. Both "" where nobody's is needed.
    account_id: AccountId
    #: Where that account is spoken to, "" where nobody is: the address of the API.
    api_base: str
    #: Minutes until an unpaid order of this account expires.
    expire_minutes: int
    #: The notify URL of the account's config, "" to use the tree's `public_url`.
    notify_base: str
    #: A scan may be reversed this many milliseconds after it was sent, not earlier.
    reverse_after_ms: int

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        """Check what the provider would refuse by rule, before anything is recorded or sent.

        Raises:
            InvalidValueError: bad auth code, openid, currency, amount or notify URL.
        """

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        """Place the order. WAITING (with re_obj), PAID, FAILED (declined scan), REFUSED, UNKNOWN.

        For anything but a scan the identical request may be sent again after UNKNOWN.
        """

    def check(self, order: OrderRef) -> Answer:
        """Ask about the order: WAITING, PAID, FAILED, NOT_FOUND or UNKNOWN."""

    def close(self, order: OrderRef) -> Answer:
        """Close it (reverse, for a scan): CLOSED, PAID (too late), NOT_FOUND or UNKNOWN."""

    def complete(self, request: HttpRequest) -> Notice:
        """Verify and read a callback.

        Raises:
            UntrustedError: the signature, its time, or the merchant is not right.
            InvalidValueError: not a message of this provider at all.
        """

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        """Return the answer to `request` that stops redelivery.

        With a `refusal` (words for the provider, no secrets) the one that asks to be told again.
        """

"""A provider that keeps true books and does not always tell the truth about them.

Its books are in a file, as a provider's are elsewhere: they survive whatever kills the shop.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payment_cli.errors import UntrustedError
from payment_cli.gateways.base import (
    AccountId,
    Acknowledgement,
    Answer,
    Gateway,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    Paid,
    SendRequest,
)
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret

#: How each question may be answered; the first is the honest way, to which all else shrinks.
MOODS = {
    # `lost` and `unsent` are both "unknown" to the shop; with `lost` the order was taken.
    "send": ("honest", "refused", "taken but refused", "lost", "unsent", "declined"),
    "check": ("honest", "lost", "wrong amount", "failed"),
    # `deaf` and `lost` are both "unknown"; with `lost` it was closed.
    "close": ("honest", "lost", "deaf", "payer was faster"),
}

REFUSED = Answer(Outcome.REFUSED, code="PARAM_ERROR")
UNKNOWN = Answer(Outcome.UNKNOWN, message="timeout")


@dataclass
class Books:
    """What is true: each order's fee, state (open, closed) and trades, by our payment's id.

    `moods` are those that were asked, as `send: lost`.
    """

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    trade_count: int = 0
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    moods: list[str] = field(default_factory=list)


class LyingGateway:
    """Answers by `moods`. `books.heard` is the conversation: (verb, payment, what was said).

    What was said is `waiting`, `unknown`, `refused`, `failed`, `closed`, `absent`, `wrong`, or
    `paid` and the number of the trade.
    """

    expire_minutes = 10
    notify_base = "https://shop.example/pay/re"
    reverse_after_ms = 0
    account_id = AccountId("1900000001", "wx1")
    api_base = "https://api.example"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moods: dict[str, str] = {}
        self.books = Books()

    def reload(self) -> None:
        """Read what a process that is gone has written."""
        if self.path.exists():
            self.books = Books(**json.loads(self.path.read_text()))

    def pay(self, payment_id: str) -> str:
        """Let a payer pay, were the order closed or paid already; return the trade's number."""
        self.books.trade_count += 1
        trade = f"T{self.books.trade_count}"
        self.books.orders[payment_id]["trades"].append(trade)
        self._save()
        return trade

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        pass

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        return self._say("send", request.payment_id, self._send(request))

    def check(self, order: OrderRef) -> Answer:
        mood = self._mood("check")
        known = self.books.orders.get(order.payment_id)
        if mood == "lost":
            answer = UNKNOWN
        elif mood == "wrong amount":
            answer = self._paid(order.payment_id, "T-wrong", order.fee + 1)
        elif known is None:
            answer = Answer(Outcome.NOT_FOUND)
        elif known["trades"]:
            answer = self._paid(order.payment_id, known["trades"][0])
        elif known["state"] == "closed":
            answer = Answer(Outcome.CLOSED)
        else:
            answer = Answer(Outcome.FAILED if mood == "failed" else Outcome.WAITING)
        return self._say("check", order.payment_id, answer)

    def close(self, order: OrderRef) -> Answer:
        return self._say("close", order.payment_id, self._close(order.payment_id))

    def complete(self, request: HttpRequest) -> Notice:
        said = json.loads(request.body)
        if not said["is_signed"]:
            raise UntrustedError("the signature is not right")
        return Notice(said["order"], self._paid(said["order"], said["trade"], said["fee"]))

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        return Acknowledgement(400 if refusal else 200, "text/plain", refusal.encode() or b"yes")

    def notice(
        self, payment_id: str, trade: str, *, extra: int = 0, is_signed: bool = True
    ) -> bytes:
        """Return the body of a callback; `extra` fen falsify its amount."""
        fee = self.books.orders[payment_id]["fee"] + extra
        document = {"order": payment_id, "trade": trade, "fee": fee, "is_signed": is_signed}
        return json.dumps(document).encode()

    def _send(self, request: SendRequest) -> Answer:
        mood = self._mood("send")
        if mood == "unsent":
            return UNKNOWN
        if request.pay_tp == "wx.scan":
            return self._scan(request, mood)
        if mood == "refused" and request.payment_id not in self.books.orders:
            return REFUSED
        known = self._take(request)
        if mood == "lost" or known["trades"]:
            return UNKNOWN
        if mood == "taken but refused" or known["state"] == "closed":
            return REFUSED
        return Answer(Outcome.WAITING, ReturnType.QRCODE, f"weixin://{request.payment_id}")

    def _scan(self, request: SendRequest, mood: str | None) -> Answer:
        """Take the payer's code: it pays at once, is declined, or its owner is asked first."""
        self._take(request)
        if mood == "declined":
            return Answer(Outcome.FAILED, code="NOTENOUGH")
        if mood in ("refused", "taken but refused"):
            return Answer(Outcome.WAITING, ReturnType.JSON, {"state": "USERPAYING"})
        trade = self.pay(request.payment_id)
        return UNKNOWN if mood == "lost" else self._paid(request.payment_id, trade)

    def _take(self, request: SendRequest) -> dict[str, Any]:
        new = {"fee": request.fee, "state": "open", "trades": []}
        return self.books.orders.setdefault(request.payment_id, new)

    def _close(self, payment_id: str) -> Answer:
        mood = self._mood("close")
        known = self.books.orders.get(payment_id)
        if mood == "deaf":
            return UNKNOWN
        if known is None:
            return Answer(Outcome.NOT_FOUND)
        if mood == "payer was faster" and known["state"] == "open" and not known["trades"]:
            self.pay(payment_id)
        if known["trades"]:
            return self._paid(payment_id, known["trades"][0])
        known["state"] = "closed"
        return UNKNOWN if mood == "lost" else Answer(Outcome.CLOSED)

    def _mood(self, verb: str) -> str | None:
        mood = self.moods.get(verb)
        self.books.moods.append(f"{verb}: {mood or MOODS[verb][0]}")
        return mood

    def _paid(self, payment_id: str, trade: str, fee: int | None = None) -> Answer:
        if fee is None:
            fee = self.books.orders[payment_id]["fee"]
        return Answer(Outcome.PAID, paid=Paid(payment_id, trade, fee, "CNY"))

    def _say(self, verb: str, payment_id: str, answer: Answer) -> Answer:
        said = {Outcome.NOT_FOUND: "absent"}.get(answer.outcome, str(answer.outcome))
        if answer.paid is not None:
            said = "wrong" if answer.paid.trade_no == "T-wrong" else f"paid {answer.paid.trade_no}"
        self.books.heard.append((verb, payment_id, said))
        self._save()
        return answer

    def _save(self) -> None:
        self.path.write_text(json.dumps(vars(self.books)))


@dataclass
class LyingAccounts:
    """The accounts of a tree with this one provider, whatever it is called."""

    lying: LyingGateway

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        return self.lying

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        return f"{gateway.notify_base}/{pay_tp}/{domain}/{target}"

    def order_no_for(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> str | None:
        return ""

    def targets(self, provider: str) -> list[tuple[str, str]]:
        return [("demo", "main")]


class SharedGateway(LyingGateway):
    """The same provider for many processes at once: it reads and writes its books under a lock."""

    def pay(self, payment_id: str) -> str:
        with self._locked():
            return super().pay(payment_id)

    def pay_if_open(self, payment_id: str) -> str:
        """Let a payer pay what is open, as a real one would; return the trade's number or ""."""
        with self._locked():
            known = self.books.orders.get(payment_id)
            is_open = known is not None and known["state"] == "open" and not known["trades"]
            return super().pay(payment_id) if is_open else ""

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        with self._locked():
            return super().send(request, auth_code)

    def check(self, order: OrderRef) -> Answer:
        with self._locked():
            return super().check(order)

    def close(self, order: OrderRef) -> Answer:
        with self._locked():
            return super().close(order)

    def complete(self, request: HttpRequest) -> Notice:
        with self._locked():
            return super().complete(request)

    def count(self, verb: str, payment_id: str) -> int:
        """Return how often it heard a verb about a payment."""
        return [heard[:2] for heard in self.books.heard].count((verb, payment_id))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.reload()
            yield

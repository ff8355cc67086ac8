"""A gateway that says what a test tells it to, and remembers what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from payment_cli.gateways.base import (
    AccountId,
    Acknowledgement,
    Answer,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    Paid,
    SendRequest,
)
from payment_cli.model.secret import Secret


@dataclass
class ScriptedGateway:
    """Answers from lists, first in first out; the last answer stays."""

    sends: list[Answer] = field(default_factory=list)
    checks: list[Answer] = field(default_factory=list)
    closes: list[Answer] = field(default_factory=list)
    notices: list[Notice | Exception] = field(default_factory=list)
    asked: list[tuple[str, object]] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    expire_minutes: int = 10
    notify_base: str = "https://shop.example/pay/re"
    reverse_after_ms: int = 0
    account_id: AccountId = AccountId("1900000001", "wx1")  # noqa: RUF009 - a NamedTuple
    api_base: str = "https://api.example"

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        self.asked.append(("validate", request))

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        return self._say("send", request, self.sends)

    def check(self, order: OrderRef) -> Answer:
        return self._say("check", order, self.checks)

    def close(self, order: OrderRef) -> Answer:
        return self._say("close", order, self.closes)

    def complete(self, request: HttpRequest) -> Notice:
        self.asked.append(("complete", request))
        notice = self.notices.pop(0) if len(self.notices) > 1 else self.notices[0]
        if isinstance(notice, Exception):
            raise notice
        return notice

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        return Acknowledgement(400 if refusal else 200, "text/plain", refusal.encode() or b"yes")

    def calls(self, verb: str) -> list[object]:
        return [value for name, value in self.asked if name == verb]

    def _say(self, verb: str, value: object, answers: list[Answer]) -> Answer:
        self.asked.append((verb, value))
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return answers.pop(0) if len(answers) > 1 else answers[0]


def paid(order_no: str, fee: int = 2300, *, cur: str = "CNY", trade_no: str = "T1") -> Answer:
    """An answer that says the order was paid."""
    money = Paid(order_no, trade_no, fee, cur, payer="o-payer", paid_at=1, paid_by="bank")
    return Answer(Outcome.PAID, paid=money, extra={"wx_bank": "CMB"})

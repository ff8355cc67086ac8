"""Everything that can go wrong between a merchant and a provider, on request.

Answers can be late, lost, broken or unsigned; answers and notifications can be signed wrongly or
say what is not so. Each kind of misbehaviour is one row (kinds.py). A rule asks for one, and is
used up by the first message it fits, unless it is sticky.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from payment_cli.sandbox.exchange import Json, SandboxError
from payment_cli.sandbox.ledger import Ledger, Order

ANSWER = "answer"
NOTICE = "notice"
#: Places a kind may name beside answers: both, or only notifications.
ANYWHERE = frozenset({ANSWER, NOTICE})
NOTICES = frozenset({NOTICE})

#: What a payer's browser does: its answers are pages, and carry no signature.
BROWSING = frozenset({"open", "look", "press"})
#: What tells about an order.
TELLING = frozenset({"query", "codepay", "micropay", "pay", "notify"})

#: How old the signature of a stale message is.
STALE_MS = 10 * 60 * 1000
FOREIGN_MCHID = "1900009999"
FOREIGN_APP_ID = "wx00000000foreign0"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider says instead of doing what it was asked: its own words.

    `status` is HTTP's, `number` the tail of WeChat's Request-ID. Who takes it lays it out.
    """

    status: int
    code: str
    message: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """One misbehaviour.

    `what` says it in a line. It happens to an `where` (answer, notice), of these `apis` (v3, v2,
    alipay) and `only` these operations, where any are named, and `never` to those. With a
    `refusal` the provider does nothing and says this.
    """

    what: str
    where: frozenset[str] = frozenset({ANSWER})
    apis: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    refusal: Refusal | None = None

    def fits(self, where: str, operation: str, api: str) -> bool:
        """Tell whether it can happen to a message."""
        return (
            where in self.where
            and (not self.apis or api in self.apis)
            and (not self.only or operation in self.only)
            and operation not in self.never
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One misbehaviour asked for. Empty `order` and `operation` fit everything.

    `where` is answer, notice or "" for whichever comes first; `hold_s` is for timeouts and slow
    answers. `is_unsigned`: the answer carries no signature, too.
    """

    id: str
    kind: str
    where: str
    order: str
    operation: str
    is_sticky: bool
    hold_s: float
    is_unsigned: bool = False

    def wants(self, where: str, order: str, operation: str) -> bool:
        """Tell whether this message is among those asked for."""
        return (
            self.where in ("", where)
            and self.order in ("", order)
            and self.operation in ("", operation)
        )


class Rules:
    """The misbehaviours asked for and not yet used up."""

    def __init__(self, ledger: Ledger, kinds: Mapping[str, Kind]) -> None:
        """Start well-behaved, able to do `kinds`; rules are guarded by the ledger's lock."""
        self._kinds = kinds
        self._lock = ledger.changed
        self._rules: list[Rule] = []

    def add(
        self,
        kind: str,
        *,
        where: str = "",
        order: str = "",
        operation: str = "",
        sticky: bool = False,
        hold_s: float = 60.0,
        unsigned: bool = False,
    ) -> Rule:
        """Ask for a misbehaviour.

        Raises:
            SandboxError: no such kind, or it can't happen there.
        """
        if kind not in self._kinds:
            raise SandboxError("invalid", f"no misbehaviour {kind}; misbehave --list lists them")
        if where not in ("", *self._kinds[kind].where):
            raise SandboxError("invalid", f"{kind} does not happen to a {where}")
        rule = Rule(secrets.token_hex(4), kind, where, order, operation, sticky, hold_s, unsigned)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> int:
        """Behave from now on; return how many rules were dropped."""
        with self._lock:
            count = len(self._rules)
            self._rules.clear()
        return count

    def take(self, where: str, order: str, operation: str, api: str) -> Rule | None:
        """Return the first rule for this message, and use it up unless it is sticky.

        `api` is whose message it is: v3, v2, alipay, or "" for a page.
        """
        with self._lock:
            for rule in self._rules:
                can_be = self._kinds[rule.kind].fits(where, operation, api)
                if can_be and rule.wants(where, order, operation):
                    if not rule.is_sticky:
                        self._rules.remove(rule)
                        self._lock.notify_all()
                    return rule
        return None

    def as_json(self) -> list[Json]:
        """Return the rules that wait for their message."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]


def distorted(order: Order, flaw: str, ledger: Ledger) -> Order:
    """Return the order as a message with this flaw describes it."""
    if flaw == "wrong-amount":
        return replace(order, amount=order.amount + 1, paid_amount=order.paid_amount + 1)
    if flaw == "wrong-currency":
        return replace(order, currency="USD")
    if flaw == "other-order":
        return replace(order, out_trade_no=ledger.other_order_no(order))
    if flaw == "foreign-merchant":
        return replace(order, mch_shown=FOREIGN_MCHID, appid=FOREIGN_APP_ID)
    return order

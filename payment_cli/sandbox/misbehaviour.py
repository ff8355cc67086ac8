"""Everything that can go wrong between a merchant and a provider, on request.

Answers can be late, lost, broken or unsigned; answers and notifications can be signed wrongly or
say what is not so. A rule is used up by the first message it fits, unless it is sticky.
"""

import secrets
from dataclasses import asdict, dataclass, replace

from payment_cli.sandbox.exchange import Json, SandboxError
from payment_cli.sandbox.ledger import Ledger, Order

ANSWER = "answer"
NOTICE = "notice"

#: Kind -> (where it can happen, what it does).
KINDS: dict[str, tuple[frozenset[str], str]] = {
    "timeout-before": (frozenset({ANSWER}), "no answer, and nothing was done"),
    "timeout-after": (frozenset({ANSWER}), "it was done, but no answer comes"),
    "error-before": (frozenset({ANSWER}), "HTTP 500, and nothing was done"),
    "error-after": (frozenset({ANSWER}), "it was done, but the answer is HTTP 500"),
    "html": (frozenset({ANSWER}), "it was done, but the answer is somebody's HTML page"),
    "truncated": (frozenset({ANSWER}), "it was done, but the answer breaks off half way"),
    "slow": (frozenset({ANSWER}), "the answer drips in over hold_s seconds"),
    "bad-signature": (frozenset({ANSWER, NOTICE}), "signed by a stranger"),
    "unsigned": (frozenset({ANSWER, NOTICE}), "without a signature"),
    "signtest": (frozenset({ANSWER, NOTICE}), "WeChat's probe: a signature WECHATPAY/SIGNTEST/…"),
    "stale": (frozenset({ANSWER, NOTICE}), "truly signed, ten minutes ago"),
    "wrong-amount": (frozenset({ANSWER, NOTICE}), "truly signed, one fen more was paid"),
    "wrong-currency": (frozenset({ANSWER, NOTICE}), "truly signed, paid in USD"),
    "other-order": (frozenset({ANSWER, NOTICE}), "truly signed, about another order"),
    "foreign-merchant": (frozenset({ANSWER, NOTICE}), "truly signed, about another merchant"),
    "duplicate": (frozenset({NOTICE}), "the notification comes twice"),
    "reordered": (frozenset({NOTICE}), "held back until another notification was delivered"),
    "lost": (frozenset({NOTICE}), "this delivery never arrives; the schedule goes on"),
}

#: These change what a message says about an order, and so wait for one that says something.
LIES = frozenset({"wrong-amount", "wrong-currency", "other-order", "foreign-merchant"})
TELLING_OPERATIONS = frozenset({"query", "codepay", "micropay", "pay", "notify"})

#: These need a message with a signature; what a browser is answered has none.
SIGNATURES = frozenset({"bad-signature", "unsigned", "signtest", "stale"})
BROWSING_OPERATIONS = frozenset({"open", "look", "press"})

#: How old the signature of a stale message is.
STALE_MS = 10 * 60 * 1000
FOREIGN_MCHID = "1900009999"
FOREIGN_APP_ID = "wx00000000foreign0"


@dataclass(frozen=True, slots=True)
class Rule:
    """One misbehaviour asked for. Empty `order` and `operation` fit everything.

    `where` is answer, notice or "" for whichever comes first; `hold_s` is for timeouts and slow
    answers.
    """

    id: str
    kind: str
    where: str
    order: str
    operation: str
    is_sticky: bool
    hold_s: float

    def fits(self, where: str, order: str, operation: str) -> bool:
        """Tell whether this message is one to spoil."""
        return (
            where in KINDS[self.kind][0]
            and self.where in ("", where)
            and self.order in ("", order)
            and self.operation in ("", operation)
            and (self.kind not in LIES or operation in TELLING_OPERATIONS)
            and (self.kind not in SIGNATURES or operation not in BROWSING_OPERATIONS)
        )


class Rules:
    """The misbehaviours asked for and not yet used up."""

    def __init__(self, ledger: Ledger) -> None:
        """Start well-behaved; rules are guarded by the ledger's lock."""
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
    ) -> Rule:
        """Ask for a misbehaviour.

        Raises:
            SandboxError: no such kind, or it can't happen there.
        """
        if kind not in KINDS:
            raise SandboxError("invalid", f"no misbehaviour {kind}; there are {', '.join(KINDS)}")
        if where not in ("", *KINDS[kind][0]):
            raise SandboxError("invalid", f"{kind} does not happen to a {where}")
        rule = Rule(secrets.token_hex(4), kind, where, order, operation, sticky, hold_s)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> int:
        """Behave from now on; return how many rules were dropped."""
        with self._lock:
            count = len(self._rules)
            self._rules.clear()
        return count

    def take(self, where: str, order: str, operation: str) -> Rule | None:
        """Return the first rule for this message, and use it up unless it is sticky."""
        with self._lock:
            for rule in self._rules:
                if rule.fits(where, order, operation):
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

"""What `send`, `check`, `close` and `re` print about a payment (WALNUT's output object)."""

from dataclasses import dataclass

from payment_cli.model.payments.payment import FIELD_NAMES, Payment, Status
from payment_cli.model.record import Json, Record

#: Fields that change with every write and say nothing by themselves.
_QUIET = frozenset(
    {
        "rev", "lm", "history", "intent", "next_check_at", "check_count", "absent_count",
        "absent_at", "pay_base",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """A payment after a command, which of its fields that command changed, and what went wrong.

    `unknown` says that nothing is known of what the provider holds: the state is unchanged. As a
    rule it gave no answer; `is_answered` if it did, and its answer decides nothing.
    """

    payment: Payment
    changed: tuple[str, ...] = ()
    err_msg: str = ""
    unknown: bool = False
    is_answered: bool = False

    def to_record(self) -> Record:
        """Return `{payObjId, status, changedKeys, type, data, errMsg?}`."""
        record: Record = {
            "payObjId": self.payment.id,
            "status": str(self.payment.st),
            "changedKeys": list(self.changed),
            "type": self.payment.re_tp,
            "data": self.payment.re_obj,
        }
        message = self.err_msg or trouble_of(self.payment)
        if message:
            record["errMsg"] = message
        return record


def result_of(
    before: Payment,
    after: Payment,
    err_msg: str = "",
    *,
    unknown: bool = False,
    is_answered: bool = False,
) -> Result:
    """Compare two versions of a payment."""
    changed: list[str] = []
    for name in FIELD_NAMES:
        if name not in _QUIET and getattr(before, name) != getattr(after, name):
            changed.append(name)
    changed += [k for k in after.extra if before.extra.get(k) != after.extra[k]]
    return Result(after, tuple(changed), err_msg, unknown, is_answered)


def trouble_of(payment: Payment) -> str:
    """Return what is wrong with a payment, "" if nothing is: why it failed, or about its money."""
    if payment.st is Status.FAIL:
        return payment.fail_re
    if payment.has_other_amount:
        return payment.figures
    return "it was paid, and the money went back" if payment.went_back else ""


def stored_data(payment: Payment) -> Json:
    """Return what a payer's screen may show: the provider's answer, while it can still be paid."""
    return payment.re_obj if payment.is_awaited else None

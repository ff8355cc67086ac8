"""One step of a price calculation: which rule did what, on which line, how many fen."""

from dataclasses import dataclass
from enum import StrEnum

from payment_cli.model.money import to_yuan
from payment_cli.model.record import Json, Record


class StepKind(StrEnum):
    """What kind of rule took the step."""

    DISCOUNT = "discount"
    COUPON = "coupon"
    FREIGHT = "freight"


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did. `taken` is fen off the goods (for freight: fen added to the price).

    `by_line` is the part of `taken` on each line of the cart, empty for a rule that took nothing;
    `note` says why it did what it did, or why it did not apply.
    """

    kind: StepKind
    id: str
    nm: str
    note: str
    taken: int = 0
    by_line: tuple[int, ...] = ()

    def to_record(self) -> Record:
        """Return the step for printing, in yuan."""
        by_line: list[Json] = [to_yuan(fen) for fen in self.by_line]
        return {
            "kind": str(self.kind),
            "id": self.id,
            "nm": self.nm,
            "note": self.note,
            "taken": to_yuan(self.taken),
            "by_line": by_line,
        }

"""What was deleted stays in its store, and can be restored: goods, discounts, coupons."""

from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

from payment_cli.errors import NotAllowedError
from payment_cli.model.fields import Fields

#: What `th_live` says, as in the reference shell's `thing`.
LIVE, DELETED = 1, -1


class Deletable(Protocol):
    """A record of a store with `th_live`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def is_live(self) -> bool:
        """Whether it is not deleted."""


_Record = TypeVar("_Record", bound=Deletable)


def deleted(record: _Record, what: str, now: int) -> _Record:
    """Return the record marked as deleted at `now` (AMS); `what` names it in a sentence.

    Raises:
        NotAllowedError: it is already.
    """
    if not record.is_live:
        raise NotAllowedError(f"{what} was deleted already")
    return replace(record, th_live=DELETED, lm=now)


def restored(record: _Record, what: str, now: int) -> _Record:
    """Return the record marked as live again at `now` (AMS); `what` names it in a sentence.

    Raises:
        NotAllowedError: it is not deleted.
    """
    if record.is_live:
        raise NotAllowedError(f"{what} is not deleted")
    return replace(record, th_live=LIVE, lm=now)


def read_live(fields: Fields) -> int:
    """Return the stored `th_live`; a record without one is live.

    Raises:
        InvalidValueError: it is neither.
    """
    return fields.whole("th_live", LIVE, low=DELETED, high=LIVE)

"""What names a record in the tree, and so its file."""

from typing import NamedTuple

from payment_cli.errors import InvalidValueError
from payment_cli.storage.base import Collection
from payment_cli.storage.kinds import KINDS, place

#: What to do about a file that a foreign hand changed.
FOREIGN_HINT = (
    "`payment fsck` names every difference; --restore then overwrites the files with the journal's"
    " records, --adopt takes hand-edited files into the journal"
)

#: What to do about one record that is damaged in the journal.
ROW_HINT = "`payment fsck` names it; --adopt takes its file into the journal, if that is whole"


class Key(NamedTuple):
    """A record's kind, domain ("" for kinds of the whole tree) and full id, all well formed."""

    kind: str
    domain: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}{f' of {self.domain}' if self.domain else ''}"

    @property
    def path(self) -> str:
        """The place of the record's file, relative to the root. The key was checked when made."""
        return KINDS[self.kind].place.format(domain=self.domain, id=self.id)

    @property
    def content_path(self) -> str:
        """The place of the record's content, relative to the root."""
        return self.path.removesuffix(".json")


def key_of(collection: Collection, record_id: str) -> Key:
    """Return the key of one record, every part of it checked.

    Raises:
        InvalidValueError: the id, domain or kind is not well formed, or a domain is missing.
    """
    key = Key(collection.kind, collection.domain or "", record_id)
    place(*key)
    return key


def key_in(kind: object, domain: object, record_id: object) -> Key | None:
    """Return the key that a row of the journal names, None if damage has made it none."""
    if not (isinstance(kind, str) and isinstance(domain, str) and isinstance(record_id, str)):
        return None
    key = Key(kind, domain, record_id)
    try:
        place(*key)
    except InvalidValueError:
        return None
    return key

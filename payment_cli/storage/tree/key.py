"""What names a record in the tree, and so its file."""

from typing import NamedTuple

from payment_cli.errors import InvalidValueError
from payment_cli.storage.base import Collection
from payment_cli.storage.kinds import PLACES, place

#: What to do about a file that a foreign hand changed.
FOREIGN_HINT = "`payment fsck` names every difference; --restore or --adopt decides"


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
        return PLACES[self.kind].format(domain=self.domain, id=self.id)

    @property
    def content_path(self) -> str:
        """The place of the record's content, relative to the root."""
        return self.path.removesuffix(".json")


def has_domain(kind: str) -> bool:
    """Return whether records of this kind belong to a merchant's domain.

    Raises:
        InvalidValueError: there is no such kind.
    """
    if kind not in PLACES:
        raise InvalidValueError(f"{kind!a} is not a kind of records")
    return "{domain}" in PLACES[kind]


def key_of(collection: Collection, record_id: str) -> Key:
    """Return the key of one record, every part of it checked.

    Raises:
        InvalidValueError: the id, domain or kind is not well formed, or a domain is missing.
    """
    key = Key(collection.kind, collection.domain or "", record_id)
    if has_domain(key.kind) != bool(key.domain):
        wrong = f"belongs to no domain, not to {key.domain!a}" if key.domain else "needs a domain"
        raise InvalidValueError(f"a record of kind {key.kind} {wrong}")
    place(*key)
    return key

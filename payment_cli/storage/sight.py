"""Finding a record by a part of its id, for who may not see all of its kind."""

from typing import Final

from payment_cli.errors import AmbiguousIdError, NotFoundError
from payment_cli.storage.base import Collection, Storage
from payment_cli.storage.kinds import typed_id

#: Of so many ids that a part fits we look for whose they are; of more it says too little.
LOOKED_AT: Final = 1000


def find_owned(
    storage: Storage, collection: Collection, fragment: str, owner: str | None, *fields: str
) -> str:
    """As `Storage.find_id`, but what is not `owner`'s makes no id ambiguous; None sees all.

    One of `fields` says whose a record is. The one that is found may still be another's: who reads
    it looks. A part that fits more than LOOKED_AT ids is ambiguous, whosever they are.

    Raises:
        NotFoundError, AmbiguousIdError, InvalidValueError: as `Storage.find_id`.
    """
    try:
        return storage.find_id(collection, fragment)
    except AmbiguousIdError:
        if owner is None:
            raise
    from payment_cli.model.query.match import In, all_of, any_of, equal
    from payment_cli.storage.base import Query

    part = asked_id(collection, fragment)
    like = storage.ids_like(collection, part, LOOKED_AT + 1)
    if len(like) > LOOKED_AT:
        raise AmbiguousIdError(collection.kind, part)
    mine = any_of(*(equal(field, owner) for field in fields))
    records = storage.query(collection, Query(all_of(In("id", tuple(like)), mine), limit=2))
    ids = [str(record["id"]) for record in records]
    if not ids:
        raise NotFoundError(collection.kind, part)
    if len(ids) > 1:
        raise AmbiguousIdError(collection.kind, part)
    return ids[0]


def asked_id(collection: Collection, fragment: str) -> str:
    """Return what `Storage.find_id` looks for when a person says `fragment`."""
    return typed_id(*collection, fragment)[1]

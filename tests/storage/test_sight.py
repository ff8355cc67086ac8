import pytest

from payment_cli.errors import AmbiguousIdError, NotFoundError
from payment_cli.storage.base import Collection
from payment_cli.storage.sight import LOOKED_AT, find_owned
from payment_cli.storage.tree import open_tree
from tests.storage.storage_contract import a_record, insert
from tests.support import plans
from tests.support.clock import HandClock
from tests.support.plans import only_flat_questions

KINDS = [
    ("payment", "seller_nm"),
    ("notice", "sto_nm"),
    ("outbox", "store"),
    ("outbox", "data.store"),
]


def of_store(record_id, field, store):
    outer, _, inner = field.partition(".")
    return {**a_record(id=record_id), outer: {inner: store} if inner else store}


@pytest.fixture(params=KINDS, ids=lambda param: "-".join(param))
def find(request, root, monkeypatch):
    """Keep two records of tea and two of cafe, all of one beginning and end; return a search."""
    kind, field = request.param
    collection, storage = Collection(kind), open_tree(root, HandClock())
    names = {"01aaaa1cccccc": "tea", "01aaaa2cccccc": "cafe", "01aaaa3cccccc": "cafe"}
    insert(storage, *(of_store(*(i, field, s)) for i, s in names.items()), collection=collection)
    monkeypatch.setattr(plans, "_is_ours", lambda: True)
    with only_flat_questions():
        yield lambda part, owner: find_owned(storage, collection, part, owner, field, "data.domain")
        storage.close()


@pytest.mark.parametrize("part", ["01aaaa", "cccccc"])
def test_what_is_anothers_makes_no_part_of_an_id_ambiguous(find, part):
    assert find(part, "tea") == "01aaaa1cccccc"


@pytest.mark.parametrize("part", ["01aaaa", "cccccc"])
def test_two_of_ones_own_are_ambiguous_and_of_nobody_none_is_found(find, part):
    for owner in ("cafe", None):
        with pytest.raises(AmbiguousIdError):
            find(part, owner)
    with pytest.raises(NotFoundError):
        find(part, "nobody")


def test_of_more_than_are_looked_at_nobody_is_told_one(root):
    storage, payments = open_tree(root, HandClock()), Collection("payment")
    ids = [f"01aaaa{n:06d}" for n in range(LOOKED_AT + 1)]
    stores = {ids[0]: "tea"}
    insert(storage, *(of_store(i, "seller_nm", stores.get(i, "cafe")) for i in ids[:-1]))
    assert find_owned(storage, payments, "01aaaa", "tea", "seller_nm") == ids[0]
    insert(storage, of_store(ids[-1], "seller_nm", "cafe"))
    with pytest.raises(AmbiguousIdError):
        find_owned(storage, payments, "01aaaa", "tea", "seller_nm")
    assert find_owned(storage, payments, ids[0][:12], "tea", "seller_nm") == ids[0]
    storage.close()

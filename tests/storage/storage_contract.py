"""The promises of storage/base.py, one or more tests each. Every backend's tests subclass it.

A subclass gives the fixture `storage`: an empty storage whose log is dated by the fixture `clock`.
"""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

import pytest

from payment_cli.clock import Clock
from payment_cli.errors import (
    AmbiguousIdError,
    ConflictError,
    InvalidValueError,
    NotFoundError,
)
from payment_cli.model.query.match import (
    Glob,
    Regex,
    all_of,
    any_of,
    between,
    equal,
    everything,
    is_null,
    negate,
    one_of,
)
from payment_cli.model.record import Json, Record
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.kinds import KINDS
from tests.support.clock import HandClock

PAYMENTS = Collection("payment")
THINGS = Collection("thing", "demo")


class Kind(StrEnum):
    """A text of a type of its own, as statuses are."""

    WAIT = "WAIT"


_numbers = itertools.count(1)


def an_id(tail: int | None = None) -> str:
    """An id like ours, unlike any other of this run."""
    number = next(_numbers) if tail is None else tail
    return f"{1_790_000_000_000 + number:012x}7000{number:016x}"


def a_record(**fields: Json) -> Record:
    """A record with what every record has."""
    record_id = fields.pop("id", None) or an_id()
    return {"id": record_id, "nm": record_id, "tp": "test", "ct": 1, "lm": 1, **fields}


def insert(storage: Storage, *records: Record, collection: Collection = PAYMENTS) -> list[Record]:
    with storage.transaction("tester") as tx:
        return [tx.insert(collection, record) for record in records]


def insert_one(storage: Storage, record: Record, collection: Collection = PAYMENTS) -> Record:
    return insert(storage, record, collection=collection)[0]


def names(found: Iterator[Record]) -> list[Json]:
    return [record["name"] for record in found]


class StorageContract:
    """What every Storage keeps."""

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    # -- records ---------------------------------------------------------------------------------

    def test_an_inserted_record_is_read_back_whole(self, storage: Storage) -> None:
        record = a_record(brief="茶 & “tea”", deep={"list": [1, None, True, {"k": "v"}]})
        stored = insert_one(storage, record)
        assert stored == {**record, "rev": 1}
        assert storage.get(PAYMENTS, str(record["id"])) == stored

    def test_unknown_fields_are_kept_through_a_change(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(some_day={"we": ["know", "it"]}))
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, {**stored, "st": "OK"})
        assert storage.get(PAYMENTS, str(stored["id"]))["some_day"] == {"we": ["know", "it"]}

    @pytest.mark.parametrize(
        "text", ["0.1", "12.30", "-0.005", "99999999999999999999.99", "1E+5", "0.00"]
    )
    def test_a_number_with_a_fraction_is_the_same_decimal(
        self, storage: Storage, text: str
    ) -> None:
        stored = insert_one(storage, a_record(price=Decimal(text)))
        found = storage.get(PAYMENTS, str(stored["id"]))["price"]
        assert type(found) is Decimal
        assert str(found) == text

    def test_whole_numbers_stay_whole_and_exact(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(big=10**30, small=-3, yes=True))
        found = storage.get(PAYMENTS, str(stored["id"]))
        assert (found["big"], found["small"]) == (10**30, -3)
        assert found["yes"] is True

    def test_what_is_handed_out_is_the_callers_own(self, storage: Storage) -> None:
        record = a_record(tags=["a"])
        stored = insert_one(storage, record)
        first = storage.get(PAYMENTS, str(record["id"]))
        for mine in (record, stored, first, next(storage.query(PAYMENTS, Query(everything())))):
            mine["tags"].append("mine")
        assert storage.get(PAYMENTS, str(record["id"]))["tags"] == ["a"]

    def test_what_a_write_returns_is_what_is_stored(self, storage: Storage) -> None:
        """A tuple has become a list, a whole Decimal an int: the record as JSON has it."""
        record = a_record(tags=("a", ("b",)), count=Decimal(5), st=Kind.WAIT, deep={"k": (1,)})
        stored = insert_one(storage, record)
        found = storage.get(PAYMENTS, str(record["id"]))
        assert stored == found
        assert stored["tags"] == ["a", ["b"]]
        assert [type(stored[name]) for name in ("count", "st")] == [int, str]
        with storage.transaction("tester") as tx:
            again = tx.put(PAYMENTS, {**found, "tags": ("c",)})
        assert again == storage.get(PAYMENTS, str(record["id"]))

    def test_an_unknown_id_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFoundError):
            storage.get(PAYMENTS, an_id())

    def test_an_id_is_taken_once(self, storage: Storage) -> None:
        record = a_record(name="first")
        insert(storage, record)
        with pytest.raises(ConflictError):
            insert(storage, {**record, "name": "second"})
        assert storage.get(PAYMENTS, str(record["id"]))["name"] == "first"

    @pytest.mark.parametrize("bad", ["", "../up", "/abs", "a\0b", "a\nb", "-a", "x" * 300, "a/b"])
    def test_an_id_that_could_be_a_path_is_refused(self, storage: Storage, bad: str) -> None:
        with pytest.raises(InvalidValueError):
            insert(storage, {**a_record(), "id": bad})
        with pytest.raises(InvalidValueError):
            storage.get(PAYMENTS, bad)

    @pytest.mark.parametrize("bad", ["../up", "UP", "a/b", "x" * 40])
    def test_a_domain_that_could_be_a_path_is_refused(self, storage: Storage, bad: str) -> None:
        with pytest.raises(InvalidValueError):
            insert(storage, a_record(), collection=Collection("thing", bad))

    # -- collections -----------------------------------------------------------------------------

    def test_the_same_id_lives_in_several_collections(self, storage: Storage) -> None:
        record = a_record(name="payment")
        insert(storage, record)
        insert(storage, {**record, "name": "thing"}, collection=THINGS)
        insert(storage, {**record, "name": "other"}, collection=Collection("thing", "other"))
        assert storage.get(PAYMENTS, str(record["id"]))["name"] == "payment"
        assert storage.get(THINGS, str(record["id"]))["name"] == "thing"
        assert storage.count(THINGS, everything()) == 1

    def test_a_query_without_a_domain_sees_every_domain(self, storage: Storage) -> None:
        for domain in ("demo", "other"):
            insert(storage, a_record(name=domain), collection=Collection("order", domain))
        query = Query(everything(), sort=(("name", 1),))
        assert names(storage.query(Collection("order", None), query)) == ["demo", "other"]
        assert storage.count(Collection("order", None), everything()) == 2
        assert names(storage.query(Collection("order", "other"), query)) == ["other"]

    def test_an_order_is_found_in_its_own_domain_only(self, storage: Storage) -> None:
        """Both would be the file ord_a_b_c.json if the domain could end anywhere."""
        stored = insert_one(storage, a_record(), Collection("order", "a_b"))
        with pytest.raises(NotFoundError):
            storage.get(Collection("order", "a"), str(stored["id"]))

    # -- revisions -------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_is_kept_and_found_by_its_fields(self, storage: Storage, kind: str) -> None:
        row = KINDS[kind]
        collection = Collection(kind, "demo" if row.has_domain else "")
        fields = {field.path: "x" if field.type_ is str else 7 for field in row.fields}
        stored = insert_one(storage, a_record(id=row.only_id or an_id(), **fields), collection)
        for path, value in fields.items():
            found = storage.query(collection, Query(equal(path, value), sort=((path, 1),)))
            assert list(found) == [stored]
        with storage.transaction("tester") as tx:
            tx.put(collection, stored)
        last = list(storage.log())[-1]
        assert last.before == (stored if row.keeps_before else None)

    @pytest.mark.parametrize("kind", ["nonsense", "", "Payment", "payment/x"])
    def test_a_kind_that_is_not_in_the_table_is_refused(self, storage: Storage, kind: str) -> None:
        insert(storage, a_record())
        collection = Collection(kind)
        for refused in (
            lambda: insert(storage, a_record(), collection=collection),
            lambda: storage.get(collection, an_id()),
            lambda: storage.committed(collection, an_id()),
            lambda: storage.content(collection, an_id()),
            lambda: list(storage.query(collection, Query(everything()))),
            lambda: storage.count(collection, everything()),
            lambda: storage.find_id(collection, an_id()),
            lambda: storage.find_id(collection, "0" * 8),
        ):
            with pytest.raises(InvalidValueError):
                refused()

    def test_a_payment_belongs_to_no_domain_and_a_thing_to_one(self, storage: Storage) -> None:
        for collection in (Collection("payment", "demo"), Collection("thing")):
            with pytest.raises(InvalidValueError):
                insert(storage, a_record(), collection=collection)

    def test_revisions_count_from_one(self, storage: Storage) -> None:
        record = insert_one(storage, a_record())
        for rev in (1, 2, 3):
            assert record["rev"] == rev
            with storage.transaction("tester") as tx:
                record = tx.put(PAYMENTS, record)
        assert storage.get(PAYMENTS, str(record["id"]))["rev"] == 4

    def test_a_stale_writer_is_refused(self, storage: Storage) -> None:
        stale = insert_one(storage, a_record(name="old"))
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, {**stale, "name": "new"})
        with pytest.raises(ConflictError), storage.transaction("tester") as tx:
            tx.put(PAYMENTS, {**stale, "name": "stale"})
        assert storage.get(PAYMENTS, str(stale["id"]))["name"] == "new"

    def test_a_stale_delete_is_refused(self, storage: Storage) -> None:
        stale = insert_one(storage, a_record())
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, stale)
        with pytest.raises(ConflictError), storage.transaction("tester") as tx:
            tx.delete(PAYMENTS, str(stale["id"]), 1)
        assert storage.get(PAYMENTS, str(stale["id"]))["rev"] == 2

    def test_what_is_not_there_can_be_neither_put_nor_deleted(self, storage: Storage) -> None:
        with pytest.raises(NotFoundError), storage.transaction("tester") as tx:
            tx.put(PAYMENTS, a_record(rev=1))
        with pytest.raises(NotFoundError), storage.transaction("tester") as tx:
            tx.delete(PAYMENTS, an_id(), 1)

    def test_a_deleted_record_is_gone_and_its_id_is_free(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(name="old"))
        with storage.transaction("tester") as tx:
            tx.delete(PAYMENTS, str(stored["id"]), 1)
        with pytest.raises(NotFoundError):
            storage.get(PAYMENTS, str(stored["id"]))
        assert storage.count(PAYMENTS, everything()) == 0
        again = insert_one(storage, a_record(id=stored["id"], name="new"))
        assert again["rev"] == 1

    # -- transactions ----------------------------------------------------------------------------

    def test_an_error_undoes_everything(self, storage: Storage) -> None:
        kept = insert_one(storage, a_record(name="kept"))
        gone = insert_one(storage, a_record(name="gone"))
        with pytest.raises(ZeroDivisionError), storage.transaction("tester") as tx:  # noqa: PT012
            fresh = tx.insert(PAYMENTS, a_record(), b"script")
            tx.put(PAYMENTS, {**kept, "name": "changed"})
            tx.delete(PAYMENTS, str(gone["id"]), 1)
            raise ZeroDivisionError
        assert storage.get(PAYMENTS, str(kept["id"])) == kept
        assert storage.get(PAYMENTS, str(gone["id"])) == gone
        with pytest.raises(NotFoundError):
            storage.get(PAYMENTS, str(fresh["id"]))
        assert len(list(storage.log())) == 2

    def test_a_refused_change_undoes_what_came_before_it(self, storage: Storage) -> None:
        taken = insert_one(storage, a_record())
        with pytest.raises(ConflictError), storage.transaction("tester") as tx:  # noqa: PT012
            tx.insert(PAYMENTS, a_record())
            tx.insert(PAYMENTS, a_record(id=taken["id"]))
        assert storage.count(PAYMENTS, everything()) == 1

    def test_a_refused_insert_that_is_survived_leaves_no_trace(self, storage: Storage) -> None:
        taken = insert_one(storage, a_record(name="first"))
        with storage.transaction("tester") as tx:
            with pytest.raises(ConflictError):
                tx.insert(PAYMENTS, a_record(id=taken["id"], name="second"))
            tx.insert(PAYMENTS, a_record())
        assert storage.get(PAYMENTS, str(taken["id"])) == taken
        assert storage.count(PAYMENTS, everything()) == 2
        assert [row.op for row in storage.log()] == ["insert", "insert"]

    def test_after_an_error_the_storage_goes_on(self, storage: Storage) -> None:
        with pytest.raises(ZeroDivisionError), storage.transaction("tester") as tx:  # noqa: PT012
            tx.insert(PAYMENTS, a_record())
            raise ZeroDivisionError
        insert(storage, a_record())
        assert storage.count(PAYMENTS, everything()) == 1

    def test_a_transaction_sees_its_own_writes(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(name="old", st="NEW"))
        with storage.transaction("tester") as tx:
            fresh = tx.insert(PAYMENTS, a_record(name="fresh", st="NEW"))
            tx.put(PAYMENTS, {**stored, "name": "changed"})
            assert tx.get(PAYMENTS, str(fresh["id"])) == fresh
            assert tx.get(PAYMENTS, str(stored["id"]))["name"] == "changed"
            query = Query(equal("st", "NEW"), sort=(("name", 1),))
            assert names(tx.query(PAYMENTS, query)) == ["changed", "fresh"]
            assert tx.count(PAYMENTS, equal("st", "NEW")) == 2
            tx.delete(PAYMENTS, str(fresh["id"]), 1)
            assert tx.count(PAYMENTS, equal("st", "NEW")) == 1
            with pytest.raises(NotFoundError):
                tx.get(PAYMENTS, str(fresh["id"]))

    def test_nobody_sees_what_is_not_committed(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(name="old"))
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, {**stored, "name": "new"})
            fresh = tx.insert(PAYMENTS, a_record())
            assert storage.get(PAYMENTS, str(stored["id"]))["name"] == "old"
            assert storage.count(PAYMENTS, everything()) == 1
            with pytest.raises(NotFoundError):
                storage.get(PAYMENTS, str(fresh["id"]))
        assert storage.get(PAYMENTS, str(stored["id"]))["name"] == "new"
        assert storage.count(PAYMENTS, everything()) == 2

    def test_one_record_can_change_several_times_in_a_transaction(self, storage: Storage) -> None:
        with storage.transaction("tester") as tx:
            record = tx.insert(PAYMENTS, a_record(name="one"), b"script")
            record = tx.put(PAYMENTS, {**record, "name": "two"})
            record = tx.put(PAYMENTS, {**record, "name": "three"})
        assert storage.get(PAYMENTS, str(record["id"])) == record
        assert record["rev"] == 3
        assert storage.content(PAYMENTS, str(record["id"])) == b"script"

    def test_deleted_and_inserted_again_in_one_transaction(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(name="old"))
        with storage.transaction("tester") as tx:
            tx.delete(PAYMENTS, str(stored["id"]), 1)
            tx.insert(PAYMENTS, a_record(id=stored["id"], name="new"))
        assert storage.get(PAYMENTS, str(stored["id"]))["name"] == "new"

    def test_inserted_and_deleted_in_one_transaction_leaves_nothing(self, storage: Storage) -> None:
        with storage.transaction("tester") as tx:
            stored = tx.insert(PAYMENTS, a_record(), b"script")
            tx.delete(PAYMENTS, str(stored["id"]), 1)
        assert storage.count(PAYMENTS, everything()) == 0
        with pytest.raises(NotFoundError):
            storage.get(PAYMENTS, str(stored["id"]))

    def test_a_transaction_may_be_opened_while_a_query_streams(self, storage: Storage) -> None:
        insert(storage, *(a_record(name=number, st="WAIT") for number in range(5)))
        waiting = Query(equal("st", "WAIT"), sort=(("name", 1),))
        for record in storage.query(PAYMENTS, waiting):
            with storage.transaction("tester") as tx:
                tx.put(PAYMENTS, {**record, "st": "OK"})
            assert storage.count(PAYMENTS, equal("st", "OK")) == int(str(record["name"])) + 1
        assert storage.count(PAYMENTS, equal("st", "WAIT")) == 0

    def test_a_query_left_open_in_a_transaction_does_no_harm(self, storage: Storage) -> None:
        insert(storage, *(a_record(name=number) for number in range(5)))
        with storage.transaction("tester") as tx:
            started = tx.query(PAYMENTS, Query(everything()))
            next(started)
            tx.insert(PAYMENTS, a_record(name=5))
        insert(storage, a_record(name=6))
        assert storage.count(PAYMENTS, everything()) == 7

    def test_the_committed_record_is_read_without_any_file(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record(price=Decimal("1.10")))
        assert storage.committed(PAYMENTS, str(stored["id"])) == stored
        with storage.transaction("tester") as tx:
            changed = tx.put(PAYMENTS, stored)
            assert storage.committed(PAYMENTS, str(stored["id"])) == stored
        assert storage.committed(PAYMENTS, str(stored["id"])) == changed
        with pytest.raises(NotFoundError):
            storage.committed(PAYMENTS, an_id())

    def test_a_transaction_for_money_is_one_like_others(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record())
        with storage.transaction("tester", leaves_foreign=True) as tx:
            changed = tx.put(PAYMENTS, stored)
            added = tx.insert(PAYMENTS, a_record(), b"script")
        assert storage.get(PAYMENTS, str(stored["id"])) == changed
        assert storage.content(PAYMENTS, str(added["id"])) == b"script"
        with pytest.raises(ConflictError), storage.transaction("tester", leaves_foreign=True) as tx:
            tx.put(PAYMENTS, stored)
        with storage.transaction("tester", leaves_foreign=True) as tx:
            tx.delete(PAYMENTS, str(stored["id"]), 2)
        assert storage.count(PAYMENTS, everything()) == 1

    def test_where_no_foreign_hand_was_nothing_is_left(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record())
        with storage.transaction("tester", leaves_foreign=True) as tx:
            tx.put(PAYMENTS, stored)
        assert list(storage.left()) == []

    def test_an_empty_transaction_changes_nothing(self, storage: Storage) -> None:
        with storage.transaction("tester"):
            pass
        assert list(storage.log()) == []

    def test_a_transaction_of_many_records(self, storage: Storage) -> None:
        insert(storage, *(a_record(fee=number) for number in range(300)))
        assert storage.count(PAYMENTS, between("fee", 100, 199)) == 100

    # -- content ---------------------------------------------------------------------------------

    def test_content_comes_back_byte_for_byte(self, storage: Storage) -> None:
        script = bytes(range(256)) * 3
        with storage.transaction("tester") as tx:
            stored = tx.insert(PAYMENTS, a_record(), script)
        assert storage.content(PAYMENTS, str(stored["id"])) == script

    def test_a_record_without_content_has_none(self, storage: Storage) -> None:
        stored = insert_one(storage, a_record())
        assert storage.content(PAYMENTS, str(stored["id"])) == b""
        with pytest.raises(NotFoundError):
            storage.content(PAYMENTS, an_id())

    def test_content_outlives_changes_and_goes_with_its_record(self, storage: Storage) -> None:
        with storage.transaction("tester") as tx:
            stored = tx.insert(PAYMENTS, a_record(), b"script")
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, stored)
        assert storage.content(PAYMENTS, str(stored["id"])) == b"script"
        with storage.transaction("tester") as tx:
            tx.delete(PAYMENTS, str(stored["id"]), 2)
        insert(storage, a_record(id=stored["id"]))
        assert storage.content(PAYMENTS, str(stored["id"])) == b""

    # -- queries ---------------------------------------------------------------------------------

    @pytest.fixture
    def four(self, storage: Storage) -> Storage:
        rows: list[dict[str, Json]] = [
            {"name": "a", "st": "NEW", "fee": 100, "buyer_id": "u1", "lm": 4},
            {"name": "b", "st": "WAIT", "fee": 200, "lm": 3, "note": {"by": "Ann"}},
            {"name": "c", "st": "WAIT", "fee": 300, "lm": 2, "tags": ["x", "y"]},
            {"name": "d", "st": "OK", "fee": 100, "lm": 1, "price": Decimal("1.50")},
        ]
        insert(storage, *(a_record(**row) for row in rows))
        return storage

    @pytest.mark.parametrize(
        ("match", "expected"),
        [
            (everything(), "abcd"),
            (equal("st", "WAIT"), "bc"),
            (all_of(equal("st", "WAIT"), equal("fee", 300)), "c"),
            (any_of(equal("st", "NEW"), equal("fee", 300)), "ac"),
            (negate(equal("st", "WAIT")), "ad"),
            (one_of("st", ["NEW", "OK"]), "ad"),
            (between("fee", 100, 200, high_open=True), "ad"),
            (between("lm", low=3), "ab"),
            (is_null("buyer_id"), "bcd"),
            (equal("note.by", "Ann"), "b"),
            (equal("tags", "y"), "c"),
            (equal("price", Decimal("1.5")), "d"),
            (equal("fee", "100"), ""),
            (equal("st", True), ""),
            (Regex("st", "^W.*T$"), "bc"),
            (Glob("st", ("WA", "")), "bc"),
        ],
    )
    def test_matches(self, four: Storage, match: object, expected: str) -> None:
        query = Query(match, sort=(("name", 1),))  # type: ignore[arg-type]
        assert names(four.query(PAYMENTS, query)) == list(expected)
        assert four.count(PAYMENTS, match) == len(expected)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ((("name", -1),), "dcba"),
            ((("lm", 1),), "dcba"),
            ((("lm", -1),), "abcd"),
            ((("fee", 1), ("name", -1)), "dabc"),
            ((("buyer_id", 1), ("name", 1)), "abcd"),
            ((("buyer_id", -1), ("name", 1)), "abcd"),
            ((("note.by", -1), ("lm", 1)), "bdca"),
        ],
    )
    def test_sorts_with_null_last_both_ways(
        self, four: Storage, sort: tuple[tuple[str, int], ...], expected: str
    ) -> None:
        assert names(four.query(PAYMENTS, Query(everything(), sort=sort))) == list(expected)

    @pytest.mark.parametrize("direction", [1, -1])
    def test_ties_are_broken_by_id_in_the_first_keys_direction(
        self, storage: Storage, direction: int
    ) -> None:
        ids = [an_id(tail) for tail in (103, 101, 102)]
        insert(storage, *(a_record(id=one, lm=7) for one in ids))
        found = storage.query(PAYMENTS, Query(everything(), sort=(("lm", direction),)))
        assert [record["id"] for record in found] == sorted(ids, reverse=direction < 0)

    @pytest.mark.parametrize("match", [equal("st", "WAIT"), Regex("st", "^WAIT$")])
    def test_pages_fit_together(self, storage: Storage, match: object) -> None:
        insert(storage, *(a_record(name=n, st="WAIT", lm=n % 3) for n in range(10)))
        query = Query(match, sort=(("lm", -1),))  # type: ignore[arg-type]
        whole = names(storage.query(PAYMENTS, query))
        pages = [
            names(storage.query(PAYMENTS, Query(query.match, query.sort, skip, 4)))
            for skip in (0, 4, 8, 12)
        ]
        assert [len(page) for page in pages] == [4, 4, 2, 0]
        assert list(itertools.chain(*pages)) == whole

    def test_a_limit_of_zero_is_an_empty_page(self, four: Storage) -> None:
        assert list(four.query(PAYMENTS, Query(everything(), limit=0))) == []

    def test_a_query_of_an_empty_storage_is_empty(self, storage: Storage) -> None:
        assert list(storage.query(PAYMENTS, Query(everything()))) == []
        assert storage.count(THINGS, everything()) == 0

    def test_a_record_of_another_shape_is_matched_by_what_it_is(self, four: Storage) -> None:
        """One whose indexed fields have unusual types neither vanishes nor hides the others."""
        odd = a_record(name="e", st=["WAIT", 7], fee=Decimal("250.5"), lm=True, buyer_id=10**40)
        insert(four, odd)
        by_name = (("name", 1),)
        assert names(four.query(PAYMENTS, Query(equal("st", "WAIT"), by_name))) == ["b", "c", "e"]
        assert names(four.query(PAYMENTS, Query(equal("st", 7), by_name))) == ["e"]
        assert names(four.query(PAYMENTS, Query(between("fee", 200, 260), by_name))) == ["b", "e"]
        assert four.count(PAYMENTS, equal("buyer_id", 10**40)) == 1
        assert names(four.query(PAYMENTS, Query(everything(), (("lm", 1),)))) == list("edcba")

    # -- finding ids -----------------------------------------------------------------------------

    def test_a_unique_start_or_end_finds_the_id(self, storage: Storage) -> None:
        first, second = "01aaaaaa" + "0" * 18 + "cc1111", "01bbbbbb" + "0" * 18 + "cc2222"
        insert(storage, a_record(id=first), a_record(id=second))
        assert storage.find_id(PAYMENTS, "01aaaa") == first
        assert storage.find_id(PAYMENTS, "cc2222") == second
        assert storage.find_id(PAYMENTS, first) == first

    def test_a_fragment_of_several_ids_is_ambiguous(self, storage: Storage) -> None:
        insert(storage, *(a_record(id=f"01aaaaaa{n}bbbbbb") for n in range(3)))
        for fragment in ("01aaaa", "bbbbbb"):
            with pytest.raises(AmbiguousIdError):
                storage.find_id(PAYMENTS, fragment)

    def test_start_of_one_and_end_of_another_is_ambiguous(self, storage: Storage) -> None:
        insert(storage, a_record(id="abcdef0001"), a_record(id="0002abcdef"))
        with pytest.raises(AmbiguousIdError):
            storage.find_id(PAYMENTS, "abcdef")

    def test_of_the_ids_like_a_fragment_no_more_are_read_than_asked_for(
        self, storage: Storage
    ) -> None:
        ids = {f"01aaaaaa{n}bbbbbb" for n in range(3)}
        insert(storage, *(a_record(id=each) for each in ids))
        for fragment in ("01aaaa", "bbbbbb"):
            assert set(storage.ids_like(PAYMENTS, fragment, 9)) == ids
            assert len(storage.ids_like(PAYMENTS, fragment, 2)) == 2
        assert storage.ids_like(PAYMENTS, min(ids), 9) == [min(ids)]
        assert storage.ids_like(PAYMENTS, "01aaa", 9) == []

    def test_an_id_that_two_domains_have_is_like_a_fragment_once(self, storage: Storage) -> None:
        for domain in ("tea", "cafe"):
            insert(storage, a_record(id="thing0thing0"), collection=Collection("thing", domain))
        assert storage.ids_like(Collection("thing", None), "thing0", 9) == ["thing0thing0"]

    def test_a_fragment_of_no_id_is_not_found(self, storage: Storage) -> None:
        insert(storage, a_record(id="01aaaaaabbbbbb"), a_record(id="01ABCDEFGH"))
        for fragment in ("1aaaaaa", "aaaaab", "abcdefgh", an_id()):
            with pytest.raises(NotFoundError):
                storage.find_id(PAYMENTS, fragment)

    def test_a_short_fragment_is_refused(self, storage: Storage) -> None:
        insert(storage, a_record(id="01aaaaaabbbbbb"))
        with pytest.raises(InvalidValueError):
            storage.find_id(PAYMENTS, "01aaa")

    def test_a_whole_id_wins_over_longer_ones(self, storage: Storage) -> None:
        insert(storage, a_record(id="abcdef"), a_record(id="abcdef0"), a_record(id="ab"))
        assert storage.find_id(PAYMENTS, "abcdef") == "abcdef"
        assert storage.find_id(PAYMENTS, "ab") == "ab"

    def test_the_file_of_a_record_finds_it_too(self, storage: Storage) -> None:
        payment, order = "01aaaaaa" + "0" * 24, "01bbbbbb" + "0" * 24
        insert(storage, a_record(id=payment))
        insert(storage, a_record(id=order), collection=Collection("order", "a_b.c"))
        for name in (f"{payment}.json", f"/tree/var/payment/{payment}.json"):
            assert storage.find_id(PAYMENTS, name) == payment
        file = f"ord_a_b.c_{order}"
        for domain in ("a_b.c", None):
            for name in (file, f"{file}.json", f"sys/order/{file}.json", "ord_a_b.c_01bbbb"):
                assert storage.find_id(Collection("order", domain), name) == order
        with pytest.raises(NotFoundError):
            storage.find_id(PAYMENTS, f"{order}.json")

    @pytest.mark.parametrize("domain", ["a", None])
    def test_the_file_of_another_domain_finds_nothing(
        self, storage: Storage, domain: str | None
    ) -> None:
        order = "01bbbbbb" + "0" * 24
        insert(storage, a_record(id=order), collection=Collection("order", "a"))
        for name in (f"ord_b_{order}", f"sys/order/ord_b_{order}.json", "ord_b_01bbbb"):
            with pytest.raises(NotFoundError):
                storage.find_id(Collection("order", domain), name)

    def test_ids_are_looked_for_in_their_collection(self, storage: Storage) -> None:
        insert(storage, a_record(id="thing0001"), collection=THINGS)
        with pytest.raises(NotFoundError):
            storage.find_id(PAYMENTS, "thing0001")
        assert storage.find_id(Collection("thing", None), "thing0") == "thing0001"

    # -- the log ---------------------------------------------------------------------------------

    def test_every_change_has_one_row_in_order(self, storage: Storage, clock: HandClock) -> None:
        clock.now = 1000
        record = insert_one(storage, a_record())
        clock.now = 2000
        with storage.transaction("ann") as tx:
            record = tx.put(PAYMENTS, record)
            tx.delete(PAYMENTS, str(record["id"]), 2)
        rows = list(storage.log())
        assert [(row.op, row.at, row.actor) for row in rows] == [
            ("insert", 1000, "tester"),
            ("put", 2000, "ann"),
            ("delete", 2000, "ann"),
        ]
        assert [row.seq for row in rows] == sorted({row.seq for row in rows})
        assert {(row.kind, row.domain, row.id) for row in rows} == {("payment", "", record["id"])}

    def test_digests_chain_a_records_changes(self, storage: Storage) -> None:
        record = insert_one(storage, a_record())
        with storage.transaction("tester") as tx:
            record = tx.put(PAYMENTS, record)
            tx.delete(PAYMENTS, str(record["id"]), 2)
        inserted, put, deleted = storage.log()
        assert inserted.before_digest == ""
        assert inserted.after_digest == put.before_digest
        assert put.after_digest == deleted.before_digest
        assert deleted.after_digest == ""
        assert len({inserted.after_digest, put.after_digest, ""}) == 3

    @pytest.mark.parametrize("kind", ["thing", "order", "settings"])
    def test_the_log_keeps_what_goods_orders_and_settings_were(
        self, storage: Storage, kind: str
    ) -> None:
        collection = Collection(kind, "demo")
        first = insert_one(storage, a_record(id="settings", price=Decimal("1.10")), collection)
        with storage.transaction("tester") as tx:
            second = tx.put(collection, {**first, "price": Decimal("2.20")})
            tx.delete(collection, "settings", 2)
        assert [row.before for row in storage.log()] == [None, first, second]
        assert {row.domain for row in storage.log()} == {"demo"}

    def test_the_log_keeps_no_json_of_payments(self, storage: Storage) -> None:
        record = insert_one(storage, a_record())
        with storage.transaction("tester") as tx:
            tx.put(PAYMENTS, record)
        assert [row.before for row in storage.log()] == [None, None]

    @pytest.mark.parametrize("kind", ["order", "coupon"])
    def test_the_history_of_a_record_is_its_own_entries(self, storage: Storage, kind: str) -> None:
        demo, other = Collection(kind, "demo"), Collection(kind, "other")
        with storage.transaction("w") as tx:
            first = tx.insert(demo, {"id": "one", "n": 1})
            tx.insert(demo, {"id": "two"})
            tx.insert(other, {"id": "one"})
        with storage.transaction("w") as tx:
            tx.delete(demo, "one", int(str(tx.put(demo, {**first, "n": 2})["rev"])))
        entries = list(storage.history(demo, "one"))
        assert [entry.op for entry in entries] == ["insert", "put", "delete"]
        assert {(entry.kind, entry.domain, entry.id) for entry in entries} == {
            (kind, "demo", "one")
        }
        assert entries == [e for e in storage.log() if (e.domain, e.id) == ("demo", "one")]
        assert list(storage.history(demo, "nothing")) == []

    def test_the_log_is_read_in_pages(self, storage: Storage) -> None:
        insert(storage, *(a_record() for _ in range(5)))
        first = list(storage.log(limit=2))
        rest = list(storage.log(after=first[-1].seq))
        assert len(first) == 2
        assert len(rest) == 3
        assert list(storage.log(after=rest[-1].seq)) == []

    # -- the storage -----------------------------------------------------------------------------

    def test_closing_twice_is_closing_once(self, storage: Storage, clock: Clock) -> None:
        [stored] = insert(storage, a_record())
        storage.close()
        storage.close()
        assert storage.get(PAYMENTS, str(stored["id"])) == stored

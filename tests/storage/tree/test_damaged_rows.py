"""A record that is damaged in the journal is left out of answers, named, and stops nothing else."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from payment_cli.errors import CorruptRecordError
from payment_cli.model.query.match import Match, equal, everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import open_tree
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock

HARMS = {
    "cut": "UPDATE records SET doc = substr(doc, 1, 20) WHERE id = 'p3'",
    "no record": "UPDATE records SET doc = '[]' WHERE id = 'p3'",
    "a blob": "UPDATE records SET doc = x'ff00' WHERE id = 'p3'",
    "no text": "UPDATE records SET doc = CAST(x'7b22ff' AS TEXT) WHERE id = 'p3'",
}

QUERIES = {
    "all": Query(everything()),
    "by a column": Query(equal("st", "WAIT"), (("lm", 1),)),
    "by its JSON": Query(equal("name", "x")),
    "sorted by its JSON": Query(everything(), (("name", -1), ("id", 1))),
}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(params=HARMS)
def storage(root: Path, request: pytest.FixtureRequest, said: list[str]) -> Iterator[Storage]:
    """Six payments, the fourth of which is damaged."""
    opened = open_tree(root, HandClock(), say=said.append)
    insert(opened, *(a_record(id=f"p{n}", st="WAIT", name="x", lm=n) for n in range(6)))
    opened.close()
    with sqlite3.connect(root / ".journal/payment.db") as conn:
        conn.execute(HARMS[request.param])
    conn.close()
    yield opened
    with suppress(CorruptRecordError):
        opened.close()


@pytest.mark.parametrize("how", QUERIES)
@pytest.mark.parametrize(("skip", "limit"), [(0, None), (0, 4), (2, 2)])
def test_the_others_are_yielded_and_a_page_is_full(
    storage: Storage, said: list[str], how: str, skip: int, limit: int | None
) -> None:
    found = storage.query(PAYMENTS, QUERIES[how]._replace(skip=skip, limit=limit))
    whole = ["p0", "p1", "p2", "p4", "p5"]
    assert [r["id"] for r in found] == whole[skip : None if limit is None else skip + limit]
    assert set(said) <= {"payment p3 is damaged in the journal, and left out"}


@pytest.mark.parametrize("match", [equal("name", "x"), equal("st", "WAIT"), everything()])
def test_a_count_is_made_of_what_is_whole_or_of_columns(storage: Storage, match: Match) -> None:
    assert storage.count(PAYMENTS, match) in (5, 6)


def test_it_is_named_once_and_told_at_the_end(storage: Storage, said: list[str]) -> None:
    for _ in range(2):
        list(storage.query(PAYMENTS, QUERIES["all"]))
    assert said == ["payment p3 is damaged in the journal, and left out"]
    with pytest.raises(CorruptRecordError, match="1 damaged record was left out") as caught:
        storage.close()
    assert "rebuild" not in caught.value.hint
    storage.close()


def test_the_others_are_written_and_only_itself_is_refused(storage: Storage) -> None:
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
    with pytest.raises(CorruptRecordError, match="p3"), storage.transaction("w") as tx:
        tx.get(PAYMENTS, "p3")

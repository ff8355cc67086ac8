"""One row is all that a kind of records needs, on every backend."""

import subprocess
import sys
from pathlib import Path

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.storage.kinds import KINDS, kind_of, place


@pytest.mark.parametrize("name", KINDS)
def test_an_index_is_made_of_columns_that_the_kind_fills(name: str) -> None:
    columns = {field.column for field in KINDS[name].fields}
    if KINDS[name].has_domain:
        columns.add("domain")
    assert {column for index in KINDS[name].indexes for column in index} <= columns


def test_kinds_that_share_a_column_hold_values_of_one_type_in_it() -> None:
    meanings: dict[str, set[object]] = {}
    for kind in KINDS.values():
        for field in kind.fields:
            meanings.setdefault(field.column, set()).add(field.type_)
    assert {column: len(found) for column, found in meanings.items() if len(found) > 1} == {}


def test_no_two_kinds_share_a_place() -> None:
    assert len({kind.place for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "domain", "record_id", "path"),
    [
        ("payment", "", "01", "var/payment/01.json"),
        ("order", "demo", "01", "sys/order/ord_demo_01.json"),
        ("settings", "demo", "settings", "home/demo/.store/settings.json"),
    ],
)
def test_a_records_place(kind: str, domain: str, record_id: str, path: str) -> None:
    assert place(kind, domain, record_id) == path


@pytest.mark.parametrize(
    ("kind", "domain", "record_id"),
    [
        ("nonsense", "", "01"), ("payment", "demo", "01"), ("order", "", "01"),
        ("payment", "", "../01"), ("payment", "", ""), ("order", "a/b", "01"),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_has_no_place(kind: str, domain: str, record_id: str) -> None:
    with pytest.raises(InvalidValueError):
        place(kind, domain, record_id)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(InvalidValueError, match="'refund' is not a kind"):
        kind_of("refund")


NEW_KIND = """
import sys
from pathlib import Path
from payment_cli.storage import kinds
kinds.KINDS["parcel"] = kinds.Kind(
    "sys/parcel/{domain}_{id}.json",
    (kinds.Field("weight", "weight", int, 100), kinds.Field("carrier", "carrier", str, 1000)),
    (("carrier", "weight"),),
    keeps_before=True,
)
from payment_cli.model.query.match import equal
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tinydb import open_tinydb
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.fsck import check_tree
root = Path(sys.argv[1])
parcels = Collection("parcel", "demo")
for storage in (open_tree(root, lambda: 1), open_tinydb(None, lambda: 1)):
    with storage.transaction("w") as tx:
        stored = tx.insert(parcels, {"id": "p1", "weight": 7, "carrier": "sf"})
        tx.put(parcels, stored)
    (found,) = storage.query(parcels, Query(equal("carrier", "sf"), sort=(("weight", 1),)))
    assert found["rev"] == 2
    assert [row.before for row in storage.log()] == [None, stored]
    storage.close()
assert check_tree(root).is_clean
print((root / "sys/parcel/demo_p1.json").exists())
"""


def test_a_new_kind_is_one_row(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NEW_KIND, str(root)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n", "")

"""fsck as a service: what a person can ask for. What each does is in tests/storage/tree."""

import json
from pathlib import Path

import pytest

from payment_cli.app import App
from payment_cli.errors import ConfigError, CorruptRecordError
from payment_cli.model.record import Record
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS


@pytest.fixture
def app(root: Path) -> App:
    made = App(root, "demo", {})
    made.merchants.init("demo")
    return made


@pytest.fixture
def edited(app: App) -> tuple[Path, Record]:
    """A payment whose file somebody edited: the file, and the record."""
    payment = app.creator.create(NewPayment(fee=100, brief="ours")).payment
    place = app.root / "var" / "payment" / f"{payment.id}.json"
    place.write_text(place.read_text().replace("ours", "mine"))
    return place, app.storage.committed(PAYMENTS, payment.id)


def briefs(app: App, record: Record) -> tuple[object, object]:
    """What the file says, and what the journal."""
    record_id = str(record["id"])
    file = app.root / f"var/payment/{record_id}.json"
    in_journal = app.storage.committed(PAYMENTS, record_id)
    return json.loads(file.read_text())["brief"], in_journal["brief"]


def test_a_check_names_the_file_and_changes_nothing(app: App, edited: tuple[Path, Record]) -> None:
    place, record = edited
    told: list[tuple[int, int]] = []
    [found] = app.upkeep.fsck.check(lambda done, total: told.append((done, total))).differences
    assert (found.kind, found.path) == ("edited", str(place.relative_to(app.root)))
    assert briefs(app, record) == ("mine", "ours")
    assert told


def test_restoring_takes_the_journals_word(app: App, edited: tuple[Path, Record]) -> None:
    assert app.upkeep.fsck.restore().is_clean
    assert briefs(app, edited[1]) == ("ours", "ours")


def test_adopting_takes_the_files_word(app: App, edited: tuple[Path, Record]) -> None:
    assert app.upkeep.fsck.adopt().is_clean
    assert briefs(app, edited[1]) == ("mine", "mine")


def test_rebuilding_takes_no_file_over_a_record_of_its_own_revision(
    app: App, edited: tuple[Path, Record]
) -> None:
    assert [one.kind for one in app.upkeep.fsck.rebuild().differences] == ["edited"]
    assert briefs(app, edited[1]) == ("mine", "ours")


def test_money_that_went_on_is_not_undone_by_any_but_restoring(
    app: App, edited: tuple[Path, Record]
) -> None:
    with app.storage.transaction("demo", leaves_foreign=True) as tx:
        tx.put(PAYMENTS, {**edited[1], "brief": "paid"})
    assert [one.kind for one in app.upkeep.fsck.adopt().differences] == ["left"]
    with pytest.raises(CorruptRecordError):
        app.upkeep.fsck.rebuild()
    assert briefs(app, edited[1]) == ("mine", "paid")
    assert app.upkeep.fsck.restore().is_clean


@pytest.mark.parametrize("service", ["fsck", "backup"])
def test_a_storage_without_files_has_none_to_look_after(root: Path, service: str) -> None:
    app = App(root, "demo", {"PAYMENT_STORAGE": "tinydb:"})
    with pytest.raises(ConfigError, match="no files"):
        getattr(app.upkeep, service)


def test_an_edit_that_would_take_money_back_is_not_adopted_and_says_why(
    app: App, edited: tuple[Path, Record]
) -> None:
    assert app.upkeep.fsck.restore().is_clean
    with app.storage.transaction("demo") as tx:
        tx.put(PAYMENTS, {**edited[1], "st": "OK", "paid_fee": 100})
    edited[0].write_text(edited[0].read_text().replace('"OK"', '"WAIT"'))
    [found] = app.upkeep.fsck.adopt().differences
    assert "st does not go from OK" in found.detail
    assert app.storage.committed(PAYMENTS, str(edited[1]["id"]))["st"] == "OK"

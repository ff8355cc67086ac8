"""Backup as a service. What is in a copy is in tests/storage/tree."""

from pathlib import Path

import pytest

from payment_cli.app import App
from payment_cli.errors import StorageError
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS


def test_the_copy_is_a_tree_of_its_own(root: Path, tmp_path: Path) -> None:
    app = App(root, "demo", {})
    app.merchants.init("demo")
    payment = app.creator.create(NewPayment(fee=100)).payment
    assert app.upkeep.backup.copy(tmp_path / "copy").total == 1
    copy = App(tmp_path / "copy", "demo", {})
    assert copy.storage.get(PAYMENTS, payment.id)["fee"] == 100
    assert copy.upkeep.fsck.check().is_clean


def test_a_folder_with_something_in_it_is_refused(root: Path) -> None:
    with pytest.raises(StorageError, match="not empty"):
        App(root, "demo", {}).upkeep.backup.copy(root.parent)

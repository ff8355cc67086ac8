"""A tree with a record of every shape of file, and files that people wrote."""

from pathlib import Path

from payment_cli.storage.base import Collection, Storage
from payment_cli.storage.tree import open_tree
from tests.storage.storage_contract import PAYMENTS, THINGS, a_record
from tests.support.clock import HandClock


def places(seller: str) -> dict[str, str]:
    """Return where a record of each shape is, if `seller` has the order."""
    return {
        "payment": "var/payment/p1.json",
        "content": "var/payment/p1",
        "order": f"sys/order/ord_{seller}_o_1.json",
        "thing": "home/demo/.store/thing/t1.json",
        "settings": "home/demo/.store/settings.json",
    }


def open_every_shape(root: Path, seller: str) -> Storage:
    """Make the tree in `root`, and return its storage, open."""
    opened = open_tree(root, HandClock())
    with opened.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p1", name="ours", st="NEW"), b"script")
        tx.insert(PAYMENTS, a_record(id="p2", st="NEW"))
        tx.insert(Collection("order", seller), a_record(id="o_1", name="ours"))
        tx.insert(THINGS, a_record(id="t1", name="ours"))
        tx.insert(Collection("settings", "demo"), a_record(id="settings", name="ours"))
    store = root / "home" / "demo" / ".store"
    (store / "store_info.json").write_text('{"id": "x", "title": "authored"}')
    (store / "i18n").mkdir()
    (store / "i18n" / "zh-cn.json").write_text("{}")
    return opened

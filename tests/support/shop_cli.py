"""Stores for tests of the command line: one with goods and coupons, and a later time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from payment_cli import app as app_module
from payment_cli.clock import system_clock
from tests.support.cli import Runner

#: Products by code: options of `payment w add`, beside title and code.
GOODS = {
    "cup": ("--price", "34.50", "--stock", "10", "--min", "2", "--max", "5"),
    "pot": ("--price", "100"),
    "dollar": ("--price", "1", "--currency", "USD"),
    "gone": ("--price", "1"),
    "old": ("--price", "1", "--expires", "2020-01-01"),
    "none": ("--price", "1", "--stock", "0"),
    "set": ("--part", "cup:4", "--part", "pot:1"),
    "oldset": ("--part", "old:1"),
}

#: Coupons by name: options of `payment coupon add`, beside the title.
COUPONS = {
    "cash": ("--off", "20"),
    "foreign": ("--off", "20", "--owner", "xu"),
    "expired": ("--off", "20", "--expires", "2020-01-01"),
    "high": ("--off", "20", "--thres", "1000"),
    "held": ("--off", "20"),
    "used": ("--off", "100"),
    "deleted": ("--off", "20"),
    "nothing": ("--rate", "1"),
}


def configure_target(root: Path, provider: str = "wxpay", name: str = "main") -> None:
    """Give `demo` a config for a gateway account; it holds nothing that could be sent."""
    conf = root / "home/demo/.payment" / provider / name / f"{provider}.conf"
    conf.parent.mkdir(parents=True, mode=0o700)
    conf.write_text("{}")


def write_script(root: Path, name: str = "after", text: str = "true\n") -> None:
    """Give `demo` a script that payments may run."""
    script = root / "home/demo/.payment/callback" / name
    script.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    script.write_text(text)


@dataclass
class Stocked:
    """The tree, and ids by the names above."""

    root: Path
    goods: dict[str, str] = field(default_factory=dict)
    coupons: dict[str, str] = field(default_factory=dict)


@contextmanager
def stocked_store(root: Path) -> Iterator[Stocked]:
    """Make the store `demo` with GOODS and COUPONS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        payment = Runner("payment", patch)
        payment("store", "init", "demo")
        made = Stocked(root)
        for name, words in GOODS.items():
            added = payment("w", "add", "-nm", name, "--title", name.title(), *words).json
            made.goods[name] = added["id"]
        for name, words in COUPONS.items():
            made.coupons[name] = payment("coupon", "add", "--title", name, *words).json["id"]
        payment("w", "rm", "gone")
        payment("coupon", "rm", made.coupons["deleted"])
        create = ("o", "create", "--anonymous", "--item", "pot", "--coupon")
        payment(*create, made.coupons["held"])
        paid = payment(*create, made.coupons["used"]).json
        payment("p", "pay", paid["id"])
    yield made


def run_later(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Let the commands that follow run so many minutes after now."""
    opened = app_module.open_app

    def open_later(root: str = "", domain: str = "") -> app_module.App:
        app = opened(root, domain)
        app.clock = lambda: system_clock() + minutes * 60_000
        return app

    monkeypatch.setattr(app_module, "open_app", open_later)

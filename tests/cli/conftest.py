"""`pay(...)` and `payment(...)`: the programs, run in this process over a tree of their own."""

from pathlib import Path

import pytest

from tests.support.cli import Runner


@pytest.fixture
def pay(monkeypatch: pytest.MonkeyPatch, root: Path) -> Runner:
    monkeypatch.setenv("PAYMENT_ROOT", str(root))
    monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
    return Runner("pay", monkeypatch)


@pytest.fixture
def payment(monkeypatch: pytest.MonkeyPatch, root: Path) -> Runner:
    monkeypatch.setenv("PAYMENT_ROOT", str(root))
    monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
    return Runner("payment", monkeypatch)


@pytest.fixture
def shop(pay: Runner, payment: Runner) -> None:
    """Make the domain `demo` a merchant."""
    payment("store", "init", "demo")

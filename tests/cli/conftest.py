"""`pay(...)` and `payment(...)`: the programs, run in this process over a tree of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Runner
from tests.support.plans import only_flat_questions
from tests.support.sandbox_shop import SandboxShop, sandbox_shop


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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxShop]:
    """Serve one sandbox for a module; each test makes payments of its own."""
    with sandbox_shop(tmp_path_factory.mktemp("served")) as shop:
        yield shop


@pytest.fixture
def sandboxed(
    served: SandboxShop, pay: Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxShop]:
    """Let `pay` and `payment` work on the tree whose gateways are the sandbox."""
    monkeypatch.setenv("PAYMENT_ROOT", str(served.root))
    yield served
    served.sandbox.sandbox.control.behave()
    served.receiver.default = (200, b"success")


@pytest.fixture
def new(pay: Runner, sandboxed: SandboxShop) -> str:
    """Return the id of a new payment of 2300 fen, in the tree with the sandbox."""
    return str(pay("create", "-fee", 2300, "-br", "Two coffees").json["id"])


@pytest.fixture(autouse=True)
def _only_flat_questions() -> Iterator[None]:
    """Nothing that a command asks reads more the more a tree holds, but lists and upkeep."""
    with only_flat_questions():
        yield

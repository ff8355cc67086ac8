"""A merchant whose gateways are the sandbox, served in this process, and its callback address."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from payment_cli.clock import system_clock
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.cli import Runner
from tests.support.receiver import Delivery, Receiver, receiving


@dataclass(frozen=True)
class SandboxShop:
    """A tree with the merchant `demo`, its sandbox, and what the sandbox delivered."""

    root: Path
    sandbox: Running
    receiver: Receiver

    def callback(self, pay: Runner, payment_id: str, **how: Any) -> Delivery:
        """Let the payer pay, and return the callback that the sandbox sent."""
        before = len(self.receiver.deliveries)
        self.sandbox.sandbox.control.scan(payment_id, **how)
        return self.receiver.deliveries[before]


def raw(delivery: Delivery) -> bytes:
    """Return a delivery as the raw HTTP request it was."""
    head = [f"POST {delivery.path} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in delivery.headers.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + delivery.body


@contextmanager
def sandbox_shop(root: Path, clock: Callable[[], int] = system_clock) -> Iterator[SandboxShop]:
    """Make the merchant and serve the sandbox, whose time is `clock`, for as long as it lasts."""
    with (
        pytest.MonkeyPatch.context() as patch,
        receiving() as receiver,
        running_sandbox(root / ".sandbox", clock=clock) as running,
    ):
        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        Runner("payment", patch)("store", "init", "demo")
        port = running.url.rpartition(":")[2]
        Runner("pay", patch)("sandbox", "init", "--port", port, "--notify", receiver.url)
        yield SandboxShop(root, running, receiver)

"""A small world for the services: real services, the reference storage, a scripted gateway."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from payment_cli.errors import NotFoundError
from payment_cli.gateways.base import Gateway, HttpRequest
from payment_cli.model.actor import Actor
from payment_cli.model.payments.buyer import Buyer
from payment_cli.model.payments.payment import Payment
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.consequences import Consequences
from payment_cli.services.payments.answers import Recorder
from payment_cli.services.payments.apply import Applier
from payment_cli.services.payments.ask import Asker
from payment_cli.services.payments.check import Checker
from payment_cli.services.payments.close import Closer
from payment_cli.services.payments.create import Creator, NewPayment
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.receive import Receiver
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.resolve import Resolver
from payment_cli.services.payments.send import Sender
from payment_cli.services.payments.settlement import Settlement
from payment_cli.services.shop.order_payments import OrderPayments
from payment_cli.services.shop.orders import Orders
from payment_cli.storage.base import Storage
from payment_cli.storage.tinydb import open_tinydb
from tests.support.clock import CountedIds, CountedTokens, HandClock
from tests.support.gateway import ScriptedGateway
from tests.support.plans import only_flat_questions

if TYPE_CHECKING:  # it is made of worlds itself
    from tests.services.rivals import Rivals


@dataclass
class ScriptRuns:
    """Stands for the script runner; the real one has its own tests."""

    runs: list[tuple[bytes, dict[str, Any], str]] = field(default_factory=list)
    exit_code: int = 0
    output: str = "done"
    trouble: BaseException | None = None

    def __call__(self, script: bytes, record: dict[str, Any], domain: str) -> "ScriptRuns":
        if self.trouble is not None:
            raise self.trouble
        self.runs.append((script, record, domain))
        return self


@dataclass
class OneAccount:
    """The accounts of a world with one gateway, whatever its name."""

    opened: ScriptedGateway
    wechat_targets: list[tuple[str, str]] = field(default_factory=lambda: [("demo", "shop")])
    #: What a message on the bare path may say to an account; "" where nothing is said here.
    said_to: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        return self.opened

    def order_no_for(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> str | None:
        return self.said_to.get((domain, target), "")

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        return f"{gateway.notify_base}/{pay_tp}/{domain}/{target}"

    def targets(self, provider: str) -> list[tuple[str, str]]:
        return self.wechat_targets if provider == "wxpay" else []


@dataclass
class World:
    """Everything a service test needs, for one caller."""

    storage: Storage
    clock: HandClock
    gateway: ScriptedGateway
    actor: Actor = field(default_factory=lambda: Actor("demo"))
    ids: CountedIds = field(default_factory=CountedIds)
    tokens: CountedTokens = field(default_factory=CountedTokens)
    refusals: list[str] = field(default_factory=list)
    scripts: ScriptRuns = field(default_factory=ScriptRuns)
    callbacks: dict[tuple[str, str], bytes] = field(
        default_factory=lambda: {("demo", "after"): b"echo paid"}
    )

    hooks: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokens = self.tokens
        self.accounts = OneAccount(self.gateway)
        self.consequences = Consequences(
            self.ids, lambda store, event: (store, event) in self.hooks
        )
        self.settlement = Settlement(lambda: self.consequences)
        recorder = Recorder(self.settlement)
        self.payments = Payments(self.storage, self.actor)
        self.creator = Creator(
            self.storage, self.actor, self.clock, self.ids, tokens, self.find_merchant,
            self.read_script, self.settlement,
        )  # fmt: skip
        self.sender = Sender(
            self.storage, self.payments, self.accounts, recorder, self.clock, tokens
        )
        asker = Asker(self.storage, self.actor.domain, self.accounts, recorder, self.clock)
        resolver = Resolver(asker, self.sender, tokens)
        self.checker = Checker(self.storage, self.payments, asker, resolver, self.clock)
        self.closer = Closer(self.payments, asker, resolver)
        self.receiver = Receiver(
            self.storage, self.payments, self.accounts, recorder, self.checker, self.clock,
            self.refusals.append,
        )  # fmt: skip
        self.orders = Orders(
            self.storage, self.actor, self.clock, self.ids, self.find_merchant,
            lambda: self.consequences,
        )  # fmt: skip
        self.order_payments = OrderPayments(
            self.storage, self.orders, self.payments, self.creator, self.sender, self.checker,
            self.closer, lambda: self.consequences, self.clock, self.ids, self.find_merchant,
        )  # fmt: skip
        self.applier = Applier(
            self.storage, self.payments, self.clock, self.scripts, "here:1", timeout_s=60
        )

    def find_merchant(self, domain: str) -> Merchant:
        if domain not in ("demo", "other"):
            raise NotFoundError("merchant", domain)
        return Merchant(
            domain, f"id-{domain}", domain.title(), sellers={"wx": "shop", "zfb": "ali"}
        )

    def read_script(self, domain: str, name: str) -> bytes:
        if (domain, name) not in self.callbacks:
            raise NotFoundError("callback", name)
        return self.callbacks[domain, name]

    def create(self, fee: int = 2300, **changes: Any) -> Payment:
        new = NewPayment(fee=fee, buyer=Buyer(1, "u1", "Li"), **changes)
        return self.creator.create(new).payment

    def seen_by(self, domain: str, *, is_operator: bool = False) -> "World":
        """The same tree for another caller."""
        return replace(self, actor=Actor(domain, is_operator=is_operator))

    def stored(self, payment: Payment) -> Payment:
        return Payment.from_record(self.storage.get(PAYMENTS, payment.id))


def a_world() -> World:
    """A new world; who makes one closes its storage."""
    storage = open_tinydb(None, clock := HandClock())
    return World(storage, clock, ScriptedGateway())


@pytest.fixture
def world() -> Iterator[World]:
    made = a_world()
    yield made
    made.storage.close()


@pytest.fixture(autouse=True)
def _only_flat_questions() -> Iterator[None]:
    """Nothing that a service asks reads more the more a tree holds."""
    with only_flat_questions():
        yield


@pytest.fixture
def rivals(root: Path) -> "Iterator[Rivals]":
    """Two callers on one tree, of whom the first is stopped."""
    from tests.services.rivals import two_rivals

    with two_rivals(root) as rivals:
        yield rivals

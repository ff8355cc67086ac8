"""A store on the web as it is in earnest: gunicorn, a real tree, the sandbox as its gateways."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from payment_cli.app import App
from payment_cli.model.record import Json
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import Role
from payment_cli.sandbox import targets
from payment_cli.sandbox.server import Running, running_sandbox
from payment_cli.services.shop.orders import Buying
from tests.support.web_server import WebServer, web_server

FAMILIES = '{"wx":"sandbox","zfb":"sandbox"}'

TITLES = {"demo": "Red Fox Tea House", "other": "Grey Wolf Hardware"}


@dataclass
class ServedShop:
    """The store `demo` with two goods, and beside it `other`, which only has a till."""

    app: App
    sandbox: Running
    server: WebServer
    tea: str
    cup: str

    def order(self, buyer: str = "xiaobai") -> Order:
        products: list[Json] = [{"id": self.tea, "amount": 1}, {"id": self.cup, "amount": 2}]
        wanted = OrderInput.from_document({"products": products})
        return self.app.shop.orders.create(wanted, Buying(buyer))

    def stored(self, order: Order) -> Order:
        return self.app.shop.orders.get(order.id)

    def link(self, order: Order | None = None, store: str = "demo") -> str:
        """Return the link to an order's checkout for its buyer, or to a till."""
        role, buyer = (Role.CASHIER, "") if order is None else (Role.BUYER, order.buyer_id)
        sessions = self.app.acting_as(store).web_sessions
        token = sessions.issue(store, role, buyer, minutes=30).token.reveal()
        place = "/pay/enter" if order is None else f"/pay/enter/{order.id}"
        return f"{self.server.url}{place}#{token}"

    def payer_pays(self, payment_id: str) -> None:
        """Let the payer act on his phone; the callback is delivered when this returns."""
        self.sandbox.sandbox.control.scan(payment_id)


@contextmanager
def served_shop(place: Path, *, workers: int = 2) -> Iterator[ServedShop]:
    """Make the two stores in a tree below `place`, and serve them."""
    root = place / "tree"
    root.mkdir(mode=0o700)
    app = App(root, "demo", {})
    for name, title in TITLES.items():
        merchants = app.acting_as(name).merchants
        merchants.init(name)
        merchants.set(name, "title", title)
    goods = app.shop.goods
    tea = goods.add({"w_nm": "Longjing tea", "w_price": Decimal("128.00")}).id
    cup = goods.add({"w_nm": "Cup", "w_price": Decimal("34.50")}).id
    with (
        running_sandbox(root / ".sandbox") as sandbox,
        web_server(root, place / "server.log", workers=workers) as server,
    ):
        for name in TITLES:
            targets.init(
                root / "home" / name, root / ".sandbox",
                base_url=sandbox.url, notify_base=f"{server.url}/pay/re",
            )  # fmt: skip
            app.acting_as(name).merchants.set(name, "sellers", FAMILIES)
        yield ServedShop(app, sandbox, server, tea, cup)
    app.close()

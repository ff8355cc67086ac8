"""A store on the web, called as a server would call it: real services, a scripted gateway."""

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from payment_cli.app import App
from payment_cli.errors import PaymentError
from payment_cli.gateways.base import Answer, Gateway, HttpRequest, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.record import Json
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import Role
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.records import load_order
from payment_cli.web.whole import make_application
from tests.support.clock import CountedIds, CountedTokens, HandClock
from tests.support.gateway import ScriptedGateway
from tests.support.wsgi import Reply, call

QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://wxpay/bizpayurl?pr=abc")
WAITING = Answer(Outcome.WAITING, ReturnType.JSON, {"secret": "scan-canary"})
LINK = Answer(Outcome.WAITING, ReturnType.LINK, "https://pay.example/page?a=1&b=2")
CLOSED = Answer(Outcome.CLOSED)
UNKNOWN = Answer(Outcome.UNKNOWN, message="timeout")

#: What a page of ours sends with every question, beside the name of its session.
OWN_PAGE = {
    "HTTP_ORIGIN": "http://shop.example",
    "HTTP_SEC_FETCH_SITE": "same-origin",
}

WECHAT_CODE, ALIPAY_CODE = "130000000000000000", "2800000000000000"


@dataclass
class OneGateway:
    """The accounts of a tree whose every account is this gateway."""

    opened: ScriptedGateway

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        return self.opened

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        return f"{gateway.notify_base}/{pay_tp}/{domain}/{target}"

    def order_no_for(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> str | None:
        return ""

    def targets(self, provider: str) -> list[tuple[str, str]]:
        return []


class WatchedApp(App):
    """Notes the scripts it is to start, instead of starting them."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gateway = ScriptedGateway()
        self.started: list[tuple[str, ...]] = []

    @cached_property
    def accounts(self) -> OneGateway:
        return OneGateway(self.gateway)

    def has_target(self, _provider: str, _domain: str, _target: str) -> bool:
        """Say that every account is configured: all of them are the one gateway."""
        return True

    def start(self, *words: str) -> None:
        self.started.append(words)


class StoreWeb:
    """The store `demo` with two goods, and who visits it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = HandClock()
        self.app = WatchedApp(
            root, "root", {"PAYMENT_STORAGE": "tinydb:"}, self.clock, CountedIds(), CountedTokens()
        )
        self.gateway = self.app.gateway
        self.gateway.sends = [QR]
        self.gateway.closes = [CLOSED]
        for name in ("demo", "other"):
            self.app.merchants.init(name)
            self.app.merchants.set(name, "sellers", '{"wx":"main","zfb":"ali"}')
        self.app.merchants.set("demo", "title", "Demo shop")
        self.demo = self.app.acting_as("demo")
        self.application = make_application(lambda: self.app)
        goods = self.demo.shop.goods
        self.tea = goods.add({"nm": "tea", "w_nm": "Tea", "w_price": Decimal("29.90"), "sku": 5}).id
        self.cup = goods.add({"nm": "cup", "w_nm": "Cup", "w_price": 20}).id

    def set(self, line: str) -> None:
        """Write payment.toml, and let it be read anew."""
        settings = self.root / "etc/payment.toml"
        settings.parent.mkdir()
        settings.write_text(line + "\n")
        vars(self.app).pop("settings", None)

    def token(
        self,
        role: Role = Role.BUYER,
        buyer: str = "xiaobai",
        store: str = "demo",
        *,
        openid: str = "",
        minutes: int = 60,
    ) -> str:
        sessions = self.app.acting_as(store).web_sessions
        return sessions.issue(store, role, buyer, minutes=minutes, openid=openid).token.reveal()

    def name_of(self, token: str) -> str:
        """Return what a page of this session calls it, or what one without a session says."""
        try:
            return self.app.web_sessions.open(token).digest
        except PaymentError:
            return "enter"

    def cashier(self) -> str:
        return self.token(Role.CASHIER, "")

    def get(self, path: str, token: str = "", **environ: Any) -> Reply:
        """Open a page or ask a question, by cookie."""
        cookie = f"payment_session={token}" if token else None
        return call(
            self.application, "GET", path,
            **{
                "HTTP_COOKIE": cookie, "HTTP_HOST": "shop.example",
                "HTTP_X_PAYMENT_WEB": self.name_of(token), **environ,
            },
        )  # fmt: skip

    def post(self, path: str, content: Any, token: str = "", **environ: Any) -> Reply:
        """Ask as a page of ours does, by cookie."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        full: dict[str, Any] = {"CONTENT_TYPE": "application/json", "HTTP_HOST": "shop.example"}
        if token:
            full["HTTP_COOKIE"] = f"other=1; payment_session={token}"
        full["HTTP_X_PAYMENT_WEB"] = self.name_of(token)
        return call(self.application, "POST", path, body, **{**full, **OWN_PAGE, **environ})

    def ask(self, action: str, content: Any, token: str = "", status: int = 200) -> Any:
        """Ask /pay/ajax/…; return the data, or with another status the envelope."""
        reply = self.post(f"/pay/ajax/{action}", content, token or self.token())
        envelope = json.loads(reply.body)
        assert reply.status == status, envelope
        assert envelope["ok"] is (status == 200), envelope
        return envelope["data"] if status == 200 else envelope

    def order(self, *lines: tuple[str, int], buyer: str = "xiaobai", **fields: Any) -> Order:
        """Record an order of `buyer`, of one cup unless told otherwise."""
        products: list[Json] = [{"id": id, "amount": n} for id, n in lines or ((self.cup, 1),)]
        wanted = OrderInput.from_document({"products": products, **fields})
        return self.demo.shop.orders.create(wanted, Buying(buyer, is_anonymous=not buyer))

    def stored(self, payment_id: str) -> Payment:
        return Payment.from_record(self.app.storage.get(PAYMENTS, payment_id))

    def stored_order(self, order_id: str) -> Order:
        return load_order(self.app.storage, "demo", order_id)

    def count(self, kind: Any = PAYMENTS) -> int:
        from payment_cli.model.query.match import everything

        return self.app.storage.count(kind, everything())

    def close(self) -> None:
        self.app.close()

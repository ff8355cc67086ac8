"""Random walks through a shop on a real tree, with a provider that lies and crashes in between.

Every step is done by the real services, in this process or in one that is killed at a random step
towards the disk. Then the tree must show what the model shows: of a killed step, the model after
some part of what was under way. tests/support/shop_model.py is the model.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payment_cli.app import App
from payment_cli.gateways.base import HttpRequest
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.pace import ABSENT_MARGIN_MS
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.tree.fsck import check_tree
from tests.support.lying_gateway import MOODS
from tests.support.racing import adopting
from tests.support.shop_model import (
    PAID,
    PENDING,
    Coupon,
    Discount,
    Order,
    Pay,
    Product,
    ShopModel,
)
from tests.support.tree_shop import BUYER_PLACE, PENDING_MAX, TreeShop, fast_disk

TYPES = ("wx.qrcode", "zfb.qrcode", "wx.scan")
ORDER_MS = 15 * 60_000

#: One thing that happened: the name of a method of the model, and its arguments.
Event = tuple[str, tuple[Any, ...]]

#: At which step a process dies. None: it is not killed, and this is what failures shrink to.
crashes = st.one_of(st.none(), st.none(), st.none(), st.integers(1, 130))
picks = st.integers(0, 11)
buyers = st.sampled_from(["u1", "u2"])
moods = st.fixed_dictionaries(
    {verb: st.one_of(st.just("honest"), st.sampled_from(known)) for verb, known in MOODS.items()}
)
ERRANDS = (
    "add goods", "change stock", "give coupon", "add discount", "end discount", "fill basket",
    "metadata", "ship", "cancel", "outbox", "scripts", "notices", "restart",
)  # fmt: skip
HONEST = dict.fromkeys(MOODS, "honest")
CALLBACKS = ("true", "twice", "second trade", "wrong amount", "forged", "wrong route")


#: How often the walks of this process came to what (ShopWalk.reached).
REACHED: Counter[str] = Counter()

#: What walks must come to, or they prove nothing of it.
GOAL = {
    "killed",
    *(f"{verb}: {mood}" for verb, moods_of_verb in MOODS.items() for mood in moods_of_verb),
    *(f"callback: {manner}" for manner in CALLBACKS),
    "payment: OK", "payment: OK double", "payment: FAIL", "payment: FAIL late",
    "payment: WAIT amount", "payment: second trade",
    "order: DN", "order: SP", "order: OK", "order: CA",
    "price: freight", "price: ord_ds", "price: rate", "price: cash",
    "script: done", "script: claimed",
    "order.paid", "order.cancelled", "order.expired", "order.flagged", "order.failed",
    "order.shipped", "order.done",
}  # fmt: skip


class ShopWalk(RuleBasedStateMachine):
    """`supplied` and `expi` are beside the model: what came into the stock, when orders end."""

    @initialize()
    def open_shop(self) -> None:
        self.stack = ExitStack()
        self.shop = TreeShop(self.stack.enter_context(fast_disk()))
        self.model = ShopModel()
        self.supplied: dict[str, int] = {}
        self.expi: dict[str, int] = {}
        self.manners: list[str] = []
        for price, count in ((1000, 20), (250, 9)):
            self.add_goods(price, count, None)
        for value in (300, 1501):
            self.give_coupon(value, None)
        self.add_discount(301, None)
        for line, coupon in ((0, [1]), (1, [])):
            self.create_order("u1", {line: 2}, coupon, line == 1, None)
        self.pay(1, "wx.qrcode", False, HONEST, None)

    # -- what people do

    @rule(
        errand=st.sampled_from(ERRANDS),
        which=picks,
        number=st.integers(0, 1500),
        moods=moods,
        crash=crashes,
    )
    def run_an_errand(
        self, errand: str, which: int, number: int, moods: dict[str, str], crash: int | None
    ) -> None:
        """One rule for what is needed less often: few rules, and walks come far."""
        paid = {k: o for k, o in self.model.orders.items() if o.st in ("OK", "SP")}
        errands: dict[str, Callable[[], None]] = {
            "add goods": lambda: self.add_goods(number, number % 12, crash),
            "change stock": lambda: self.change_stock(which, number % 12, crash),
            "give coupon": lambda: self.give_coupon(number + 1, crash),
            "add discount": lambda: self.add_discount(number, crash),
            "end discount": lambda: self.end_discount(which, crash),
            "fill basket": lambda: self.fill_basket(f"u{1 + number % 2}", which, 2, crash),
            "metadata": lambda: self.metadata_claims_to_pay(which, crash),
            "ship": lambda: self.ship_or_finish(pick(paid, which), crash) if paid else None,
            "cancel": lambda: self.cancel(which, moods, crash),
            "outbox": lambda: self.apply_outbox(crash),
            "scripts": lambda: self.run_scripts(crash),
            "notices": lambda: self.tell_store(number % 3 == 0, crash),
            "restart": self.shop.restart,
        }
        errands[errand]()

    def add_goods(self, price: int, count: int, crash: int | None) -> None:
        product = Product(price, freight=price % 3 * 55, kg=price % 4)
        document = {
            "w_nm": "Cup", "w_price": Decimal(price).scaleb(-2), "sku": count,
            "weight": product.kg, "freight": Decimal(product.freight).scaleb(-2),
        }  # fmt: skip
        self.act(lambda app: app.shop.goods.add(document), crash)
        for product_id in self.new("left"):
            self.model.goods[product_id] = product
            self.model.left[product_id] = self.supplied[product_id] = count

    def change_stock(self, which: int, count: int, crash: int | None) -> None:
        product = pick(self.model.left, which)
        outcome = self.act(lambda app: app.shop.goods.set(product, {"sku": count}), crash)
        after = self.shop.seen()["left", product]
        assert outcome is None or (outcome, after) == ("done", count)
        assert after in (count, self.model.left[product])
        self.supplied[product] += after - self.model.left[product]
        self.model.left[product] = after

    def give_coupon(self, value: int, crash: int | None) -> None:
        """Every third one is a rate: what is left of each 10,000."""
        is_rate = value % 3 == 1
        coupon = Coupon(left_bp=value * 6) if is_rate else Coupon(value)
        stored = Decimal(value * 6).scaleb(-4) if is_rate else Decimal(value).scaleb(-2)
        document = {"title": "c", "type": 2 if is_rate else 1, "value": stored}
        self.act(lambda app: app.shop.coupons.add(document), crash)
        for coupon_id in self.new("coupon"):
            self.model.worth[coupon_id] = coupon
            self.model.coupons[coupon_id] = ("free", "")

    def add_discount(self, number: int, crash: int | None) -> None:
        """One of the whole store, which works beside others: a rate, or an amount."""
        if len(self.model.discounts) >= 3:
            return
        discount = Discount(number, bp=number + 1) if number % 2 else Discount(number, off=number)
        document: dict[str, Any] = {"dis_nm": "d", "thres": yuan(discount.thres), "stack": True}
        if discount.bp:
            document |= {"dis_mode": "percent", "off_bp": discount.bp}
        else:
            document |= {"dis_mode": "amount", "off": yuan(max(1, discount.off))}
            discount.off = max(1, discount.off)
        self.act(lambda app: app.shop.discounts.add(document), crash)
        for discount_id in self.new("discount"):
            self.model.discounts[discount_id] = discount

    def end_discount(self, which: int, crash: int | None) -> None:
        if self.model.discounts:
            discount_id = pick(self.model.discounts, which)
            self.act(lambda app: app.shop.discounts.remove(discount_id), crash)
            if ("discount", discount_id) not in self.shop.seen():
                del self.model.discounts[discount_id]

    def fill_basket(self, buyer: str, which: int, count: int, crash: int | None) -> None:
        product = pick(self.model.left, which)
        outcome = self.act(lambda app: app.shop.baskets("demo").add(buyer, product, count), crash)
        before = self.model.baskets.get(buyer, Counter())
        after = before + Counter({product: count})
        if outcome == "done" or self.shop.seen().get(("basket", buyer)) == after:
            self.model.baskets[buyer] = after

    @precondition(lambda self: len(self.pending()) < 5)
    @rule(
        buyer=buyers,
        lines=st.dictionaries(picks, st.integers(1, 4), min_size=1, max_size=2),
        coupons=st.lists(picks, max_size=2),
        is_virtual=st.booleans(),
        crash=crashes,
    )
    def create_order(
        self,
        buyer: str,
        lines: dict[int, int],
        coupons: list[int],
        is_virtual: bool,
        crash: int | None,
    ) -> None:
        wanted: dict[str, int] = {}
        for which, count in lines.items():
            wanted[pick(self.model.left, which)] = count
        listed = [pick(self.model.coupons, which) for which in coupons]
        document = {
            "products": [{"id": product, "amount": n} for product, n in wanted.items()],
            "coupons": listed,
            **BUYER_PLACE,
        }
        buying = Buying(buyer, kind=OrderKind.VIRTUAL if is_virtual else None)
        fee = self.model.price(wanted, listed, is_virtual)
        pending = [order for order in self.pending().values() if order.buyer == buyer]
        is_refused = fee is None or len(pending) >= PENDING_MAX
        outcome = self.act(
            lambda app: app.shop.orders.create(OrderInput.from_document(document), buying),
            crash,
        )
        assert outcome is None or (outcome != "done") == is_refused
        for order_id in self.new("order"):
            assert fee is not None
            assert not is_refused
            self.model.create(order_id, Order(buyer, wanted, listed, fee, is_virtual))
            self.expi[order_id] = self.shop.clock.now + ORDER_MS

    @rule(which=picks, how=st.sampled_from(TYPES), anyway=st.booleans(), moods=moods, crash=crashes)
    def pay(
        self, which: int, how: str, anyway: bool, moods: dict[str, str], crash: int | None
    ) -> None:
        order_id = self.pick_order(which)
        code = SendArguments(auth_code=Secret("134567890123456789") if how == "wx.scan" else None)
        paying = Paying(how, arguments=code, anyway=anyway)
        is_easy = self.is_easy(order_id)
        pays = self.model.orders[order_id].pays
        sent_as = self.sent_as(pays[-1]) if pays else ""
        outcome = self.act(lambda app: app.shop.order_payments.pay(order_id, paying), crash, moods)
        self.catch_up(outcome, self.paying(order_id, sent_as in ("", how), anyway=anyway))
        if is_easy and outcome is not None and moods == HONEST:
            assert outcome == "done"

    def cancel(self, which: int, moods: dict[str, str], crash: int | None) -> None:
        order_id = self.pick_order(which)
        outcome = self.act(lambda app: app.shop.order_payments.cancel(order_id, "x"), crash, moods)
        self.catch_up(outcome, self.cancelling(order_id, "order.cancelled"))
        if outcome is not None:
            is_cancelled = self.last_event == ("cancel", (order_id, "order.cancelled"))
            assert (outcome == "done") == is_cancelled

    def ship_or_finish(self, order_id: str, crash: int | None) -> None:
        order = self.model.orders[order_id]
        before, after = (order.st, "SP" if order.st == "OK" else "DN")
        if before == "OK":
            self.act(lambda app: app.shop.orders.ship(order_id, "SF", "SF1"), crash)
        else:
            self.act(lambda app: app.shop.orders.done(order_id), crash)
        order.st = self.shop.seen()["order", order_id][0]
        assert order.st == after or (self.outcome is None and order.st == before)
        if order.st == after:
            self.model.events.append((f"order.{'shipped' if after == 'SP' else 'done'}", order_id))

    # -- what the provider does

    @rule(which=picks, manner=st.sampled_from(CALLBACKS), crash=crashes)
    def call_back(self, which: int, manner: str, crash: int | None) -> None:
        gateway = self.shop.gateway
        pay_id = pick(gateway.books.orders, which)
        trades = gateway.books.orders[pay_id]["trades"]
        trade = trades[-1] if trades and manner != "second trade" else gateway.pay(pay_id)
        body = gateway.notice(
            pay_id,
            trade,
            extra=-1 if manner == "wrong amount" else 0,
            is_signed=manner != "forged",
        )
        types = {"wx.qrcode": "zfb.qrcode", "zfb.qrcode": "wx.qrcode", "wx.scan": "wx.qrcode"}
        how = self.sent_as(pay_id)
        route = types[how] if manner == "wrong route" else how
        request = HttpRequest("POST", f"/pay/re/{route}/demo/main", "", {}, body)
        is_true = manner in ("true", "twice", "second trade")
        is_genuine = is_true or manner == "wrong amount"

        def deliver(app: App) -> None:
            for _ in range(2 if manner == "twice" else 1):
                received = app.receiver.receive(request)
                assert received.acknowledgement.status == (200 if is_genuine else 400)

        outcome = self.act(deliver, crash)
        self.manners.append(manner)
        what = "money" if is_true else "other_amount"
        self.catch_up(outcome, iter([(what, (pay_id, trade))] if is_genuine else []))

    @rule(which=picks, is_all=st.booleans(), moods=moods, crash=crashes)
    def check(self, which: int, is_all: bool, moods: dict[str, str], crash: int | None) -> None:
        if is_all:
            self.sweep(moods, crash)
            return
        pay_id = pick(self.model.pays, which)
        outcome = self.act(lambda app: app.checker.check(pay_id), crash, moods)
        self.catch_up(outcome, self.answers(self.heard))

    def sweep(self, moods: dict[str, str], crash: int | None) -> None:
        outcome = self.act(lambda app: app.checker.check_pending(20), crash, moods)
        assert outcome in (None, "done")
        self.catch_up(outcome, self.answers(self.heard))

    # -- what happens by itself

    @rule(minutes=st.sampled_from([1, 1, 4, 11]), moods=moods, crash=crashes)
    def time_passes(self, minutes: int, moods: dict[str, str], crash: int | None) -> None:
        self.shop.clock.advance(minutes=minutes)
        overdue = [one for one in self.pending() if self.expi[one] <= self.shop.clock.now]
        outcome = self.act(lambda app: app.shop.order_payments.tick(20), crash, moods)
        assert outcome in (None, "done")
        events = (e for one in overdue for e in self.cancelling(one, "order.expired"))
        self.catch_up(outcome, events)

    def apply_outbox(self, crash: int | None) -> None:
        owed = self.shop.owed()
        outcome = self.act(lambda app: app.shop.outbox.apply(), crash)
        self.catch_up(outcome, iter([("take", row) for row in owed]))

    def run_scripts(self, crash: int | None) -> None:
        """A script runs once, or it is not known whether it did, which a person decides."""
        due = [k for k, pay in self.model.pays.items() if pay.script == "due"]
        outcome = self.act(lambda app: [app.applier.apply(pay_id) for pay_id in due], crash)
        steps = ("claimed", "done")
        self.catch_up(outcome, (("script", (one, st)) for one in due for st in steps))

    def tell_store(self, is_busy: bool, crash: int | None) -> None:
        """What is told again has the same id, so that to the model nothing happened."""
        self.shop.ear.is_busy = is_busy
        ear = self.shop.ear
        self.act(lambda app: replace(app.shop.notices, deliverer=ear).drain(500), crash)

    def metadata_claims_to_pay(self, which: int, crash: int | None) -> None:
        meta = {"or_id": pick(self.model.orders, which)}
        self.act(lambda app: app.creator.create(NewPayment(fee=0, meta=meta)), crash)
        for pay_id in self.new("pay"):
            self.model.pays[pay_id] = Pay("", 0, st="OK")

    # -- what must hold

    @invariant()
    def the_tree_shows_what_the_model_shows(self) -> None:
        if hasattr(self, "model"):
            seen = self.shop.seen()
            assert seen == self.model.view()
            self.check_stock()
            self.check_orders(seen)
            self.check_scripts()
            self.is_sound = True

    def check_stock(self) -> None:
        """What is sold, held and left of each product is what there was."""
        held: Counter[str] = Counter()
        for order_id in self.model.orders:
            record = self.shop.record("order", order_id)
            if record["ord_status"] != "CA":
                held.update(record["stock"])
        for product, supplied in self.supplied.items():
            left = self.shop.record("thing", product)["sku"]
            assert left >= 0
            assert left + held[product] == supplied

    def check_orders(self, seen: dict[tuple[str, str], Any]) -> None:
        """An order is paid by exactly one of its payments; its coupons are nobody else's."""
        for (kind, _), shown in seen.items():
            if kind == "order":
                state, fee, pays, paid_by = shown
                settled = [p for p in pays if p == paid_by or seen["pay", p][:2] == ("OK", "")]
                assert len(settled) == (state in PAID)
                assert all(seen["pay", p][0] == "OK" for p in settled)
                assert all(seen["pay", p][2] == fee for p in pays)
            elif kind == "coupon":
                state, holder = shown
                holds = {"free": ("",), "reserved": PENDING, "used": PAID}[state]
                assert (seen["order", holder][0] if holder else "") in holds

    def check_scripts(self) -> None:
        runs = Counter(self.shop.runs())
        for pay_id, pay in self.model.pays.items():
            possible = {"done": (1,), "claimed": (0, 1)}.get(pay.script, (0,))
            assert runs[pay_id] in possible

    def teardown(self) -> None:
        if not hasattr(self, "shop"):
            return
        with self.stack:
            if self.is_sound:
                self.everything_ends()
                REACHED.update(self.reached())
            self.shop.app.close()
            report = check_tree(self.shop.root)
            assert report.is_clean, report.differences

    def everything_ends(self) -> None:
        """With an honest provider and enough time no order, payment or debt is left open.

        Only what a person must decide about waits, and its order with it.
        """
        for _ in range(6):
            self.time_passes(16, HONEST, None)
            self.sweep(HONEST, None)
        self.apply_outbox(None)
        self.run_scripts(None)
        self.shop.clock.advance(minutes=24 * 60)
        self.tell_store(False, None)
        assert not self.shop.record_ids("notice")
        assert all(pay.script in ("", "done", "claimed") for pay in self.model.pays.values())
        assert self.shop.seen() == self.model.view()
        waiting = {k for k, p in self.model.pays.items() if (p.st, p.flag) == ("WAIT", "amount")}
        for order in self.model.orders.values():
            assert order.st not in PENDING or waiting & {*order.pays}
        for pay_id, pay in self.model.pays.items():
            assert pay.st in ("OK", "FAIL") or pay_id in waiting or waiting & self.siblings(pay_id)
        assert not self.model.owed

    def reached(self) -> Iterator[str]:
        """What this walk has seen."""
        yield from self.shop.gateway.books.moods
        yield from (f"callback: {manner}" for manner in self.manners)
        for pay in self.model.pays.values():
            yield f"payment: {pay.st} {pay.flag}".rstrip()
            yield f"script: {pay.script}"
            if len(pay.trades) > 1:
                yield "payment: second trade"
        for order_id, order in self.model.orders.items():
            yield f"order: {order.st}"
            priced = self.shop.record("order", order_id)
            yield from (f"price: {name}" for name in ("freight", "ord_ds") if priced[name])
            rates = [self.model.worth[one].left_bp is not None for one in order.coupons]
            yield from ("price: rate" if is_rate else "price: cash" for is_rate in rates)
        yield from (what for what, _ in self.shop.events())

    def siblings(self, pay_id: str) -> set[str]:
        """The payments of the same order."""
        return {*self.model.orders[self.model.pays[pay_id].order].pays}

    # -- how it is compared

    def pending(self) -> dict[str, Order]:
        return {k: order for k, order in self.model.orders.items() if order.st in PENDING}

    def pick_order(self, which: int) -> str:
        """A pending one, mostly."""
        return pick(self.pending() if which % 6 and self.pending() else self.model.orders, which)

    def act(
        self,
        action: Callable[[App], object],
        crash: int | None,
        moods: dict[str, str] | None = None,
    ) -> str | None:
        self.is_sound = False
        self.shop.clock.advance(ms=1)
        self.shop.gateway.moods = moods or {}
        known = len(self.shop.gateway.books.heard)
        self.outcome = self.shop.act(action, crash)
        REACHED["killed"] += self.outcome is None
        self.heard = self.shop.gateway.books.heard[known:]
        return self.outcome

    def new(self, kind: str) -> list[str]:
        """The ids of what the tree has and the model has not."""
        known = self.model.view()
        return [key[1] for key in self.shop.seen() if key[0] == kind and key not in known]

    def catch_up(self, outcome: str | None, events: Iterator[Event]) -> None:
        """Let the model live through `events`; after a crash, through as many as the tree did."""
        seen = self.shop.seen()
        stages = [deepcopy(self.model)]
        self.last_event: Event | None = None
        for name, arguments in events:
            getattr(self.model, name)(*arguments)
            self.last_event = (name, arguments)
            stages.append(deepcopy(self.model))
        if outcome is None:
            fitting = [stage for stage in reversed(stages) if stage.view() == seen]
            assert fitting, (seen, [stage.view() for stage in stages])
            self.model = fitting[0]

    def answers(self, heard: list[tuple[str, str, str]]) -> Iterator[Event]:
        """What each answer of the provider means."""
        is_declined = is_first = False
        for verb, pay_id, said in heard:
            if verb == "send":
                is_first = self.model.pays[pay_id].st == "NEW"
                if is_first:
                    yield "send", (pay_id,)
            if said.startswith("paid ") and not is_declined:
                yield "money", (pay_id, said.removeprefix("paid "))
            elif said == "wrong":
                yield "other_amount", (pay_id, "T-wrong")
            elif said in ("failed", "closed") or (said == "absent" and self.is_gone(pay_id)):
                yield "fail", (pay_id,)
            elif said == "refused" and is_first:  # else it may have been taken the first time
                yield "refuse", (pay_id,)
            # A declined scan is reversed; what that says is asked for again later.
            is_declined = (verb, said) == ("send", "failed")

    def ending(self, order: Order, wanted: str) -> Iterator[Event]:
        """Each open payment is closed in turn, until one can't be."""
        for pay_id in order.pays:
            pay = self.model.pays[pay_id]
            if pay.st == "NEW" and self.shop.record("payment", pay_id)["st"] == "FAIL":
                yield "fail", (pay_id,)
            yield from self.answers([said for said in self.heard if said[1] == pay_id])
            pay = self.model.pays[pay_id]
            if pay.st not in ("FAIL", wanted) or (pay.st, pay.flag) == ("WAIT", "amount"):
                return

    def cancelling(self, order_id: str, told: str) -> Iterator[Event]:
        order = self.model.orders[order_id]
        if order.st in PENDING:
            yield from self.ending(order, "FAIL")
            if all(self.model.pays[pay_id].st == "FAIL" for pay_id in order.pays):
                yield "cancel", (order_id, told)

    def paying(self, order_id: str, is_same_type: bool, *, anyway: bool) -> Iterator[Event]:
        order = self.model.orders[order_id]
        last = order.pays[-1] if order.pays else ""
        if last and self.model.pays[last].st in ("NEW", "WAIT") and is_same_type:
            yield from self.sending(last)
            return
        if order.st in ("WT", "FA"):
            yield from self.ending(order, "WAIT" if anyway else "FAIL")
        known = set(order.pays)
        for pay_id in self.shop.record("order", order_id)["pay_ids"]:
            if pay_id not in known:
                open_still = [p for p in known if self.model.pays[p].st != "FAIL"]
                assert anyway or not open_still, "opened beside a payment that may be paid"
                yield "open", (order_id, pay_id)
                yield from self.sending(pay_id)

    def sending(self, pay_id: str) -> Iterator[Event]:
        yield from self.answers([said for said in self.heard if said[1] == pay_id])
        if self.outcome is None and self.model.pays[pay_id].st == "NEW":
            # It was killed when it had recorded what it would send, and had not sent it.
            yield "send", (pay_id,)

    def sent_as(self, pay_id: str) -> str:
        return str(self.shop.record("payment", pay_id)["pay_tp"])

    def is_gone(self, pay_id: str) -> bool:
        """Whether it ended because the provider knows it not; it may only if that is true."""
        record = self.shop.record("payment", pay_id)
        if not record["fail_re"].startswith("no such order"):
            return False
        assert pay_id not in self.shop.gateway.books.orders
        assert self.shop.clock.now >= record["expi"] + ABSENT_MARGIN_MS
        return True

    def is_easy(self, order_id: str) -> bool:
        """Whether nothing stands in the way of paying an order with an honest provider."""
        order = self.model.orders[order_id]
        if order.st not in PENDING or self.expi[order_id] <= self.shop.clock.now:
            return False
        books = self.shop.gateway.books.orders
        if any(self.model.pays[pay_id].flag == "amount" for pay_id in order.pays):
            return False
        return not any(
            self.shop.record("payment", pay_id).get("intent") or books.get(pay_id, {}).get("trades")
            for pay_id in order.pays
        )


def yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)


def pick(known: Any, which: int) -> str:
    """One of the newest: hypothesis shrinks towards the last."""
    names = list(known)
    return names[-1 - which % len(names)]


#: What a short walk comes to often enough to be asked for.
SOON = {goal for goal in GOAL if goal.startswith(("callback: ", "price: ", "payment: OK"))}


def walk(walks: int, steps: int, goal: set[str]) -> None:
    REACHED.clear()
    with adopting():
        run_state_machine_as_test(
            ShopWalk,
            settings=settings(
                max_examples=walks,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.shrink),
                report_multiple_bugs=False,
            ),
        )
    assert not goal - {*REACHED}, sorted(REACHED.items())


def test_a_walk_through_the_shop_never_leaves_the_model() -> None:
    walk(40, 40, SOON)


@pytest.mark.slow
def test_a_long_walk_through_the_shop_never_leaves_the_model() -> None:
    walk(400, 100, GOAL)

"""What follows from money: recorded whatever fails, owed exactly once, done once it can be."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import (
    CorruptRecordError,
    NotAllowedError,
    ProviderRefusedError,
    StorageError,
)
from payment_cli.gateways.base import Answer, HttpRequest, Notice, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import everything
from payment_cli.model.record import Record
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.product import Product
from payment_cli.services import consequences
from payment_cli.services.events.notice_records import NOTICES
from payment_cli.services.events.outbox import BASKET_TAKE, OUTBOX, OWED, Outbox
from payment_cli.services.events.owed import Debt
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import load_committed
from payment_cli.services.shop import order_steps
from payment_cli.services.shop.baskets import TreeBaskets
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.records import coupons, orders
from payment_cli.storage.base import Collection, Query, Storage, Transaction
from payment_cli.storage.tinydb import open_tinydb
from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.services.shop.test_orders import BUYER, configure, give_coupon, stock, wanted
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway, paid

THINGS = Collection("thing", "demo")
QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")


@dataclass
class Sale:
    """An order with a coupon and a basket, its payment sent, in a store that wants to be told."""

    world: World
    product: Product
    coupon: Coupon
    order: Order
    payment_id: str
    outbox: Outbox

    @property
    def payment(self) -> Payment:
        return load_committed(self.world.storage, self.payment_id)

    def callback(self, trade_no: str = "T1") -> int:
        """Let the provider's true callback come; return the HTTP status it is answered with."""
        payment = self.payment
        answer = paid(payment.id, payment.fee, trade_no=trade_no)
        self.world.gateway.notices = [Notice(payment.id, answer)]
        path = f"/pay/re/{payment.pay_tp}/demo/{payment.pay_target}"
        received = self.world.receiver.receive(HttpRequest("POST", path, "", {}, b"{}"))
        return received.acknowledgement.status

    def owed(self) -> list[str]:
        """The steps that are owed, whatever else the outbox has."""
        rows = self.world.storage.query(OUTBOX, Query(everything(), (("id", 1),)))
        return [Debt.from_row(row).step for row in rows if row["what"] == OWED]

    def reasons(self) -> list[str]:
        """Why the owed steps could not be done the last time."""
        rows = self.world.storage.query(OUTBOX, Query(everything(), (("id", 1),)))
        return [str(row["re"]) for row in rows if row["what"] == OWED]

    def picture(self) -> dict[str, Any]:
        """What anybody could see of the sale, but times, revisions and histories."""
        storage, payment = self.world.storage, self.payment
        notices = storage.query(NOTICES, Query(everything(), (("id", 1),)))
        basket = storage.query(Collection("basket", "demo"), Query(everything()))
        return {
            "payment": (payment.st, payment.flag, payment.apply_st, payment.paid_fee),
            "order": storage.committed(orders("demo"), self.order.id)["ord_status"],
            "coupon": storage.committed(coupons("demo"), self.coupon.id)["cpn_stat"],
            "stock": storage.committed(THINGS, self.product.id)["sku"],
            "told": [record["what"] for record in notices],
            "basket": [record["items"] for record in basket],
            "owed": self.owed(),
        }


def a_sale(storage: Storage, clock: HandClock) -> Sale:
    world = World(storage, clock, ScriptedGateway())
    world.callbacks["demo", "after"] = b"echo paid"
    configure(world, webhook_url="https://demo.example/hook", order_callback="after")
    cup, coupon = stock(world, sku=10), give_coupon(world)
    baskets = TreeBaskets(storage, clock, "demo", 20)
    baskets.add("u1", cup.id, 3)
    world.gateway.sends = [QR]
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    order = world.orders.create(wanted((cup, 2), coupons=[coupon.id], pay_tp="wx.qrcode"), BUYER)
    payment_id = world.order_payments.pay(order.id, Paying()).payment.id

    def take(tx: Transaction, row: Record) -> None:
        data: Any = row["data"]
        baskets.take_in(tx, data["buyer"], data["take"])

    def do_owed(tx: Transaction, row: Record) -> None:
        world.consequences.retry(tx, row, now=clock.now, by="tick")

    outbox = Outbox(storage, "demo", clock, {BASKET_TAKE: take, OWED: do_owed})
    return Sale(world, cup, coupon, order, payment_id, outbox)


def to_paid(sale: Sale) -> None:
    assert sale.callback() == 200


def to_flagged(sale: Sale) -> None:
    """Money comes for a payment that has failed."""
    sale.world.gateway.checks = [Answer(Outcome.FAILED, code="CLOSED")]
    sale.world.checker.check(sale.payment_id)
    assert sale.callback() == 200


def to_failed(sale: Sale) -> None:
    sale.world.gateway.checks = [Answer(Outcome.FAILED, code="CLOSED")]
    sale.world.checker.check(sale.payment_id)


def to_cancelled(sale: Sale) -> None:
    sale.world.order_payments.cancel(sale.order.id, "changed my mind")


#: What brings each moment about, and after what damage is done: late money meets an order that
#: was whole when the payment failed.
MOMENTS: Mapping[str, Callable[[Sale], None]] = {
    "paid": to_paid, "flagged": to_flagged, "failed": to_failed, "cancelled": to_cancelled,
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[tuple[Storage, HandClock]]:
    clock = HandClock()
    storage = open_tree(tmp_path, clock)
    yield storage, clock
    storage.close()


class Damage:
    """Harm done to one record, and its repair.

    `kind` is missing, state, corrupt, another's, or of the row itself: swapped (it holds another
    record), revision (its own count of changes disagrees).
    """

    def __init__(self, sale: Sale, root: Path, collection: Collection, record_id: str) -> None:
        self.storage = sale.world.storage
        self.root = root
        self.collection = collection
        self.id = record_id
        self.whole = self.storage.committed(collection, record_id)

    def do(self, kind: str, **fields: Any) -> None:
        if kind == "missing":
            with self.storage.transaction("foreign") as tx:
                tx.delete(self.collection, self.id, int(str(self.whole["rev"])))
        elif kind == "corrupt":
            self._sql("UPDATE records SET doc = '{' || doc WHERE kind = ? AND id = ?")
        elif kind in ("swapped", "revision"):
            self._sql(_SPOIL[kind])
        else:
            self._put({**self.whole, **fields})

    def repair(self) -> None:
        current = self._current()
        if current is None:
            with self.storage.transaction("operator") as tx:
                tx.insert(self.collection, self.whole)
            return
        if isinstance(current, str):
            for sql in _MEND:
                self._sql(sql)
            return
        self._put({**self.whole, "rev": current["rev"]})

    def _current(self) -> Record | str | None:
        try:
            return self.storage.committed(self.collection, self.id)
        except CorruptRecordError:
            return "corrupt"
        except Exception:
            return None

    def _put(self, record: Record) -> None:
        with self.storage.transaction("foreign") as tx:
            tx.put(self.collection, record)

    def _sql(self, sql: str) -> None:
        journal = sqlite3.connect(self.root / ".journal" / "payment.db")
        with journal:
            journal.execute(sql, (self.collection.kind, self.id))
        journal.close()


#: What a foreign hand does to a row, and what brings any of it back.
_SPOIL = {
    "swapped": "UPDATE records SET doc = replace(doc, id, replace(id, '0', '1'))"
    " WHERE kind = ? AND id = ?",
    "revision": "UPDATE records SET rev = rev + 7 WHERE kind = ? AND id = ?",
}
_MEND = (
    "UPDATE records SET doc = substr(doc, 2) WHERE kind = ? AND id = ? AND doc LIKE '{{%'",
    "UPDATE records SET doc = replace(doc, replace(id, '0', '1'), id) WHERE kind = ? AND id = ?",
    "UPDATE records SET rev = json_extract(doc, '$.rev') WHERE kind = ? AND id = ?",
)


def harm(sale: Sale, root: Path, record: str) -> Damage:
    place, record_id = {
        "order": (orders("demo"), sale.order.id),
        "coupon": (coupons("demo"), sale.coupon.id),
        "product": (THINGS, sale.product.id),
    }[record]
    return Damage(sale, root, place, record_id)


ANOTHERS = {"order": {"pay_ids": ["f" * 32]}, "coupon": {"cpn_orid": "f" * 32}}

AFTER_FAILED = ["reopen_order", "tell_store"]

#: moment, the record that is harmed, how, and the steps that can't be done then.
MATRIX = [
    *(("paid", "order", kind, {}, ["judge"]) for kind in ("missing", "corrupt")),
    ("paid", "order", "anothers", ANOTHERS["order"], ["judge"]),
    ("paid", "order", "state", {"ord_status": "NW"}, ["judge"]),
    ("paid", "order", "store", {"sto_nm": "other"}, ["judge"]),
    *(("paid", "order", kind, {}, ["judge"]) for kind in ("swapped", "revision")),
    *(("paid", "coupon", kind, {}, ["use_coupons"]) for kind in ("swapped", "revision")),
    *(("failed", "order", kind, {}, AFTER_FAILED) for kind in ("swapped", "revision")),
    *(("cancelled", "product", kind, {}, ["free_stock"]) for kind in ("swapped", "revision")),
    *(("cancelled", "coupon", kind, {}, ["free_coupons"]) for kind in ("swapped", "revision")),
    *(("paid", "coupon", kind, {}, ["use_coupons"]) for kind in ("missing", "corrupt")),
    ("paid", "coupon", "state", {"cpn_stat": "free", "cpn_orid": ""}, ["use_coupons"]),
    ("paid", "coupon", "anothers", ANOTHERS["coupon"], ["use_coupons"]),
    *(("failed", "order", kind, {}, AFTER_FAILED) for kind in ("missing", "corrupt")),
    ("failed", "order", "anothers", ANOTHERS["order"], AFTER_FAILED),
    *(("cancelled", "product", kind, {}, ["free_stock"]) for kind in ("missing", "corrupt")),
    *(("cancelled", "coupon", kind, {}, ["free_coupons"]) for kind in ("missing", "corrupt")),
    ("cancelled", "coupon", "state", {"cpn_stat": "used"}, ["free_coupons"]),
    ("cancelled", "coupon", "anothers", ANOTHERS["coupon"], ["free_coupons"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "record", "kind", "fields", "steps"), MATRIX, ids=lambda value: str(value)[:14]
)
def test_what_a_damaged_record_prevents_is_owed_once_and_done_after_the_repair(
    tree, tmp_path, moment, record, kind, fields, steps
):
    expected = a_sale(open_tinydb(None, clock := HandClock()), clock)
    MOMENTS[moment](expected)
    expected.outbox.apply()
    sale = a_sale(*tree)
    damage = harm(sale, tmp_path, record)
    damage.do(kind, **fields)
    MOMENTS[moment](sale)
    assert sale.owed() == steps
    if moment == "paid":
        assert sale.payment.st == "OK"
        assert sale.callback() == 200  # told again
    assert sale.owed() == steps
    first = sale.reasons()
    assert [why for _, why in sale.outbox.apply().errors] == first == sale.reasons()
    assert sale.owed() == steps
    damage.repair()
    for _ in range(2):  # what an owed step owes itself is done by the next tick
        assert sale.outbox.apply(again=True).errors == ()
    assert sale.picture() == expected.picture()
    before = [entry.seq for entry in sale.world.storage.log()]
    assert sale.outbox.apply(again=True).count == 0
    if moment == "paid":
        assert sale.callback() == 200
    assert [entry.seq for entry in sale.world.storage.log()] == before  # nothing done twice


@pytest.mark.parametrize("kind", ["missing", "corrupt", "anothers"])
def test_late_money_for_a_damaged_order_is_flagged_and_its_order_hears_of_it_after_the_repair(
    tree, tmp_path, kind
):
    sale = a_sale(*tree)
    to_failed(sale)
    damage = harm(sale, tmp_path, "order")
    damage.do(kind, **ANOTHERS["order"])
    assert sale.callback() == 200
    assert (sale.payment.st, sale.payment.flag) == ("FAIL", "late")
    assert sorted(sale.owed()) == ["note_order", "tell_store"]
    damage.repair()
    assert sale.outbox.apply(again=True).errors == ()
    assert sale.picture()["told"] == ["order.failed", "order.flagged"]
    order = sale.world.orders.get(sale.order.id)
    assert [line["what"] for line in order.history][-1] == "money: late"  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("kind", "flag"),
    [("missing", "order_gone"), ("corrupt", "order_unread"), ("anothers", "order_gone")],
)
def test_money_whose_order_can_not_be_judged_runs_no_script_until_it_is(tree, tmp_path, kind, flag):
    sale = a_sale(*tree)
    damage = harm(sale, tmp_path, "order")
    damage.do(kind, **ANOTHERS["order"])
    to_paid(sale)
    paid_now = sale.payment
    assert (paid_now.st, paid_now.flag, paid_now.apply_st) == ("OK", flag, "")
    assert (paid_now.trade_no, paid_now.paid_fee) == ("T1", paid_now.fee)
    owed = [line for line in paid_now.history if line["what"] == "owed"]  # type: ignore[index,call-overload]
    assert len(owed) == 1
    assert str(owed[0]["note"]).startswith("judge: e.pay.")  # type: ignore[index,call-overload]
    damage.repair()
    sale.outbox.apply(again=True)
    assert (sale.payment.flag, sale.payment.apply_st) == ("", "due")


def test_an_order_that_was_cancelled_meanwhile_is_judged_to_be_gone(tree, tmp_path):
    sale = a_sale(*tree)
    damage = harm(sale, tmp_path, "order")
    damage.do("corrupt")
    to_paid(sale)
    damage.repair()
    with sale.world.storage.transaction("operator") as tx:
        record = tx.get(orders("demo"), sale.order.id)
        tx.put(orders("demo"), {**record, "ord_status": "CA"})
    sale.outbox.apply(again=True)
    assert (sale.payment.flag, sale.payment.apply_st, sale.owed()) == ("order_gone", "", [])
    assert sale.picture()["told"] == ["order.flagged"]


def test_what_metadata_says_of_an_order_that_is_not_there_is_data(world: World):
    made = world.creator.create(NewPayment(fee=0, meta={"or_id": "f" * 32}, callback="after"))
    assert (made.payment.st, made.payment.flag, made.payment.apply_st) == ("OK", "", "due")
    assert world.storage.count(OUTBOX, everything()) == 0


@pytest.mark.parametrize("record", ["order", "coupon", "payment"])
@pytest.mark.parametrize(
    "edit",
    [lambda text: text + "\n", lambda text: "{", lambda text: ""],
    ids=["a newline", "no JSON", "empty"],
)
def test_files_edited_by_a_foreign_hand_refuse_no_money_and_are_left(tree, tmp_path, record, edit):
    sale = a_sale(*tree)
    place = {
        "order": f"sys/order/ord_demo_{sale.order.id}.json",
        "coupon": f"home/demo/.store/coupon/{sale.coupon.id}.json",
        "payment": f"var/payment/{sale.payment_id}.json",
    }[record]
    file = tmp_path / place
    by_hand = edit(file.read_text())
    file.write_text(by_hand)
    to_paid(sale)
    assert sale.picture() == {
        "payment": ("OK", "", "due", sale.payment.fee), "order": "OK", "coupon": "used",
        "stock": 8, "told": ["order.paid"], "basket": [{sale.product.id: 3}], "owed": [],
    }  # fmt: skip
    assert file.read_text() == by_hand
    assert [left.path for left in sale.world.storage.left()] == [place]


def test_another_payment_of_a_paid_order_that_was_never_sent_ends(tree):
    sale = a_sale(*tree)
    sale.world.gateway.closes = [Answer(Outcome.UNKNOWN)]
    sale.world.gateway.sends = [Answer(Outcome.REFUSED, code="PARAM_ERROR")]
    with pytest.raises(ProviderRefusedError):
        sale.world.order_payments.pay(sale.order.id, Paying("zfb.qrcode", anyway=True))
    [_, other] = sale.world.order_payments.list(sale.order.id)
    assert other.st == "NEW"
    to_paid(sale)
    [_, other] = sale.world.order_payments.list(sale.order.id)
    assert (other.st, other.fail_re) == ("FAIL", f"paid by {sale.payment_id}")
    assert (sale.payment.st, sale.owed()) == ("OK", [])


CRAFTED = [
    ("paid", "move_order", {}),
    ("paid", "use_coupons", {}),
    ("paid", "tell_store", {}),
    ("flagged", "note_order", {"flag": "late"}),
    ("failed", "reopen_order", {}),
    ("unjudged", "judge", {}),
    ("cancelled", "free_stock", {"payment_id": "", "told": "order.cancelled"}),
    ("cancelled", "free_coupons", {"payment_id": "", "told": "order.cancelled"}),
    ("paid", "free_stock", {}),
    ("cancelled", "no such step", {"payment_id": ""}),
]


@pytest.mark.parametrize(("moment", "step", "fields"), CRAFTED)
def test_a_row_that_somebody_wrote_makes_nothing_happen_that_no_moment_calls_for(
    tree, moment, step, fields
):
    sale = a_sale(*tree)
    debt = Debt(moment, step, "demo", sale.order.id, **{"payment_id": sale.payment_id, **fields})
    with sale.world.storage.transaction("foreign") as tx:
        tx.insert(OUTBOX, debt.to_row("f" * 32, 1, "crafted"))
    before = {**sale.picture(), "owed": []}
    [(_, why)] = sale.outbox.apply().errors
    assert why.startswith("e.pay.corrupt: ")
    assert {**sale.picture(), "owed": []} == before


def test_a_row_about_another_order_of_a_paid_payment_does_nothing(tree):
    sale = a_sale(*tree)
    to_paid(sale)
    sale.outbox.apply(again=True)
    other = sale.world.orders.create(wanted((sale.product, 1), pay_tp="wx.qrcode"), BUYER)
    debt = Debt("paid", "move_order", "demo", other.id, sale.payment_id)
    with sale.world.storage.transaction("foreign") as tx:
        tx.insert(OUTBOX, debt.to_row("f" * 32, 1, "crafted"))
    assert len(sale.outbox.apply(again=True).errors) == 1
    assert sale.world.orders.get(other.id).ord_status == "NW"


def test_only_the_storage_can_refuse_money_and_then_nothing_is_changed(tree, mocker):
    sale = a_sale(*tree)
    before = sale.picture()
    mocker.patch.object(order_steps, "wants_notices", side_effect=StorageError("the disk is full"))
    assert sale.callback() == 500
    mocker.stopall()
    assert sale.picture() == before
    assert sale.callback() == 200
    assert sale.picture()["payment"][0] == "OK"


def test_a_bug_in_a_step_costs_no_money(tree, mocker):
    sale = a_sale(*tree)
    mocker.patch.object(order_steps, "wants_notices", side_effect=KeyError("webhook_url"))
    to_paid(sale)
    assert (sale.payment.st, sale.payment.apply_st) == ("OK", "due")
    assert sale.owed() == ["tell_store"]
    mocker.stopall()
    sale.outbox.apply(again=True)
    assert sale.picture()["told"] == ["order.paid"]


WHOLE = consequences.STEPS
NAMES = sorted({step.name for steps in WHOLE.values() for step in steps})


def failing(names: frozenset[str]) -> dict[str, tuple[consequences.Step, ...]]:
    """The table with those steps refusing."""

    def refuse(_scene: order_steps.Scene) -> tuple[order_steps.Write, ...]:
        raise NotAllowedError("not now")

    return {
        moment: tuple(
            consequences.Step(step.name, refuse) if step.name in names else step for step in steps
        )
        for moment, steps in WHOLE.items()
    }


@given(
    moment=st.sampled_from(sorted(MOMENTS)),
    rounds=st.lists(st.frozensets(st.sampled_from(NAMES)), min_size=1, max_size=4),
)
def test_whatever_steps_fail_however_often_money_is_right_and_each_is_done_once(moment, rounds):
    def run(tables: list[frozenset[str]]) -> dict[str, Any]:
        clock = HandClock()
        sale = a_sale(open_tinydb(None, clock), clock)
        try:
            consequences.STEPS = failing(tables[0])
            MOMENTS[moment](sale)
            steps = [step.name for step in WHOLE[moment]]
            earlier = {"flagged": WHOLE["failed"], "cancelled": WHOLE["closed"]}.get(moment, ())
            names = [*(step.name for step in earlier), *steps]
            owed = [name for name in names if name in tables[0]]
            assert sorted(sale.owed()) == sorted(owed)
            if moment in ("paid", "flagged"):
                assert sale.payment.paid_fee == sale.payment.fee
                assert sale.payment.st == ("OK" if moment == "paid" else "FAIL")
            for names in tables[1:]:
                consequences.STEPS = failing(names)
                sale.outbox.apply(again=True)
                owed = [name for name in owed if name in names]
                assert sorted(sale.owed()) == sorted(owed)
        finally:
            consequences.STEPS = WHOLE
        assert sale.outbox.apply(again=True).errors == ()
        sale.outbox.apply(again=True)
        assert sale.outbox.apply(again=True).count == 0
        picture = sale.picture()
        sale.world.storage.close()
        return picture

    assert run(rounds) == run([frozenset()])

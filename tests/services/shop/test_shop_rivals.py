"""What the services of the shop read again inside a transaction, and who may have been faster.

As ../payments/test_payment_rivals.py.

| guard | where | the rival |
|---|---|---|
| the payments that the order owns | order_payments.py: cancel, _open | another payment |
| the order's state | order_payments.py: _cancel_in, _open; orders.py | cancel, ship, done |
| the end of an order of a wrong clock | order_payments.py: _redated_until | another tick, money |
| the payment that is to be sent | order_payments.py: _choose | another way to pay |
| stock, coupons, unpaid orders, prices | orders.py: create | another order, an edit |
| a shipment's number | orders.py: ship | the same shipment |
| a product as it is | goods.py: _change, add; goods_import.py: _write | a sale, an edit, a twin |
| what needs a product | goods.py: remove, set | a new package |
| discounts, coupons, addresses, baskets, favourites, settings | their services | an edit |
"""

from collections.abc import Callable
from typing import Any

import pytest

from payment_cli.errors import (
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
)
from payment_cli.model.query.match import everything
from payment_cli.model.shop.order import Order
from payment_cli.services.shop import addresses as addresses_module
from payment_cli.services.shop.addresses import Addresses
from payment_cli.services.shop.baskets import TreeBaskets
from payment_cli.services.shop.coupons import Coupons
from payment_cli.services.shop.discounts import Discounts
from payment_cli.services.shop.favourites import Favourites
from payment_cli.services.shop.goods_import import GoodsFiles
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from tests.services.conftest import World
from tests.services.rivals import Rivals
from tests.services.shop.test_goods import goods_of
from tests.services.shop.test_order_payments import CLOSED, QR, money, pay, state
from tests.services.shop.test_orders import (
    BUYER,
    HOME,
    configure,
    coupon_state,
    give_coupon,
    sku,
    stock,
    wanted,
)
from tests.services.stores.test_settings import service_of

TEN_OFF = {"dis_nm": "Ten off", "dis_mode": "amount", "off": 10}


def an_order(world: World) -> Order:
    """An order of two cups of ten, to be paid with WeChat."""
    world.gateway.sends, world.gateway.closes = [QR], [CLOSED]
    return world.orders.create(wanted((stock(world, sku=10), 2), pay_tp="wx.qrcode"), BUYER)


def left(world: World, order: Order) -> int:
    return sku(world, goods_of(world).get(order.ord_ws[0].id))


def test_an_order_that_got_a_payment_while_it_was_cancelled_is_not_cancelled(
    rivals: Rivals,
) -> None:
    order = an_order(rivals.first)
    rivals.stop(lambda: pay(rivals.second, order))
    with pytest.raises(ConflictError):
        rivals.first.order_payments.cancel(order.id, "changed my mind")
    assert (state(rivals.first, order), left(rivals.first, order)) == ("WT", 8)


def test_an_order_that_was_paid_while_it_was_cancelled_stays_paid(rivals: Rivals) -> None:
    order = an_order(rivals.first)
    payment_id = pay(rivals.first, order)
    rivals.stop(lambda: money(rivals.second, payment_id))
    with pytest.raises(NotAllowedError):
        rivals.first.order_payments.cancel(order.id, "changed my mind")
    assert (state(rivals.first, order), left(rivals.first, order)) == ("OK", 8)


def test_two_cancels_give_the_goods_back_once(rivals: Rivals) -> None:
    order = an_order(rivals.first)
    rivals.stop(lambda: rivals.second.order_payments.cancel(order.id, "faster"))
    with pytest.raises(NotAllowedError):
        rivals.first.order_payments.cancel(order.id, "slower")
    assert (state(rivals.first, order), left(rivals.first, order)) == ("CA", 10)


def test_two_ticks_end_an_overdue_order_once(rivals: Rivals) -> None:
    order = an_order(rivals.first)
    rivals.first.clock.advance(minutes=16)
    rivals.stop(lambda: rivals.second.order_payments.tick(10))
    ticked = rivals.first.order_payments.tick(10)
    assert (ticked.cancelled, ticked.settled, ticked.errors) == ((), (order.id,), ())
    assert (state(rivals.first, order), left(rivals.first, order)) == ("CA", 10)


def of_a_wrong_clock(rivals: Rivals) -> Order:
    """An order that was made, and its payment sent, while the clock was a year ahead."""
    clock = rivals.first.clock
    clock.advance(minutes=366 * 24 * 60)
    order = an_order(rivals.first)
    pay(rivals.first, order)
    clock.advance(minutes=-366 * 24 * 60)
    return order


def test_two_ticks_give_an_order_of_a_wrong_clock_its_time_once(rivals: Rivals) -> None:
    order = of_a_wrong_clock(rivals)
    rivals.stop(lambda: rivals.second.order_payments.tick(10))
    rivals.first.order_payments.tick(10)
    current = rivals.first.orders.get(order.id)
    assert current.ord_expi == rivals.first.clock.now + order.ord_expi - order.ct


def test_an_order_of_a_wrong_clock_that_is_paid_meanwhile_gets_no_new_end(rivals: Rivals) -> None:
    order = of_a_wrong_clock(rivals)
    payment_id = rivals.first.orders.get(order.id).pay_id
    rivals.stop(lambda: money(rivals.second, payment_id))
    rivals.first.order_payments.tick(10)
    assert (state(rivals.first, order), rivals.first.orders.get(order.id).ord_expi) == ("OK", 0)


def test_an_order_of_a_wrong_clock_that_is_cancelled_meanwhile_gets_no_new_end(
    rivals: Rivals,
) -> None:
    order = of_a_wrong_clock(rivals)
    rivals.stop(lambda: rivals.second.order_payments.cancel(order.id, "faster"))
    assert rivals.first.order_payments.tick(10).settled == (order.id,)
    assert rivals.first.orders.get(order.id).ord_expi == order.ord_expi


def test_two_ways_to_pay_at_once_are_one_payment(rivals: Rivals) -> None:
    order = an_order(rivals.first)
    rivals.stop(lambda: pay(rivals.second, order, "zfb.qrcode"))
    with pytest.raises(ConflictError):
        pay(rivals.first, order)
    assert rivals.first.payments.count(everything()) == 1
    assert len(rivals.first.gateway.calls("send")) == 1
    assert rivals.first.orders.get(order.id).pay_tp == "zfb.qrcode"


@pytest.mark.parametrize("verb", ["open", "pay"])
def test_an_order_that_was_cancelled_meanwhile_gets_no_payment(rivals: Rivals, verb: str) -> None:
    order = an_order(rivals.first)
    rivals.stop(lambda: rivals.second.order_payments.cancel(order.id, "faster"))
    begin = rivals.first.order_payments.open if verb == "open" else pay_of(rivals.first)
    with pytest.raises(NotAllowedError):
        begin(order.id)
    assert (state(rivals.first, order), rivals.first.payments.count(everything())) == ("CA", 0)


def pay_of(world: World) -> Callable[[str], object]:
    return lambda order_id: world.order_payments.pay(order_id, Paying())


def test_an_order_that_was_cancelled_while_a_way_was_chosen_keeps_its_way(rivals: Rivals) -> None:
    order = rivals.first.orders.create(wanted((stock(rivals.first), 1)), BUYER)
    rivals.first.order_payments.open(order.id)
    rivals.stop(lambda: rivals.second.order_payments.cancel(order.id, "faster"))
    with pytest.raises(ConflictError):
        pay(rivals.first, order, "zfb.qrcode")
    assert (state(rivals.first, order), rivals.first.orders.get(order.id).pay_tp) == ("CA", "")


def test_a_payment_that_another_way_replaced_is_not_the_orders_way_any_more(
    rivals: Rivals,
) -> None:
    order = rivals.first.orders.create(wanted((stock(rivals.first), 1)), BUYER)
    rivals.first.gateway.sends = [QR]
    rivals.first.order_payments.open(order.id)

    def another_way() -> None:
        pay(rivals.second, order, "zfb.qrcode")
        pay(rivals.second, order, "wx.h5", arguments=on_phone())

    rivals.first.gateway.closes = [CLOSED]
    rivals.stop(another_way)
    with pytest.raises(ConflictError):
        pay(rivals.first, order, "zfb.qrcode")
    current = rivals.first.orders.get(order.id)
    assert (current.pay_tp, rivals.first.payments.get(current.pay_id).pay_tp) == ("wx.h5", "wx.h5")


def on_phone():
    from payment_cli.services.payments.send import SendArguments

    return SendArguments(client_ip="203.0.113.7")


def test_the_last_pieces_are_sold_once(rivals: Rivals) -> None:
    cup = stock(rivals.first, sku=3)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 2)), Buying("u2")))
    with pytest.raises(NotAllowedError):
        rivals.first.orders.create(wanted((cup, 2)), BUYER)
    assert sku(rivals.first, cup) == 1


def test_a_coupon_is_taken_once(rivals: Rivals) -> None:
    cup, coupon = stock(rivals.first), give_coupon(rivals.first)
    taking = wanted((cup, 1), coupons=[coupon.id])
    rivals.stop(lambda: rivals.second.orders.create(taking, Buying("u2")))
    with pytest.raises(NotAllowedError):
        rivals.first.orders.create(taking, BUYER)
    assert coupon_state(rivals.first, coupon) == "reserved"
    assert rivals.first.orders.count(everything()) == 1


def test_two_orders_at_once_keep_to_the_most_unpaid_ones(rivals: Rivals) -> None:
    cup = stock(rivals.first)
    configure(rivals.first, pending_max=1)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 1)), BUYER))
    with pytest.raises(NotAllowedError):
        rivals.first.orders.create(wanted((cup, 1)), BUYER)
    assert rivals.first.orders.count(everything()) == 1


@pytest.mark.parametrize(("edit", "fee"), [("price", 700), ("discount", 1990)])
def test_an_order_is_priced_by_what_holds_when_it_is_recorded(
    rivals: Rivals, edit: str, fee: int
) -> None:
    cup = stock(rivals.first)
    edits: dict[str, Callable[[], object]] = {
        "price": lambda: goods_of(rivals.second).set(cup.id, {"price": 7}),
        "discount": lambda: discounts_of(rivals.second).add(TEN_OFF),
    }
    rivals.stop(edits[edit])
    assert rivals.first.orders.create(wanted((cup, 1)), BUYER).fee == fee


def test_what_was_removed_meanwhile_is_not_ordered(rivals: Rivals) -> None:
    cup = stock(rivals.first)
    rivals.stop(lambda: goods_of(rivals.second).remove(cup.id))
    with pytest.raises((NotAllowedError, NotFoundError, InvalidValueError)):
        rivals.first.orders.create(wanted((cup, 1)), BUYER)


def a_paid_order(rivals: Rivals) -> Order:
    order = an_order(rivals.first)
    money(rivals.first, pay(rivals.first, order))
    return order


def test_the_same_shipment_twice_at_once_is_one(rivals: Rivals) -> None:
    order = a_paid_order(rivals)
    rivals.stop(lambda: rivals.second.orders.ship(order.id, "SF", "SF1"))
    with pytest.raises(NotAllowedError):
        rivals.first.orders.ship(order.id, "SF", "SF1")
    assert numbers(rivals.first, order) == ["SF1"]


def numbers(world: World, order: Order) -> list[str]:
    return [row["number"] for row in world.orders.get(order.id).extra["shipments"]]  # type: ignore[union-attr,index,misc,call-overload]


def test_two_shipments_at_once_are_both_there(rivals: Rivals) -> None:
    order = a_paid_order(rivals)
    rivals.stop(lambda: rivals.second.orders.ship(order.id, "SF", "SF1"))
    rivals.first.orders.ship(order.id, "SF", "SF2")
    assert numbers(rivals.first, order) == ["SF1", "SF2"]


def test_an_order_that_is_done_meanwhile_is_not_done_again(rivals: Rivals) -> None:
    order = a_paid_order(rivals)
    rivals.first.orders.ship(order.id, "SF", "SF1")
    rivals.stop(lambda: rivals.second.orders.done(order.id))
    with pytest.raises(NotAllowedError):
        rivals.first.orders.done(order.id)


def test_a_sale_between_the_look_and_the_edit_of_a_product_is_not_undone(rivals: Rivals) -> None:
    cup = stock(rivals.first, sku=10)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 2)), BUYER))
    edited = goods_of(rivals.first).set(cup.id, {"price": 7})
    assert (edited.w_price, sku(rivals.first, cup)) == (700, 8)


@pytest.mark.parametrize(("moved", "after"), [(5, 13), (-8, 0)])
def test_stock_is_moved_by_what_is_there_in_that_moment(
    rivals: Rivals, moved: int, after: int
) -> None:
    cup = stock(rivals.first, sku=10)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 2)), BUYER))
    assert goods_of(rivals.first).add_stock(cup.id, moved).sku == after


def test_stock_that_was_sold_meanwhile_is_not_taken_out(rivals: Rivals) -> None:
    cup = stock(rivals.first, sku=10)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 2)), BUYER))
    with pytest.raises(NotAllowedError):
        goods_of(rivals.first).add_stock(cup.id, -9)


def test_two_products_at_once_do_not_get_the_same_name(rivals: Rivals) -> None:
    cup = {"nm": "cup", "w_nm": "Cup", "w_price": 10}
    rivals.stop(lambda: goods_of(rivals.second).add(cup))
    with pytest.raises(ConflictError):
        goods_of(rivals.first).add(cup)
    assert goods_of(rivals.first).count(everything()) == 1


@pytest.mark.parametrize("edit", [{"nm": "cup"}, {"price": 11}])
def test_an_edit_keeps_to_the_names_and_the_pace_of_that_moment(
    rivals: Rivals, edit: dict[str, Any]
) -> None:
    configure(rivals.first, edit_every=10)
    pot = stock(rivals.first)
    rivals.first.clock.advance(minutes=20)

    def meanwhile() -> None:
        if "nm" in edit:
            goods_of(rivals.second).add({"nm": "cup", "w_nm": "Cup", "w_price": 10})
        else:
            goods_of(rivals.second).set(pot.id, {"price": 12})

    rivals.stop(meanwhile)
    with pytest.raises((ConflictError, NotAllowedError)):
        goods_of(rivals.first).set(pot.id, edit)
    assert goods_of(rivals.first).get(pot.id).nm == pot.nm


def test_a_product_that_became_part_of_a_package_meanwhile_is_not_removed(rivals: Rivals) -> None:
    cup = stock(rivals.first)
    package = {"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": cup.id, "num": 2}]}
    rivals.stop(lambda: goods_of(rivals.second).add(package))
    with pytest.raises((NotAllowedError, InvalidValueError)):
        goods_of(rivals.first).remove(cup.id)
    assert goods_of(rivals.first).get(cup.id).is_live


def test_a_package_of_what_was_removed_meanwhile_is_not_added(rivals: Rivals) -> None:
    cup = stock(rivals.first)
    package = {"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": cup.id, "num": 2}]}
    rivals.stop(lambda: goods_of(rivals.second).remove(cup.id))
    with pytest.raises((NotAllowedError, InvalidValueError)):
        goods_of(rivals.first).add(package)


def load(world: World, line: str) -> None:
    GoodsFiles(goods_of(world)).load([line], "jsonl", lambda _done, _total: None)


def test_a_sale_during_an_import_is_not_undone(rivals: Rivals) -> None:
    cup = stock(rivals.first, sku=10)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 2)), BUYER))
    load(rivals.first, f'{{"nm": "{cup.nm}", "w_nm": "Mug", "sku": 10}}')
    stored = goods_of(rivals.first).get(cup.id)
    assert (stored.w_nm, stored.sku) == ("Mug", 8)


def test_a_product_that_was_added_during_an_import_is_not_added_twice(rivals: Rivals) -> None:
    line = '{"nm": "cup", "w_nm": "Cup", "w_price": 10}'
    rivals.stop(lambda: load(rivals.second, line))
    with pytest.raises(ConflictError):
        load(rivals.first, line)
    assert goods_of(rivals.first).count(everything()) == 1


def discounts_of(world: World) -> Discounts:
    return Discounts(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def coupons_of(world: World) -> Coupons:
    return Coupons(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def addresses_of(world: World) -> Addresses:
    return Addresses(world.storage, world.actor, world.clock, world.ids)


def test_two_edits_of_a_discount_are_both_there(rivals: Rivals) -> None:
    made = discounts_of(rivals.first).add(TEN_OFF)
    rivals.stop(lambda: discounts_of(rivals.second).set(made.id, {"dis_nm": "half"}))
    edited = discounts_of(rivals.first).set(made.id, {"note": "x"}, ["note"])
    assert (edited.dis_nm, edited.extra["note"]) == ("half", "x")


def test_a_coupon_that_an_order_took_meanwhile_is_not_removed(rivals: Rivals) -> None:
    cup, coupon = stock(rivals.first), give_coupon(rivals.first)
    rivals.stop(lambda: rivals.second.orders.create(wanted((cup, 1), coupons=[coupon.id]), BUYER))
    with pytest.raises(NotAllowedError):
        coupons_of(rivals.first).remove(coupon.id)


def test_of_two_first_addresses_one_is_the_default(rivals: Rivals) -> None:
    rivals.stop(lambda: addresses_of(rivals.second).add("u1", HOME))
    addresses_of(rivals.first).add("u1", HOME)
    assert defaults(rivals.first) == [False, True]


def defaults(world: World) -> list[bool]:
    return sorted(address.dftaddr for address in addresses_of(world).list("u1"))


def test_two_addresses_at_once_keep_to_the_most_one_may_have(
    rivals: Rivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "ADDRESSES_MAX", 1)
    rivals.stop(lambda: addresses_of(rivals.second).add("u1", HOME))
    with pytest.raises(NotAllowedError):
        addresses_of(rivals.first).add("u1", HOME)


@pytest.mark.parametrize("verb", ["set", "set_default", "remove"])
def test_an_address_that_was_removed_meanwhile_is_not_found(rivals: Rivals, verb: str) -> None:
    addresses_of(rivals.first).add("u1", HOME)
    second = addresses_of(rivals.first).add("u1", HOME)
    rivals.stop(lambda: addresses_of(rivals.second).remove(second.id))
    changing: dict[str, Callable[[], object]] = {
        "set": lambda: addresses_of(rivals.first).set(second.id, {"street": "x"}),
        "set_default": lambda: addresses_of(rivals.first).set_default(second.id),
        "remove": lambda: addresses_of(rivals.first).remove(second.id),
    }
    with pytest.raises(NotFoundError):
        changing[verb]()
    assert defaults(rivals.first) == [True]


def test_an_address_that_became_the_default_meanwhile_leaves_an_heir(rivals: Rivals) -> None:
    addresses_of(rivals.first).add("u1", HOME)
    second = addresses_of(rivals.first).add("u1", HOME)
    rivals.stop(lambda: addresses_of(rivals.second).set_default(second.id))
    addresses_of(rivals.first).remove(second.id)
    assert defaults(rivals.first) == [True]


def test_two_additions_to_a_basket_are_added_up(rivals: Rivals) -> None:
    baskets = [TreeBaskets(w.storage, w.clock, "demo", 20) for w in (rivals.first, rivals.second)]
    rivals.stop(lambda: baskets[1].add("u1", "cup-01", 2))
    assert baskets[0].add("u1", "cup-01", 3) == 5
    rivals.stop(lambda: baskets[1].add("u1", "pot-01", 1))
    baskets[0].take("u1", {"cup-01": 4})
    assert baskets[0].get("u1") == {"cup-01": 1, "pot-01": 1}


def test_two_favourites_at_once_are_both_there(rivals: Rivals) -> None:
    first, second = (Favourites(w.storage, w.clock, "demo") for w in (rivals.first, rivals.second))
    rivals.stop(lambda: second.add("u1", ["cup-01"]))
    assert first.add("u1", ["pot-01", "cup-01"]) == 1
    assert [name for name, _ in first.list("u1")] == ["cup-01", "pot-01"]


def test_two_settings_at_once_are_both_there(rivals: Rivals) -> None:
    first, second = service_of(rivals.first), service_of(rivals.second)
    rivals.stop(lambda: second.set("demo", "order_minutes", "30"))
    first.set("demo", "pending_max", "7")
    rivals.stop(lambda: second.set("demo", "order_minutes", "45"))
    after = first.set("demo", "kinds_max", "5")
    assert (after.order_minutes, after.pending_max, after.kinds_max) == (45, 7, 5)

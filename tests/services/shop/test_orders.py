from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from payment_cli.errors import ConfigError, InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.query.match import everything
from payment_cli.model.shop.address import Address
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.order_state import OrderEvent, OrderKind
from payment_cli.model.shop.product import Product
from payment_cli.model.stores.settings import StoreSettings
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.records import coupons, discounts, orders, products
from payment_cli.storage.base import Collection, Query
from tests.services.conftest import World

BUYER = Buying("u1")
HOME = {
    "code": "110108017000",
    "street": "Shangdi 1",
    "consignee": "Li",
    "phone": "13912345678",
}


def stock(world: World, **fields: Any) -> Product:
    """A product in the store, as typed."""
    number = world.ids(world.clock.now)
    document = {"nm": f"p-{number[-4:]}", "w_nm": "Cup", "w_price": Decimal("29.90"), **fields}
    product = Product.new(document, id=number, now=world.clock.now, currency="RMB")
    with world.storage.transaction("test") as tx:
        return Product.from_record(tx.insert(products("demo"), product.to_record()))


def give_coupon(world: World, **fields: Any) -> Coupon:
    number = world.ids(world.clock.now)
    document = {"title": "c", "type": 1, "value": 5, **fields}
    coupon = Coupon.new(document, id=number, now=world.clock.now, currency="RMB")
    with world.storage.transaction("test") as tx:
        tx.insert(coupons("demo"), coupon.to_record())
    return coupon


def configure(world: World, **values: Any) -> None:
    settings = StoreSettings()
    for name, value in values.items():
        settings = settings.with_value(name, value, world.clock.now)
    with world.storage.transaction("test") as tx:
        tx.insert(Collection("settings", "demo"), settings.to_record())


def wanted(*lines: tuple[Product, int], **fields: Any) -> OrderInput:
    rows = [{"id": product.id, "amount": amount} for product, amount in lines]
    return OrderInput.from_document({"products": rows, **fields})


def sku(world: World, product: Product) -> int:
    return world.storage.get(products("demo"), product.id)["sku"]


def coupon_state(world: World, coupon: Coupon) -> str:
    return world.storage.get(coupons("demo"), coupon.id)["cpn_stat"]


def test_a_created_order_is_a_copy_with_prices_in_yuan(world: World) -> None:
    cup = stock(world, sku=10)
    order = world.orders.create(wanted((cup, 3)), BUYER)
    record = world.storage.get(orders("demo"), order.id)
    assert record["ord_status"] == "NW"
    assert (record["tp"], record["race"], record["nm"]) == ("order", "FILE", f"ord_demo_{order.id}")
    assert (record["total"], record["fee"]) == (Decimal("89.70"), Decimal("89.70"))
    assert record["ord_ws"][0]["w_nm"] == "Cup"
    assert (record["proid0"], record["pro_c"], record["title"]) == (cup.id, 3, "Demo")
    assert record["ord_expi"] == world.clock.now + 15 * 60_000
    with world.storage.transaction("test") as tx:
        edited = cup.edited({"w_price": Decimal(99)}, world.clock.now)
        current = tx.get(products("demo"), cup.id)
        tx.put(
            products("demo"), {**edited.to_record(), "rev": current["rev"], "sku": current["sku"]}
        )
    assert world.orders.get(order.id).fee == 8970


def test_creating_takes_the_stock_and_pricing_does_not(world: World) -> None:
    cup = stock(world, sku=5)
    world.orders.price(wanted((cup, 3)), BUYER)
    assert sku(world, cup) == 5
    world.orders.create(wanted((cup, 2), (cup, 1)), BUYER)
    assert sku(world, cup) == 2
    with pytest.raises(NotAllowedError):
        world.orders.create(wanted((cup, 2), (cup, 1)), BUYER)
    assert sku(world, cup) == 2


def test_a_refused_order_takes_nothing(world: World) -> None:
    cup, pot = stock(world, sku=5), stock(world, sku=0)
    coupon = give_coupon(world)
    with pytest.raises(NotAllowedError):
        world.orders.create(wanted((cup, 1), (pot, 1), coupons=[coupon.id]), BUYER)
    assert (sku(world, cup), coupon_state(world, coupon)) == (5, "free")
    assert world.orders.count(everything()) == 0


def test_a_package_takes_the_stock_of_its_parts(world: World) -> None:
    cup = stock(world, sku=10)
    tea_set = stock(world, w_price=None, w_pkg=[{"w_id": cup.id, "num": 4}])
    order = world.orders.create(wanted((tea_set, 2)), BUYER)
    assert order.total == 2 * 4 * 2990
    assert sku(world, cup) == 2


def test_a_coupon_is_reserved_for_one_order(world: World) -> None:
    cup, coupon = stock(world), give_coupon(world)
    order = world.orders.create(wanted((cup, 1), coupons=[coupon.id]), BUYER)
    assert (order.discount, order.fee) == (500, 2490)
    assert coupon_state(world, coupon) == "reserved"
    with pytest.raises(NotAllowedError):
        world.orders.create(wanted((cup, 1), coupons=[coupon.id]), BUYER)


def test_discounts_of_the_store_apply_by_themselves(world: World) -> None:
    cup = stock(world)
    document = {"dis_nm": "sale", "dis_mode": "percent", "off_bp": 1000}
    discount = Discount.new(document, id=world.ids(1), now=world.clock.now, currency="RMB")
    with world.storage.transaction("test") as tx:
        tx.insert(discounts("demo"), discount.to_record())
    order = world.orders.create(wanted((cup, 1)), BUYER)
    assert (order.total, order.discount, order.fee) == (2990, 299, 2691)


def test_a_buyer_has_a_capped_number_of_unpaid_orders(world: World) -> None:
    cup = stock(world)
    configure(world, pending_max=2)
    for _ in range(2):
        world.orders.create(wanted((cup, 1)), BUYER)
    with pytest.raises(NotAllowedError):
        world.orders.create(wanted((cup, 1)), BUYER)
    assert world.orders.create(wanted((cup, 1)), Buying("u2")).buyer_id == "u2"


def test_an_unpaid_order_whose_payment_failed_counts_as_one(world: World) -> None:
    cup = stock(world)
    configure(world, pending_max=1)
    order = world.orders.create(wanted((cup, 1)), BUYER)
    with world.storage.transaction("test") as tx:
        failed = order.on(OrderEvent.OPEN, 1, "test").on(OrderEvent.FAIL, 2, "test")
        tx.put(orders("demo"), failed.to_record())
    with pytest.raises(NotAllowedError, match="1 unpaid orders"):
        world.orders.create(wanted((cup, 1)), BUYER)


def test_freight_goes_by_the_default_addresses_and_the_sheet(world: World) -> None:
    rules = {"CN": [{"title": "all", "ship_code": "000000", "target_code": "000000",
                     "first": 10, "additional": 5}]}  # fmt: skip
    configure(world, freight_sheet={"first_weight": 1, "additional_unit": 1, "rules": rules})
    with world.storage.transaction("test") as tx:
        for n, (uid, tp) in enumerate([("u1", "U"), ("", "S")]):
            document = {**HOME, "tp": tp}
            address = Address.new(document, id=f"a{n}", uid=uid, now=1)
            tx.insert(Collection("address", "demo"), {**address.to_record(), "dftaddr": True})
    cup = stock(world, weight=Decimal("0.9"))
    order = world.orders.create(wanted((cup, 2)), BUYER)
    assert (order.freight, order.fee) == (1500, 2 * 2990 + 1500)
    assert order.delivery["addr_user_code"] == "110108017000"
    assert world.orders.create(wanted((cup, 2), tp="Q"), BUYER).freight == 1500
    virtual = replace(BUYER, kind=OrderKind.VIRTUAL)
    assert world.orders.create(wanted((cup, 2)), virtual).freight == 0


def test_a_store_that_weighs_must_say_where_it_sends_from(world: World) -> None:
    rules = {"CN": [{"ship_code": "000000", "target_code": "000000", "first": 10}]}
    configure(world, freight_sheet={"rules": rules})
    with world.storage.transaction("test") as tx:
        address = Address.new(HOME, id="a1", uid="u1", now=1)
        tx.insert(Collection("address", "demo"), {**address.to_record(), "dftaddr": True})
    with pytest.raises(ConfigError, match="no address that it sends from") as refused:
        world.orders.create(wanted((stock(world, weight=1), 1)), BUYER)
    assert refused.value.hint == "payment address add, without --buyer"
    assert world.orders.create(wanted((stock(world), 1)), BUYER).freight == 0


def test_the_shops_own_address_is_no_buyers(world: World) -> None:
    with world.storage.transaction("test") as tx:
        address = Address.new({"tp": "S", "code": "110108"}, id="a1", uid="", now=1)
        tx.insert(Collection("address", "demo"), address.to_record())
    with pytest.raises(NotFoundError, match="no address a1"):
        world.orders.create(wanted((stock(world), 1), address="a1"), Buying("", is_anonymous=True))


def test_goods_that_do_not_say_are_what_the_store_says(world: World) -> None:
    configure(world, w_tp="Q")
    song, cup = stock(world), stock(world, w_tp="A")
    assert world.orders.create(wanted((song, 1)), BUYER).ord_tp == "Q"
    assert world.orders.create(wanted((song, 1), (cup, 1)), BUYER).ord_tp == "A"


def test_an_order_without_a_buyer_is_asked_for(world: World) -> None:
    cup = stock(world)
    with pytest.raises(InvalidValueError, match="nobody buys it"):
        world.orders.create(wanted((cup, 1)), Buying(""))
    assert world.orders.create(wanted((cup, 1)), Buying("", is_anonymous=True)).buyer_id == ""


def test_anothers_address_is_refused(world: World) -> None:
    with world.storage.transaction("test") as tx:
        address = Address.new(HOME, id="a1", uid="u2", now=1)
        tx.insert(Collection("address", "demo"), address.to_record())
    with pytest.raises(NotFoundError, match="no address a1"):
        world.orders.create(wanted((stock(world), 1), address="a1"), BUYER)


def test_goods_of_another_currency_than_asked_are_refused(world: World) -> None:
    with pytest.raises(InvalidValueError):
        world.orders.create(wanted((stock(world), 1), currency="USD"), BUYER)


def test_orders_of_other_stores_are_neither_shown_nor_listed(world: World) -> None:
    order = world.orders.create(wanted((stock(world), 1)), BUYER)
    other = world.seen_by("other")
    with pytest.raises(NotFoundError):
        other.orders.get(order.id)
    assert other.orders.count(everything()) == 0
    root = world.seen_by("root", is_operator=True)
    assert root.orders.get(order.id[-8:]).id == order.id
    assert [r["id"] for r in root.orders.query(Query(everything()))] == [order.id]


def paid_order(world: World) -> Order:
    """An order of nothing to pay is paid at once."""
    gift = stock(world, w_price=Decimal(0))
    order = world.orders.create(wanted((gift, 1)), BUYER)
    from payment_cli.services.shop.order_payments import Paying

    world.order_payments.pay(order.id, Paying())
    return world.orders.get(order.id)


def test_a_paid_order_is_shipped_tracked_and_done(world: World) -> None:
    order = paid_order(world)
    assert order.ord_status == "OK"
    shipped = world.orders.ship(order.id, "SF", "SF1", "first box")
    assert (shipped.ord_status, shipped.sp_at) == ("SP", world.clock.now)
    world.orders.ship(order.id, "SF", "SF2")
    with pytest.raises(NotAllowedError):
        world.orders.ship(order.id, "SF", "SF1")
    tracked = world.orders.track(order.id, "SF1", "arrived", "at the door")
    [first, second] = tracked.extra["shipments"]
    assert [line["st"] for line in first["trail"]] == ["sent", "arrived"]
    assert len(second["trail"]) == 1
    with pytest.raises(InvalidValueError):
        world.orders.track(order.id, "SF9", "arrived")
    assert world.orders.done(order.id).ord_status == "DN"


def test_an_unpaid_order_is_not_shipped_and_the_refusal_says_what_is_possible(world) -> None:
    order = world.orders.create(wanted((stock(world), 1)), BUYER)
    with pytest.raises(NotAllowedError, match="is NW") as refused:
        world.orders.ship(order.id, "SF", "1")
    assert "pay" in refused.value.hint
    assert "cancel" in refused.value.hint

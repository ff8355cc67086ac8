"""Which goods a cart may hold, and their prices before discounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.pricing_goods import (
    LINES_MAX,
    CartLine,
    Kinds,
    goods_lines,
    missing_ids,
)
from payment_cli.model.shop.product import PIECES_MAX
from tests.support.shop import NOW, a_product, cart, catalogue, yuan


def lines_of(wanted, *goods, **options):
    return goods_lines(wanted, catalogue(*goods), now=NOW, **options)


def test_a_line_is_a_copy_of_the_product():
    product = a_product(
        "cup", retail=yuan("40.00"), weight=Decimal("0.5"), freight=3, cat=["tea"],
        link="https://shop.example/cup", description="A cup.",
    )  # fmt: skip
    (line,) = lines_of(cart(cup=2), product)
    assert (line.id, line.nm, line.w_nm, line.w_price, line.w_buy_num) == (
        "cup", "cup", "name of cup", 3450, 2
    )  # fmt: skip
    assert (line.retail, line.weight, line.freight, line.cat) == (
        4000, Decimal("0.5"), 300, ("tea",)
    )  # fmt: skip
    assert (line.link, line.description, line.subtotal) == (
        "https://shop.example/cup", "A cup.", 6900
    )  # fmt: skip


def test_a_package_line_has_its_parts_with_their_own_prices():
    box = a_product("box", "60", w_pkg=[{"w_id": "cup", "num": 2}])
    (line,) = lines_of(cart(box=1), box, a_product("cup"))
    (part,) = line.w_pkg
    assert (line.w_price, part.id, part.w_nm, part.w_price, part.w_num) == (
        6000, "cup", "name of cup", 3450, 2
    )  # fmt: skip


def test_a_package_without_weight_and_freight_is_sent_as_its_parts():
    parts = [
        a_product("cup", weight=Decimal("0.5")),
        a_product("tea", weight=Decimal("0.25"), freight=2),
    ]
    contents = [{"w_id": "cup", "num": 2}, {"w_id": "tea", "num": 3}]
    (line,) = lines_of(cart(box=1), a_product("box", w_pkg=contents), *parts)
    assert (line.weight, line.freight) == (Decimal("1.75"), 6_00)
    (line,) = lines_of(cart(box=1), a_product("box", w_pkg=contents, weight=3), *parts)
    assert (line.weight, line.freight) == (3, 0)


@pytest.mark.parametrize("said", [None, "A"])
def test_what_the_store_says_of_the_whole_order_goes_before_what_its_goods_say(said):
    kinds = Kinds(order=OrderKind.VIRTUAL)
    (line,) = lines_of(cart(tea=1), a_product("tea", w_tp=said, freight=8, weight=3), kinds=kinds)
    assert (line.is_virtual, line.weight, line.freight) == (True, 0, 0)


def test_an_empty_cart_is_refused():
    with pytest.raises(InvalidValueError, match="at least one product"):
        lines_of([])


@pytest.mark.parametrize("amount", [0, -1, PIECES_MAX + 1])
def test_an_amount_below_one_or_too_large_is_refused(amount):
    with pytest.raises(InvalidValueError, match="product cup: amount must be 1 to 1000000"):
        lines_of([CartLine("cup", amount)], a_product("cup"))


def test_an_unknown_product_is_not_found():
    with pytest.raises(NotFoundError, match="no product mug"):
        lines_of(cart(mug=1), a_product("cup"))


def test_deleted_and_expired_goods_are_refused_also_inside_a_package():
    deleted = a_product("cup").deleted(NOW)
    box = a_product("box", w_pkg=[{"w_id": "cup"}])
    for wanted in (cart(cup=1), cart(box=1)):
        with pytest.raises(NotAllowedError, match="product cup was deleted"):
            lines_of(wanted, deleted, box)
        with pytest.raises(NotAllowedError, match="product cup is not sold any more"):
            lines_of(wanted, a_product("cup", w_expi=NOW - 1), box)


def test_lines_of_one_product_count_together_for_least_and_most():
    product = a_product("cup", w_buy_min=2, w_buy_max=3)
    twice = [CartLine("cup", 1), CartLine("cup", 1)]
    assert [line.w_buy_num for line in lines_of(twice, product)] == [1, 1]
    with pytest.raises(NotAllowedError, match="1 is too few"):
        lines_of(cart(cup=1), product)
    with pytest.raises(NotAllowedError, match="4 is too many"):
        lines_of([CartLine("cup", 2), CartLine("cup", 2)], product)


def test_lines_of_one_product_count_together_for_the_stock():
    # The reference checks each line alone, and sells four of three.
    with pytest.raises(NotAllowedError, match="only 3 left, 4 wanted"):
        lines_of([CartLine("cup", 2), CartLine("cup", 2)], a_product("cup", sku=3))


def test_the_parts_of_packages_count_for_the_stock_as_well():
    box = a_product("box", w_pkg=[{"w_id": "cup", "num": 2}])
    wanted = cart(box=1, cup=2)
    assert len(lines_of(wanted, box, a_product("cup", sku=4))) == 2
    with pytest.raises(NotAllowedError, match="only 3 left, 4 wanted"):
        lines_of(wanted, box, a_product("cup", sku=3))


RULES = [{"name": "bulk", "rules": [{"sku": "[1,9]", "price": 10}, {"sku": "[10,)", "price": 8}]}]


def test_a_volume_price_counts_all_lines_that_share_the_rule():
    holder = a_product("tea", "99", prices=RULES)
    green = a_product("green", pro_id="tea", price_by="bulk")
    black = a_product("black", pro_id="tea", price_by="bulk")
    few = lines_of(cart(green=4, black=5), holder, green, black)
    many = lines_of(
        [CartLine("green", 4), CartLine("black", 5), CartLine("green", 1)], holder, green, black
    )
    assert [line.w_price for line in few] == [1000, 1000]
    assert [line.w_price for line in many] == [800, 800, 800]


def test_below_the_first_rule_the_normal_price_holds():
    rules = [{"name": "m", "rules": [{"sku": "[10,)", "price": 30}]}]
    tea = a_product("tea", "34.50", prices=rules)
    assert [lines_of(cart(tea=n), tea)[0].w_price for n in (1, 9, 10)] == [3450, 3450, 3000]


def test_a_package_below_the_first_rule_costs_its_parts():
    rules = [{"name": "m", "rules": [{"sku": "[5,)", "price": 60}]}]
    box = a_product("box", None, w_pkg=[{"w_id": "cup", "num": 2}], prices=rules)
    cup = a_product("cup", "34.50")
    assert [lines_of(cart(box=n), box, cup)[0].w_price for n in (4, 5)] == [6900, 6000]


ranges = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
items = st.lists(st.tuples(ranges, st.integers(0, 99), st.booleans()), min_size=1, max_size=4)


@given(rules=items, carts=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 7)), min_size=1,
                                   max_size=6))  # fmt: skip
def test_volume_prices_are_those_of_an_independent_calculation(rules, carts):
    """`a` holds the rule, `b` has its price by it, `c` has none."""
    rows = [
        {"sku": f"[{low},)" if is_open else f"[{low},{high}]", "price": each}
        for (low, high), each, is_open in rules
    ]
    goods = (
        a_product("a", "100", prices=[{"name": "m", "rules": rows}]),
        a_product("b", "200", pro_id="a"),
        a_product("c", "300"),
    )
    together = sum(n for name, n in carts if name in "ab")
    due = {"a": 100, "b": 200, "c": 300}
    for (low, high), each, is_open in reversed(rules):  # the first that fits is written last
        if together >= low and (is_open or together <= high):
            due.update(a=each, b=each)
    lines = lines_of([CartLine(name, n) for name, n in carts], *goods)
    assert [(line.id, line.subtotal) for line in lines] == [
        (name, due[name] * n * 100) for name, n in carts
    ]


def test_goods_of_two_currencies_are_refused():
    goods = a_product("cup"), a_product("mug", w_currency="USD")
    with pytest.raises(InvalidValueError, match="product cup is in RMB, product mug in USD"):
        lines_of(cart(cup=1, mug=1), *goods)


def test_goods_of_another_currency_than_the_order_asks_for_are_refused():
    with pytest.raises(InvalidValueError, match="the order is in USD, product cup in RMB"):
        lines_of(cart(cup=1), a_product("cup"), currency="USD")
    assert lines_of(cart(cup=1), a_product("cup"), currency="CNY")


def test_an_order_holds_twenty_kinds_and_more_when_the_store_says_so():
    goods = [a_product(f"p-{n}") for n in range(21)]
    wanted = [CartLine(product.id, 1) for product in goods]
    assert len(lines_of(wanted[:20], *goods)) == 20
    with pytest.raises(NotAllowedError, match="at most 20 kinds of goods, not 21"):
        lines_of(wanted, *goods)
    assert len(lines_of(wanted, *goods, kinds_max=21)) == 21
    assert len(lines_of([CartLine("p-1", 1)] * LINES_MAX, *goods)) == LINES_MAX
    with pytest.raises(NotAllowedError, match="at most 100 lines"):
        lines_of([CartLine("p-1", 1)] * (LINES_MAX + 1), *goods)


def test_what_is_missing_is_named_until_all_is_there():
    box = a_product("box", w_pkg=[{"w_id": "cup"}])
    green = a_product("green", pro_id="tea", price_by="bulk")
    wanted = cart(box=1, green=1)
    assert missing_ids(wanted, {}) == {"box", "green"}
    assert missing_ids(wanted, catalogue(box, green)) == {"cup", "tea"}
    everything = catalogue(box, green, a_product("cup"), a_product("tea"))
    assert missing_ids(wanted, everything) == set()

"""The price of one piece, packages, volume prices."""

import pytest

from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.shop.product_price import (
    find_product,
    rule_key,
    unit_price,
    unpack,
    volume_price,
)
from tests.support.shop import NOW, a_product, catalogue, yuan

CUP = a_product("cup", "34.50")
TEA = a_product("tea", "12.05")


def a_package(price=None, **fields):
    parts = [{"w_id": "cup", "num": 2}, {"w_id": "tea", "num": 1}]
    return a_product("box", price, **{"w_pkg": parts, **fields})


def test_a_package_costs_the_sum_of_its_parts():
    box = a_package()
    assert unit_price(box, unpack(box, catalogue(CUP, TEA))) == 2 * 3450 + 1205


def test_a_price_set_on_the_package_wins():
    box = a_package("60")
    assert unit_price(box, unpack(box, catalogue(CUP, TEA))) == 6000


def test_a_price_of_zero_set_on_the_package_wins_too():
    box = a_package("0")
    assert unit_price(box, unpack(box, catalogue(CUP, TEA))) == 0


def test_a_part_that_points_nowhere_is_refused():
    with pytest.raises(InvalidValueError, match="package box: there is no product tea"):
        unpack(a_package(), catalogue(CUP))


def test_a_package_of_packages_is_refused():
    outer = a_product("crate", None, w_pkg=[{"w_id": "box"}])
    with pytest.raises(InvalidValueError, match="product box is a package itself"):
        unpack(outer, catalogue(a_package(), CUP, TEA))


def test_a_part_in_another_currency_is_refused():
    with pytest.raises(InvalidValueError, match="product tea is sold in USD"):
        unpack(a_package(), catalogue(CUP, a_product("tea", "1", w_currency="USD")))


def test_rmb_and_cny_parts_go_together():
    assert len(unpack(a_package(), catalogue(CUP, a_product("tea", "1", w_currency="CNY")))) == 2


def test_an_unknown_product_is_not_found():
    with pytest.raises(NotFoundError, match="no product cup"):
        find_product({}, "cup")


RULES = [
    {"name": "bulk", "rules": [{"sku": "[1,9]", "price": 10}, {"sku": "[10,)", "price": 8}]},
]


def test_a_product_has_a_volume_price_only_by_name():
    assert rule_key(a_product(pro_id="tea")) is None
    assert rule_key(a_product("green", pro_id="tea", price_by="bulk")) == ("tea", "bulk")
    assert rule_key(a_product("green", price_by="bulk")) == ("green", "bulk")


def test_the_volume_price_comes_from_the_holder_of_the_rule():
    goods = catalogue(a_product("tea", "12", prices=RULES))
    green = a_product("green", pro_id="tea", price_by="bulk")
    assert volume_price(green, ("tea", "bulk"), 9, goods) == 1000
    assert volume_price(green, ("tea", "bulk"), 10, goods) == 800


@pytest.mark.parametrize(
    ("holder", "problem"),
    [
        (None, "names no product that holds price rules: tea"),
        (a_product("tea", "12", prices=RULES).deleted(NOW), "names no product that holds"),
        (a_product("tea", "12"), "product tea has no price rule bulk"),
        (a_product("tea", "12", prices=RULES, w_currency="USD"), "in another currency"),
    ],
)
def test_a_volume_price_that_points_nowhere_is_refused(holder, problem):
    goods = catalogue(holder) if holder else {}
    with pytest.raises(InvalidValueError, match=problem):
        volume_price(a_product("green", price_by="bulk"), ("tea", "bulk"), 1, goods)


def test_yuan_in_rules_are_exact():
    with pytest.raises(InvalidValueError, match="more than two decimals"):
        a_product(prices=[{"name": "x", "rules": [{"sku": "[1,)", "price": yuan("1.005")}]}])

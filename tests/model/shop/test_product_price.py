"""The price of one piece, packages, volume prices."""

import pytest

from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.shop.product_price import (
    find_product,
    find_rule,
    unit_price,
    unpack,
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


TWO = [*RULES, {"name": "vip", "rules": [{"sku": "[1,)", "price": 7}]}]


def test_a_product_has_its_own_only_rule_without_another_word():
    assert find_rule(a_product(), {}) is None
    key, rule = find_rule(a_product("green", prices=RULES), {})
    assert (key, rule.price_for(10)) == (("green", "bulk"), 800)


def test_of_several_rules_the_name_says_which_and_nothing_else_does():
    key, rule = find_rule(a_product("green", prices=TWO, price_by="vip"), {})
    assert (key, rule.price_for(1)) == (("green", "vip"), 700)
    with pytest.raises(
        InvalidValueError, match="which price rule of product green is meant"
    ) as caught:
        find_rule(a_product("green", prices=TWO), {})
    assert caught.value.hint == "price_by says it: bulk, vip"


def test_the_rule_may_be_another_products():
    goods = catalogue(a_product("tea", "12", prices=RULES), a_product("own", prices=TWO))
    for price_by in ("", "bulk"):
        green = a_product("green", pro_id="tea", price_by=price_by, prices=TWO)
        key, rule = find_rule(green, goods)
        assert (key, rule.price_for(9)) == (("tea", "bulk"), 1000)


@pytest.mark.parametrize(
    ("holder", "problem"),
    [
        (None, "bulk is of product tea, which is not there"),
        (a_product("tea", "12", prices=RULES).deleted(NOW), "which was deleted"),
        (a_product("tea", "12"), "bulk is not among the prices of product tea"),
        (a_product("tea", "12", prices=TWO[1:]), "bulk is not among the prices of product tea"),
        (a_product("tea", "12", prices=RULES, w_currency="USD"), "sold in USD"),
    ],
)
def test_a_volume_price_that_points_nowhere_is_refused(holder, problem):
    goods = catalogue(holder) if holder else {}
    with pytest.raises(InvalidValueError, match=problem):
        find_rule(a_product("green", pro_id="tea", price_by="bulk"), goods)


def test_a_name_without_any_rule_is_refused():
    with pytest.raises(InvalidValueError, match="bulk is not among the prices of product green"):
        find_rule(a_product("green", price_by="bulk"), {})


def test_yuan_in_rules_are_exact():
    with pytest.raises(InvalidValueError, match="more than two decimals"):
        a_product(prices=[{"name": "x", "rules": [{"sku": "[1,)", "price": yuan("1.005")}]}])

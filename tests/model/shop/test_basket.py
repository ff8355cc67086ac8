"""A basket means what the reference's command `buy` means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import NotAllowedError
from payment_cli.model.shop import basket
from payment_cli.model.shop.product import PIECES_MAX

BASKET = {"tea": 3, "cup": 1}


def test_adding_counts_on():
    assert basket.add(BASKET, "tea", kinds_max=20) == ({"tea": 4, "cup": 1}, 4)
    assert basket.add(BASKET, "mug", 5, kinds_max=20) == ({**BASKET, "mug": 5}, 5)
    assert basket.add(BASKET, "tea", -1, kinds_max=20) == ({"tea": 2, "cup": 1}, 2)


@pytest.mark.parametrize(("n", "count"), [(-3, 0), (-5, -2)])
def test_at_zero_or_below_it_leaves_and_the_sum_is_told_as_it_came_out(n, count):
    assert basket.add(BASKET, "tea", n, kinds_max=20) == ({"cup": 1}, count)
    assert basket.add({}, "tea", n, kinds_max=20) == ({}, n)


def test_putting_sets_the_number():
    assert basket.put(BASKET, "tea", 9, kinds_max=20) == ({"tea": 9, "cup": 1}, 9)
    assert basket.put(BASKET, "tea", -4, kinds_max=20) == ({"cup": 1}, 0)


def test_removing_counts_what_was_there():
    assert basket.remove(BASKET, ["tea", "mug", "tea"]) == ({"cup": 1}, 1)


def test_a_basket_holds_so_many_kinds_but_those_it_has_may_grow():
    with pytest.raises(NotAllowedError, match="at most 2 kinds"):
        basket.add(BASKET, "mug", kinds_max=2)
    with pytest.raises(NotAllowedError, match="at most 2 kinds"):
        basket.put(BASKET, "mug", 1, kinds_max=2)
    assert basket.add(BASKET, "tea", kinds_max=2)[1] == 4
    assert basket.put(BASKET, "mug", 0, kinds_max=2) == (BASKET, 0)


def test_a_basket_holds_so_many_pieces_of_one_product():
    with pytest.raises(NotAllowedError, match="at most 1000000 pieces"):
        basket.add(BASKET, "tea", PIECES_MAX, kinds_max=20)


def test_it_is_listed_by_quantity_and_equal_ones_by_id():
    goods = {"b": 2, "c": 1, "a": 2}
    assert basket.listed(goods) == [("c", 1), ("a", 2), ("b", 2)]
    assert basket.listed(goods, descending=True) == [("b", 2), ("a", 2), ("c", 1)]
    assert basket.rows({"a": 2}) == [{"name": "a", "count": 2}]


def test_the_sum_counts_pieces():
    assert basket.pieces_in(BASKET) == 4
    assert basket.pieces_in({}) == 0


def test_what_was_bought_leaves_and_what_was_added_meanwhile_stays():
    assert basket.take({"tea": 5, "cup": 1}, {"tea": 3, "cup": 2, "mug": 1}) == {"tea": 2}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5))))
def test_a_basket_never_holds_nothing_of_something(changes):
    goods = {}
    for product_id, n in changes:
        goods, _ = basket.add(goods, product_id, n, kinds_max=3)
        assert all(count > 0 for count in goods.values())

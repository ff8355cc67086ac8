"""Names from a language file."""

import pytest

from payment_cli.model.i18n import resolve, resolve_record

MESSAGES = {"cup": "Cup", "goods": {"tea": "茶"}, "a.b": "whole", "a": {"b": "nested"}, "n": 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Plain", "Plain"),
        ("i18n:cup", "Cup"),
        ("i18n: cup", "Cup"),
        ("i18n:goods.tea", "茶"),
        ("i18n:a.b", "whole"),
        ("i18n:mug", "mug"),
        ("i18n:goods", "goods"),
        ("i18n:n", "n"),
        ("i18n:cup.x", "cup.x"),
        ("i18n:", ""),
    ],
)
def test_a_key_becomes_its_message_or_stays_visible(text, shown):
    assert resolve(text, MESSAGES) == shown


def test_names_of_a_record_and_of_its_rows_are_resolved_and_the_record_stays():
    record = {
        "w_nm": "i18n:cup", "colour": "i18n:cup", "title": 5,
        "ord_ws": [{"w_nm": "i18n:cup", "w_pkg": [{"w_nm": "i18n:goods.tea"}]}, 3],
        "ord_ds": [{"dis_nm": "i18n:cup"}],
    }  # fmt: skip
    assert resolve_record(record, MESSAGES) == {
        "w_nm": "Cup", "colour": "i18n:cup", "title": 5,
        "ord_ws": [{"w_nm": "Cup", "w_pkg": [{"w_nm": "茶"}]}, 3],
        "ord_ds": [{"dis_nm": "Cup"}],
    }  # fmt: skip
    assert record["w_nm"] == "i18n:cup"


def test_the_title_of_an_order_is_its_buyers_and_that_of_a_coupon_the_stores():
    order = {
        "title": "i18n:cup", "ord_ws": [], "coupons": [{"title": "i18n:cup"}],
    }  # fmt: skip
    assert resolve_record(order, MESSAGES) == {
        "title": "i18n:cup", "ord_ws": [], "coupons": [{"title": "Cup"}],
    }  # fmt: skip
    assert resolve_record({"title": "i18n:cup"}, MESSAGES) == {"title": "Cup"}

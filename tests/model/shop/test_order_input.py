"""What a client may send."""

import re

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.pricing_goods import CartLine
from tests.support.shop import yuan

#: The input of w1-shop-order, without what that page marks as the shop's own.
DOCUMENT = {
    "tp": "A",
    "products": [{"id": "cup-01", "amount": 3}],
    "pay_tp": "wx.qrcode",
    "coupons": [{"id": "c-1"}],
    "addr_user_country": "CN",
    "addr_user_code": "110108017000",
    "addr_user_door": "Street 1, A-302",
    "user_name": "Bai",
    "user_phone": "13901234567",
    "user_email": "zz@z.com",
}


def test_the_document_of_the_order_page_is_read():
    wanted = OrderInput.from_document(DOCUMENT)
    assert wanted.cart == (CartLine("cup-01", 3),)
    assert (wanted.pay_tp, wanted.coupon_ids) == ("wx.qrcode", ("c-1",))
    assert wanted.delivery == {k: v for k, v in DOCUMENT.items() if k[:5] in ("addr_", "user_")}


def test_goods_alone_are_enough():
    wanted = OrderInput.from_document({"products": [{"id": "a", "amount": 1}]})
    assert wanted == OrderInput(cart=(CartLine("a", 1),))


def test_stored_names_do_as_well():
    document = {"ord_ws": [{"id": "a", "w_buy_num": 2}], "ord_tp": "Q", "ord_currency": "usd"}
    wanted = OrderInput.from_document(document)
    assert (wanted.cart, wanted.currency) == ((CartLine("a", 2),), "USD")


def test_what_the_shop_looks_up_may_come_along_and_is_ignored():
    document = {
        "products": [{"id": "a", "amount": 1, "title": "x", "price": yuan("0.01")}],
        "coupons": [{"id": "c-1", "title": "x", "type": 1, "value": 999, "thres": 0, "expi": 0}],
        "price": yuan("0.01"), "fee": yuan("0.01"), "seller": "other",
    }  # fmt: skip
    wanted = OrderInput.from_document(document)
    assert wanted == OrderInput(cart=(CartLine("a", 1),), coupon_ids=("c-1",))


def test_coupons_may_be_a_plain_list_and_the_address_an_id():
    wanted = OrderInput.from_document(
        {"products": [{"id": "a", "amount": 1}], "coupons": ["c-1", "c-2"], "address": "adr-1"}
    )
    assert (wanted.coupon_ids, wanted.address_id) == (("c-1", "c-2"), "adr-1")


@pytest.mark.parametrize(
    "name",
    ["id", "st", "ord_status", "buyer_id", "accounts", "pay_id", "pay_ids", "ok_at", "ord_price"],
)
def test_what_the_shop_sets_is_refused_by_name(name):
    with pytest.raises(InvalidValueError, match="is set by the shop, not by the buyer"):
        OrderInput.from_document({**DOCUMENT, name: "x"})


@pytest.mark.parametrize(
    "changes",
    [
        {"products": None}, {"products": []}, {"products": {}}, {"products": ["a"]},
        {"products": [{"amount": 1}]}, {"products": [{"id": "a"}]},
        {"products": [{"id": "../a", "amount": 1}]},
        {"products": [{"id": "a", "amount": 0}]}, {"products": [{"id": "a", "amount": -1}]},
        {"products": [{"id": "a", "amount": yuan("1.5")}]},
        {"products": [{"id": "a", "amount": "1"}]}, {"products": [{"id": "a", "amount": True}]},
        {"products": [{"id": "a", "amount": 10**9}]},
        {"products": [{"id": "a", "amount": 1, "discount": 9}]},
        {"products": [{"id": "a", "amount": 1}] * 101},
        {"pay_tp": "cash"}, {"currency": "JPY"},
        {"coupons": ["c-1", "c-1"]}, {"coupons": [{"id": "c-1"}, {"id": "c-1"}]},
        {"coupons": [{}]}, {"coupons": ["a/b"]}, {"coupons": ["c-1", {"id": "c-2"}]},
        {"title": "x" * 129}, {"title": "a\0"}, {"colour": "red"},
        {"address": "adr-1"}, {"address": "../1"}, {"addr_user_code": "1101"},
        {"user_phone": "12"}, {"user_email": "zz"}, {"user_name": None},
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_is_refused(changes):
    with pytest.raises(InvalidValueError):
        OrderInput.from_document({**DOCUMENT, **changes})


def test_a_fractional_amount_says_where_it_is():
    with pytest.raises(InvalidValueError, match=r"order: products\[1\]: amount must be a whole"):
        OrderInput.from_document(
            {"products": [{"id": "a", "amount": 1}, {"id": "b", "amount": yuan("0.5")}]}
        )


@pytest.mark.parametrize(
    ("fields", "said", "hint"),
    [
        ({"cupons": ["c-1"]}, "order: 'cupons' is not a field$", "did you mean coupons?"),
        ({"remark": "x"}, "order: 'remark' is not a field$", ""),
        ({"adress": "a-1"}, "order: 'adress' is not a field$", "did you mean address?"),
    ],
)
def test_a_client_is_told_which_field_it_misspelled(fields, said, hint):
    with pytest.raises(InvalidValueError, match=said) as caught:
        OrderInput.from_document({"products": [{"id": "a", "amount": 1}], **fields})
    assert caught.value.hint == hint


def test_a_client_is_told_which_field_of_a_line_it_misspelled():
    said = r"products\[0\]: 'amuont' is not a field$"
    with pytest.raises(InvalidValueError, match=said) as caught:
        OrderInput.from_document({"products": [{"id": "a", "amuont": 1}]})
    assert caught.value.hint == "did you mean amount?"


def test_lines_may_be_in_the_words_of_packages_and_baskets():
    wanted = OrderInput.from_document({"items": [{"w_id": "a", "num": 1}, {"id": "b", "count": 2}]})
    assert wanted.cart == (CartLine("a", 1), CartLine("b", 2))


LINE = {"id": "a", "amount": 1}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"products": [{"id": "a"}]}, "order: products[0]: amount is missing"),
        ({"products": [LINE, {"id": "a", "amount": 0}]}, "order: products[1]: amount must be"),
        ({"ord_ws": [{"id": "a"}]}, "order: ord_ws[0]: w_buy_num is missing"),
        ({"ord_ws": [{"id": "a", "amount": "1"}]}, "order: ord_ws[0]: amount must be"),
        ({"items": [{"id": "a", "count": 0}]}, "order: items[0]: count must be"),
        ({"items": 3}, "order: items must be a list"),
        ({"products": [3]}, "order: products[0] must be an object"),
        ({"products": [LINE], "currency": "JPY"}, "order: currency must be one of"),
        ({"products": [LINE], "st": "OK"}, "order: st is set by the shop"),
        ({"products": [LINE], "coupon": [1]}, "order: coupon[0] must be an object"),
        ({"products": [LINE], "addr_user_code": "110108"}, "address: addr_user_door is missing"),
    ],
)
def test_errors_are_in_the_words_of_the_client(document, said):
    with pytest.raises(InvalidValueError, match=f"^{re.escape(said)}"):
        OrderInput.from_document(document)

"""The number that a checkout prints is enough at the till, and nowhere else."""

import re
from dataclasses import replace

import pytest

from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import Role
from payment_cli.services.shop.orders import Buying


def printed(store, order):
    """Return the number that the checkout of an order shows its buyer."""
    page = store.get(f"/pay/checkout/{order.id}", store.token()).text
    return re.search(r'class="number">Order (\w+)<', page)[1]


@pytest.mark.parametrize("spelled", [str, str.upper, " {} ".format, lambda text: text[-6:]])
def test_the_till_takes_the_number_that_the_checkout_prints(store, spelled):
    orders = [store.order() for _ in range(3)]
    number = spelled(printed(store, orders[1]))
    payment = store.ask("create", {"or_id": number}, store.cashier())["payment"]
    assert payment["or_id"] == orders[1].id
    sent = store.ask("send", {"or_id": number, "pay_tp": "wx.qrcode"}, store.cashier())
    assert sent["id"] == payment["id"]


def test_a_number_that_fits_several_orders_is_told(store):
    wanted = OrderInput.from_document({"products": [{"id": store.cup, "amount": 1}]})
    for begin in "12":
        orders = replace(store.demo.shop.orders, new_id=lambda _now, b=begin: b * 26 + "abcdef")
        orders.create(wanted, Buying("xiaobai"))
    refused = store.ask("create", {"or_id": "abcdef"}, store.cashier(), status=409)
    assert refused["errCode"] == "e.pay.ambiguous"
    assert store.count() == 0


def test_a_buyer_names_an_order_by_its_whole_id(store):
    order = store.order()
    for number in (order.id[-8:], order.id[:8]):
        store.ask("create", {"or_id": number}, store.token(), status=404)
        assert store.get(f"/pay/checkout/{number}", store.token()).status == 404


def test_at_the_till_it_is_an_end_of_an_order_of_its_own_store(store):
    order = store.order()
    for number, token in (
        (order.id[:10], store.cashier()),
        (order.id[-5:], store.cashier()),
        ("zzzzzz", store.cashier()),
        ("", store.cashier()),
        (order.id[-8:], store.token(Role.CASHIER, "", "other")),
    ):
        reply = store.post("/pay/ajax/create", {"or_id": number}, token)
        assert reply.status == (404 if number else 400)

"""A new order is a copy of what was sold."""

from payment_cli.model.shop.order_place import Placing, place_order
from payment_cli.model.shop.order_state import OrderStatus
from payment_cli.model.shop.pricing import price_order
from tests.support.shop import (
    MERCHANT,
    NOW,
    a_coupon,
    a_discount,
    a_product,
    cart,
    catalogue,
    yuan,
)

PRICED = price_order(
    cart(cup=2),
    catalogue(a_product("cup", "50", sku=9)),
    now=NOW,
    discounts=[
        a_discount("percent", off_bp=1000),
        a_discount("amount", id="d-2", off=5, thres=1000, stack=True),
    ],
    coupons=[a_coupon("20")],
)


def place(**placing):
    known = {"buyer_id": "xiaobai", **placing}
    return place_order(PRICED, Placing(**known), MERCHANT, id="o-1", now=NOW, by="tea")


def test_a_new_order_has_the_price_and_belongs_to_the_merchant():
    order = place(expi=NOW + 9, delivery={"user_name": "Bai"})
    assert (order.ord_status, order.ord_expi, order.buyer_id) == (
        OrderStatus.NEW, NOW + 9, "xiaobai"
    )  # fmt: skip
    assert (order.sto_id, order.sto_nm) == ("merchant-1", "tea")
    assert (order.total, order.freight, order.discount, order.fee) == (100_00, 0, 30_00, 70_00)
    assert order.stock == {"cup": 2}
    assert order.delivery == {"user_name": "Bai"}
    assert order.history == ({"at": NOW, "what": "create", "by": "tea"},)


def test_its_title_is_the_merchants_unless_given():
    assert place().title == "Tea house"
    assert place(title="Two cups").title == "Two cups"


def test_only_discounts_that_took_something_are_copied_with_their_terms():
    (row,) = place().ord_ds
    assert row == {
        "id": "d-1", "dis_nm": "name of d-1", "rev": 0, "dis_mode": "percent", "off_bp": 1000,
        "dis_currency": "RMB", "priority": 0, "stack": False, "start_at": 0, "dis_expi": 0,
        "taken": 10,
    }  # fmt: skip


def test_coupons_are_copied_and_known_by_id():
    order = place()
    assert order.coupon_ids == ("c-1",)
    assert order.coupons[0]["taken"] == yuan("20.00")

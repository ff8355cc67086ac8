"""Lines of an order and what they take from the stock."""

from decimal import Decimal

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import decode, encode
from payment_cli.model.fields import Fields
from payment_cli.model.shop.order_line import OrderLine, OrderPart, pieces
from tests.support.shop import yuan

LINE = OrderLine(
    id="box", nm="box-1", w_nm="Box", w_price=3450, w_buy_num=3, w_discount=100, retail=4000,
    weight=Decimal("0.5"), freight=300, cat=("tea",), link="l", description="two\nlines", rev=7,
    w_pkg=(OrderPart("cup", "Cup", 1000, 2, rev=4, extra={"colour": "red"}),),
    extra={"colour": "blue"},
)  # fmt: skip


def test_a_line_survives_the_way_through_a_record():
    for line in (LINE, OrderLine("a", "a", "A", 0, 1)):
        assert OrderLine.from_row(Fields(decode(encode(line.to_row())), "order")) == line


def test_a_row_has_the_names_of_seed_000():
    row = LINE.to_row()
    assert (row["id"], row["w_nm"], row["w_price"], row["w_buy_num"]) == (
        "box", "Box", yuan("34.50"), 3
    )  # fmt: skip
    assert row["w_pkg"][0]["w_num"] == 2


def test_what_was_paid_for_a_line_is_known():
    assert (LINE.subtotal, LINE.paid) == (103_50, 102_50)


@pytest.mark.parametrize("name", ["id", "w_nm", "w_price", "w_buy_num"])
def test_a_row_without_a_field_every_line_has_is_refused(name):
    row = {k: v for k, v in LINE.to_row().items() if k != name}
    with pytest.raises(InvalidValueError, match=f"{name} is missing"):
        OrderLine.from_row(Fields(row, "order"))


def test_packages_take_their_parts_from_the_stock_as_well():
    cup = OrderLine("cup", "cup", "Cup", 1000, 1)
    assert pieces([LINE, cup, LINE]) == {"box": 6, "cup": 2 * 6 + 1}

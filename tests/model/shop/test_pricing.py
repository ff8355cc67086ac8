"""The price of an order: calculations worked by hand, and the identities that always hold."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.codec import decode, encode
from payment_cli.model.fee import FEE_MAX
from payment_cli.model.shop.coupon import CouponEvent
from payment_cli.model.shop.freight import FreightSheet, Route
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_place import Placing, place_order
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.pricing import price_order
from payment_cli.model.shop.pricing_goods import CartLine, Kinds
from tests.support.shop import MERCHANT, NOW, a_coupon, a_discount, a_product, cart, catalogue, yuan

SHEET = FreightSheet.from_document(
    {
        "rules": {
            "CN": [
                {
                    "title": "to all",
                    "ship_code": "110000",
                    "target_code": "000000",
                    "first": Decimal("10.5"),
                    "additional": Decimal("0.8"),
                }
            ]
        }
    }
)
ROUTE = Route(SHEET, "CN", "110108017000", "310115000000")


def price(wanted, *goods, **options):
    return price_order(wanted, catalogue(*goods), now=NOW, **options)


def amounts(priced):
    return (
        priced.total, priced.freight, priced.discount, priced.price, priced.fee, priced.ord_price
    )  # fmt: skip


def test_the_result_of_the_order_page():
    # w1-shop-order: total 500, freight 12, discount 20, price 512, fee 492.
    goods = a_product("tea", "100", freight=yuan("2.40"))
    priced = price(cart(tea=5), goods, coupons=[a_coupon("20")])
    assert amounts(priced) == (500_00, 12_00, 20_00, 512_00, 492_00, 480_00)


def test_the_package_of_seed_000_costs_its_parts_and_a_set_price_wins():
    cup = a_product("cup", "34.50")
    contents = [{"w_id": "cup", "num": 1}, {"w_id": "mug", "num": 1}]
    summed = price(cart(box=1), a_product("box", None, w_pkg=contents), cup, a_product("mug"))
    forced = price(cart(box=1), a_product("box", "34.50", w_pkg=contents), cup, a_product("mug"))
    assert (summed.ord_price, forced.ord_price) == (69_00, 34_50)


def test_the_lines_and_the_coupon_of_seed_002():
    # Three of 29.90 are 89.70; its coupon takes 20 only from 200 on, so it is refused at 89.70
    # and taken at seven of them, 209.30.
    goods, coupon = a_product("tea", "29.90"), a_coupon("20", thres=200)
    assert price(cart(tea=3), goods).fee == 89_70
    with pytest.raises(NotAllowedError, match=r"needs goods for 200.00, there are 89.70 left"):
        price(cart(tea=3), goods, coupons=[coupon])
    assert price(cart(tea=7), goods, coupons=[coupon]).fee == 189_30


def test_every_rule_at_once_worked_by_hand():
    rules = [{"name": "bulk", "rules": [{"sku": "[1,9]", "price": 10},
                                        {"sku": "[10,)", "price": yuan("8.88")}]}]  # fmt: skip
    tea = a_product("tea", "12", prices=rules, price_by="bulk", weight=Decimal("0.1"), cat=["tea"])
    green = a_product("green", "12", pro_id="tea", price_by="bulk", weight=Decimal("0.1"))
    cup = a_product("cup", "34.50", freight=5)
    priced = price(
        cart(tea=7, green=4, cup=1), tea, green, cup,
        discounts=[a_discount("percent", off_bp=1500, cats=["tea"])],
        coupons=[a_coupon("10", id="cash"), a_coupon("0.8", type=2, id="rate")],
        route=ROUTE,
    )  # fmt: skip
    # Eleven pieces share the rule: 8.88 each. 62.16 + 35.52 + 34.50 = 132.18.
    # 15 % of 62.16 is 9.324, so 9.32 off: 122.86. Cash: 112.86. Rate 0.8: 90.288, so 90.29.
    # Freight: 1.1 kg, 10.50 + 1 * 0.80, and 5.00 fixed are 16.30, so 16 yuan.
    assert amounts(priced) == (132_18, 16_00, 41_89, 148_18, 106_29, 90_29)
    # Cash of 10.00 over 52.84, 35.52, 34.50 of 122.86: 4.3008, 2.8911, 2.8081.
    # The rate takes 22.57 of 48.54, 32.63, 31.69: 9.7073, 6.5255, 6.3375.
    assert [step.by_line for step in priced.steps] == [
        (9_32, 0, 0), (4_30, 2_89, 2_81), (9_71, 6_52, 6_34), ()
    ]  # fmt: skip
    assert [line.w_discount for line in priced.lines] == [23_33, 9_41, 9_15]
    assert [step.taken for step in priced.steps] == [9_32, 10_00, 22_57, 16_00]


def test_coupons_stack_in_the_order_they_are_listed():
    goods, cash, rate = a_product("tea", "100"), a_coupon("20"), a_coupon("0.8", type=2, id="c-2")
    assert price(cart(tea=1), goods, coupons=[cash, rate]).fee == 64_00
    assert price(cart(tea=1), goods, coupons=[rate, cash]).fee == 60_00


def test_a_threshold_of_a_coupon_is_about_what_is_left_to_pay():
    goods, cash = a_product("tea", "100"), a_coupon("20")
    with pytest.raises(NotAllowedError, match=r"there are 80.00 left to pay"):
        price(cart(tea=1), goods, coupons=[cash, a_coupon("5", id="c-2", thres=100)])


def test_neither_discounts_nor_coupons_touch_the_freight():
    goods = a_product("tea", "10", freight=8)
    priced = price(
        cart(tea=1), goods,
        discounts=[a_discount("percent", off_bp=5000)], coupons=[a_coupon("500")],
    )  # fmt: skip
    assert amounts(priced) == (10_00, 8_00, 10_00, 18_00, 8_00, 0)


def test_virtual_goods_have_no_freight():
    goods = a_product("tea", "10", freight=8, weight=3)
    priced = price(cart(tea=1), goods, kinds=Kinds(order=OrderKind.VIRTUAL), route=ROUTE)
    assert (priced.freight, priced.steps) == (0, ())


def test_a_package_is_virtual_if_all_of_it_is_and_is_what_it_says():
    song = a_product("song", "5", w_tp="Q")
    parts = [{"w_id": "song", "num": 2}, {"w_id": "cup", "num": 3}]
    cup = a_product("cup", "10", weight=1)
    mixed = price(cart(box=2), a_product("box", None, w_pkg=parts), song, cup, route=ROUTE)
    assert (mixed.kind, mixed.freight) == ("A", 15_00)  # 6 kg: 10.50 + 5 * 0.80, half-up
    songs = a_product("box", None, w_pkg=parts[:1])
    assert price(cart(box=2), songs, song, route=ROUTE).kind == "Q"
    said = price(cart(box=1), a_product("box", None, w_pkg=parts, w_tp="Q"), song, cup)
    assert (said.kind, said.freight) == ("Q", 0)


def test_the_store_may_say_that_an_order_is_sent_though_its_goods_are_not():
    priced = price(
        cart(song=1), a_product("song", "5", w_tp="Q"), kinds=Kinds(order=OrderKind.NORMAL)
    )
    assert (priced.kind, priced.freight) == ("A", 0)


def test_a_coupon_is_never_spent_for_nothing():
    goods = a_product("tea", "10")
    with pytest.raises(NotAllowedError, match="coupon c-2 would take nothing off"):
        price(cart(tea=1), goods, coupons=[a_coupon("10"), a_coupon("5", id="c-2")])
    with pytest.raises(NotAllowedError, match="coupon c-1 would take nothing off"):
        price(cart(tea=1), goods, coupons=[a_coupon("1", type=2)])


def test_a_coupon_listed_twice_is_refused():
    with pytest.raises(InvalidValueError, match="coupon c-1 is listed twice"):
        price(cart(tea=1), a_product("tea"), coupons=[a_coupon("5"), a_coupon("5")])


@pytest.mark.parametrize(
    "coupon",
    [
        a_coupon(owner="xiaohei"),
        a_coupon(cpn_expi=NOW - 1),
        a_coupon().on(CouponEvent.RESERVE, "o-9", NOW),
        a_coupon().deleted(NOW),
    ],
)
def test_a_coupon_that_cannot_be_used_is_refused_not_passed_over(coupon):
    with pytest.raises(NotAllowedError, match=r"coupon c-1: (it|another)"):
        price(cart(tea=1), a_product("tea"), coupons=[coupon], buyer_id="xiaobai")


def test_the_stock_an_order_takes_is_that_of_counted_goods_and_parts():
    box = a_product("box", w_pkg=[{"w_id": "cup", "num": 2}, {"w_id": "tea"}], sku=9)
    goods = box, a_product("cup", sku=9), a_product("tea")
    priced = price([*cart(box=2, cup=1), CartLine("box", 1)], *goods)
    assert dict(priced.stock) == {"box": 3, "cup": 7}


def test_an_order_above_the_limit_is_refused():
    assert price(cart(tea=1000), a_product("tea", "10000000")).fee == FEE_MAX
    with pytest.raises(InvalidValueError, match="an order is at most"):
        price(cart(tea=1001), a_product("tea", "10000000"))
    with pytest.raises(InvalidValueError, match="an order is at most"):
        price(cart(tea=1001), a_product("tea", "0", freight=10_000_000))


def test_the_calculation_prints_in_yuan():
    priced = price(cart(tea=2), a_product("tea", "1.05"), coupons=[a_coupon("0.5", type=2)])
    record = decode(encode(priced.to_record()))
    assert [record[name] for name in ("total", "freight", "discount", "price", "fee")] == [
        yuan("2.10"), 0, yuan("1.05"), yuan("2.10"), yuan("1.05")
    ]  # fmt: skip
    assert record["ord_ws"][0]["w_discount"] == yuan("1.05")
    assert [step["kind"] for step in record["steps"]] == ["coupon", "freight"]


fen = st.integers(0, 100_000)
products = st.builds(
    lambda id, price, **fields: a_product(f"p-{id}", f"{price / 100:.2f}", **fields),
    st.integers(0, 5), fen,
    cat=st.lists(st.sampled_from(["tea", "cups"]), max_size=1),
    weight=st.integers(0, 5000).map(lambda grams: Decimal(grams) / 1000),
    freight=st.just(0) | fen.map(lambda value: Decimal(value) / 100),
)  # fmt: skip
EFFECTS = {
    "percent": {"off_bp": 1234},
    "amount": {"off": yuan("7.77"), "thres": 20},
    "tiered": {"tiers": [{"thres": 10, "off": 1}, {"thres": 100, "off_bp": 3333}]},
    "nth": {"off_bp": 5000},
}
discounts = st.builds(
    lambda mode, id, **fields: a_discount(mode, id=f"d-{id}", **EFFECTS[mode], **fields),
    st.sampled_from(sorted(EFFECTS)), st.integers(0, 99),
    stack=st.booleans(), cats=st.lists(st.just("tea"), max_size=1),
)  # fmt: skip
coupons = st.builds(
    lambda kind_and_value, id: a_coupon(kind_and_value[1], type=kind_and_value[0], id=f"c-{id}"),
    st.integers(1, 20_000).map(lambda cash: (1, f"{cash // 100}.{cash % 100:02d}"))
    | st.integers(0, 9_999).map(lambda rate: (2, f"{rate / 10_000:.4f}")),
    st.integers(0, 99),
)


@st.composite
def orders(draw):
    goods = catalogue(*draw(st.lists(products, min_size=1, max_size=4)))
    inside = draw(st.lists(st.sampled_from(sorted(goods)), max_size=2, unique=True))
    if inside:
        parts = [{"w_id": id, "num": draw(st.integers(1, 3))} for id in inside]
        goods["box"] = a_product("box", draw(st.sampled_from([None, "33.33"])), w_pkg=parts)
    wanted = draw(
        st.lists(
            st.builds(CartLine, st.sampled_from(sorted(goods)), st.integers(1, 9)),
            min_size=1,
            max_size=6,
        )
    )
    listed = draw(st.lists(coupons, max_size=3, unique_by=lambda coupon: coupon.id))
    rules = draw(st.lists(discounts, max_size=3, unique_by=lambda discount: discount.id))
    route = draw(st.sampled_from([None, ROUTE]))
    try:
        return price_order(
            wanted, goods, now=NOW, discounts=rules, coupons=listed, route=route
        )  # fmt: skip
    except NotAllowedError as error:
        assume("would take nothing off" not in str(error))
        raise


@given(orders())
def test_the_identities_of_an_order_always_hold(priced):
    assert priced.total == sum(line.w_price * line.w_buy_num for line in priced.lines)
    assert priced.price == priced.total + priced.freight
    assert priced.fee == priced.price - priced.discount
    assert priced.ord_price == priced.total - priced.discount
    assert priced.fee >= priced.freight >= 0
    assert priced.freight % 100 == 0


@given(orders())
def test_what_is_taken_off_is_found_on_the_lines_fen_by_fen(priced):
    taken = [fen for _, fen in (*priced.discounts, *priced.coupons)]
    assert sum(taken) == sum(line.w_discount for line in priced.lines) == priced.discount
    assert all(fen > 0 for fen in taken)
    for index, line in enumerate(priced.lines):
        assert 0 <= line.w_discount <= line.subtotal
        steps = [step.by_line[index] for step in priced.steps if step.by_line]
        assert line.w_discount == sum(steps)


@given(orders())
def test_an_order_of_it_survives_the_way_through_a_record(priced):
    placing = Placing(buyer_id="xiaobai", expi=NOW + 1)
    order = place_order(priced, placing, MERCHANT, id="o-1", now=NOW, by="tea")
    assert Order.from_record(decode(encode(order.to_record()))) == order
    assert order.fee == priced.fee


def test_virtual_goods_in_an_order_that_is_sent_neither_weigh_nor_cost_freight():
    """They are virtual by the store's word: they say nothing themselves, but what they weigh."""
    goods = a_product("song", "5", freight=4), a_product("film", "5", weight=yuan("9"))
    cup = a_product("cup", w_tp="A", freight=2)
    priced = price(cart(song=1, film=2, cup=1), *goods, cup, kinds=Kinds(OrderKind.VIRTUAL))
    assert (priced.freight, [line.weight for line in priced.lines]) == (2_00, [0, 0, 0])


def test_virtual_parts_of_a_package_that_is_sent_neither_weigh_nor_cost_freight():
    parts = [{"w_id": name} for name in ("song", "film", "cup")]
    box = a_product("box", None, w_pkg=parts, w_tp="A")
    goods = a_product("song", "5", freight=4), a_product("film", "5", weight=yuan("9"))
    cup = a_product("cup", w_tp="A", freight=2)
    priced = price(cart(box=1), box, *goods, cup, kinds=Kinds(OrderKind.VIRTUAL))
    assert (priced.freight, priced.lines[0].weight) == (2_00, 0)

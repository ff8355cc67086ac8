"""What discounts take off, worked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from payment_cli.model.shop.order_line import OrderLine
from payment_cli.model.shop.pricing_discount import apply_discounts
from tests.support.shop import NOW, a_discount


def a_line(id="cup", price=10_00, amount=1, cat=()):
    return OrderLine(id=id, nm=id, w_nm=id, w_price=price, w_buy_num=amount, cat=cat)


def offs(lines, *discounts, currency="RMB", now=NOW):
    """Return what each line got off, in fen."""
    reduced, _, _ = apply_discounts(lines, discounts, currency=currency, now=now)
    return [line.w_discount for line in reduced]


def notes(lines, *discounts, currency="RMB", now=NOW):
    _, _, steps = apply_discounts(lines, discounts, currency=currency, now=now)
    return [step.note for step in steps]


def test_a_percentage_is_rounded_once_and_split_by_largest_remainder():
    # 10 % of 1.05 + 1.05 + 1.05 is 0.315, so 0.32: the odd fen goes to the first lines.
    assert offs([a_line(price=105)] * 3, a_discount("percent", off_bp=1000)) == [11, 11, 10]


def test_an_amount_off_is_split_by_what_the_lines_cost():
    lines = [a_line(price=30_00), a_line(price=10_00, amount=2)]
    assert offs(lines, a_discount("amount", off=5)) == [3_00, 2_00]


def test_an_amount_off_never_takes_more_than_there_is():
    assert offs([a_line(price=3_00)], a_discount("amount", off=5)) == [3_00]


def test_a_threshold_is_met_when_it_is_reached():
    discount = a_discount("amount", off=5, thres=50)
    assert offs([a_line(price=50_00)], discount) == [5_00]
    assert offs([a_line(price=49_99)], discount) == [0]
    assert notes([a_line(price=49_99)], discount) == [
        "below its threshold of 50.00; its goods are 49.99 in 1 pieces"
    ]


def test_a_least_number_of_pieces_counts_over_lines():
    discount = a_discount("percent", off_bp=1000, count=3)
    assert offs([a_line(amount=2), a_line(id="mug", amount=1)], discount) == [2_00, 1_00]
    assert offs([a_line(amount=2)], discount) == [0]


def test_only_its_goods_and_categories_count_and_get_something():
    discount = a_discount("amount", off=5, thres=10, goods=["cup"], cats=["tea"])
    lines = [a_line(price=5_00), a_line(id="green", cat=("tea",), price=5_00), a_line(id="rug")]
    assert offs(lines, discount) == [2_50, 2_50, 0]
    assert offs([a_line(price=5_00), a_line(id="rug")], discount) == [0, 0]
    assert notes([a_line(id="rug")], discount) == ["none of its goods are in the cart"]


def test_the_highest_tier_that_is_reached_counts():
    tiers = [{"thres": 200, "off": 30}, {"thres": 100, "off": 10}, {"thres": 300, "off_bp": 2000}]
    discount = a_discount("tiered", tiers=tiers)
    for price, off in [(99_99, 0), (100_00, 10_00), (299_99, 30_00), (400_00, 80_00)]:
        assert offs([a_line(price=price)], discount) == [off]


def test_the_second_at_half_price_is_the_cheaper_one():
    discount = a_discount("nth", nth=2, off_bp=5000)
    assert offs([a_line(price=10_00), a_line(id="mug", price=30_00)], discount) == [5_00, 0]


def test_every_third_piece_counts_over_lines_the_dearest_first():
    discount = a_discount("nth", nth=3, off_bp=10_000)
    # Dearest first: 9 9 | 5 5 5 5 | 2: the 3rd and the 6th piece, both at 5.00, are free.
    lines = [a_line(price=2_00), a_line(price=5_00, amount=4), a_line(price=9_00, amount=2)]
    assert offs(lines, discount) == [0, 10_00, 0]


def test_the_step_of_an_nth_piece_says_which_one():
    assert notes([a_line(amount=2)], a_discount("nth", nth=2, off_bp=5000)) == [
        "50.00 % off every 2. piece; its goods are 20.00 in 2 pieces"
    ]


def test_one_fen_of_the_nth_piece_is_rounded_half_up():
    assert offs([a_line(price=1_01, amount=2)], a_discount("nth", nth=2, off_bp=5000)) == [51]


def test_it_holds_from_its_start_to_its_end():
    discount = a_discount("percent", off_bp=1000, start_at=NOW, dis_expi=NOW + 10)
    for now, off in [(NOW - 1, 0), (NOW, 1_00), (NOW + 10, 1_00), (NOW + 11, 0)]:
        assert offs([a_line()], discount, now=now) == [off]


def test_deleted_and_foreign_currency_discounts_say_why_they_do_nothing():
    deleted = a_discount("percent", off_bp=1000).deleted(NOW)
    dollars = a_discount("amount", off=5, dis_currency="USD")
    assert notes([a_line()], deleted) == ["it was deleted"]
    assert notes([a_line()], dollars) == ["it is in USD, the order in RMB"]
    assert offs([a_line()], dollars, currency="USD") == [5_00]


def test_stacking_discounts_take_their_part_of_what_is_left():
    first = a_discount("percent", id="b", off_bp=1000, priority=1, stack=True)
    second = a_discount("amount", id="a", off=9, priority=2, stack=True)
    # 100.00, 10 % off: 90.00, 9.00 off: 81.00. The other way round it would be 81.90.
    assert offs([a_line(price=100_00)], second, first) == [19_00]


def test_equal_priorities_go_by_id():
    percent = a_discount("percent", id="a", off_bp=1000, stack=True)
    amount = a_discount("amount", id="b", off=9, stack=True)
    assert offs([a_line(price=100_00)], amount, percent) == [19_00]


def test_one_that_does_not_stack_passes_over_lines_made_cheaper_before():
    first = a_discount("percent", id="a", off_bp=1000, goods=["cup"], stack=True)
    alone = a_discount("percent", id="b", off_bp=5000)
    assert offs([a_line(), a_line(id="mug")], first, alone) == [1_00, 5_00]


def test_after_one_that_does_not_stack_its_lines_are_closed():
    alone = a_discount("percent", id="a", off_bp=1000, goods=["cup"])
    after = a_discount("percent", id="b", off_bp=5000, stack=True)
    assert offs([a_line(), a_line(id="mug")], alone, after) == [1_00, 5_00]
    assert notes([a_line()], alone, after)[1] == "another discount works alone on its goods"


def test_a_threshold_counts_only_lines_that_are_open_to_it():
    alone = a_discount("percent", id="a", off_bp=1000, goods=["cup"])
    after = a_discount("amount", id="b", off=5, thres=15, stack=True)
    assert offs([a_line(), a_line(id="mug")], alone, after) == [1_00, 0]


def test_one_that_takes_nothing_off_does_not_close_its_lines():
    nothing = a_discount("percent", id="a", off_bp=1)
    after = a_discount("percent", id="b", off_bp=1000)
    assert offs([a_line(price=10_00)], nothing, after) == [1_00]
    assert notes([a_line(price=10_00)], nothing) == ["it takes nothing off"]


def test_a_step_says_what_it_took_on_which_line():
    lines = [a_line(price=30_00), a_line(id="mug"), a_line(id="cup", price=10_00)]
    discount = a_discount("amount", off=4, thres=40, goods=["cup"])
    _, used, (step,) = apply_discounts(lines, [discount], currency="CNY", now=NOW)
    assert used == ((discount, 4_00),)
    assert (step.id, step.nm, step.taken, step.by_line) == (
        "d-1", "name of d-1", 4_00, (3_00, 0, 1_00)
    )  # fmt: skip
    assert step.note == "4.00 off from 40.00; its goods are 40.00 in 2 pieces"
    assert step.to_record() == {
        "kind": "discount", "id": "d-1", "nm": "name of d-1", "note": step.note,
        "taken": 4, "by_line": [3, 0, 1],
    }  # fmt: skip


EFFECTS = {
    "percent": {"off_bp": 3333},
    "amount": {"off": 7},
    "tiered": {"tiers": [{"count": 2, "off_bp": 999}, {"count": 5, "off": 3}]},
    "nth": {"off_bp": 3333},
}
discounts = st.builds(
    lambda mode, id, **fields: a_discount(mode, id=f"d-{id}", **EFFECTS[mode], **fields),
    st.sampled_from(sorted(EFFECTS)),
    st.integers(0, 10**9),
    priority=st.integers(0, 2),
    stack=st.booleans(),
    goods=st.lists(st.sampled_from("abc"), max_size=2),
)
lines_of_all_sorts = st.lists(
    st.builds(a_line, st.sampled_from("abcd"), st.integers(0, 5000), st.integers(1, 9)),
    min_size=1,
    max_size=6,
)


@given(lines_of_all_sorts, st.lists(discounts, max_size=5))
def test_whatever_applies_the_steps_add_up_and_no_line_goes_below_zero(lines, rules):
    reduced, used, steps = apply_discounts(lines, rules, currency="RMB", now=NOW)
    for index, line in enumerate(reduced):
        assert 0 <= line.w_discount <= line.subtotal
        assert line.w_discount == sum(step.by_line[index] for step in steps if step.by_line)
    assert sum(taken for _, taken in used) == sum(line.w_discount for line in reduced)
    assert all(step.taken == sum(step.by_line) for step in steps)


@given(lines_of_all_sorts, st.lists(discounts, max_size=5, unique_by=lambda d: d.id), st.data())
def test_the_order_in_which_discounts_are_found_does_not_matter(lines, rules, data):
    shuffled = data.draw(st.permutations(rules))
    assert offs(lines, *shuffled) == offs(lines, *rules)


def test_a_threshold_is_reached_by_what_earlier_discounts_left():
    first = a_discount("amount", id="a", off=1, priority=1, stack=True)
    second = a_discount("amount", id="b", off=2, thres=10, priority=2, stack=True)
    assert offs([a_line(price=10_00)], first, second) == [1_00]
    assert offs([a_line(price=11_00)], first, second) == [3_00]

"""What sending costs, with the reference's examples worked by its own rules."""

from decimal import Decimal

import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.shop.freight import FreightRule, FreightSheet, Route, order_freight
from payment_cli.model.shop.order_line import OrderLine


def a_rule(ship="110000", target="000000", first="10.5", additional="0.8", title=""):
    return {
        "title": title, "ship_code": ship, "target_code": target,
        "first": Decimal(first), "additional": Decimal(additional),
    }  # fmt: skip


def a_sheet(*rules, country="CN", **fields):
    return FreightSheet.from_document({"rules": {country: list(rules or [a_rule()])}, **fields})


def a_line(weight="0", freight=0, amount=1):
    return OrderLine(
        id="cup", nm="cup", w_nm="cup", w_price=1, w_buy_num=amount,
        weight=Decimal(weight), freight=freight,
    )  # fmt: skip


def a_route(sheet=None, target="310115000000", country="CN"):
    return Route(sheet or a_sheet(), country, "110108017000", target)


def test_the_example_of_lbs_freight_by_its_own_rule():
    # The man page sends 22.5 kg: 1 kg for 10.50, 21.5 kg at 0.80. It prints 32 and 42.5, which
    # would be 40 units. With units of half a kilogram it is 43 * 0.80 = 34.40, in all 44.90.
    sheet = a_sheet(first_weight=1, additional_unit=Decimal("0.5"))
    rule = sheet.rule_for("CN", "11", "31")
    assert sheet.units(Decimal("22.5")) == 43
    assert sheet.cost(rule, Decimal("22.5")) == 44_90


def test_the_same_with_the_units_of_one_kilogram_that_its_page_says_are_default():
    # 21.5 kg are 22 units, rounded up: 10.50 + 22 * 0.80. The code charges 21.5 of them.
    assert a_sheet().cost(a_sheet().rules["CN"][0], Decimal("22.5")) == 28_10


def test_the_freight_detail_of_the_order_page():
    # w1-shop-order: 1.5 kg for 12, 3 kg more at 2 make 18 (its own sum line says 12).
    sheet = a_sheet(a_rule(first="12", additional="2"), first_weight=Decimal("1.5"))
    assert sheet.cost(sheet.rules["CN"][0], Decimal("4.5")) == 18_00


@pytest.mark.parametrize(
    ("weight", "units"),
    [("0", 0), ("0.5", 0), ("1", 0), ("1.000001", 1), ("2", 1), ("2.01", 2), ("3", 2)],
)
def test_weight_above_the_first_is_rounded_up_to_whole_units(weight, units):
    assert a_sheet().units(Decimal(weight)) == units


def test_a_weight_of_zero_on_the_sheet_still_costs_the_first_price():
    assert a_sheet().cost(a_sheet().rules["CN"][0], Decimal(0)) == 10_50


@pytest.mark.parametrize(
    ("ship", "target", "chosen"),
    [
        ("110108", "310115", "area"),
        ("110108017000", "310115999000", "area"),
        ("110108", "310101", "city"),
        ("110108", "310200", "province"),
        ("110108", "320100", "country"),
        ("11", "31", "province"),
    ],
)
def test_the_rule_that_fits_most_levels_wins(ship, target, chosen):
    sheet = a_sheet(
        a_rule(target="000000", title="country"),
        a_rule(target="310000", title="province"),
        a_rule(target="310100", title="city"),
        a_rule(target="310115", title="area"),
    )
    assert sheet.rule_for("CN", ship, target).title == chosen


def test_both_sides_count_and_of_equally_good_rules_the_first_wins():
    sheet = a_sheet(
        a_rule("000000", "310000", title="from anywhere"),
        a_rule("110000", "000000", title="from Beijing"),
        a_rule("110000", "310000", title="both"),
    )
    assert sheet.rule_for("CN", "110108", "310115").title == "both"
    assert sheet.rule_for("CN", "120101", "310115").title == "from anywhere"
    assert sheet.rule_for("CN", "110108", "320101").title == "from Beijing"
    both = a_sheet(a_rule(title="first"), a_rule(title="second"))
    assert both.rule_for("CN", "110108", "310115").title == "first"


def test_a_rule_for_one_city_does_not_serve_another_of_its_province():
    # The reference would take it: it counts the province they share.
    sheet = a_sheet(a_rule(target="320100", title="Nanjing"), a_rule(title="country"))
    assert sheet.rule_for("CN", "110108", "320500").title == "country"


def test_where_no_rule_fits_the_order_is_refused():
    with pytest.raises(NotAllowedError, match="no rule from 120000 to CN 310000"):
        a_sheet().rule_for("CN", "120000", "310000")
    with pytest.raises(NotAllowedError, match="no rule from 110000 to US"):
        a_sheet().rule_for("US", "110000", "US-CA")


def test_where_the_address_leaves_the_price_open_it_is_refused_and_not_the_cheaper_one():
    sheet = a_sheet(a_rule(target="310000", title="city"), a_rule(target="310115", first="99"))
    with pytest.raises(NotAllowedError, match="CN 310000000000 is not the whole region code"):
        sheet.rule_for("CN", "110108", "310000000000")
    assert sheet.rule_for("CN", "110108", "310101000000").title == "city"


def test_a_coarse_address_will_do_where_all_of_it_costs_the_same():
    sheet = a_sheet(a_rule(target="310000", title="city"), a_rule(target="310115"))
    assert sheet.rule_for("CN", "110108", "310000000000").title == "city"


def test_an_address_without_a_region_code_is_refused_where_regions_differ():
    sheet = a_sheet(a_rule(target="US-AK", first="99"), a_rule(), country="US")
    with pytest.raises(NotAllowedError, match="US is not the whole region code"):
        sheet.rule_for("US", "110108", "")
    assert a_sheet(a_rule(), country="US").rule_for("US", "110108", "").first == 10_50


def test_without_an_address_what_is_weighed_is_refused_and_the_rest_is_not():
    nowhere = a_route(target="", country="")
    with pytest.raises(NotAllowedError, match="nobody says where the order goes"):
        order_freight([a_line(weight="1")], nowhere)
    assert order_freight([a_line(), a_line(weight="9", freight=5_00)], nowhere)[0] == 5_00


def test_codes_of_other_countries_are_equal_or_the_whole_country():
    sheet = a_sheet(
        a_rule(target="000000", title="US"), a_rule(target="US-CA", title="CA"), country="US"
    )
    assert sheet.rule_for("US", "110108", "US-CA").title == "CA"
    assert sheet.rule_for("US", "110108", "US-NY").title == "US"


def test_fixed_freight_is_for_each_piece_and_rounded_to_the_yuan():
    assert order_freight([a_line(freight=5_00, amount=3)], None)[0] == 15_00
    assert order_freight([a_line(freight=1_50, amount=1)], None)[0] == 2_00
    assert order_freight([a_line(freight=1_49, amount=1)], None)[0] == 1_00


def test_the_whole_freight_is_rounded_half_up_to_the_yuan_once():
    # 10.50 by weight and 0.40 + 0.60 fixed: 11.50, so 12. Rounded apart it would be 11 + 0 + 1.
    lines = [a_line(weight="1"), a_line(freight=40), a_line(freight=60)]
    assert order_freight(lines, a_route())[0] == 12_00


def test_goods_with_a_fixed_freight_are_not_weighed_as_well():
    # "Else" on the page w1-shop-order; the reference's code charges both.
    lines = [a_line(weight="50", freight=5_00), a_line(weight="1")]
    assert order_freight(lines, a_route())[0] == 16_00  # 5 + 10.50, half-up


def test_weights_of_all_lines_and_pieces_add_up():
    lines = [a_line(weight="0.4", amount=3), a_line(weight="0.4", amount=2)]
    freight, note = order_freight(lines, a_route(a_sheet(a_rule(title="to all"))))
    assert freight == 11_00  # 2 kg: 10.50 + 0.80
    assert note == "2 kg by to all: 10.50 + 1 * 0.80"


def test_goods_without_weight_are_free_of_it_even_where_no_rule_fits():
    assert order_freight([a_line()], a_route(country="US")) == (0, "")


def test_without_a_sheet_only_fixed_freight_is_charged():
    assert order_freight([a_line(weight="9"), a_line(freight=2_00)], None) == (2_00, "2.00 fixed")


def test_a_rule_is_read_in_fen():
    assert a_sheet().rules["CN"] == (FreightRule("", "110000", "000000", 1050, 80),)


@pytest.mark.parametrize(
    "document",
    [
        {"rules": []},
        {"rules": {"CN": {}}},
        {"rules": {"CN": [{"ship_code": "11", "target_code": "31"}]}},
        {"rules": {"CN": [{"ship_code": "11", "first": 1}]}},
        {"additional_unit": 0},
        {"additional_unit": -1},
        {"first_weight": "1"},
    ],
)
def test_a_bad_sheet_is_refused(document):
    with pytest.raises(InvalidValueError, match=r"^freight sheet: "):
        FreightSheet.from_document(document)

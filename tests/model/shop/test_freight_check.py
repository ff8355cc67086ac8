"""Which freight sheets a store may set."""

from copy import deepcopy

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.shop.freight_check import check_sheet, serves_from

RULE = {"title": "Beijing", "ship_code": "110000", "target_code": "000000", "first": 10}
SHEET = {"first_weight": 1, "additional_unit": 1, "rules": {"CN": [RULE]}}


def changed(**fields: object) -> dict:
    return {**deepcopy(SHEET), **fields}


def test_a_sheet_is_read_and_none_is_none() -> None:
    sheet = check_sheet(SHEET)
    assert sheet is not None
    assert sheet.rules["CN"][0].first == 1000
    assert check_sheet({}) is None
    assert check_sheet(changed(rules={"CN": [RULE], "DE": [{**RULE, "target_code": "BE"}]}))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"x": 1}, "'x' is not a field"),
        ({"first_weight": 1}, "it has no rules"),
        (changed(rules={}), "it has no rules"),
        (changed(rules={"CN": []}), "it has no rules"),
        (changed(frist_weight=1), "'frist_weight' is not a field"),
        (changed(rules={"XX": [RULE]}), "'XX' is not a country code"),
        (changed(rules={"cn": [RULE]}), "'cn' must be in capital letters"),
        (changed(rules={"CN": [{**RULE, "frist": 1}]}), "'frist' is not a field"),
        (changed(rules={"CN": [{**RULE, "ship_code": "11000"}]}), "'11000' is no division code"),
        (changed(rules={"CN": [{**RULE, "target_code": "1"}]}), "'1' is no division code"),
        (changed(rules={"CN": [{**RULE, "target_code": "BJ"}]}), "no Chinese division code"),
    ],
)
def test_what_no_order_could_be_sent_by_is_refused(document: dict, said: str) -> None:
    with pytest.raises(InvalidValueError, match=r"freight sheet|country") as refused:
        check_sheet(document)
    assert said in str(refused.value)


def test_a_sheet_serves_the_places_its_rules_begin_at() -> None:
    sheet = check_sheet(SHEET)
    assert sheet is not None
    assert serves_from(sheet, "110108017000")
    assert not serves_from(sheet, "440304000000")

import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.scripts.environment import (
    ENTRY_MAX,
    TOTAL_MAX,
    script_environment,
    script_variables,
    shell_prelude,
)


def test_each_kind_of_value_has_a_text():
    record = {
        "text": "a b",
        "empty": "",
        "none": None,
        "yes": True,
        "fee": 2300,
        "rate": Decimal("0.80"),
        "list": [1, "x"],
        "map": {"k": {"n": None}},
    }
    assert script_variables(record) == {
        "text": b"a b",
        "empty": b"",
        "none": b"",
        "yes": b"true",
        "fee": b"2300",
        "rate": b"0.80",
        "list": b'[1,"x"]',
        "map": b'{"k":{"n":null}}',
    }


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", "a;b", "a\n", "a=b", "$a", "é"])
def test_a_name_that_is_no_identifier_is_not_a_variable(name):
    assert script_variables({name: "x"}) == {}


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_value_an_environment_can_not_hold_is_not_a_variable(value):
    assert script_variables({"a": value, "b": 1}) == {"b": b"1"}


def test_names_are_lower_case_and_the_lower_case_spelling_wins():
    assert script_variables({"ID": "forged", "id": "true", "Id": "forged"}) == {"id": b"true"}
    assert script_variables({"PATH": "/evil"}) == {"path": b"/evil"}


def test_a_value_of_the_largest_size_fits_and_one_byte_more_does_not():
    largest = ENTRY_MAX - len("PAY_BIG=") - 1
    assert "big" in script_variables({"big": "x" * largest})
    assert "big" not in script_variables({"big": "x" * (largest + 1)})


def test_together_they_stay_within_the_total_and_the_short_ones_are_served_first():
    record = {f"a{n}": "x" * 100_000 for n in range(20)} | {"id": "1", "zfee": 2300}
    variables = script_variables(record)
    assert {"id", "zfee"} <= set(variables)
    assert 5 < len(variables) < 15
    assert sum(map(len, variables.values())) <= TOTAL_MAX


def test_the_environment_holds_the_fields_and_five_fixed_names():
    environment = script_environment(
        {"fee": b"2300"}, home=Path("/h"), root=Path("/r"), domain="cake"
    )
    path = environment.pop("PATH").decode()
    assert environment == {
        "PAY_FEE": b"2300",
        "HOME": b"/h",
        "LANG": b"C.UTF-8",
        "PAYMENT_ROOT": b"/r",
        "PAYMENT_DOMAIN": b"cake",
    }
    assert path.endswith(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def test_the_search_path_starts_where_this_installations_pay_is():
    environment = script_environment({}, home=Path("/h"), root=Path("/r"), domain="cake")
    first = environment["PATH"].decode().split(os.pathsep)[0]
    assert first == str(Path(sys.executable).parent)
    assert Path(first, "pay").exists()


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=8))
def test_no_name_or_value_ever_replaces_a_fixed_name_or_reaches_the_prelude(record):
    variables = script_variables(record)
    environment = script_environment(variables, home=Path("/h"), root=Path("/r"), domain="cake")
    assert environment["HOME"] == b"/h"
    assert len(environment) == len(variables) + 5
    assert all(name.isidentifier() and name.isascii() for name in variables)
    assert shell_prelude(variables).splitlines() == [f"{v}=$PAY_{v.upper()}" for v in variables]

"""How records are printed."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment_cli.cli.shell.printing import Pager, Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import InvalidValueError, NotFoundError

PLAIN = Printing()
A = {"id": "a1", "fee": 2300, "st": "OK", "none": None, "__hidden": 1, "sub": {"x": None, "y": 2}}
B = {"id": "b2", "fee": 5, "st": "WAIT", "brief": "茶 & coffee"}


@pytest.fixture
def printed(capsys):
    def read() -> str:
        return capsys.readouterr().out

    return read


def test_one_record_is_an_object_without_nulls_and_hidden_keys(printed):
    print_record(A, PLAIN)
    out = printed()
    assert json.loads(out) == {"id": "a1", "fee": 2300, "st": "OK", "sub": {"y": 2}}
    assert out.startswith('{\n  "id": "a1",\n')
    assert out.endswith("}\n")


def test_flags_keep_nulls_show_hidden_keys_and_make_it_compact(printed):
    print_record(A, PLAIN._replace(nulls=True, hidden_keys=True, compact=True))
    out = printed()
    assert json.loads(out) == A
    assert out.count("\n") == 1
    assert ": " not in out


def test_l_makes_a_list_of_one_record(printed):
    print_record(B, PLAIN._replace(as_list=True))
    assert json.loads(printed()) == [B]


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("records", [[], [B], [B, B, B]])
def test_many_records_are_always_a_list(printed, records, compact):
    print_records(records, PLAIN._replace(compact=compact))
    out = printed()
    assert json.loads(out) == records
    assert out.endswith("]\n")
    assert out.count("\n") == 1 or not compact


def test_an_indented_list_is_indented_throughout(printed):
    print_records([{"a": [1]}, {"b": 2}], PLAIN)
    assert printed() == '[\n  {\n    "a": [\n      1\n    ]\n  },\n  {\n    "b": 2\n  }\n]\n'


@pytest.mark.parametrize("compact", [True, False])
def test_a_pager_wraps_the_list(printed, compact):
    print_records([A, B], PLAIN._replace(compact=compact), Pager(skip=20, limit=10, total=45))
    page = json.loads(printed())
    assert [record["id"] for record in page["list"]] == ["a1", "b2"]
    assert page["pager"] == {
        "pn": 3, "pgsz": 10, "pgnb": 5, "sum": 45, "skip": 20, "nb": 2, "pgc": 5, "count": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "shown"),
    [("^(id|fee)$", {"id", "fee"}), ("!^(id|fee|sub)$", {"st"}), ("e", {"fee"}), ("zz", set())],
)
def test_e_keeps_the_keys_that_match_or_do_not(printed, keys, shown):
    print_record(A, PLAIN._replace(keys=keys))
    assert set(json.loads(printed())) == shown


@pytest.mark.parametrize("keys", ["(", "!(", "a(?=b)", r"(a)\1"])
def test_a_key_filter_that_is_no_regular_expression_prints_nothing(printed, keys):
    with pytest.raises(InvalidValueError, match="not a regular expression"):
        print_records([A], PLAIN._replace(keys=keys))
    assert printed() == ""


def test_a_key_filter_never_runs_away(printed):
    print_record({"a" * 5000: 1}, PLAIN._replace(keys="^(a+)+$|x"))
    assert len(json.loads(printed())) == 1


def test_values_win_over_a_table_and_that_over_a_template(printed):
    every = PLAIN._replace(values=True, columns="id", template="@{fee}", newline=True)
    print_records([B], every)
    assert printed() == "b25WAIT茶 & coffee\n"
    print_records([B], every._replace(values=False))
    assert printed() == "b2\n"
    print_records([B], every._replace(values=False, columns=None))
    assert printed() == "5\n"


def test_values_are_joined_by_the_separator_with_a_newline_for_each_record(printed):
    print_records([A, B], PLAIN._replace(values=True, keys="^(id|st)$", separator=","))
    assert printed() == "a1,OKb2,WAIT"
    print_records([A, B], PLAIN._replace(values=True, keys="^id$", newline=True))
    assert printed() == "a1\nb2\n"


def test_a_table_has_header_index_and_footer_as_asked(printed):
    table = PLAIN._replace(columns="id,fee", header=True, numbered=True, footer=True, index_base=1)
    print_records([A, B], table)
    assert printed().splitlines() == [
        "#  id   fee",
        "-  --  ----",
        "1  a1  2300",
        "2  b2     5",
        "total 2 items",
    ]


def test_the_footer_tells_the_page(printed):
    table = PLAIN._replace(columns="id", footer=True)
    print_records([A], table, Pager(skip=10, limit=10, total=11))
    assert printed().splitlines()[-1] == "total 1/11 items, skip 10 page 2/2, 10 per page"


def test_a_template_prints_a_line_for_each_record(printed):
    form = PLAIN._replace(template="@{id} @{brief?-}", numbered=True, footer=True)
    print_records([A, B], form)
    assert printed().splitlines() == [
        "0# a1 -",
        "1# b2 茶 & coffee",
        "-" * 39,
        "total 2 items",
    ]


def test_records_are_written_as_they_come_and_not_kept(printed):
    seen = []

    def rows() -> Iterator[dict[str, object]]:
        for number in range(3):
            seen.append(len(printed()))
            yield {"n": number}

    print_records(rows(), PLAIN._replace(compact=True))  # type: ignore[arg-type]
    assert seen[0] == 0
    assert seen[1] > 0
    assert seen[2] > 0


def test_a_query_that_fails_at_once_leaves_stdout_empty(printed):
    def rows() -> Iterator[dict[str, object]]:
        raise NotFoundError("payment", "x")
        yield {}

    with pytest.raises(NotFoundError):
        print_records(rows(), PLAIN)  # type: ignore[arg-type]
    assert printed() == ""


def test_json_escapes_what_would_move_a_terminal_and_means_the_same(printed):
    text = "\x1b[31m\x7f\x9b31m\u202e\u2066end"
    print_record({"brief": text}, PLAIN)
    out = printed()
    assert json.loads(out) == {"brief": text}
    assert all(char.isprintable() or char == "\n" for char in out)


def test_piped_values_are_raw(printed):
    print_record({"brief": "a\x1b[0m"}, PLAIN._replace(values=True))
    assert printed() == "a\x1b[0m"


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_\n", max_size=3), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.lists(st.dictionaries(st.text('ab\n"', max_size=3), _json_values, max_size=4), max_size=4)
)
def test_whatever_is_printed_is_strict_json_that_says_the_same(records):
    import io
    import sys

    for compact in (True, False):
        out, sys.stdout = sys.stdout, io.StringIO()
        try:
            print_records(records, PLAIN._replace(compact=compact, nulls=True, hidden_keys=True))
            text = sys.stdout.getvalue()
        finally:
            sys.stdout = out
        assert json.loads(text) == records


def test_decimals_keep_their_digits(printed):
    print_record({"price": Decimal("34.50")}, PLAIN)
    assert '"price": 34.50' in printed()

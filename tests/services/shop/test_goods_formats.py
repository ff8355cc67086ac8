import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.record import Record
from payment_cli.services.shop.goods_formats import read_documents, write_documents
from payment_cli.services.shop.lines import naming


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_documents_are_read_as_they_are_written(kind: str) -> None:
    documents = [
        {"nm": "a", "w_nm": 'A "quoted", name', "w_price": Decimal("1.50"), "sku": 3},
        {"nm": "b", "weight": Decimal("1E+3"), "cat": ["x"], "w_pkg": [{"w_id": "a", "num": 2}]},
    ]
    read = [document for _, document in read_documents(write_documents(documents, kind), kind)]
    assert [{k: v for k, v in one.items() if v is not None} for one in read] == documents


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    lines = ["nm,description\n", 'a,"two\n', 'lines"\n', "b,one\n"]
    assert [number for number, _ in read_documents(lines, "csv")] == [3, 4]
    assert [number for number, _ in read_documents(["\n", "{}\n"], "jsonl")] == [2]


def test_cells_are_typed_by_their_columns() -> None:
    lines = ["nm,w_price,sku,weight,cat,w_pkg\n", '007,1.50,5,0.250,tea,"[{""w_id"":""a""}]"\n']
    [(_, document)] = read_documents(lines, "csv")
    assert document == {
        "nm": "007", "w_price": Decimal("1.50"), "sku": 5, "weight": Decimal("0.250"),
        "cat": "tea", "w_pkg": [{"w_id": "a"}],
    }  # fmt: skip


def test_an_empty_cell_is_null_and_an_empty_file_is_nothing() -> None:
    assert list(read_documents(["nm,sku\n", "a,\n"], "csv")) == [(2, {"nm": "a", "sku": None})]
    assert list(read_documents([], "csv")) == []
    assert list(read_documents([], "jsonl")) == []


@pytest.mark.parametrize("text", ["x", "1,5", "1_0", "١", "NaN", "Infinity", "1e3", "0x10", "-"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"line 2: sku: .+ is not a number"):
        list(read_documents(["nm,sku\n", f'a,"{text}"\n'], "csv"))


def test_a_rule_stays_a_rule_when_its_line_is_named() -> None:
    with pytest.raises(NotAllowedError, match=r"^line 7: no$"), naming(7):
        raise NotAllowedError("no", hint="h")
    with pytest.raises(InvalidValueError, match=r"^line 7: no product x$"), naming(7):
        raise NotFoundError("product", "x")


def read(*lines: str, keep: tuple[str, ...] = ()) -> list[Record]:
    rows = read_documents([line + "\n" for line in lines], "csv", keep)
    return [document for _, document in rows]


def test_columns_are_headed_by_any_word_for_their_field() -> None:
    names = {"nm": "a", "w_nm": "A", "w_price": 5, "sku": 3, "cat": "x", "weight": 1}
    for heading in (
        "nm,w_nm,w_price,sku,cat,weight",
        "name,title,price,stock,category,weight",
        " nm , title,w_price ,stock,cate, weight",
        "货号,名称,价格,库存,分类,重量(kg)",
        "编码,商品名称,单价（元）,库存数量,类别,重量（千克）",
    ):
        assert read(heading, "a,A,5,3,x,1") == [names]


@pytest.mark.parametrize(
    ("heading", "hint"),
    [("pricee", "did you mean price?"), ("重量(克)", "--keep, or one of nm"), ("id", "--keep")],
)
def test_a_column_that_is_none_is_refused_unless_it_is_kept(heading: str, hint: str) -> None:
    with pytest.raises(InvalidValueError, match=r"line 1: '.+' is not a column of goods") as caught:
        read(f"nm,{heading}", "a,x")
    assert caught.value.hint.startswith(hint)
    assert read(f"nm,{heading}", "a,6", keep=(heading,)) == [{"nm": "a", heading: "6"}]


def test_two_words_for_one_column_are_one_too_many() -> None:
    with pytest.raises(InvalidValueError, match="line 1: '库存' is there twice"):
        read("nm,stock,库存", "a,1,2")


def test_rows_and_columns_that_are_wholly_empty_are_none() -> None:
    assert read("nm,w_nm,,", "a,A,,", ",,,", "  , ,\t,", "b,B,,,,") == [
        {"nm": "a", "w_nm": "A"}, {"nm": "b", "w_nm": "B"},
    ]  # fmt: skip
    with pytest.raises(InvalidValueError, match="line 3: 'x' stands in a column without a heading"):
        read("nm,", "a,", "b,x")
    with pytest.raises(InvalidValueError, match="line 2: it has another number of cells"):
        read("nm,w_nm", "a,A,x")


@pytest.mark.parametrize("column", ["nm", "w_nm", "pro_id", "price_by", "barcode", "cat"])
@pytest.mark.parametrize("text", ["6.9E+12", "6.90123E+12", "7E+11", " 6.9e+12 ", "-1.5E-05"])
def test_a_code_that_a_spreadsheet_turned_into_a_number_is_refused(column: str, text: str) -> None:
    with pytest.raises(InvalidValueError, match=f"line 2: {column}: .+ is what a spreadsheet made"):
        read(column, f"{text}", keep=("barcode",))


def test_such_a_text_may_stand_in_prose_and_a_long_code_stays_what_it_is() -> None:
    assert read("nm,description", "6901234567892,6.9E+12") == [
        {"nm": "6901234567892", "description": "6.9E+12"}
    ]


def test_a_table_between_tabs_is_read() -> None:
    assert read("nm\tw_nm\tw_price", "a\tA, blue\t5") == [
        {"nm": "a", "w_nm": "A, blue", "w_price": 5}
    ]


@pytest.mark.parametrize(
    "first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=", "''@"]
)
def test_a_text_that_could_be_a_formula_is_written_as_text_and_read_as_it_was(first: str) -> None:
    documents = [{"nm": "a", "description": f"{first}HYPERLINK(A1)"}]
    lines = list(write_documents(documents, "csv"))
    [cells] = list(csv.reader(io.StringIO(lines[1], newline="")))
    assert f"'{first}HYPERLINK(A1)" in cells
    [(_, read)] = read_documents(io.StringIO("".join(lines), newline=""), "csv")
    assert read["description"] == documents[0]["description"]


@given(st.text(st.sampled_from("'=+-@a\t,\"")).filter(str.strip))
def test_any_text_comes_back_with_and_without_the_guard(text: str) -> None:
    for is_guarded in (True, False):
        lines = write_documents([{"nm": text}], "csv", is_guarded=is_guarded)
        rows = list(read_documents(list(lines), "csv", is_guarded=is_guarded))
        assert [row["nm"] for _, row in rows] == [text]


def test_a_number_is_no_formula_and_a_guard_can_be_left_out() -> None:
    document = {"nm": "-5", "weight": Decimal("-1.5"), "sku": -3}
    lines = list(write_documents([document], "csv"))
    assert "'-5," in lines[1]
    assert ",-1.5," in lines[1]
    assert ",-3," in lines[1]
    assert list(write_documents([document], "csv", is_guarded=False))[1].startswith("-5,")


def test_a_number_no_sheet_can_hold_is_written_short() -> None:
    [_, line] = write_documents([{"nm": "a", "weight": Decimal("1e999999999")}], "csv")
    assert ",1E+999999999," in line

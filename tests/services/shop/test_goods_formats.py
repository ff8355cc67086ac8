from decimal import Decimal

import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.services.shop.goods_formats import naming, read_documents, write_documents


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

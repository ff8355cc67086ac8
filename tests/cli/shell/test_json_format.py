"""`-json '{…}'` says how JSON is written; alone it is plain JSON, everywhere."""

import json

import pytest

from payment_cli.cli.shell.json_format import read_json_format
from payment_cli.cli.shell.printing import PLAIN_JSON, Pager, Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import InvalidValueError

A = {"id": "a1", "w_nm": "茶\U0001f375", "none": None, "rows": [{"id": 1, "price": None, "at": 2}]}


def shown(capsys, form: str, **flags: object) -> str:
    print_record(A, Printing(json_format=read_json_format(form), **flags))
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("{}", ["id", "w_nm", "rows"]),
        ("{ignoreNull:true}", ["id", "w_nm", "rows"]),
        ("{ignoreNull:false}", ["id", "w_nm", "none", "rows"]),
        ("{actived:'^(id|rows)$'}", ["id", "rows"]),
        ("{locked:'^(id|none)$'}", ["w_nm", "rows"]),
        ("{actived:'^id$', locked:'^id$'}", ["id"]),
        ("{quoteName:false}", ["id", "w_nm", "rows"]),
    ],
)
def test_a_format_says_which_keys_there_are(capsys, form, keys):
    assert list(json.loads(shown(capsys, form))) == keys


def test_its_keys_are_those_of_every_depth(capsys):
    read = json.loads(shown(capsys, "{actived:'^(rows|at)$', ignoreNull:false}"))
    assert read == {"rows": [{"at": 2}]}


def test_it_says_how_the_text_looks(capsys):
    assert shown(capsys, "{compact:true}").count("\n") == 1
    assert shown(capsys, "{indentBy:'    '}").startswith('{\n    "id"')
    text = shown(capsys, "{autoUnicode:true}")
    assert '"\\u8336\\uD83C\\uDF75"' in text
    assert text.isascii()
    assert json.loads(text)["w_nm"] == A["w_nm"]


def test_what_it_does_not_say_the_flags_say_and_where_both_speak_it_wins(capsys):
    assert shown(capsys, "{ignoreNull:false}", compact=True).count("\n") == 1
    assert shown(capsys, "{compact:false}", compact=True).count("\n") > 1
    assert "none" not in shown(capsys, "{ignoreNull:true}", nulls=True)
    assert "none" in shown(capsys, "{}", nulls=True)


@pytest.mark.parametrize("form", ["{}", "{compact:true}", "{indentBy:'\t'}", "{indentBy:''}"])
@pytest.mark.parametrize("pager", [None, Pager(0, 10, 2)])
@pytest.mark.parametrize("records", [[], [A, A]])
def test_a_page_is_json_in_any_format(capsys, form, pager, records):
    print_records(records, Printing(json_format=read_json_format(form)), pager)
    read = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in (read if pager is None else read["list"])] == ["a1"] * len(records)


def test_a_page_is_indented_throughout(capsys):
    form = read_json_format("{indentBy:'    ', actived:'^(id|list|pager|pn)$'}")
    print_records([A], Printing(json_format=form), Pager(0, 10, 1))
    assert capsys.readouterr().out == (
        '{\n    "list": [\n        {\n            "id": "a1"\n        }\n    ],\n'
        '    "pager": {\n        "pn": 1\n    }\n}\n'
    )


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{compac:true}", "'compac' is not a field"),
        ("{compact:1}", "compact must be true or false"),
        ("{actived:'('}", "-json: actived '\\(' is not a regular expression"),
        ("{indentBy:'x'}", "indentBy must be blanks"),
        ("[1]", "-json must be an object"),
    ],
)
def test_what_is_no_format_is_refused(form, said):
    with pytest.raises(InvalidValueError, match=said):
        read_json_format(form)


def test_alone_it_is_plain_json_and_takes_no_word_that_is_no_format(payment, shop):
    made = payment("w", "add", "-nm", "cup", "--title", "杯", "--price", 1, "-json").json
    assert payment("w", "get", "-json", "cup").json == made
    assert payment("w", "list", "-json", "{actived:'^nm$',compact:true}").text == '[{"nm":"cup"}]\n'
    assert payment("w", "list", "-json={actived:'^nm$'}").json == [{"nm": "cup"}]
    payment("basket", "it", "li", "cup")
    plain = payment("basket", "all", "-json", "li")
    assert plain.json == [{"name": made["id"], "count": 1}]
    only = payment("basket", "all", "li", "-json", "{actived:'^count$',compact:true}")
    assert only.text == '[{"count":1}]\n'
    payment("favourite", "add", "li", "cup")
    assert payment("favourite", "list", "li", "-json", "{compact:true}").text.count("\n") == 1
    assert Printing(json_format=PLAIN_JSON).form == Printing().form

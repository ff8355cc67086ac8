"""`payment favourite`: the goods that buyers like."""

import re

import pytest


@pytest.fixture
def ids(payment, shop):
    made = {}
    for nm in ("cup", "pot"):
        made[nm] = payment("w", "add", "-nm", nm, "--title", nm, "--price", 1).json["id"]
    return made


def test_favourites_are_added_once_and_removed(payment, ids):
    assert payment("favourite", "add", "li", "cup", ids["pot"]).text == "2\n"
    assert payment("favourite", "add", "li", "cup,pot").text == "0\n"
    assert payment("favourite", "rm", "li", "cup", "nothing").text == "1\n"
    assert payment("favourite", "rm", "li", "cup").text == "0\n"
    assert [row["target"] for row in payment("favourite", "list", "li", "-json").json] == [
        ids["pot"]
    ]


def test_they_are_listed_the_oldest_first_with_their_time(payment, ids):
    payment("favourite", "add", "li", "pot")
    payment("favourite", "add", "li", "cup")
    rows = payment("favourite", "list", "li", "-json", "-c").json
    assert [row["target"] for row in rows] == [ids["pot"], ids["cup"]]
    assert rows[0]["time"] <= rows[1]["time"]
    lines = payment("favourite", "list", "li", "-rever").text.splitlines()
    assert re.fullmatch(rf"1\) \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \+ {ids['cup']}", lines[0])
    [row, _] = payment("favourite", "list", "li", "-json", "-obj").json
    assert row["obj"]["nm"] == "pot"
    assert payment("favourite", "list", "nobody").text == ""


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("add", "li", "nothing"), "no product nothing", 10),
        (("add", "li"), "Missing argument", 2),
        (("add", "小白", "cup"), "is not an id", 2),
        (("list", "../x"), "is not an id", 2),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(payment, ids, words, said, code):
    ran = payment("favourite", *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1

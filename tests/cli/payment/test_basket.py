"""`payment basket`: the reference's semantics, on products that exist."""

import pytest


@pytest.fixture
def ids(payment, shop):
    made = {}
    for nm in ("cup", "pot", "song"):
        made[nm] = payment("w", "add", "-nm", nm, "--title", nm, "--price", 1).json["id"]
    return made


def test_pieces_add_up_and_the_new_number_is_printed(payment, ids):
    assert payment("basket", "it", "li", "cup").text == "1\n"
    assert payment("basket", "it", "li", ids["cup"], 2).text == "3\n"
    assert payment("basket", "it", "li", ids["cup"][-8:], -1).text == "2\n"
    assert payment("basket", "get", "li", "cup").text == "2\n"


def test_with_no_piece_left_it_leaves_the_basket_and_the_sum_may_be_negative(payment, ids):
    payment("basket", "it", "li", "cup", 2)
    assert payment("basket", "it", "li", "cup", -5).text == "-3\n"
    assert payment("basket", "count", "li").text == "0\n"
    assert payment("basket", "it", "li", "cup", -1).text == "-1\n"


def test_reset_sets_the_number(payment, ids):
    assert payment("basket", "it", "li", "cup", 5, "-reset").text == "5\n"
    assert payment("basket", "it", "li", "cup", 2, "--reset").text == "2\n"
    assert payment("basket", "it", "li", "cup", -2, "-reset").text == "0\n"
    assert payment("basket", "get", "li", "cup", 7).text == "7\n"


def test_products_are_taken_out_by_code_and_id_even_if_they_are_gone(payment, ids):
    for nm in ids:
        payment("basket", "it", "li", nm)
    payment("w", "rm", "song")
    assert payment("basket", "rm", "li", f"cup,{ids['pot']}", "nothing", "song").text == "3\n"
    assert payment("basket", "rm", "li").text == "0\n"
    assert payment("basket", "count", "li").text == "0\n"


def test_clean_says_whether_there_was_anything(payment, ids):
    payment("basket", "it", "li", "cup")
    assert payment("basket", "clean", "li").text == "true\n"
    assert payment("basket", "clean", "li").text == "false\n"


def test_all_lists_by_the_number_of_pieces(payment, ids):
    for nm, n in (("cup", 3), ("pot", 1), ("song", 2)):
        payment("basket", "it", "li", nm, n)
    by_count = [ids["pot"], ids["song"], ids["cup"]]
    lines = [f"{i}) {i} <- {name}" for i, name in enumerate(by_count, 1)]
    assert payment("basket", "all", "li").text.splitlines() == lines
    rows = payment("basket", "all", "li", "-rever", "-json", "-c").json
    assert rows == [{"name": n, "count": c} for n, c in zip(by_count[::-1], (3, 2, 1), strict=True)]
    out = payment("basket", "all", "li", "-out", "%d/%d %s %%", "-i", 0).text.splitlines()
    assert out[0] == f"0/1 {ids['pot']} %"
    ran = payment("basket", "all", "li", "-out", "%d%d%s%s", exit_code=2)
    assert "has too many %" in ran.err
    assert payment("basket", "sum", "li").text == "6\n"
    assert payment("basket", "count", "li").text == "3\n"
    assert payment("basket", "all", "nobody").text == ""
    assert payment("basket", "all", "nobody", "-json").json == []


def test_objects_come_along_and_are_null_when_gone(payment, ids):
    made = payment("basket", "it", "li", "cup", "-obj").json
    assert (made["name"], made["count"], made["obj"]["nm"]) == (ids["cup"], 1, "cup")
    [row] = payment("basket", "all", "li", "-json", "-obj").json
    assert row["obj"]["w_price"] == 1


def test_quiet_prints_nothing(payment, ids):
    for words in (("it", "li", "cup"), ("all", "li"), ("sum", "li"), ("rm", "li", "cup")):
        assert payment("basket", *words, "-quiet").text == ""
    assert payment("basket", "count", "li").text == "0\n"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("it", "li", "nothing"), "no product nothing", 10),
        (("it", "../x", "cup"), "is not an id", 2),
        (("it", "li", "cup", "1.5"), "is not a valid integer", 2),
        (("it", "li", "cup", "1000001"), "at most 1000000 pieces", 12),
        (("rm", "li", "../x"), "is not an id", 2),
        (("it", "li"), "Missing argument 'ID'", 2),
        (("put", "li", "cup"), "has no command 'put'", 2),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(payment, ids, words, said, code):
    ran = payment("basket", *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_what_is_not_sold_can_not_be_put_in(payment, ids):
    payment("basket", "it", "li", "song")
    payment("w", "rm", "song")
    assert "was deleted" in payment("basket", "it", "li", "song", exit_code=12).err
    assert payment("basket", "it", "li", ids["song"], -1).text == "0\n"


def test_baskets_are_the_stores_own(payment, ids):
    payment("basket", "it", "li", "cup")
    payment("store", "init", "other", "--as", "root")
    assert payment("basket", "sum", "li", "--as", "other").text == "0\n"

"""`pay get`: one payment, named in full or in part."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def made(pay):
    return pay("create", "-fee", 2300, "-br", "茶").json


def test_the_first_or_last_six_characters_name_it(pay, made):
    for fragment in (made["id"], made["id"][:12], made["id"][-6:], made["id"][-9:]):
        assert pay("get", fragment).json["id"] == made["id"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("ffffffffffffffffffffffffffffffff", 10, "no payment ffff"),
        ("zzzzzz", 10, "no payment"),
        ("abc", 2, "6"),
        ("", 2, " an id"),
        ("../../etc/passwd", 2, "is not a"),
        ("/etc/passwd", 2, "is not a"),
        ("a/b/c/d", 2, "is not a"),
        ("abcdef\n", 2, "is not a"),
        ("x" * 300, 2, "is not a"),
        ("..", 2, " an id"),
    ],
)
def test_a_name_of_nothing_is_refused_in_one_line(pay, made, name, code, said):
    ran = pay("get", name, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == b""


@pytest.mark.parametrize("words", [["-abcdef"], ["--abcdef"]])
def test_a_name_with_a_leading_dash_is_an_unknown_option(pay, words):
    assert "no option" in pay("get", *words, exit_code=2).err


def test_a_name_with_a_leading_dash_after_two_dashes_is_no_id(pay):
    assert "is not a" in pay("get", "--", "-abcdef", exit_code=2).err


def test_a_fragment_of_two_payments_is_ambiguous(pay, made):
    other = pay("create", "-fee", 1).json
    common = made["id"][:7]  # ids of one minute begin alike
    assert other["id"].startswith(common)
    assert "e.pay.ambiguous" in pay("get", common, exit_code=10).err


def test_another_merchants_payment_is_not_shown(pay, payment, made):
    payment("store", "init", "other", "--as", "other")
    assert "e.pay.noexists" in pay("get", made["id"], "--as", "other", exit_code=10).err
    assert pay("get", made["id"], "--as", "root").json["id"] == made["id"]


def test_it_is_printed_as_asked(pay, made):
    assert pay("get", made["id"], "-e", "^(fee|st)$", "-c").text == '{"st":"NEW","fee":2300}\n' or (
        pay("get", made["id"], "-e", "^(fee|st)$", "-c").text == '{"fee":2300,"st":"NEW"}\n'
    )
    assert pay("get", made["id"], "-t", "fee,st,brief").text == "2300  NEW  茶\n"
    assert pay("get", made["id"], "-tmpl", "@{fee} @{brief}").text == "2300 茶\n"
    assert pay("get", made["id"], "-l").json[0]["id"] == made["id"]


def test_exit_status_of_a_new_payment_is_3(pay, made):
    pay("get", made["id"], "--exit-status", exit_code=3)


def test_the_root_option_holds_before_and_after_the_command(pay, made, root, tmp_path):
    elsewhere = {"PAYMENT_ROOT": str(tmp_path / "nowhere")}
    assert pay("get", made["id"], "--root", root, env=elsewhere).json["id"] == made["id"]
    assert pay("--root", root, "get", made["id"], env=elsewhere).json["id"] == made["id"]
    assert pay("get", made["id"], env=elsewhere, exit_code=10)

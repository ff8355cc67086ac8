"""`payment address`: where orders go, and where the shop sends from."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")

HOME = ("--street", "Shangdi 1", "--consignee", "Li", "--phone", "13912345678")
BEIJING = ("--code", "110108017000", *HOME)


def test_a_buyers_address_is_added_from_options_or_json(payment):
    made = payment(
        "address", "add", "--buyer", "li", *BEIJING, "--postcode", "100085", "--city", "北京",
        "--email", "li@example.com",
    ).json  # fmt: skip
    assert (made["nm"], made["country"], made["tp"]) == ("CN_110108017000", "CN", "U")
    assert (made["uid"], made["dftaddr"], made["city"]) == ("li", True, "北京")
    document = '{"nm":"US-CA","street":"1 Main","consignee":"Bob","phone":"+15105550123"}'
    other = payment("address", "add", "--buyer", "li", "-", stdin=document).json
    assert (other["country"], other["nm"], other["dftaddr"]) == ("US", "US_CA", False)
    assert payment("address", "get", other["id"][-8:]).json == other


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*HOME, "--code", "991108017000"), "not a Chinese division code"),
        ((*HOME, "--code", "1101"), "not a Chinese division code"),
        ((*BEIJING, "--postcode", "12"), "not a Chinese postcode"),
        ((*BEIJING, "--email", "nobody"), "is not an email address"),
        ((*BEIJING[:-1], "12"), "is not a phone number in CN"),
        ((*HOME, "--country", "XX"), "is not a country code"),
        (("--code", "110108", "--consignee", "Li"), "street is missing"),
        (("{code:'110108',stret:'x'}", *HOME[2:]), "stret"),
        (("{tp:'S'}", *BEIJING), "S is not the type of li"),
    ],
)
def test_an_address_that_does_not_validate_is_refused(payment, words, said):
    ran = payment("address", "add", "--buyer", "li", *words, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("address", "list", "--buyer", "li").json == []


def test_the_default_address_is_first_and_has_an_heir(payment):
    first = payment("address", "add", "--buyer", "li", *BEIJING).json["id"]
    second = payment("address", "add", "--buyer", "li", *BEIJING).json["id"]
    payment("address", "add", "--buyer", "xu", *BEIJING)

    def listed():
        rows = payment("address", "list", "--buyer", "li").json
        return [(one["id"], one["dftaddr"]) for one in rows]

    assert listed() == [(first, True), (second, False)]
    assert payment("address", "default", second).json["dftaddr"] is True
    assert listed() == [(second, True), (first, False)]
    payment("address", "rm", second)
    assert listed() == [(first, True)]
    payment("address", "rm", first)
    assert listed() == []


def test_fields_are_changed_but_not_whose_it_is(payment):
    made = payment("address", "add", "--buyer", "li", *BEIJING, "--email", "a@b.cn").json
    changed = payment(
        "address", "set", made["id"], "email:null, uid:'xu'", "--phone", "13987654321"
    ).json
    assert (changed["phone"], changed["email"], changed["uid"]) == ("13987654321", "", "li")
    assert "nothing to change" in payment("address", "set", made["id"], exit_code=2).err
    payment("address", "set", made["id"], "tp:'S'", exit_code=2)
    payment("address", "set", made["id"], "phone:null", exit_code=2)
    payment("address", "get", "ffffffff", exit_code=10)


def test_the_shop_sends_from_an_address_of_its_own(payment):
    made = payment("address", "add", "--code", "310115").json
    assert (made["tp"], made["uid"], made["nm"]) == ("S", "", "CN_310115000000")
    assert payment("address", "list").json == [made]
    assert payment("address", "list", "--buyer", "li").json == []


def test_an_address_from_json_takes_the_names_of_an_order_and_keeps_ones_own(payment, shop):
    names = "addr_user_code:'110108017000', addr_user_door:'Shangdi 1', user_name:'Li'"
    made = payment(
        "address", "add", "--buyer", "li", f"{{{names}, user_phone:'13912345678', note:'bell'}}"
    ).json
    assert (made["consignee"], made["street"], made["note"]) == ("Li", "Shangdi 1", "bell")
    ran = payment("address", "set", made["id"], "phonee:'13987654321'", exit_code=2)
    assert "did you mean phone?" in ran.err

"""Addresses and what they must be."""

import pytest

from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.model.codec import decode, encode
from payment_cli.model.shop.address import Address, AddressType, with_default
from tests.support.shop import NOW

DOCUMENT = {
    "country": "CN",
    "nm": "CN_110108017000",
    "postcode": "100085",
    "city": "北京",
    "street": "Street 1, A-302",
    "consignee": "Bai",
    "phone": "13901234567",
    "email": "zz@z.com",
}


def an_address(id="adr-1", **changes):
    document = {k: v for k, v in {**DOCUMENT, **changes}.items() if v is not None}
    return Address.new(document, id=id, uid="xiaobai", now=NOW)


def test_the_record_of_seed_002_is_read_and_written_under_its_names():
    record = an_address().to_record()
    assert {name: record[name] for name in DOCUMENT} == DOCUMENT
    assert (record["id"], record["uid"], record["tp"]) == ("adr-1", "xiaobai", "U")


def test_an_address_survives_the_way_through_a_record_with_fields_nobody_knows():
    record = {**an_address().to_record(), "colour": "red"}
    address = Address.from_record(decode(encode(record)))
    assert address.code == "110108017000"
    assert address.to_record() == record


def test_china_is_the_default_and_six_digits_are_filled_up():
    address = an_address(nm=None, country=None, code="110108")
    assert (address.country, address.code) == ("CN", "110108000000")


@pytest.mark.parametrize("code", ["110108017000", "110000000000", "441900003000", "810101000000"])
def test_a_chinese_code_is_a_province_with_what_is_below_it(code):
    assert an_address(nm=None, code=code).code == code


@pytest.mark.parametrize(
    "code",
    ["", "11", "990108017000", "110008017000", "000000000000", "11010801700x", "1101080170001",
     "１１0108017000"],
)  # fmt: skip
def test_what_is_no_chinese_code_is_refused(code):
    with pytest.raises(InvalidValueError, match="is not a Chinese division code"):
        an_address(nm=None, code=code)


@pytest.mark.parametrize(
    "changes",
    [
        {"nm": None, "country": "XX", "code": "1"}, {"nm": None, "country": "China"},
        {"postcode": "1000"}, {"phone": "12"}, {"phone": "abc"}, {"phone": "+1"},
        {"email": "zz"}, {"email": "a@b"}, {"email": "a b@c.d"}, {"email": "a@.d"},
        {"email": "-oQ/tmp/x@b.c"},
        {"street": None}, {"consignee": None}, {"phone": None}, {"tp": "X"}, {"street": "x" * 301},
        {"street": "a\0b"}, {"colour": "red"}, {"dftadr": True},
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_is_refused(changes):
    with pytest.raises(InvalidValueError, match=r"address|country"):
        an_address(**changes)


@pytest.mark.parametrize(
    "email",
    ["-oQ/tmp@a.b", "|id>/tmp/x@a.b", "/tmp/x@a.b", "+x@a.b", "a,|id@b.c", "a;b@c.d", "a<b>@c.d",
     'a"b@c.d', "a@b.c,|id", "a@b.c;id", "a@-b.c", "a@$(id).c", "a@b|c.d", "a:b@c.d", "(a)b@c.d"],
)  # fmt: skip
def test_no_email_is_an_option_a_file_or_a_command_to_a_mail_program(email):
    with pytest.raises(InvalidValueError, match="is not an email address"):
        an_address(email=email)


@pytest.mark.parametrize(
    "email", ["a@b.cn", "o'brien+tea=1@mail.example.co.uk", "白@例子.公司", "1_2-3@x-y.org"]
)
def test_emails_as_people_have_them_are_taken(email):
    assert an_address(email=email).email == email


@pytest.mark.parametrize("phone", ["--to 13901234567", "; id 13901234567", "`id`13901234567"])
def test_a_phone_number_begins_with_itself(phone):
    with pytest.raises(InvalidValueError, match="is not a phone number in CN"):
        an_address(phone=phone)


@pytest.mark.parametrize(
    "phone", ["+86 139 0123 4567", "(010) 6552 9988", "１３９０１２３４５６７"]
)
def test_phone_numbers_as_people_write_them_are_taken(phone):
    assert an_address(phone=phone).phone == phone


def test_an_address_abroad_has_its_own_code_and_phone():
    address = an_address(nm=None, country="us", code="US-CA", phone="+86 139 0123 4567",
                         postcode="94103")  # fmt: skip
    assert (address.country, address.code) == ("US", "US-CA")
    assert address.to_record()["nm"] == "US_US-CA"
    assert an_address(nm=None, country="US", phone="415 555 2671", postcode=None).code == ""
    with pytest.raises(InvalidValueError, match="is not a phone number in US"):
        an_address(nm=None, country="US", postcode=None)
    with pytest.raises(InvalidValueError, match="is not a division code"):
        an_address(nm=None, country="US", code="a/b", postcode=None)


def test_a_shops_own_address_needs_only_its_place():
    document = {"tp": "S", "code": "110108017000"}
    address = Address.new(document, id="adr-1", uid="tea", now=NOW)
    assert address.tp is AddressType.SHOP


def test_an_edit_changes_what_it_names_and_null_removes():
    edited = an_address().edited({"city": "Beijing", "email": None}, NOW + 1)
    assert (edited.city, edited.email, edited.lm, edited.ct) == ("Beijing", "", NOW + 1, NOW)
    assert edited.code == "110108017000"
    assert an_address().edited({"nm": "CN_310115000000"}, NOW).code == "310115000000"
    with pytest.raises(InvalidValueError, match="phone is missing"):
        an_address().edited({"phone": None}, NOW)
    with pytest.raises(InvalidValueError, match="'dftadr' is not a field"):
        an_address().edited({"dftadr": True}, NOW)


def test_fields_that_are_ours_are_not_taken_from_a_document():
    address = an_address(uid="xiaohei", dftaddr=True, ct=1, rev=5)
    assert (address.uid, address.dftaddr, address.ct, address.rev) == ("xiaobai", False, NOW, 0)


def test_a_damaged_record_says_which_address_it_is():
    with pytest.raises(CorruptRecordError, match="address 'adr-9' is damaged"):
        Address.from_record({"id": "adr-9", "tp": "X"})


def test_its_copy_in_an_order_has_the_names_of_the_order_page_and_back():
    delivery = an_address(city=None).delivery()
    assert delivery == {
        "addr_user_country": "CN", "addr_user_code": "110108017000",
        "addr_user_postcode": "100085", "addr_user_door": "Street 1, A-302",
        "user_name": "Bai", "user_phone": "13901234567", "user_email": "zz@z.com",
    }  # fmt: skip
    assert Address.from_delivery(delivery).delivery() == delivery


def test_one_address_of_a_kind_is_the_default():
    first, second = an_address("adr-1"), an_address("adr-2")
    shop = Address.new({"tp": "S", "code": "110108"}, id="adr-3", uid="xiaobai", now=NOW)
    (chosen,) = with_default([first, second, shop], second, NOW + 1)
    assert (chosen.id, chosen.dftaddr, chosen.lm) == ("adr-2", True, NOW + 1)
    changed = with_default([first, chosen, shop], first, NOW + 2)
    assert [(address.id, address.dftaddr) for address in changed] == [
        ("adr-1", True), ("adr-2", False)
    ]  # fmt: skip
    assert with_default([first, chosen, shop], chosen, NOW) == []

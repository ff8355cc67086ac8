"""An address (seed 002): of a buyer (tp U) or where a shop sends from (tp S).

`nm` is the country and the division code, "CN_110108017000". In China the code has 12 digits (two
each for province, city and area, six for the town; 6 are filled up with zeros); elsewhere it is
free, for instance an ISO 3166-2 subdivision, or missing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.country import check_country
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.forms import DELIVERY
from payment_cli.model.shop.words import said, typed

CHINA = "CN"

#: Fields a document from outside does not set.
_OURS = ("id", "ct", "lm", "rev", "nm", "uid", "dftaddr")

#: The provinces of GB/T 2260.
_PROVINCE = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])"
#: Province alone, or a city with whatever is below it; a few cities have towns but no areas.
_CN_CODE = re.compile(rf"{_PROVINCE}(?:0{{10}}|(?!00)[0-9]{{10}})")
_CN_POSTCODE = re.compile(r"[0-9]{6}")
_CODE = re.compile(r"[0-9A-Za-z-]{0,12}")
#: What a store's scripts hand to mail programs: one address (RFC 5322, unquoted), and nothing that
#: they take for an option, a file or a command to pipe to.
_EMAIL = re.compile(r"\w[\w.!#$%&'*+/=?^`{|}~-]*@\w[\w-]*(?:\.\w[\w-]*)+")
_PHONE = re.compile(r"[+＋(（\d].*")


class AddressType(StrEnum):
    """`tp`."""

    BUYER = "U"
    SHOP = "S"


@dataclass(frozen=True, slots=True)
class Address:
    """One address. `uid` is whose it is; `dftaddr` marks the one of its kind used by default."""

    id: str
    ct: int
    lm: int
    uid: str
    tp: AddressType
    country: str
    code: str
    postcode: str = ""
    city: str = ""
    street: str = ""
    consignee: str = ""
    phone: str = ""
    email: str = ""
    dftaddr: bool = False
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    def delivery(self) -> dict[str, str]:
        """Return its copy in an order, under the names of w1-shop-order; what is empty is not."""
        names = {name: str(getattr(self, own)) for name, own in DELIVERY.items()}
        return {name: value for name, value in names.items() if value}

    def edited(self, changes: Mapping[str, Json], now: int, keep: Sequence[str] = ()) -> Self:
        """Return the address with `changes`; null removes a field.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: the result is no valid address, or a field is misspelled.
        """
        stored = self.to_record()
        given = _given(typed("address", changes, "address", keep, stored))
        record = {**stored, "code": self.code, **given, "lm": now}
        left = {k: v for k, v in record.items() if v is not None}
        return self._read_typed(Fields(left, "address", said=said("address", changes)))

    @classmethod
    def new(
        cls,
        document: Mapping[str, Json],
        *,
        id: str,
        uid: str,
        now: int,
        keep: Sequence[str] = (),
    ) -> Self:
        """Return a new address of `uid` from what was typed. China and a buyer's by default.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: it is no valid address, or a field is misspelled.
        """
        given = _given(typed("address", document, "address", keep))
        record = {**given, "id": id, "uid": uid, "ct": now, "lm": now}
        return cls._read_typed(Fields(record, "address", said=said("address", document)))

    @classmethod
    def from_delivery(cls, names: Mapping[str, Json]) -> Self:
        """Return the address that an order names by the fields of w1-shop-order.

        Raises:
            InvalidValueError: it is no valid address.
        """
        document = {name: names[name] for name in DELIVERY if names.get(name) is not None}
        return cls.new(document, id="-", uid="", now=0)

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record. Its rules may be younger than it, so only its form is checked.

        Raises:
            CorruptRecordError: it is no address.
        """
        what = f"address {record.get('id')!a}"
        with reading_stored(what):
            return cls._read(Fields(record, what))

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        return {
            **self.extra,
            "id": self.id,
            "nm": f"{self.country}_{self.code}" if self.code else self.country,
            "tp": str(self.tp),
            "ct": self.ct,
            "lm": self.lm,
            "rev": self.rev,
            "uid": self.uid,
            "country": self.country,
            "postcode": self.postcode,
            "city": self.city,
            "street": self.street,
            "consignee": self.consignee,
            "phone": self.phone,
            "email": self.email,
            "dftaddr": self.dftaddr,
        }

    @classmethod
    def _read_typed(cls, fields: Fields) -> Self:
        address = cls._read(fields)
        country = check_country(address.country)
        code = address.code
        if country == CHINA and re.fullmatch("[0-9]{6}", code):
            code += "000000"
        address = replace(address, country=country, code=code)
        _check(address, fields)
        return address

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        country = fields.text("country", CHINA, max_len=8)
        name = fields.text("nm", max_len=32)
        return cls(
            id=fields.required_text("id", max_len=64),
            ct=fields.whole("ct"),
            lm=fields.whole("lm"),
            uid=fields.text("uid", max_len=64),
            tp=fields.word("tp", AddressType, AddressType.BUYER),
            country=country,
            code=fields.text("code", max_len=20) or name.removeprefix(country).lstrip("_-"),
            postcode=fields.text("postcode", max_len=12),
            city=fields.text("city", max_len=100),
            street=fields.text("street", max_len=300),
            consignee=fields.text("consignee", max_len=100),
            phone=fields.text("phone", max_len=32),
            email=fields.text("email", max_len=254),
            dftaddr=fields.flag("dftaddr"),
            rev=fields.whole("rev"),
            extra=fields.rest(),
        )


def with_default(addresses: Iterable[Address], chosen: Address, now: int) -> list[Address]:
    """Return the addresses to be written so that `chosen` is the only default of its kind.

    `addresses` are all of its owner; of those that change, the changed ones are returned.
    """
    changed = []
    for address in addresses:
        is_default = address.id == chosen.id
        if address.tp is chosen.tp and address.dftaddr != is_default:
            changed.append(replace(address, dftaddr=is_default, lm=now))
    return changed


def _given(document: Mapping[str, Json]) -> Record:
    """Return what was typed without the fields we keep; `nm` is the country and code."""
    given = {k: v for k, v in document.items() if k not in _OURS}
    name = document.get("nm")
    if isinstance(name, str) and "code" not in given:
        country, _, code = name.replace("-", "_", 1).partition("_")
        given = {"country": country, **given, "code": code}
    return given


def _check(address: Address, fields: Fields) -> None:
    if address.country == CHINA:
        _check_chinese(address)
    elif not _CODE.fullmatch(address.code):
        raise InvalidValueError(
            f"address: {address.code!a} is not a division code",
            hint="letters, digits and -, at most 12",
        )
    if address.tp is AddressType.BUYER:
        for name in ("street", "consignee", "phone"):
            if not getattr(address, name):
                raise fields.missing(name)
    if address.phone:
        _check_phone(address.phone, address.country)
    if address.email and not _EMAIL.fullmatch(address.email):
        raise InvalidValueError(f"address: {address.email!a} is not an email address")


def _check_chinese(address: Address) -> None:
    if not _CN_CODE.fullmatch(address.code):
        raise InvalidValueError(
            f"address: {address.code!a} is not a Chinese division code",
            hint="12 digits, for instance 110108017000",
        )
    if address.postcode and not _CN_POSTCODE.fullmatch(address.postcode):
        raise InvalidValueError(f"address: {address.postcode!a} is not a Chinese postcode")


def _check_phone(phone: str, country: str) -> None:
    import phonenumbers  # its tables cost 15 ms, and only addresses need them

    try:
        number = phonenumbers.parse(phone, country)  # it passes over what stands before a number
        valid = bool(_PHONE.fullmatch(phone)) and phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        raise InvalidValueError(
            f"address: {phone!a} is not a phone number in {country}",
            hint="numbers of other countries start with + and their code",
        )

"""The one table of the kinds of records: where each lives, and what is indexed and kept of it.

Every backend reads it; a kind that has no row is refused by all of them. A new kind is one row.
Its fields and indexes are in every tree once `storage/tree/versions.py` says so.
"""

from typing import Final, NamedTuple

from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.names import check_name

#: What the numbers of a `Field` are of.
MANY: Final = 1_000_000


class Field(NamedTuple):
    """A field that backends keep beside the record, for indexes.

    `path` is its name in the record, `column` in a table. Two numbers tell a planner what an index
    finds, in a kind of MANY records: so many, roughly, share a value that is asked for (`alike`);
    so many say something (`present`). They are what a shop is like, not what a tree happens to
    hold: plans never depend on that. `sparse` fields are indexed only where they say something
    (not 0, not empty).
    """

    path: str
    column: str
    type_: type[int] | type[str]
    alike: int
    sparse: bool = False
    present: int = MANY


class Kind(NamedTuple):
    """A kind of records.

    `place` is its path under the root; `{domain}` is in it if a merchant owns the records, and
    `only_id` is set if one file with that name is all there is. Of `fields` each one has a column;
    of `indexes` each one is the columns of an index ("domain" is one too), besides the id that
    breaks ties. `keeps_before`: the log keeps what a record was before a change. `ends_once`: it is
    deleted because what it asks for is done, and must never come back: that would be done again.
    `has_history`: the log is asked about single records of it.
    """

    place: str
    fields: tuple[Field, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    keeps_before: bool = False
    ends_once: bool = False
    only_id: str = ""
    has_history: bool = False

    @property
    def has_domain(self) -> bool:
        """Whether records of this kind belong to a merchant's domain."""
        return "{domain}" in self.place


#: How many of a kind's records belong to one store.
OF_A_STORE: Final = 10_000

_LM = Field("lm", "lm", int, 2)
_CT = Field("ct", "ct", int, 2)
_SELLER = Field("seller_nm", "seller_nm", str, OF_A_STORE)
_BUYER = Field("buyer_id", "buyer_id", str, 10, sparse=True)
_OR_ID = Field("or_id", "or_id", str, 10, sparse=True)
_LIVE = Field("th_live", "live", int, 500_000)
_TIMES = (_LM, _CT)

# Each index costs every change of its fields: there is one for each question that a customer, a
# callback or cron asks, and for those that README.md promises. A test explains all of them.
KINDS: Final[dict[str, Kind]] = {
    "payment": Kind(
        "var/payment/{id}.json",
        (
            _LM, _CT, Field("st", "st", str, 250_000), _SELLER, _BUYER,
            Field("seller_id", "seller_id", str, OF_A_STORE), _OR_ID,
            Field("fee", "fee", int, 200),
            Field("send_at", "send_at", int, 2, sparse=True),
            Field("close_at", "close_at", int, 2),
            Field("next_check_at", "next_check_at", int, 2, sparse=True, present=1000),
            Field("apply_st", "apply_st", str, 100, sparse=True),
            Field("flag", "flag", str, 100, sparse=True, present=1000),
        ),
        (
            ("st", "lm"), ("seller_nm", "lm"), ("seller_nm", "st", "lm"), ("seller_id", "lm"),
            ("buyer_id", "lm"), ("or_id", "lm"), ("lm",), ("ct",), ("fee",), ("send_at",),
            ("close_at",), ("next_check_at",), ("apply_st", "lm"), ("flag", "lm"),
        ),
    ),
    "idempotency": Kind("var/idempotency/{id}.json", _TIMES, ends_once=True),
    "outbox": Kind(
        "var/outbox/{id}.json",
        (
            _LM, _CT, Field("st", "st", str, 100_000), Field("store", "store", str, OF_A_STORE),
            _OR_ID,
        ),
        (("st", "lm"), ("store", "st", "lm"), ("or_id",)),
        ends_once=True,
    ),
    "postponed": Kind(
        "var/postponed/{id}.json",
        (_LM, _CT, Field("work", "work", str, 100_000)),
        (("work", "lm"),),
    ),
    "notice": Kind(
        "var/notice/{id}.json",
        (
            _LM, _CT, Field("st", "st", str, 500_000), Field("sto_nm", "store", str, OF_A_STORE),
            _OR_ID, Field("next_at", "next_at", int, 2),
            Field("owner", "owner", str, 1, sparse=True, present=100),
        ),
        (
            ("st", "next_at"), ("store", "st", "next_at"), ("st", "lm"), ("store", "st", "lm"),
            ("or_id",), ("owner",),
        ),
        ends_once=True,
    ),
    "order": Kind(
        "sys/order/ord_{domain}_{id}.json",
        (
            _LM, _CT, Field("ord_status", "st", str, 250_000),
            Field("sto_id", "seller_id", str, OF_A_STORE), _BUYER,
            Field("ord_expi", "expi", int, 2, sparse=True, present=200_000),
            Field("ok_at", "ok_at", int, 2, sparse=True),
        ),
        (
            ("domain", "st", "lm"), ("domain", "lm"), ("st", "lm"), ("seller_id", "lm"),
            ("seller_id", "st", "lm"), ("buyer_id", "lm"), ("lm",), ("st", "expi"),
            ("domain", "ct"), ("domain", "ok_at"),
        ),
        keeps_before=True,
        has_history=True,
    ),
    "thing": Kind(
        "home/{domain}/.store/thing/{id}.json",
        (_LM, _CT, Field("nm", "nm", str, 1), _LIVE),
        (("domain", "nm"), ("domain", "live", "nm")),
        keeps_before=True,
    ),
    "discount": Kind(
        "home/{domain}/.store/discount/{id}.json", (*_TIMES, _LIVE), (("domain", "live"),)
    ),
    "coupon": Kind(
        "home/{domain}/.store/coupon/{id}.json", (*_TIMES, _LIVE), (("domain", "live"),)
    ),
    "address": Kind(
        "home/{domain}/.store/address/{id}.json",
        (*_TIMES, Field("uid", "uid", str, 5)),
        (("domain", "uid"),),
    ),
    "basket": Kind("home/{domain}/.store/basket/{id}.json", _TIMES),
    "favourite": Kind("home/{domain}/.store/favourite/{id}.json", _TIMES),
    "settings": Kind(
        "home/{domain}/.store/{id}.json", _TIMES, keeps_before=True, only_id="settings"
    ),
    "revoked": Kind(
        "home/{domain}/.store/revoked/{id}.json",
        (*_TIMES, Field("expi", "expi", int, 2, sparse=True)),
        (("domain", "expi"),),
    ),
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """Return the kind of this name.

    Raises:
        InvalidValueError: there is no such kind.
    """
    found = KINDS.get(name)
    if found is None:
        raise InvalidValueError(f"{name!a} is not a kind of records")
    return found


def place(kind: str, domain: str, record_id: str) -> str:
    """Return the record's path relative to the root, every part checked against its allow-list.

    Raises:
        InvalidValueError: there is no such kind, the id or the domain is not well formed, or a
            domain is missing or too much.
    """
    row = kind_of(kind)
    if row.has_domain != bool(domain):
        wrong = f"belongs to no domain, not to {domain!a}" if domain else "needs a domain"
        raise InvalidValueError(f"a record of kind {kind} {wrong}")
    check_name("id", record_id)
    if domain:
        check_name("domain", domain)
    return row.place.format(domain=domain, id=record_id)


def typed_id(kind: str, domain: str | None, text: str) -> tuple[str | None, str]:
    """Return whose record a person named, and its id or a part of it.

    People see and paste the names of files, such as `ord_tea_01a2….json` (with or without folder
    and ending; it is the `nm` of an order), and mean the id in them. `domain` None stands for
    every domain, unless the name says one.

    Raises:
        InvalidValueError: there is no such kind.
        NotFoundError: the name is of another domain's record.
    """
    file = kind_of(kind).place.rpartition("/")[2]
    name = text.rpartition("/")[2].removesuffix(".json") if text.endswith(".json") else text
    head, has_domain, _ = file.partition("{domain}")
    if not has_domain or not name.startswith(head):
        return domain, name
    named, _, fragment = name.removeprefix(head).rpartition("_")
    if domain not in (None, named):
        raise NotFoundError(kind, text)
    return named, fragment

"""Generated records and matches, with the values that engines like to disagree about.

Each example draws its values from one *family*: values that are equal, nearly equal, or look
equal, so that every comparison is a close one. In the records `st` and `fee` hold only what a
column of their own may hold; the other fields hold anything.
"""

from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import encode
from payment_cli.model.query.match import (
    Equal,
    Glob,
    In,
    IsNull,
    Match,
    Not,
    Range,
    Regex,
    Scalar,
    all_of,
    any_of,
)
from payment_cli.model.query.times import TimeReader
from payment_cli.model.query.values import match_of_text
from payment_cli.model.record import Record

_MISSING = object()

COLUMN_PATHS = ("st", "fee")
PATHS = ("st", "fee", "a", "a.b", "l", "l.b", "l.b.b", "l.b.b.b", "it's", 'q"q')

#: Numbers that SQLite orders exactly, with what looks like them.
_SHORT_FAMILIES: tuple[tuple[Scalar, ...], ...] = (
    (0, 1, 2, -1, Decimal("1.0"), Decimal("1.00"), Decimal("0.5"), True, False, "1", "1.0", "true"),
    (0, Decimal("0.0"), Decimal("-0.0"), Decimal("1E-7"), Decimal("-1E-7"), False, "", "0", "null"),
    (10, 100, Decimal("99.99"), Decimal("100.0"), Decimal("1E+2"), Decimal("100.01"), "100"),
    (2**53 - 1, 2**53, 2**53 + 1, Decimal("9007199254740.99"), "9007199254740993"),
    (2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1, 0, "9223372036854775807"),
    ("", "a", "A", "ab", "abc", "b", "a\nb", "a_b", "a%", 'a"b', "a\\b", "it's", True),
    ("ä", "a\u0308", "é", "中", "中文", "中\U0010ffff", "中\U0010ffff文", "丮", "\u2028", "z"),
    ("\ud7ff", "\ud7ffx", "\ue000", "\uffff", "😀", "😀a", "\U0010ffff", "\U0010ffffa", "a"),
)

_HARD_FAMILIES: tuple[tuple[Scalar, ...], ...] = (
    (1, Decimal("1.0000000000000000000000000001"), Decimal("0.99999999999999999999999999999"), 0,
     2, Decimal("0.9999999999999999"), Decimal("1.0")),
    (2**53, 2**53 + 1, 2**53 + 2, Decimal("9007199254740992.5"), Decimal("9007199254740993.0")),
    (2**63 - 1, 2**63, Decimal("9223372036854775807.5"), Decimal("9223372036854775807.0"),
     -(2**63), -(2**63) - 1, Decimal("-9223372036854775808.5"), 10**30, 10**30 + 1),
    (0, Decimal("1E-400"), Decimal("-1E-400"), Decimal("5E-324"), Decimal("1E-320")),
    (10**400, 10**400 + 1, -(10**400), Decimal("1E+400"), Decimal("1.7E+308"), Decimal("1E+309")),
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """The values of one example."""

    values: tuple[Scalar, ...]

    @property
    def scalars(self) -> st.SearchStrategy[Any]:
        return st.sampled_from(self.values)

    def of(self, *types: type) -> tuple[Any, ...]:
        return tuple(each for each in self.values if type(each) in types)

    @property
    def texts(self) -> st.SearchStrategy[str]:
        return st.sampled_from((*self.of(str), "zz"))

    @property
    def numbers(self) -> st.SearchStrategy[int | Decimal]:
        return st.sampled_from((*self.of(int, Decimal), 7))

    @property
    def column_ints(self) -> st.SearchStrategy[int]:
        return st.sampled_from((*(n for n in self.of(int) if -(2**63) <= n < 2**63), 7))


families = st.sampled_from((*_SHORT_FAMILIES, *_HARD_FAMILIES)).map(Family)
#: Without numbers that SQLite can not order exactly.
short_families = st.sampled_from(_SHORT_FAMILIES).map(Family)


def records(family: Family) -> st.SearchStrategy[list[Record]]:
    """Return lists of records with ids of their own, in any order."""
    leaf = st.one_of(family.scalars, family.scalars, st.none())
    keys = st.sampled_from(("b", "b", "c"))
    listed = st.lists(leaf, min_size=1, max_size=3)
    inner = leaf | listed
    deep = st.dictionaries(keys, st.dictionaries(keys, inner, min_size=1), min_size=1, max_size=2)
    within = st.dictionaries(keys, inner, min_size=1, max_size=2) | deep
    value = st.one_of(leaf, listed, within, st.lists(leaf | within | listed, max_size=3))
    fields: dict[str, st.SearchStrategy[Any]] = {
        "st": family.texts | st.none() | st.just(_MISSING),
        "fee": family.column_ints | st.none() | st.just(_MISSING),
        "a": st.one_of(leaf, value, st.just(_MISSING)),
        "l": st.one_of(st.lists(within, min_size=1, max_size=3), value, st.just(_MISSING)),
        "it's": leaf,
        'q"q': leaf,
    }
    return st.lists(st.fixed_dictionaries(fields), min_size=3, max_size=8).flatmap(_with_ids)


def _with_ids(found: list[dict[str, Any]]) -> st.SearchStrategy[list[Record]]:
    return st.permutations(range(len(found))).map(
        lambda order: [
            {"id": f"id-{at}"} | {k: v for k, v in record.items() if v is not _MISSING}
            for at, record in zip(order, found, strict=True)
        ]
    )


def matches(family: Family) -> st.SearchStrategy[Match]:
    """Return matches over the fields of `records`."""
    field = field_matches(family)
    return st.recursive(
        field,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, max_size=3).map(lambda parts: all_of(*parts)),
            st.lists(inner, max_size=3).map(lambda parts: any_of(*parts)),
        ),
        max_leaves=4,
    )


def field_matches(family: Family) -> st.SearchStrategy[Match]:
    """Return matches that ask one field one thing."""
    return st.sampled_from(PATHS).flatmap(lambda path: _field_match(path, family))


def _field_match(path: str, family: Family) -> st.SearchStrategy[Match]:
    parts = {text[:1] for text in family.of(str)} | {text[1:2] for text in family.of(str)}
    pieces = st.lists(st.sampled_from(sorted({"", *parts})), min_size=2, max_size=4)
    patterns = st.sampled_from(("^a", "b$", "(?i)A", "^.$", "^$", "中|😀", r"^\d"))
    return st.one_of(
        st.just(IsNull(path)),
        family.scalars.map(lambda value: Equal(path, value)),
        st.lists(family.scalars, max_size=3).map(lambda values: In(path, tuple(values))),
        _range(path, family.numbers),
        _range(path, family.texts),
        _range(path, family.numbers | family.texts),
        patterns.map(lambda pattern: Regex(path, pattern)),
        pieces.map(lambda found: Glob(path, tuple(found))),
    )


def _range(path: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Match]:
    bound = st.none() | values
    bounds = st.tuples(bound, bound).filter(lambda both: both != (None, None))
    opens = st.booleans()
    return st.builds(
        lambda both, low_open, high_open: Range(path, both[0], both[1], low_open, high_open),
        bounds, opens, opens,
    )  # fmt: skip


def typed_matches(family: Family) -> st.SearchStrategy[str]:
    """Return matches as an operator types them, over the fields of `records`."""
    value = _typed_value(family)
    operators = st.dictionaries(
        st.sampled_from(("%eq", "$ne", "%gt", "$gte", "%lt", "%lte")),
        _typed_scalar(family).filter(lambda value: not isinstance(value, bool) and value != ""),
        min_size=1,
        max_size=2,
    )
    keys = st.sampled_from([*PATHS, *(f"!{path}" for path in PATHS)])
    simple = keys.filter(lambda key: not set(key) & {'"', "'"})
    entry = st.dictionaries(simple, value | operators, max_size=3)
    nested = st.fixed_dictionaries({}, optional={
        "%or": st.lists(entry, min_size=1, max_size=2),
        "!$and": st.lists(entry, min_size=1, max_size=2),
    })  # fmt: skip
    document = st.one_of(entry, nested, st.lists(entry, min_size=1, max_size=2))
    return document.map(encode)


def _typed_scalar(family: Family) -> st.SearchStrategy[Any]:
    """Return JSON scalars; numbers that JSON5 reads as a double only if that is exact enough."""
    return st.sampled_from((*filter(_survives_json5, family.values), "x"))


def _survives_json5(value: Scalar) -> bool:
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits) < 16 and abs(value.adjusted()) < 300
    return not isinstance(value, int) or value.bit_length() <= 200


def _typed_value(family: Family) -> st.SearchStrategy[Any]:
    scalar = _typed_scalar(family)
    text = family.texts
    bound = st.sampled_from(["", *map(str, family.of(int, Decimal)), *family.of(str)])
    ranges = st.tuples(st.sampled_from("[("), bound, bound, st.sampled_from("])")).map(
        lambda parts: f"{parts[0]}{parts[1]},{parts[2]}{parts[3]}"
    )
    listed = st.lists(scalar | st.none(), max_size=3)
    heads = st.sampled_from(("%in", "%nin", "%all", "$in"))
    return st.one_of(
        scalar,
        st.none(),
        st.sampled_from(("", "!", "*")),
        text.map(lambda found: f"!{found}"),
        text.map(lambda found: f"{found[:1]}*{found[1:]}"),
        ranges.filter(_parses),
        listed,
        st.tuples(heads, listed).map(lambda both: [both[0], *both[1]]),
        st.lists(ranges.filter(_parses) | scalar, max_size=2).map(lambda found: ["%or", *found]),
    )


def _parses(text: str) -> bool:
    try:
        match_of_text("a", text, TimeReader(0, lambda: UTC))
    except InvalidValueError:
        return False
    return True


sorts = st.lists(
    st.tuples(
        st.sampled_from((*COLUMN_PATHS, "id", "a", "a.b", "l.b", "it's")),
        st.sampled_from((1, -1)),
    ),
    max_size=3,
    unique_by=lambda key: key[0],
).map(tuple)

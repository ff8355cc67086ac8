"""Chooses the index of a query, by the table of kinds and by nothing else.

SQLite is told which index to take, and keeps no statistics: so a plan is the same in every tree,
with every version of SQLite, and a test can say what it is. What an index would have to read is
reckoned from what shops are like (storage/kinds.py: Field). Where a query wants the order of an
index it may have its ten records after ten reads, or, if what it filters is rare, after all of
them: the reckoning lies in the middle between what is hoped and what is feared.
"""

from collections.abc import Container, Iterator
from decimal import Decimal
from math import prod, sqrt
from typing import NamedTuple, TypeAlias

from payment_cli.model.query.match import And, Equal, In, IsNull, Match, Range, Scalar
from payment_cli.storage.base import Collection
from payment_cli.storage.kinds import MANY, OF_A_STORE, Field, kind_of
from payment_cli.storage.tree.schema import index_name, sparse_condition

#: So many streams are merged in order; what a longer list finds is sorted.
STREAMS_MAX = 16

#: How much more a record costs that must be sorted, or is found by the index that all kinds share.
_SORTED, _SHARED = 4, 2

#: The part of an index that lies beyond one bound, or between two.
_BEYOND, _BETWEEN = 1 / 4, 1 / 64

_BY_ID = ("domain", "id")
_ID = Field("id", "id", str, 1)

_Bound: TypeAlias = Equal | In | IsNull | Range


class Choice(NamedTuple):
    """How records are found: by the index `name`, in SQL helped by `terms`.

    Each of `merged` becomes one stream for each value; together they are in the order asked for.
    """

    name: str
    terms: tuple[str, ...] = ()
    merged: tuple[In, ...] = ()


class Wish(NamedTuple):
    """In which order records are wanted, by a field's path, and how many; None is all of them.

    `order` None is no order: they are only counted.
    """

    order: str | None
    most: int | None = None


def choose_index(collection: Collection, match: Match, wish: Wish, *, has_columns: bool) -> Choice:
    """Return how the records of a match are found; without `has_columns` only their ids are known.

    Raises:
        InvalidValueError: there is no such kind.
    """
    kind = kind_of(collection.kind)
    asked = _Asked(collection, list(conjuncts(match)), wish)
    ways = map(asked.way, (*(kind.indexes if has_columns else ()), _BY_ID))
    # Of two that cost the same the narrower one.
    return min(filter(None, ways), key=lambda way: way[:2])[2]


class _Asked:
    """What a query binds of the fields that have columns, and what it wants."""

    def __init__(self, collection: Collection, parts: list[Match], wish: Wish) -> None:
        kind = kind_of(collection.kind)
        self.collection, self.kind, self.wish = collection, kind, wish
        known = {field.path: field for field in (*kind.fields, _ID)}
        self.fields = {field.column: field for field in known.values()}
        self.order = known[wish.order].column if wish.order in known else wish.order
        self.bound: dict[str, _Bound] = {}
        for part in parts:
            if isinstance(part, _Bound) and part.path in known:
                # Of two parts on one field the one that says more: a range says least.
                column = known[part.path].column
                if column not in self.bound or isinstance(self.bound[column], Range):
                    self.bound[column] = part
        self.unbound = len(parts) - len(self.bound)
        self.has_domain = kind.has_domain and collection.domain is not None
        self.found = MANY * prod(map(self._share, ("domain", *self.bound)))

    def way(self, columns: tuple[str, ...]) -> tuple[float, int, Choice] | None:
        """Return cost, width and choice of an index; None if it lacks what is asked for."""
        sparse = [field for c in columns if (field := self.fields.get(c)) and field.sparse]
        if not all(self._says_something(field) for field in sparse):
            return None
        length = 0
        while length < len(columns) and self._is_equal(columns[length]):
            length += 1
        fixed, following = columns[:length], (*columns, "id")[length]
        has_range = isinstance(self.bound.get(following), Range)
        read = min([MANY * prod(map(self._share, fixed)), *(field.present for field in sparse)])
        read *= self._share(following) if has_range else 1
        listed = tuple(part for c in fixed if isinstance(part := self.bound.get(c), In))
        is_ordered = following == self.order and self._can_merge(columns, listed)
        rest = self.unbound + len(self.bound) - sum(c in self.bound for c in fixed) - has_range
        rest += self.has_domain and "domain" not in fixed
        terms = [sparse_condition(field) for field in sparse]
        if "domain" in fixed and not self.has_domain:
            terms.append(self._any_domain())
        name = "by_id" if columns is _BY_ID else index_name(self.collection.kind, columns)
        choice = Choice(name, tuple(terms), listed if is_ordered else ())
        read *= _SHARED if columns is _BY_ID else 1
        return self._cost(read, is_ordered=is_ordered, rest=rest), len(columns), choice

    def _cost(self, read: float, *, is_ordered: bool, rest: int) -> float:
        """Return what `read` entries cost; `rest` is how many conditions the index doesn't know."""
        if self.wish.order is None:
            return read
        if not is_ordered:
            return read * _SORTED
        if self.wish.most is None:
            return read
        if not rest:
            return min(read, self.wish.most)
        hoped = self.wish.most * max(1, read / max(1, self.found))
        return min(read, sqrt(read * hoped))

    def _can_merge(self, columns: tuple[str, ...], listed: tuple[In, ...]) -> bool:
        if "domain" in columns and self.kind.has_domain and not self.has_domain:
            return False
        return prod(len(distinct(part)) for part in listed) <= STREAMS_MAX

    def _any_domain(self) -> str:
        """Return SQL that lets an index be used that begins with the domain, where any will do."""
        if not self.kind.has_domain:
            return "domain = ''"
        return f"domain IN ({any_domain(self.collection.kind)})"

    def _is_equal(self, column: str) -> bool:
        if column == "domain":
            return True
        return column in self.bound and not isinstance(self.bound[column], Range)

    def _share(self, column: str) -> float:
        """Return which part of the kind's records has what is asked of a column."""
        if column == "domain":
            return OF_A_STORE / MANY if self.has_domain else 1
        part = self.bound[column]
        if isinstance(part, Range):
            return _BEYOND if part.low is None or part.high is None else _BETWEEN
        values = len(part.values) if isinstance(part, In) else 1
        return min(1, values * self.fields[column].alike / MANY)

    def _says_something(self, field: Field) -> bool:
        """Return whether only what a sparse index holds can fulfil what is asked of its field."""
        part = self.bound.get(field.column)
        if isinstance(part, In):
            return all(_is_something(value, field) for value in part.values)
        if isinstance(part, Equal):
            return _is_something(part.value, field)
        if not isinstance(part, Range) or part.low is None:
            return False
        return _is_something(part.low, field) or (part.low_open and part.low in (0, ""))


def any_domain(kind: str) -> str:
    """Return the SELECT of the domains that have records of a kind.

    It takes one look into the index for each of them, not one for each record.
    """
    least = f"SELECT min(domain) FROM records INDEXED BY by_id WHERE kind = '{kind}'"  # noqa: S608
    step = f"SELECT ({least} AND domain > name) FROM each_domain WHERE name IS NOT NULL"  # noqa: S608
    each = f"WITH RECURSIVE each_domain (name) AS ({least} UNION ALL {step})"
    return f"{each} SELECT name FROM each_domain"  # noqa: S608


def streams(match: Match, merged: tuple[In, ...]) -> list[Match]:
    """Return the match once for each value of the parts `merged`, each with one value of them."""
    if not merged:
        return [match]
    found = [list(conjuncts(match))]
    for part in merged:
        found = [
            [Equal(part.path, value) if one is part else one for one in parts]
            for parts in found
            for value in distinct(part)
        ]
    return [And(tuple(parts)) for parts in found]


def conjuncts(match: Match) -> Iterator[Match]:
    """Yield the parts that must all hold."""
    if isinstance(match, And):
        for part in match.parts:
            yield from conjuncts(part)
    else:
        yield match


def bound_by(match: Match, paths: Container[str]) -> Match:
    """Return what of a match is asked of these fields alone; all that matches fulfils it."""
    parts = conjuncts(match)
    return And(tuple(p for p in parts if isinstance(p, _Bound) and p.path in paths))


def distinct(part: In) -> list[Scalar]:
    """Return the values of a list, each once: a record must not come from two streams.

    1 and 1.0 are one value, true is another.
    """
    return list({(isinstance(value, bool), value): value for value in part.values}.values())


def _is_something(value: Scalar, field: Field) -> bool:
    if field.type_ is str:
        return isinstance(value, str) and value != ""
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and value > 0

"""Between the words that people and clients use and the names in records; the table is forms.py.

Words are accepted as input, in a match and as columns; the shop model's are printed with `--shop`.
A word that stands for itself needs no entry. What a form does not know is somebody's own and is
kept, unless it looks like a field misspelled: `pricee` would be kept, and the price be missing.

`tp` of an order is two things: "order" in every record (seed 000), and the order's kind in the
shop model; of a product likewise. A column `tp`, and a match or document that says A, Q or S, mean
the kind, everything else the record.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from payment_cli.errors import InvalidValueError
from payment_cli.model.fields import AS_STORED, Said
from payment_cli.model.query.match import And, Equal, In, Match, Not, Or
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.forms import FORMS, Form
from payment_cli.model.spelling import meant, resembled

_ORDER_KINDS = ("A", "Q", "S")


def stored_path(kind: str, path: str) -> str:
    """Return the stored path of a column or sort key: `products.title` is `ord_ws.w_nm`."""
    form = FORMS.get(kind)
    first, dot, rest = path.partition(".")
    if form is None or not rest:
        return path if form is None else (form.field(first) or first) + dot
    if first.isdecimal():
        return first + dot + stored_path(kind, rest)
    name = form.field(first) or first
    return name + dot + stored_path(form.rows.get(name, ""), rest)


def stored_match(kind: str, match: Match) -> Match:
    """Return the match with every path as it is stored."""
    if isinstance(match, And | Or):
        return replace(match, parts=tuple(stored_match(kind, part) for part in match.parts))
    if isinstance(match, Not):
        return Not(stored_match(kind, match.part))
    if match.path == "tp" and not _is_about_order_kind(match):
        return match
    return replace(match, path=stored_path(kind, match.path))


def from_shop(kind: str, document: Mapping[str, Json], own: Collection[str] = ()) -> Record:
    """Return a document from outside under stored names; words it does not know stay.

    Words in `own` are somebody's own fields, whatever they mean elsewhere.

    Raises:
        InvalidValueError: it gives two words for the same thing.
    """
    form = FORMS[kind]
    record: Record = {}
    for word, value in document.items():
        name = word if word in own else _name(form, word, value)
        for field, said in ((name, value), *form.implies.get(word, {}).items()):
            if field in record:
                other = next(one for one in document if _name(form, one, document[one]) == field)
                raise InvalidValueError(
                    f"{other} and {word} are the same thing", hint="give one of them"
                )
            record[field] = said
    for field, row_kind in form.rows.items():
        rows = record.get(field)
        if isinstance(rows, list | tuple):
            record[field] = [
                from_shop(row_kind, row, own) if isinstance(row, Mapping) else row for row in rows
            ]
    return record


def typed(
    kind: str,
    document: Mapping[str, Json],
    what: str,
    keep: Collection[str] = (),
    stored: Mapping[str, Json] | None = None,
) -> Record:
    """Return what somebody typed or imported under stored names, if it is spelled right.

    Words in `keep` are fields of one's own, whatever they look like. So are those that the record
    `stored`, which the document is to change, has: they were kept once. One of these that means a
    field by now is still one's own where the document gives the field as well.

    Raises:
        InvalidValueError: a word, in the document or in its rows, looks like a field misspelled,
            or two words say the same thing.
    """
    known = stored or {}
    _require_spelled(kind, document, what, {*keep, *_words_in(known)})
    form = FORMS[kind]
    twice = {word for word in known if word in document and form.field(word) in document}
    return from_shop(kind, document, {*keep, *(word for word in twice if form.field(word) != word)})


def said(kind: str, document: Mapping[str, Json], *, is_shop: bool = False) -> Said:
    """Return the words of a document for errors: who wrote `amount` knows no `w_buy_num`.

    A field that is not in it is called as by whoever uses the other words of the document;
    `is_shop`: the document around it uses the shop model's.
    """
    form = FORMS[kind]
    is_shop = is_shop or any(word in form.shop for word in document)
    words: dict[str, str] = {}
    for table, is_spoken in (
        (form.shop, is_shop),
        (form.also, any(word in form.also for word in document)),
    ):
        for word, name in table.items() if is_spoken else ():
            words.setdefault(name, word)
    words |= {_name(form, word, value): word for word, value in document.items()}
    rows: dict[str, tuple[Said, ...]] = {}
    for field, row_kind in form.rows.items():
        given = document.get(words.get(field, field))
        if isinstance(given, list | tuple):
            rows[field] = tuple(
                said(row_kind, row, is_shop=is_shop) if isinstance(row, Mapping) else AS_STORED
                for row in given
            )
    return Said(words, rows)


def means(kind: str, document: Mapping[str, Json], name: str) -> str | None:
    """Return the word by which a document gives the field `name`; None if it does not."""
    form = FORMS[kind]
    if name in document:
        return name
    return next((w for w, value in document.items() if _name(form, w, value) == name), None)


def without(kind: str, document: Mapping[str, Json], name: str) -> Record:
    """Return a document without the field `name`, by whatever word it gives it."""
    form = FORMS[kind]
    return {w: value for w, value in document.items() if _name(form, w, value) != name}


def doubtful(kind: str, record: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the fields of one's own that a record keeps though they look like a field, and which.

    They count for nothing; whoever wrote `stock` may believe that it does.
    """
    form = FORMS[kind]
    for word in record.keys() - form.fields:
        field = form.field(word) or form.field(_near(form, word) or "")
        if field is not None:
            yield word, field


def to_shop(kind: str, record: Mapping[str, Json]) -> Record:
    """Return a record in shop words, as the shop model's clients read it."""
    form = FORMS.get(kind)
    if form is None:
        return dict(record)
    words = {name: word for word, name in form.shop.items()}
    shown: Record = {}
    for name, value in record.items():
        if name in form.shop:
            continue  # a field of somebody's own, or the record type of an order
        row_kind = form.rows.get(name)
        if row_kind is not None and isinstance(value, list | tuple):
            value = [to_shop(row_kind, row) if isinstance(row, Mapping) else row for row in value]
        shown[words.get(name, name)] = value
    return shown


def in_every_word(kind: str, record: Mapping[str, Json]) -> Record:
    """Return a record under stored names and all words for them: for columns and templates."""
    form = FORMS.get(kind)
    if form is None:
        return dict(record)
    also = {
        word: record[name]
        for word, name in form.also.items()
        if name in record and word not in form.implies
    }
    shown: Record = {**also, **record, **to_shop(kind, record)}
    for field, row_kind in form.rows.items():
        rows = record.get(field)
        if isinstance(rows, list | tuple):
            spoken: list[Json] = [
                in_every_word(row_kind, row) if isinstance(row, Mapping) else row for row in rows
            ]
            for word in (field, *(w for w in (*form.shop, *form.also) if form.field(w) == field)):
                shown[word] = spoken
    return shown


def _name(form: Form, word: str, value: Json) -> str:
    """Return the stored name of a word; `tp` is that of the kind only where it says a kind."""
    if word == "tp" and value not in _ORDER_KINDS:
        return word
    return form.field(word) or word


def _require_spelled(
    kind: str, document: Mapping[str, Json], what: str, own: Collection[str]
) -> None:
    form = FORMS[kind]
    for word, value in document.items():
        name = form.field(word)
        if name is None and word not in own:
            _require_own(form, word, what)
        row_kind = form.rows.get(name or "")
        if row_kind is not None and isinstance(value, list | tuple):
            for index, row in enumerate(value):
                if isinstance(row, Mapping):
                    _require_spelled(row_kind, row, f"{what}: {word}[{index}]", own)


def _require_own(form: Form, word: str, what: str) -> None:
    """Refuse a word that is no field of the form, unless it may be somebody's own."""
    is_wrong = _is_wrong(form, word)
    near = _near(form, word)
    if near is None and not is_wrong:
        return
    shown = ascii(word if len(word) <= 40 else word[:40] + "…")
    way_out = "" if form.strict else f" (--keep {shown[1:-1]} keeps it as one of your own)"
    raise InvalidValueError(
        f"{what}: {shown} is not a field{way_out}", hint=f"did you mean {near}?" if near else ""
    )


def _near(form: Form, word: str) -> str | None:
    """Return the word of the form that another looks like."""
    known = {*form.fields, *form.shop, *form.also}
    near = meant(word, known)
    if near is None and (form.careful or _is_wrong(form, word)):
        near = resembled(word, known)
    return near


def _is_wrong(form: Form, word: str) -> bool:
    return form.strict or (bool(form.prefix) and word.startswith(form.prefix))


def _words_in(value: Json) -> set[str]:
    """Return every key of a record, at any depth."""
    if isinstance(value, dict):
        words, children = set(value), list(value.values())
    elif isinstance(value, list):
        words, children = set[str](), value
    else:
        return set()
    return words.union(*(_words_in(one) for one in children if isinstance(one, (dict, list))))


def _is_about_order_kind(match: Match) -> bool:
    if isinstance(match, Equal):
        return match.value in _ORDER_KINDS
    return isinstance(match, In) and all(value in _ORDER_KINDS for value in match.values)

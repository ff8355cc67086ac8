"""The two forms of a file of goods: JSON lines, and CSV with one column per field."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from payment_cli.errors import InvalidValueError, NotAllowedError, PaymentError
from payment_cli.model.codec import decode_foreign, decode_foreign_object, encode
from payment_cli.model.record import Json, Record

FORMATS = ("jsonl", "csv")

_TEXT_COLUMNS = ("nm", "w_nm", "w_currency", "w_tp", "link", "description", "price_by", "pro_id")
_NUMBER_COLUMNS = (
    "w_price", "w_expi", "w_buy_min", "w_buy_max", "retail", "sku", "weight", "freight",
)  # fmt: skip
_JSON_COLUMNS = ("cat", "w_pkg", "prices")

#: The columns of a CSV file; one that is read may have fewer, in any order.
COLUMNS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, *_JSON_COLUMNS)

_NUMBER = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?", re.ASCII)


def read_documents(lines: Iterable[str], kind: str) -> Iterator[tuple[int, Record]]:
    """Yield (line number, document) of a JSON lines (`jsonl`) or CSV file.

    In CSV an empty cell is null; a category may stand there without JSON.

    Raises:
        InvalidValueError: a line is not one; its number is named.
    """
    if kind == "csv":
        yield from _read_csv(lines)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, decode_foreign_object(line, f"line {number}")


def write_documents(documents: Iterable[Record], kind: str) -> Iterator[str]:
    """Yield the lines of a file that `read_documents` reads."""
    if kind == "csv":
        yield _csv_line(COLUMNS)
        for document in documents:
            yield _csv_line([_cell(document.get(name), name) for name in COLUMNS])
    else:
        for document in documents:
            yield encode(document) + "\n"


@contextmanager
def naming(number: int) -> Iterator[None]:
    """Put the number of the line before whatever goes wrong with it.

    Raises:
        NotAllowedError: a rule forbids it. InvalidValueError: it is wrong.
    """
    try:
        yield
    except NotAllowedError as error:
        raise NotAllowedError(f"line {number}: {error}", hint=error.hint) from error
    except PaymentError as error:
        raise InvalidValueError(f"line {number}: {error}", hint=error.hint) from error


def _read_csv(lines: Iterable[str]) -> Iterator[tuple[int, Record]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        _check_columns(reader.fieldnames or ())
        for row in reader:
            with naming(reader.line_num):
                if None in row or None in row.values():
                    raise InvalidValueError("it has another number of cells than line 1")
                cells: Record = {name: _value(name, text) for name, text in row.items()}
            yield reader.line_num, cells
    except csv.Error as error:
        number = max(1, reader.reader.line_num)
        raise InvalidValueError(f"line {number}: {error}") from error


def _check_columns(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name not in COLUMNS or name in seen:
            what = "is there twice" if name in seen else "is not a column of goods"
            raise InvalidValueError(f"line 1: {name[:40]!a} {what}", hint=", ".join(COLUMNS))
        seen.add(name)


def _value(name: str, text: str) -> Json:
    if text == "":
        return None
    if name in _TEXT_COLUMNS or (name == "cat" and not text.startswith("[")):
        return text
    if name in _JSON_COLUMNS:
        return decode_foreign(text, name)
    if _NUMBER.fullmatch(text) is None:
        raise InvalidValueError(f"{name}: {text[:40]!a} is not a number")
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _cell(value: Json, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return encode(value) if name in _JSON_COLUMNS else str(value)


def _csv_line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()

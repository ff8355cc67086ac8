"""`payment w import` and `export`: goods as JSON lines or CSV.

An import is all checked before anything is written: a bad line is named by its number and
nothing is imported. Then it is written in batches that hold the tree only briefly. An interrupted
import may be run again: products whose `nm` is there already are changed, not doubled.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from payment_cli.errors import InvalidValueError, NotFoundError, PaymentError
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.match import equal, everything
from payment_cli.model.product import Product
from payment_cli.model.product_price import unpack
from payment_cli.model.record import Json, Record
from payment_cli.services.goods import Goods
from payment_cli.services.shop_records import things
from payment_cli.storage.base import Query, Transaction

#: How many products one transaction writes: well under half a second of the tree's lock.
BATCH = 500

#: Called with how many lines are done, and how many there are.
Progress = Callable[[int, int], None]

#: Columns of a CSV export, and what kind of value each holds in an import.
_TEXT_COLUMNS = ("nm", "w_nm", "w_currency", "link", "description", "price_by", "pro_id")
_NUMBER_COLUMNS = (
    "w_price", "w_expi", "w_buy_min", "w_buy_max", "retail", "sku", "weight", "freight",
)  # fmt: skip
_JSON_COLUMNS = ("cat", "w_pkg", "prices")
_DIGITS_MAX = 24
COLUMNS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, *_JSON_COLUMNS)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class GoodsFiles:
    """Imports and exports the goods of the caller's store."""

    goods: Goods

    def load(self, lines: Iterable[str], kind: str, progress: Progress) -> Imported:
        """Import goods; `kind` is jsonl or csv. Nothing is written if any line is bad.

        Raises:
            InvalidValueError: a line is not a valid product; its number is named.
        """
        documents = list(read_documents(lines, kind))
        products = self._checked(documents)
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        for start in range(0, len(products), BATCH):
            with self.goods.storage.transaction(self.goods.domain) as tx:
                for product in products[start : start + BATCH]:
                    counts[self._write(tx, product)] += 1
            progress(min(start + BATCH, len(products)), len(products))
        return Imported(**counts)

    def dump(self, kind: str) -> Iterator[str]:
        """Yield the live goods as lines of a file that `load` reads."""
        records = self.goods.query(Query(everything(), (("nm", 1),)))
        if kind == "csv":
            yield _csv_line(COLUMNS)
            for record in records:
                yield _csv_line([_cell(record.get(name), name) for name in COLUMNS])
        else:
            for record in records:
                yield encode(_portable(record)) + "\n"

    def _checked(self, documents: list[tuple[int, Record]]) -> list[Product]:
        """Return the products of a file, the parts of packages resolved, or name the bad line."""
        now = self.goods.clock()
        currency = self.goods.find_merchant(self.goods.domain).currency
        products: dict[str, Product] = {}
        for number, document in documents:
            with _naming(number):
                product = Product.new(
                    document, id=self.goods.new_id(now), now=now, currency=currency
                )
                if product.nm in products:
                    raise InvalidValueError(f"the name {product.nm} occurs twice in the file")
                products[product.nm] = product
        for (number, _), product in zip(documents, products.values(), strict=True):
            with _naming(number):
                products[product.nm] = self._with_parts(product, products)
        return list(products.values())

    def _with_parts(self, product: Product, in_file: Mapping[str, Product]) -> Product:
        """Return a package whose parts are ids; a file may name them by `nm`.

        Raises:
            InvalidValueError: a part points nowhere, or is a package itself.
        """
        if not product.w_pkg:
            return product
        catalogue: dict[str, Product] = {}
        parts = []
        for part in product.w_pkg:
            found = in_file.get(part.id) or self._stored(part.id)
            if found is not None:
                # What the file names may be in the store already, under an older id.
                stored = self._stored(found.nm)
                found = replace(found, id=stored.id) if stored is not None else found
                catalogue[found.id] = found
            parts.append(replace(part, id=found.id if found is not None else part.id))
        package = replace(product, w_pkg=tuple(parts))
        unpack(package, catalogue)
        return package

    def _stored(self, name: str) -> Product | None:
        try:
            return self.goods.get(name)
        except (NotFoundError, InvalidValueError):
            return None

    def _write(self, tx: Transaction, product: Product) -> str:
        collection = things(self.goods.domain)
        known = list(tx.query(collection, Query(equal("nm", product.nm), limit=1)))
        if not known:
            tx.insert(collection, product.to_record())
            return "added"
        old = Product.from_record(known[0])
        kept = replace(product, id=old.id, ct=old.ct, lm=old.lm, rev=old.rev, edit_at=old.edit_at)
        if kept.to_record() == old.to_record():
            return "unchanged"
        tx.put(collection, replace(kept, lm=product.lm, edit_at=product.lm).to_record())
        return "changed"


def read_documents(lines: Iterable[str], kind: str) -> Iterator[tuple[int, Record]]:
    """Yield (line number, document) of a JSON lines or CSV file.

    Raises:
        InvalidValueError: a line is not one; its number is named.
    """
    if kind == "csv":
        yield from _read_csv(lines)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, decode_foreign_object(line, f"line {number}")


def _read_csv(lines: Iterable[str]) -> Iterator[tuple[int, Record]]:
    reader = csv.DictReader(lines, strict=True)
    unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
    if unknown:
        raise InvalidValueError(
            f"line 1: {unknown[0]!a} is not a column of goods", hint=", ".join(COLUMNS)
        )
    try:
        for row in reader:
            with _naming(reader.line_num):
                if None in row or None in row.values():
                    raise InvalidValueError("it has another number of cells than line 1")
                cells = {name: _value(name, text) for name, text in row.items() if text != ""}
            yield reader.line_num, cells
    except csv.Error as error:
        raise InvalidValueError(f"line {reader.line_num}: {error}") from error


def _value(name: str, text: str) -> Json:
    if name in _TEXT_COLUMNS:
        return text
    if name in _JSON_COLUMNS:
        return decode_foreign_object('{"it":' + text + "}", name)["it"]
    try:
        number = Decimal(text)
        if len(text) > _DIGITS_MAX or number.adjusted() > _DIGITS_MAX:
            raise InvalidValueError(f"{name}: {text[:40]!a} is too large")
        return int(number) if number == number.to_integral_value() else number
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InvalidValueError(f"{name}: {text[:40]!a} is not a number") from error


def _cell(value: Json, name: str) -> str:
    if value is None:
        return ""
    return encode(value) if name in _JSON_COLUMNS else str(value)


def _csv_line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _portable(record: Record) -> Record:
    """Return a product without what belongs to this store's copy of it."""
    ours = ("id", "tp", "ct", "lm", "rev", "edit_at", "th_live")
    return {name: value for name, value in record.items() if name not in ours}


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """Put the number of the line before whatever goes wrong with it."""
    try:
        yield
    except PaymentError as error:
        raise InvalidValueError(f"line {number}: {error}", hint=error.hint) from error

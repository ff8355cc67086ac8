"""`payment w import` and `export`: goods from and to files.

An import is all checked before anything is written: a bad line is named by its number and
nothing is imported. Until then what was read waits on disk (files/staging.py): a file of any size
takes little memory. Then it is written in batches that hold the tree only briefly.

A product is known by its `nm`. One that the store has already is changed: a field that the line
gives replaces the stored one, null (in CSV an empty cell) removes it, and what the line does not
mention stays; a deleted one is live again. So an interrupted import may be run again.

The stock is another matter: sales move it, and the file knows what it was when it was written. An
import begins to count it, and leaves what is counted alone, unless it is told to set it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, cast

from payment_cli.errors import ConflictError, InvalidValueError
from payment_cli.files.staging import Line, Staging
from payment_cli.model.codec import decode, encode
from payment_cli.model.query.match import everything, one_of
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.product import Part, Product
from payment_cli.model.shop.words import means
from payment_cli.services.shop.goods import Goods, find_exactly, require_no_part
from payment_cli.services.shop.goods_formats import read_documents, write_documents
from payment_cli.services.shop.lines import naming
from payment_cli.services.shop.records import products
from payment_cli.services.shop.ties import require_untied, require_whole
from payment_cli.services.stores.records import load_settings
from payment_cli.storage.base import Query, Reader, Transaction

#: How many products one transaction writes: well under half a second of the tree's lock.
BATCH = 500

#: Names of parts that an export remembers.
NAMES_KEPT = 1000

#: Called with how many lines are done, and how many there are: while they are read (None: nobody
#: knows yet), while they are checked, and while they are written.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `stocks_left` is of how many products the file has another stock."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    stocks_left: int = 0


class Manner(NamedTuple):
    """How a file is taken.

    Whether it sets stock that is counted, which words are one's own, and whether a CSV file has its
    texts behind a `'` where they could be formulas (goods_csv.py).
    """

    sets_stock: bool = False
    keep: Sequence[str] = ()
    is_guarded: bool = True

    def merged(self, old: Product, document: Record, now: int) -> Product:
        """Return a product as the file's document makes it; a deleted one is live again."""
        live = old if old.is_live else old.restored(now)
        given = document if self.sets_stock else live.sparing_stock(document)
        return live.edited(given, now, self.keep)


#: A file that is taken as it comes.
PLAIN = Manner()


@dataclass(frozen=True, slots=True)
class _Planned:
    """A line that was read: the product it makes, and of what; `old` None is a new one."""

    number: int
    document: Record
    product: Product
    old: Product | None = None

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        if self.old is None:
            return True
        return self.product != replace(self.old, lm=self.product.lm, edit_at=self.product.edit_at)

    @property
    def leaves_stock(self) -> bool:
        """Whether the file has another stock than the product keeps."""
        word = means("thing", self.document, "sku")
        return word is not None and self.document[word] != self.product.sku

    @property
    def is_doubtful(self) -> bool:
        """Whether it depends on others, of the file or of the store, if it may be so."""
        return _names_others(self.product) or (self.old is not None and self.is_changed)

    def to_line(self) -> Line:
        """Return what is kept of it until it is written.

        Parts stand before packages, and holders of price rules before those that have them: an
        interrupted import leaves nothing that names what is not there.
        """
        product = self.product
        kept: Record = {"product": product.to_record(), "is_doubtful": self.is_doubtful}
        if self.old is not None:
            kept["document"] = self.document
        is_late = bool(product.w_pkg or product.pro_id)
        return Line(self.number, product.nm, product.id, is_late, self.is_changed, encode(kept))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What holds for every line of one import."""

    now: int
    currency: str
    edit_every: int
    manner: Manner


@dataclass(frozen=True, slots=True)
class GoodsFiles:
    """Imports and exports the goods of the caller's store."""

    goods: Goods
    staging: Callable[[], AbstractContextManager[Staging]] = Staging.opened

    def load(
        self,
        lines: Iterable[str],
        kind: str,
        progress: Progress,
        manner: Manner = PLAIN,
    ) -> Imported:
        """Import goods; `kind` is jsonl or csv. Nothing is written if any line is bad.

        Raises:
            InvalidValueError: a line is not a valid product; its number is named.
            NotAllowedError: it changes a product that was edited too short a time ago.
            ConflictError: a product was added meanwhile under the same name.
        """
        documents = read_documents(lines, kind, manner.keep, is_guarded=manner.is_guarded)
        goods = self.goods
        rules = _Rules(
            now=goods.clock(),
            currency=goods.find_merchant(goods.domain).currency,
            edit_every=load_settings(goods.storage, goods.domain).edit_every,
            manner=manner,
        )
        with self.staging() as staged:
            added, left = self._read(documents, staged, rules, progress)
            self._check(staged, rules, progress)
            total = staged.count(is_due=True)
            done = 0
            for batch in staged.due(BATCH):
                with goods.storage.transaction(goods.domain) as tx:
                    self._write(tx, batch, manner)
                done += len(batch)
                progress(done, total)
            return Imported(added, total - added, staged.count() - total, left)

    def dump(self, kind: str, *, is_guarded: bool = True) -> Iterator[str]:
        """Yield the live goods as lines of a file that `load` reads, here or in another store.

        Other products are named by their `nm`: ids are this store's own.
        """
        records = self.goods.query(Query(everything(), (("nm", 1),)))
        name_of = lru_cache(NAMES_KEPT)(self._name_of)
        portable = (_portable(record, name_of) for record in records)
        return write_documents(portable, kind, is_guarded=is_guarded)

    def _read(
        self,
        documents: Iterator[tuple[int, Record]],
        staged: Staging,
        rules: "_Rules",
        progress: Progress,
    ) -> tuple[int, int]:
        """Plan and keep each line by itself; return how many are new, and leave their stock."""
        added = left = done = 0
        while batch := list(islice(documents, BATCH)):
            known = self._known(self.goods.storage, (_name(document) for _, document in batch))
            for number, document in batch:
                with naming(number):
                    row = self._planned(number, document, known, rules)
                    if not staged.add(row.to_line()):
                        raise InvalidValueError(f"the name {row.product.nm} is in the file twice")
                added += row.old is None
                left += row.leaves_stock
            done += len(batch)
            progress(done, None)
        return added, left

    def _check(self, staged: Staging, rules: "_Rules", progress: Progress) -> None:
        """Look at the lines beside each other and beside what is stored; name the bad one."""
        total = staged.count()
        done = 0
        for batch in staged.batches(BATCH):
            rows = [line for line in batch if _kept(line)["is_doubtful"]]
            known = self._known(self.goods.storage, [line.name for line in rows])
            for line in rows:
                kept = _kept(line)
                product = Product.from_record(kept["product"])
                row = _Planned(line.number, kept.get("document", {}), product, known.get(line.name))
                staged.replace(self._sound(row, staged, rules).to_line())
            done += len(batch)
            progress(done, total)

    def _planned(
        self, number: int, document: Record, known: dict[str, Product], rules: _Rules
    ) -> _Planned:
        name = _name(document)
        if not isinstance(name, str) or not name:
            raise InvalidValueError("nm is missing", hint="a line is known again by its nm")
        old = known.get(name)
        if old is not None:
            return _Planned(number, document, rules.manner.merged(old, document, rules.now), old)
        new_id = self.goods.new_id(rules.now)
        new = Product.new(
            document,
            id=new_id,
            now=rules.now,
            currency=rules.currency,
            keep=rules.manner.keep,
        )
        return _Planned(number, document, new)

    def _sound(self, row: _Planned, staged: Staging, rules: "_Rules") -> _Planned:
        """Return a line with the ids of other products it names, if the store may have it so."""
        with naming(row.number):
            if _names_others(row.product):
                row = replace(row, product=self._by_ids(row.product, staged))
            if row.old is not None and row.is_changed:
                row.old.require_editable(rules.now, rules.edit_every)
                storage, domain = self.goods.storage, self.goods.domain
                if not row.old.w_pkg:
                    require_no_part(storage, domain, row.product)
                require_untied(storage, domain, row.old, row.product, staged)
        return row

    def _by_ids(self, product: Product, staged: Staging) -> Product:
        """Return a product with the ids of those it names, which are as they must be (ties.py).

        Raises:
            InvalidValueError: they are not, or a part is there twice.
        """

        def find(name: str) -> Product | None:
            in_file = _in_file(staged, name)
            if in_file is not None:
                return in_file
            stored = find_exactly(self.goods.storage, self.goods.domain, name)
            return None if stored is None else _in_file(staged, stored.nm) or stored

        catalogue: dict[str, Product] = {}
        parts: dict[str, Part] = {}
        for part in product.w_pkg:
            found = find(part.id)
            if found is not None:
                catalogue[found.id] = found
                part = replace(part, id=found.id)
            if part.id in parts:
                raise InvalidValueError(f"product {product.nm}: w_pkg names a product twice")
            parts[part.id] = part
        holder = find(product.pro_id) if product.pro_id else None
        package = replace(
            product,
            w_pkg=tuple(parts.values()),
            pro_id=holder.id if holder is not None else product.pro_id,
        )
        if holder is not None:
            catalogue[holder.id] = holder
        require_whole(package, {**catalogue, package.id: package})
        return package

    def _write(self, tx: Transaction, lines: Sequence[Line], manner: Manner) -> None:
        collection = products(self.goods.domain)
        known = self._known(tx, [line.name for line in lines])
        for line in lines:
            kept = _kept(line)
            current = known.get(line.name)
            if current is None:
                tx.insert(collection, kept["product"])
            elif "document" not in kept:
                raise ConflictError(
                    f"line {line.number}: product {current.nm} was added meanwhile",
                    hint="import again",
                )
            else:
                product = Product.from_record(kept["product"])
                with naming(line.number):
                    changed = manner.merged(current, kept["document"], product.lm)
                parts, holder = product.w_pkg, product.pro_id
                tx.put(collection, replace(changed, w_pkg=parts, pro_id=holder).to_record())

    def _known(self, reader: Reader, names: Iterable[Json]) -> dict[str, Product]:
        """Return those products that are there, by `nm`."""
        wanted = one_of("nm", [name for name in names if isinstance(name, str) and name])
        records = reader.query(products(self.goods.domain), Query(wanted))
        return {str(record["nm"]): Product.from_record(record) for record in records}

    def _name_of(self, product_id: str) -> str:
        found = find_exactly(self.goods.storage, self.goods.domain, product_id)
        return product_id if found is None else found.nm


def _portable(record: Record, name_of: Callable[[str], str]) -> Record:
    """Return a product without what belongs to this store's copy of it."""
    ours = ("id", "tp", "ct", "lm", "rev", "edit_at", "th_live")
    portable = {name: value for name, value in record.items() if name not in ours}
    parts = portable.get("w_pkg")
    if isinstance(parts, list):
        portable["w_pkg"] = [
            {**part, "w_id": name_of(str(part["w_id"]))} for part in parts if isinstance(part, dict)
        ]
    if portable.get("pro_id"):
        portable["pro_id"] = name_of(str(portable["pro_id"]))
    return portable


def _name(document: Record) -> Json:
    """Return the `nm` of a line, by whatever word it gives it."""
    word = means("thing", document, "nm")
    return None if word is None else document[word]


def _kept(line: Line) -> dict[str, Any]:
    """Return what `_Planned.to_line` kept of a line."""
    return cast(dict[str, Any], decode(line.body))


def _in_file(staged: Staging, name: str) -> Product | None:
    line = staged.find(name)
    return None if line is None else Product.from_record(_kept(line)["product"])


def _names_others(product: Product) -> bool:
    return bool(product.w_pkg or product.pro_id or product.price_by or product.prices)

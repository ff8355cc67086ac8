"""The two forms of a file of goods: JSON lines, and CSV (goods_csv.py)."""

from collections.abc import Iterable, Iterator, Sequence

from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.record import Record
from payment_cli.services.shop.goods_csv import read_csv, write_csv

FORMATS = ("jsonl", "csv")


def read_documents(
    lines: Iterable[str], kind: str, keep: Sequence[str] = (), *, is_guarded: bool = True
) -> Iterator[tuple[int, Record]]:
    """Yield (line number, document) of a JSON lines (`jsonl`) or CSV file (`is_guarded`: there).

    Raises:
        InvalidValueError: a line is not one; its number is named.
    """
    if kind == "csv":
        yield from read_csv(lines, keep, is_guarded=is_guarded)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, decode_foreign_object(line, f"line {number}")


def write_documents(
    documents: Iterable[Record], kind: str, *, is_guarded: bool = True
) -> Iterator[str]:
    """Yield the lines of a file that `read_documents` reads."""
    if kind == "csv":
        yield from write_csv(documents, is_guarded=is_guarded)
    else:
        for document in documents:
            yield encode(document) + "\n"

"""Goods as CSV: one column per field, as a spreadsheet saves it.

A column is headed by any word for its field (model/shop/forms.py) or by a Chinese one. Rows and
columns that are wholly empty, heading included, are none.

A spreadsheet runs a text that begins with `=` as a formula, which may send the sheet elsewhere
(OWASP, "CSV Injection"). Such a text is written behind a `'`, and is read without it.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import decode_foreign, encode, is_far
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.forms import FORMS
from payment_cli.model.spelling import meant
from payment_cli.services.shop.lines import naming

_TEXT_COLUMNS = ("nm", "w_nm", "w_currency", "w_tp", "link", "description", "price_by", "pro_id")
_NUMBER_COLUMNS = (
    "w_price", "w_expi", "w_buy_min", "w_buy_max", "retail", "sku", "weight", "freight",
)  # fmt: skip
_JSON_COLUMNS = ("cat", "w_pkg", "prices")

#: The columns that are written; a file that is read may have fewer, in any order.
COLUMNS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, *_JSON_COLUMNS)

#: What columns are headed by in Chinese. A weight in grams is none of them: fields are kilograms.
_CHINESE = {
    "编码": "nm", "编号": "nm", "货号": "nm", "商品编码": "nm", "商品编号": "nm",
    "名称": "w_nm", "品名": "w_nm", "商品名": "w_nm", "商品名称": "w_nm", "标题": "w_nm",
    "价格": "w_price", "单价": "w_price", "售价": "w_price", "价格(元)": "w_price",
    "单价(元)": "w_price", "售价(元)": "w_price",
    "原价": "retail", "市场价": "retail", "划线价": "retail", "原价(元)": "retail",
    "库存": "sku", "库存量": "sku", "库存数量": "sku", "库存(件)": "sku",
    "货币": "w_currency", "币种": "w_currency",
    "重量": "weight", "重量(kg)": "weight", "重量(千克)": "weight", "重量(公斤)": "weight",
    "运费": "freight", "运费(元)": "freight",
    "分类": "cat", "类别": "cat", "类目": "cat", "链接": "link", "网址": "link",
    "描述": "description", "说明": "description", "简介": "description",
    "起购数量": "w_buy_min", "最少购买": "w_buy_min",
    "限购数量": "w_buy_max", "最多购买": "w_buy_max",
    "停售时间": "w_expi", "套装": "w_pkg", "阶梯价": "prices",
}  # fmt: skip

_NUMBER = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?", re.ASCII)

#: How a spreadsheet shows a number of more than eleven digits: the code itself is lost.
_SCIENTIFIC = re.compile(r"-?[0-9](\.[0-9]+)?E[+-][0-9]{2,3}", re.ASCII | re.IGNORECASE)

#: With what a formula begins, in a Chinese or Japanese spreadsheet too. More `'` before it are part
#: of the text: so each text is written in one way, and each way is read as one text.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")

#: Fields in which such a text may be meant.
_PROSE = ("link", "description")


def read_csv(
    lines: Iterable[str], keep: Sequence[str] = (), *, is_guarded: bool = True
) -> Iterator[tuple[int, Record]]:
    """Yield (line number, document) of a CSV file; columns in `keep` are one's own, and text.

    An empty cell is null; a category may stand there without JSON. Between cells there are commas,
    or tabs where the first line has them. Texts that could be formulas are behind a `'` if the
    file `is_guarded`.

    Raises:
        InvalidValueError: a line is not one; its number is named.
    """
    rows = iter(lines)
    first = next(rows, "")
    reader = csv.reader(
        _with_first(first, rows), strict=True, delimiter="\t" if "\t" in first else ","
    )
    try:
        names = _fields(next(reader, []), keep)
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            with naming(reader.line_num):
                document = _document(names, _unguarded(cells) if is_guarded else cells)
            yield reader.line_num, document
    except csv.Error as error:
        raise InvalidValueError(f"line {max(1, reader.line_num)}: {error}") from error


def write_csv(documents: Iterable[Record], *, is_guarded: bool = True) -> Iterator[str]:
    """Yield the lines of a file that `read_csv` reads."""
    yield _csv_line(COLUMNS)
    for document in documents:
        values = ((name, document.get(name)) for name in COLUMNS)
        yield _csv_line([_cell(v, name, is_guarded=is_guarded) for name, v in values])


def _with_first(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _unguarded(cells: Sequence[str]) -> list[str]:
    return [
        cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) is not None else cell for cell in cells
    ]


def _fields(headings: Sequence[str], keep: Sequence[str]) -> list[str]:
    """Return the field of each column; "" where it has no heading."""
    names: list[str] = []
    for heading in map(str.strip, headings):
        name = heading if heading in keep or not heading else _field(heading)
        if name and name in names:
            raise InvalidValueError(f"line 1: {heading[:40]!r} is there twice")
        names.append(name)
    return names


def _field(heading: str) -> str:
    word = heading.replace("（", "(").replace("）", ")")
    name = _CHINESE.get(word) or FORMS["thing"].field(word)
    if name in COLUMNS:
        return str(name)
    form = FORMS["thing"]
    words = (word for word in (*COLUMNS, *form.shop, *form.also) if form.field(word) in COLUMNS)
    near = meant(word, words)
    raise InvalidValueError(
        f"line 1: {heading[:40]!r} is not a column of goods",
        hint=f"did you mean {near}?" if near else f"--keep, or one of {', '.join(COLUMNS)}",
    )


def _document(names: Sequence[str], cells: Sequence[str]) -> Record:
    if len(cells) < len(names) or any(map(str.strip, cells[len(names) :])):
        raise InvalidValueError("it has another number of cells than line 1")
    document: Record = {}
    for name, cell in zip(names, cells, strict=False):
        if name:
            document[name] = _value(name, cell)
        elif cell.strip():
            raise InvalidValueError(f"{cell[:40]!r} stands in a column without a heading")
    return document


def _value(name: str, text: str) -> Json:
    if not text.strip():
        return None
    if name in _NUMBER_COLUMNS:
        return _number(name, text.strip())
    if name in _JSON_COLUMNS and (name != "cat" or text.startswith("[")):
        return decode_foreign(text, name)
    if name not in _PROSE and _SCIENTIFIC.fullmatch(text.strip()) is not None:
        raise InvalidValueError(
            f"{name}: {text[:40]!a} is what a spreadsheet made of a long number",
            hint="make the column text, and enter the number again",
        )
    return text


def _number(name: str, text: str) -> Json:
    if _NUMBER.fullmatch(text) is None:
        raise InvalidValueError(f"{name}: {text[:40]!a} is not a number")
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _cell(value: Json, name: str, *, is_guarded: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and is_guarded and _FORMULA.match(value) is not None:
        return f"'{value}"
    if isinstance(value, Decimal):
        return str(value) if is_far(value) else format(value, "f")
    return encode(value) if name in _JSON_COLUMNS else str(value)


def _csv_line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    # By itself the writer would leave a lone \r outside of quotes, where readers see a line's end.
    if any("\r" in cell for cell in cells):
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    else:
        csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()

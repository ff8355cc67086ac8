"""What the filters of `pay query` mean, each a match; imported only where one is given."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from payment_cli.errors import InvalidValueError
from payment_cli.model.fee import check_currency
from payment_cli.model.payments.buyer import parse_buyer_filter
from payment_cli.model.payments.payment import Flag
from payment_cli.model.query.match import Equal, Match, Not, Range, Scalar, all_of, equal, one_of
from payment_cli.model.query.times import TimeReader
from payment_cli.model.query.values import match_of_text


def filter_matches(typed: Mapping[str, Any], times: TimeReader) -> list[Match]:
    """Return a match for each filter; `times` reads the times in them.

    `typed` is what was given: a filter's name (`query.py: Filters`) and its text; True for a flag.

    Raises:
        InvalidValueError: one of them does not parse.
    """
    readers: dict[str, Callable[[Any], Match]] = {
        "keyword": lambda text: _brief(text, times),
        "brief": lambda text: _brief(text, times),
        "buyer": lambda text: _all_equal(parse_buyer_filter(text)),
        "seller": _seller,
        "st": lambda text: _status(text, times),
        "fee": lambda text: _number("fee", "-fee", text, times),
        "cur": lambda text: equal("cur", check_currency(text)),
        "pay_tp": lambda text: match_of_text("pay_tp", text, times),
        "pay_target": lambda text: match_of_text("pay_target", text, times),
        "send_at": lambda text: _number("send_at", "-s_at", text, times),
        "close_at": lambda text: _number("close_at", "-c_at", text, times),
        "ct": lambda text: _number("ct", "-ct", text, times),
        "lm": lambda text: _number("lm", "-lm", text, times),
        "flagged": lambda _: one_of("flag", [str(flag) for flag in Flag]),
    }
    return [readers[name](given) for name, given in typed.items()]


def _brief(text: str, times: TimeReader) -> Match:
    """Look for a text in the brief; one that starts with ^ is a regular expression itself."""
    pattern = text if text.startswith("^") else f"^.*{re.escape(text)}"
    return match_of_text("brief", pattern, times)


def _seller(text: str) -> Match:
    seller_id, colon, name = text.partition(":")
    if not colon:
        return equal("seller_nm", text)
    fields = {"seller_id": seller_id, "seller_nm": name}
    if not (seller_id or name):
        raise InvalidValueError("-se : names nobody", hint="a domain, or [ID]:[NAME]")
    return _all_equal({key: value for key, value in fields.items() if value})


def _status(text: str, times: TimeReader) -> Match:
    names = [part.strip() for part in text.split(",")]
    if len(names) > 1 and all(name.isalpha() for name in names):
        return one_of("st", names)
    return match_of_text("st", text, times)


def _number(path: str, option: str, text: str, times: TimeReader) -> Match:
    """Read a number or a range of numbers or times; 0 finds what was never set, too.

    Raises:
        InvalidValueError: it would be compared as a text, which no fee and no time is.
    """
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return one_of(path, [int(text), *([None] if int(text) == 0 else [])])
    found = match_of_text(path, text, times)
    inner = found.part if isinstance(found, Not) else found
    bounds = (
        (inner.low, inner.high)
        if isinstance(inner, Range)
        else (inner.value,)
        if isinstance(inner, Equal)
        else ("",)
    )
    if any(isinstance(bound, str) for bound in bounds):
        raise InvalidValueError(
            f"{option} {text[:60]!a} is neither a number nor a range of numbers",
            hint="for instance 2300, [100,200), [2026-01-31,now-1h]",
        )
    return found


def _all_equal(fields: Mapping[str, Scalar]) -> Match:
    return all_of(*(equal(path, value) for path, value in fields.items()))

"""Times as an operator types them: `now-1h`, `today`, `Mon`, `(2021-05-13)-30d`, ISO dates.

    BASE [±N[UNIT]]

BASE is `now`; `today` (its first moment); `Sun` … `Sat` (that day of this week, a week begins on
Sunday); `monthBegin`, `monthEnd` (the last millisecond of this month); a date with or without a
time and a zone; or AMS. Without a zone it is of the store's (zones.py). UNIT is one of
`s m h d w M y`; without it N is milliseconds. Days and weeks are 24 hours each; months and years
keep the clock time and fall back to the month's last day. A date that is followed by a bare
number stands in parentheses, or the number would be read as part of it. The rules are those of
walnut's `Wtime`, where `w` was documented but not understood.

A date without a time, `today` and the days of a week are whole days, also so many days, weeks,
months or years later. As the end of something such a day is included, to its last millisecond:
`read` gives its first moment, `read_end` its last.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.zones import Zone, instant, wall_time

_WORDS = ("now", "today", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "monthBegin", "monthEnd")
_WEEK = _WORDS[2:9]

# Patterns are texts, compiled by `re` when the first time is read: most questions name none.
_DATE = (
    r"(?P<year>\d{4})[-/年](?P<month>\d{1,2})[-/月](?P<day>\d{1,2})日?"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,3}))?)?"
    r" ?(?P<zone>Z|[+-]\d{1,2}(?::?\d{2})?)?)?"
)
_TIME = (
    rf"(?P<open>\()?(?P<base>{'|'.join(_WORDS)}|\d{{1,15}}"
    rf"|{re.sub(r'[(][?]P<[a-z]+>', '(?:', _DATE)})"
    r"(?(open)\)) ?(?:(?P<sign>[+-]) ?(?P<count>\d{1,15})(?P<unit>[smhdwMy])?)?"
)
_COMPACT = r"(\d{4})([01]\d)([0-3]\d)"

#: Longer than any time that can be meant.
_LENGTH_MAX = 64
_HALF_DAY_MS = 43_200_000
_UNIT_MS = {"": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads times relative to `now_ms` (AMS); `zone` says which days and clocks are meant."""

    now_ms: int
    zone: Zone

    def read(self, text: str) -> int | None:
        """Return the AMS that `text` means, or None if it is not written like a time.

        Raises:
            InvalidValueError: it is written like a time, but there is no such time.
        """
        return self._read(text, is_end=False)

    def read_end(self, text: str) -> int | None:
        """As `read`, for an end that is included: of a whole day its last millisecond.

        Raises:
            InvalidValueError: it is written like a time, but there is no such time.
        """
        return self._read(text, is_end=True)

    def _read(self, text: str, *, is_end: bool) -> int | None:
        found = re.fullmatch(_TIME, text.strip(), re.ASCII) if len(text) <= _LENGTH_MAX else None
        if found is None or _is_unclear(found):
            return None
        try:
            moment = self._shift(self._base(found["base"]), found)
            return self._last_of_day(moment) if is_end and _is_day(found) else moment
        except (ValueError, OverflowError, OSError) as error:
            raise InvalidValueError(f"there is no time {text!r}") from error

    def _last_of_day(self, moment: int) -> int:
        """Return the last millisecond of the day that begins about `moment`.

        Days of 24 hours begin an hour off where clocks were changed in between; noon does not mind.
        """
        tz = self.zone()
        noon = wall_time(moment + _HALF_DAY_MS, tz)
        day = noon.replace(hour=0, minute=0, second=0, microsecond=0)
        return instant(day + timedelta(days=1), tz) - 1

    def _base(self, text: str) -> int:
        if text == "now":
            return self.now_ms
        if text in _WORDS:
            return self._of_word(text)
        if text.isdigit() and not re.fullmatch(_COMPACT, text, re.ASCII):
            return int(text)
        return self._date(re.sub(_COMPACT, r"\1-\2-\3", text, flags=re.ASCII))

    def _date(self, text: str) -> int:
        found = re.fullmatch(_DATE, text, re.ASCII)
        if found is None:
            raise ValueError(text)
        part = found.groupdict(default="0")
        wall = datetime.fromisoformat(
            f"{part['year']}-{part['month']:0>2}-{part['day']:0>2}"
            f"T{part['hour']:0>2}:{part['minute']:0>2}:{part['second']:0>2}.{part['fraction']:0<3}"
        )
        return instant(wall, _offset(found["zone"]) if found["zone"] else self.zone())

    def _of_word(self, word: str) -> int:
        tz = self.zone()
        today = wall_time(self.now_ms, tz).replace(hour=0, minute=0, second=0, microsecond=0)
        if word == "today":
            return instant(today, tz)
        if word in _WEEK:
            days = _WEEK.index(word) - today.isoweekday() % 7
            return instant(today + timedelta(days=days), tz)
        begin = today.replace(day=1)
        if word == "monthBegin":
            return instant(begin, tz)
        return instant(_plus_months(begin, 1), tz) - 1

    def _shift(self, base: int, found: re.Match[str]) -> int:
        count = int((found["sign"] or "") + (found["count"] or "0"))
        unit = found["unit"] or ""
        if unit in _UNIT_MS:
            return base + count * _UNIT_MS[unit]
        months = count * 12 if unit == "y" else count
        tz = self.zone()
        return instant(_plus_months(wall_time(base, tz), months), tz)


def _is_day(found: re.Match[str]) -> bool:
    """Whether a whole day is meant: one without a clock time, moved by days if at all."""
    base = found["base"]
    is_compact = re.fullmatch(_COMPACT, base, re.ASCII) is not None
    is_date = is_compact or (not base.isdigit() and base[0].isdigit() and ":" not in base)
    is_moved_by_days = found["count"] is None or (found["unit"] or "") in ("d", "w", "M", "y")
    return (is_date or base == "today" or base in _WEEK) and is_moved_by_days


def _is_unclear(found: re.Match[str]) -> bool:
    """Whether a bare date is followed by a bare number: `2021-05-13-30`."""
    bare = not found["open"] and found["base"] not in _WORDS
    return bare and found["count"] is not None and found["unit"] is None


def _plus_months(wall: datetime, months: int) -> datetime:
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    first = wall.replace(year=year, month=month + 1, day=1)
    days = ((first + timedelta(days=31)).replace(day=1) - first).days
    return first.replace(day=min(wall.day, days))


def _offset(zone: str) -> timezone:
    digits = zone.lstrip("+-Z").replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = timedelta(hours=int(hours or "0"), minutes=int(minutes))
    return timezone(-offset if zone[0] == "-" else offset)

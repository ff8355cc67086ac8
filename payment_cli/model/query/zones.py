"""Days, as they are in the time zone of a store.

Which zone is meant, services/stores/zones.py says; the zone of the process never is. Where clocks
are put back or forward a day has 25 or 23 hours, and all of them count.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeAlias

from payment_cli.errors import InvalidValueError

#: Gives a time zone when a day is really meant: most commands need none, and finding one costs.
Zone: TypeAlias = Callable[[], tzinfo]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

#: Files of the zone database that are no place's zone: the machine's own, and those that count
#: leap seconds.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory", "posix", "right"})


def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name of the IANA database, such as Asia/Shanghai.

    Raises:
        InvalidValueError: there is none of that name.
    """
    from zoneinfo import ZoneInfo  # some milliseconds, for those who mean a day

    try:
        # None of the database's is empty, so this is refused as any name that it does not have.
        return ZoneInfo("" if name.partition("/")[0] in _NO_PLACES else name)
    except (KeyError, ValueError, OSError) as error:  # KeyError: ZoneInfoNotFoundError
        raise InvalidValueError(f"{name[:40]!a} is no time zone", hint=_close(name)) from error


def wall_time(ams: int, tz: tzinfo) -> datetime:
    """Return what clocks in the zone show at `ams`, without the zone.

    Raises:
        OverflowError: no calendar has this time.
    """
    return (_EPOCH + ams * _MILLISECOND).astimezone(tz).replace(tzinfo=None)


def instant(wall: datetime, tz: tzinfo) -> int:
    """Return the AMS at which clocks in the zone show `wall`.

    The first of two where clocks are put back; where they are put forward over it, as much after
    the jump as `wall` is after it.
    """
    return (wall.replace(tzinfo=tz, fold=0) - _EPOCH) // _MILLISECOND


def day_of(ams: int, tz: tzinfo) -> str:
    """Return the day of `ams` as 2026-01-31."""
    return wall_time(ams, tz).date().isoformat()


def start_of_day(ams: int, tz: tzinfo) -> int:
    """Return the first moment of the day of `ams`, AMS."""
    return _midnight(wall_time(ams, tz).date(), tz)


def start_of_next_day(ams: int, tz: tzinfo) -> int:
    """Return the first moment that is after the day of `ams`, AMS."""
    return _midnight(wall_time(ams, tz).date() + timedelta(days=1), tz)


def _midnight(day: date, tz: tzinfo) -> int:
    return instant(datetime.combine(day, time()), tz)


def _close(name: str) -> str:
    from difflib import get_close_matches  # only a wrong name pays for them
    from zoneinfo import available_timezones

    known = {zone.lower(): zone for zone in available_timezones() - _NO_PLACES}
    close = get_close_matches(name.lower(), known, n=1)
    return f"did you mean {known[close[0]]}?" if close else "for instance Asia/Shanghai, UTC"

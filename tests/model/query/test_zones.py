"""Days in time zones, told against Python's own calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.zones import day_of, find_zone, start_of_day, start_of_next_day

HOUR = 3_600_000

#: Of every sort: none, half an hour of summer time, midnights that are skipped or come twice.
ZONES = (
    "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
    "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Kiritimati",
)  # fmt: skip

zones = st.sampled_from(ZONES).map(find_zone)
#: From 1990 to 2100.
times = st.integers(631_152_000_000, 4_102_444_800_000)


def ams(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@given(times, zones)
def test_a_day_begins_at_its_first_moment_and_ends_where_the_next_begins(at: int, tz) -> None:
    begin, end = start_of_day(at, tz), start_of_next_day(at, tz)
    assert begin <= at < end
    day = day_of(at, tz)
    assert day_of(begin, tz) == day_of(end - 1, tz) == day
    assert day_of(begin - 1, tz) < day < day_of(end, tz)
    assert start_of_day(end, tz) == end
    assert 23 * HOUR <= end - begin <= 25 * HOUR


@given(times, zones)
def test_the_day_is_the_one_that_python_shows(at: int, tz) -> None:
    shown = datetime.fromtimestamp(at // 1000, UTC).astimezone(tz).date()
    assert date.fromisoformat(day_of(at, tz)) == shown


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("America/Havana", "2026-03-08", 23),  # it has no midnight
        ("America/Havana", "2026-11-01", 25),  # it has two
        ("Asia/Shanghai", "2026-10-25", 24),
    ],
)
def test_a_day_on_which_clocks_change_is_longer_or_shorter(zone: str, day: str, hours) -> None:
    tz = ZoneInfo(zone)
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=tz)
    at = int(noon.timestamp() * 1000)
    assert start_of_next_day(at, tz) - start_of_day(at, tz) == hours * HOUR


def test_a_day_that_a_place_left_out_is_none() -> None:
    """Samoa went from 29 to 31 December 2011."""
    apia = find_zone("Pacific/Apia")
    last = ams("2011-12-29T23:00:00-10:00")
    assert day_of(start_of_next_day(last, apia), apia) == "2011-12-31"
    assert start_of_next_day(last, apia) - last == HOUR


def test_a_zone_is_found_by_its_name() -> None:
    at = datetime(2026, 11, 28, tzinfo=find_zone("Asia/Shanghai"))
    assert at.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    "name",
    [
        "", "Mars", "localtime", "Factory", "posix/Asia/Shanghai", "right/Asia/Shanghai", "Asia",
        "../../etc/passwd", "/etc/localtime", "Asia/Shanghai\n", "+08:00", "Asia/Shang\0hai",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="is no time zone") as refused:
        find_zone(name)
    assert refused.value.hint != f"did you mean {name}?"


def test_a_name_that_is_nearly_one_is_told() -> None:
    with pytest.raises(InvalidValueError) as refused:
        find_zone("asia/shanghai")
    assert refused.value.hint == "did you mean Asia/Shanghai?"

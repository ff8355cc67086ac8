"""Times as operators type them, told against Python's own calendar."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.times import TimeReader

SHANGHAI = timezone(timedelta(hours=8))


class _Spring(tzinfo):
    """Clocks go from 02:00 +01:00 to 03:00 +02:00 on 28 March 2021."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        return timedelta(hours=1) + self.dst(dt)

    def dst(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        return timedelta(hours=int(dt.replace(tzinfo=None) >= datetime(2021, 3, 28, 2)))

    def tzname(self, dt: datetime | None) -> str:
        return "spring"


SPRING = _Spring()


def ams(text: str, tz: tzinfo = SHANGHAI) -> int:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=tz)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


#: A Wednesday.
NOW = ams("2020-12-09T18:33:19.733")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2020-12-09T18:33:19.733"),
        ("now-1h", "2020-12-09T17:33:19.733"),
        ("now+90s", "2020-12-09T18:34:49.733"),
        ("now-2m", "2020-12-09T18:31:19.733"),
        ("now-1d", "2020-12-08T18:33:19.733"),
        ("now-1w", "2020-12-02T18:33:19.733"),
        ("now-1M", "2020-11-09T18:33:19.733"),
        ("now+1y", "2021-12-09T18:33:19.733"),
        ("now+100", "2020-12-09T18:33:19.833"),
        (" now - 1h ", "2020-12-09T17:33:19.733"),
        ("today", "2020-12-09T00:00:00"),
        ("today+1d", "2020-12-10T00:00:00"),
        ("Sun", "2020-12-06T00:00:00"),
        ("Mon", "2020-12-07T00:00:00"),
        ("Wed", "2020-12-09T00:00:00"),
        ("Sat", "2020-12-12T00:00:00"),
        ("Sun-1w", "2020-11-29T00:00:00"),
        ("monthBegin", "2020-12-01T00:00:00"),
        ("monthEnd", "2020-12-31T23:59:59.999"),
        ("monthEnd-1M", "2020-11-30T23:59:59.999"),
        ("2021-05-13", "2021-05-13T00:00:00"),
        ("2021/5/3", "2021-05-03T00:00:00"),
        ("2021年5月3日", "2021-05-03T00:00:00"),
        ("20210513", "2021-05-13T00:00:00"),
        ("2020-11-22 22:51:27", "2020-11-22T22:51:27"),
        ("2020-11-22T22:51", "2020-11-22T22:51:00"),
        ("2020-11-22 22:51:27.5", "2020-11-22T22:51:27.500"),
        ("2020-11-22T22:51:27Z", "2020-11-22T22:51:27+00:00"),
        ("2020-11-22T22:51:27+08:00", "2020-11-22T22:51:27+08:00"),
        ("2020-11-22T22:51:27-0330", "2020-11-22T22:51:27-03:30"),
        ("2020-11-22T22:51:27+330", "2020-11-22T22:51:27+03:30"),
        ("2020-11-22 22:51:27 +8", "2020-11-22T22:51:27+08:00"),
        ("2020-11-22 22:51:27+1d", "2020-11-23T22:51:27"),
        ("2020-11-22 22:51:27-4d", "2020-11-18T22:51:27"),
        ("(2021-05-13)-30d", "2021-04-13T00:00:00"),
        ("2021-05-13-3d", "2021-05-10T00:00:00"),
        ("(2021-05-13)+5", "2021-05-13T00:00:00.005"),
        ("(2024-01-31)+1M", "2024-02-29T00:00:00"),
        ("(2024-02-29)+1y", "2025-02-28T00:00:00"),
        ("(2021-03-31)-13M", "2020-02-29T00:00:00"),
    ],
)
def test_a_time_is_read_as_walnut_reads_it(text: str, expected: str) -> None:
    assert TimeReader(NOW, lambda: SHANGHAI).read(text) == ams(expected)


@pytest.mark.parametrize("text", ["1607509999733", "0", "123456789"])
def test_digits_are_milliseconds_unless_they_are_a_date(text: str) -> None:
    assert TimeReader(NOW, lambda: SHANGHAI).read(text) == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "nowish", "(now", "now)", "Monday", "mon", "12:30", "2021-05", "2021-05-13-30",
        "now-1x", "now-", "٢٠٢١-٠٥-١٣", "-5", "9" * 70,
    ],
)  # fmt: skip
def test_what_is_not_written_like_a_time_is_none(text: str) -> None:
    assert TimeReader(NOW, lambda: SHANGHAI).read(text) is None


@pytest.mark.parametrize(
    "text",
    ["2021-02-30", "2021-13-01", "20211301", "2021-01-01 25:00", "2021-01-01 10:61",
     "9999-12-31+1y", "0000-01-01", "now-99999y", "(2021-01-01)+999999999999M"],
)  # fmt: skip
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="there is no time"):
        TimeReader(NOW, lambda: SHANGHAI).read(text)


def test_a_week_begins_on_sunday() -> None:
    on_sunday = TimeReader(ams("2020-12-06T10:00:00"), lambda: SHANGHAI)
    assert on_sunday.read("Sun") == ams("2020-12-06T00:00:00")
    assert on_sunday.read("Sat") == ams("2020-12-12T00:00:00")


def test_calendar_words_follow_the_wall_clock_through_a_change_of_summer_time() -> None:
    reader = TimeReader(ams("2021-03-28T12:00:00", SPRING), lambda: SPRING)
    assert reader.read("today") == ams("2021-03-28T00:00:00", SPRING)
    assert reader.read("monthEnd") == ams("2021-03-31T23:59:59.999", SPRING)
    assert reader.read("today+1d") == ams("2021-03-29T01:00:00", SPRING)
    assert reader.read("today+1M") == ams("2021-04-28T00:00:00", SPRING)


def test_the_zone_is_looked_up_only_where_a_day_or_a_clock_is_meant() -> None:
    def no_zone() -> tzinfo:
        raise AssertionError

    reader = TimeReader(NOW, no_zone)
    assert reader.read("now-1d") == NOW - 86_400_000
    assert reader.read("1607509999733") == NOW
    assert reader.read("2020-12-09T18:33:19.733+08:00") == NOW
    with pytest.raises(AssertionError):
        reader.read("today")


@given(st.integers(-(10**15), 10**15), st.sampled_from("smhdw"), st.integers(0, 10**6))
def test_an_offset_forth_and_back_is_none(now: int, unit: str, count: int) -> None:
    forth = TimeReader(now, lambda: SHANGHAI).read(f"now+{count}{unit}")
    assert forth is not None
    assert TimeReader(forth, lambda: SHANGHAI).read(f"now-{count}{unit}") == now


@given(st.text(max_size=80) | st.from_regex(r"\(?(now|\d{4}-\d\d?-\d\d?).{0,20}", fullmatch=True))
def test_any_text_is_a_time_or_none_or_refused(text: str) -> None:
    try:
        found = TimeReader(NOW, lambda: SHANGHAI).read(text)
    except InvalidValueError:
        return
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2021-05-13", "2021-05-13T23:59:59.999"),
        ("20210513", "2021-05-13T23:59:59.999"),
        ("2021年5月13日", "2021-05-13T23:59:59.999"),
        ("2021-05-13+1d", "2021-05-14T23:59:59.999"),
        ("(2021-01-31)+1M", "2021-02-28T23:59:59.999"),
        ("today", "2020-12-09T23:59:59.999"),
        ("today+7d", "2020-12-16T23:59:59.999"),
        ("Sat", "2020-12-12T23:59:59.999"),
        ("monthEnd", "2020-12-31T23:59:59.999"),
        ("2021-05-13 00:00", "2021-05-13T00:00:00.000"),
        ("2021-05-13T08:00Z", "2021-05-13T16:00:00.000"),
        ("today+1h", "2020-12-09T01:00:00.000"),
        ("(2021-05-13)+1", "2021-05-13T00:00:00.001"),
        ("monthBegin", "2020-12-01T00:00:00.000"),
        ("now", "2020-12-09T18:33:19.733"),
        ("now+1d", "2020-12-10T18:33:19.733"),
        ("1620835200000", "2021-05-13T00:00:00.000"),
    ],
)
def test_as_an_end_a_day_is_included_and_a_moment_is_itself(text: str, last: str) -> None:
    assert TimeReader(NOW, lambda: SHANGHAI).read_end(text) == ams(last)


def test_a_day_ends_where_the_next_begins_though_clocks_are_put_forward() -> None:
    reader = TimeReader(NOW, lambda: SPRING)
    for day in ("2021-03-28", "2021-03-27+1d", "2021-03-21+1w"):
        assert reader.read_end(day) == ams("2021-03-28T23:59:59.999", SPRING)
    assert reader.read_end("2021-03-27+2d") == ams("2021-03-29T23:59:59.999", SPRING)


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)))
def test_a_window_of_one_day_is_that_day(day: date) -> None:
    reader = TimeReader(NOW, lambda: SHANGHAI)
    first, last = reader.read(str(day)), reader.read_end(str(day))
    assert first is not None
    assert last == first + 86_400_000 - 1

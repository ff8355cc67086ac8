from pathlib import Path

from payment_cli.services.payments.refusals import count_refusal, read_refusals


def test_refusals_are_counted_and_the_last_reason_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "refused.count"
    assert read_refusals(place) == (0, "")
    count_refusal(place, "the APIv3 key does not decrypt this message")
    count_refusal(place, "too old")
    assert read_refusals(place) == (2, "too old")
    assert place.stat().st_mode & 0o777 == 0o600


def test_however_many_are_refused_the_file_stays_small(tmp_path: Path) -> None:
    place = tmp_path / "refused.count"
    for _ in range(50):
        count_refusal(place, "é" * 10_000)
    assert read_refusals(place)[0] == 50
    assert place.stat().st_size < 300


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    count_refusal(tmp_path / "nowhere" / "refused.count", "x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    count_refusal(tmp_path / "link", "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "link"]

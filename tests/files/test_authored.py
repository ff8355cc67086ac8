"""Authored files are read and written whole, privately, and only where they belong."""

import os
import stat
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    StorageError,
)
from payment_cli.files import authored

BAD_NAMES = ["../x", "/etc/passwd", "a/b", "a\0b", "a\nb", "-a", "x" * 300, "", ".", "..", "ａ"]


@pytest.fixture
def scripts(root: Path) -> Path:
    place = root / "home" / "demo" / ".payment" / "callback"
    place.mkdir(parents=True)
    return place


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_store_info_is_written_and_read_back(root: Path) -> None:
    authored.write_store_info(root, "demo", {"id": "1", "title": "茶"})
    assert authored.read_store_info(root, "demo") == {"id": "1", "title": "茶"}
    text = (root / "home/demo/.store/store_info.json").read_text()
    assert '"title": "茶"' in text


def test_what_people_change_is_seen_at_once_and_what_is_read_is_the_readers(root: Path) -> None:
    authored.write_store_info(root, "demo", {"id": "1", "sellers": {"wx": "a"}})
    authored.read_store_info(root, "demo")["sellers"]["wx"] = "mine"
    assert authored.read_store_info(root, "demo")["sellers"] == {"wx": "a"}
    (root / "home/demo/.store/store_info.json").write_text('{"id": "two"}')
    assert authored.read_store_info(root, "demo") == {"id": "two"}
    authored.write_store_info(root, "demo", {"id": "thr"})
    assert authored.read_store_info(root, "demo") == {"id": "thr"}
    (root / "home/demo/.store/store_info.json").unlink()
    with pytest.raises(NotFoundError):
        authored.read_store_info(root, "demo")


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_what_is_written_is_private_whatever_the_umask(root: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        authored.write_store_info(root / "new", "demo", {"id": "1"})
        authored.make_home_page(root / "new", "demo")
    finally:
        os.umask(before)
    for path in (root / "new", root / "new/home/demo/.store"):
        assert mode(path) == mode(root / "new/home/demo/.store/default_home") == 0o700
    assert mode(root / "new/home/demo/.store/store_info.json") == 0o600


def test_a_domain_without_a_store_is_no_merchant_and_is_told_how_to_be(root: Path) -> None:
    for tree in (root, root / "nowhere"):
        with pytest.raises(NotFoundError, match="no merchant demo") as caught:
            authored.read_store_info(tree, "demo")
        assert "payment store init" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1, "a": 2}', "\xff", '{"a": NaN}'])
def test_a_damaged_store_info_is_named(root: Path, text: str) -> None:
    authored.write_store_info(root, "demo", {})
    (root / "home/demo/.store/store_info.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"home/demo/\.store/store_info\.json"):
        authored.read_store_info(root, "demo")


def test_a_failed_write_leaves_the_old_file(root: Path, mocker: MockerFixture) -> None:
    authored.write_store_info(root, "demo", {"id": "old"})
    for call in ("write", "fsync", "rename"):
        patched = mocker.patch.object(os, call, side_effect=OSError(28, "No space left"))
        with pytest.raises(StorageError):
            authored.write_store_info(root, "demo", {"id": "new"})
        mocker.stop(patched)
        assert authored.read_store_info(root, "demo") == {"id": "old"}
        assert [path.name for path in (root / "home/demo/.store").iterdir()] == ["store_info.json"]


def test_short_writes_are_continued(root: Path, mocker: MockerFixture) -> None:
    write = os.write
    mocker.patch.object(os, "write", side_effect=lambda fd, data: write(fd, bytes(data[:3])))
    authored.write_store_info(root, "demo", {"title": "a longer text"})
    assert authored.read_store_info(root, "demo") == {"title": "a longer text"}


def test_merchants_are_the_domains_with_a_store(root: Path) -> None:
    assert authored.list_domains(root) == []
    for domain in ("tea", "rice"):
        authored.write_store_info(root, domain, {})
    (root / "home/empty/.store").mkdir(parents=True)
    (root / "home/Not A Domain/.store").mkdir(parents=True)
    (root / "home/Not A Domain/.store/store_info.json").write_text("{}")
    (root / "home/planted").mkdir()
    (root / "home/planted/.store").symlink_to(root / "home/tea/.store")
    (root / "home/file").write_text("")
    assert authored.list_domains(root) == ["rice", "tea"]


def test_the_home_of_a_domain_may_be_a_link(root: Path, tmp_path: Path) -> None:
    real = tmp_path / "ann"
    (real / ".payment/callback").mkdir(parents=True)
    (real / ".payment/callback/after").write_bytes(b"ls")
    (root / "home").mkdir()
    (root / "home/demo").symlink_to(real)
    authored.write_store_info(root, "demo", {"id": "1"})
    assert (real / ".store/store_info.json").exists()
    assert authored.read_script(root, "demo", "after") == b"ls"
    assert authored.list_domains(root) == ["demo"]
    assert authored.home(root, "demo") == root / "home" / "demo"


def test_scripts_are_read_byte_for_byte(root: Path, scripts: Path) -> None:
    (scripts / "after").write_bytes(bytes(range(256)))
    (scripts / "before").write_bytes(b"")
    assert authored.read_script(root, "demo", "after") == bytes(range(256))
    assert authored.read_script(root, "demo", "before") == b""
    with pytest.raises(NotFoundError, match="no script other"):
        authored.read_script(root, "demo", "other")


def test_a_script_has_a_size_limit(root: Path, scripts: Path) -> None:
    (scripts / "most").write_bytes(b"x" * authored.SIZE_MAX)
    assert len(authored.read_script(root, "demo", "most")) == authored.SIZE_MAX
    (scripts / "more").write_bytes(b"x" * (authored.SIZE_MAX + 1))
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        authored.read_script(root, "demo", "more")


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_script_is_a_plain_file(root: Path, scripts: Path, kind: str) -> None:
    place = scripts / "after"
    if kind == "link":
        place.symlink_to("/etc/hostname")
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    with pytest.raises(CorruptRecordError, match="after"):
        authored.read_script(root, "demo", "after")


@pytest.mark.parametrize("folder", ["callback", "hook"])
@pytest.mark.parametrize("open_to", [0o020, 0o002])
def test_a_program_that_others_can_write_to_is_not_read(
    root: Path, folder: str, open_to: int
) -> None:
    read = {"callback": authored.read_script, "hook": authored.read_hook}[folder]
    place = root / "home/demo/.payment" / folder / "order.paid"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"ls")
    place.chmod(0o755)
    assert read(root, "demo", "order.paid") == b"ls"
    place.chmod(0o755 | open_to)
    with pytest.raises(ConfigError, match=r"order\.paid: others can write to it") as refused:
        read(root, "demo", "order.paid")
    assert refused.value.hint == f"chmod go-w {place}"


@pytest.mark.parametrize("part", ["home", "home/demo/.payment", "home/demo/.payment/callback"])
def test_links_on_the_way_are_refused(root: Path, tmp_path: Path, part: str) -> None:
    outside = tmp_path / "outside"
    (outside / "demo/.payment/callback").mkdir(parents=True)
    for place in (outside, outside / "callback", outside / "demo/.payment/callback"):
        place.mkdir(exist_ok=True)
        (place / "after").write_text("evil")
    link = root / part
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(CorruptRecordError):
        authored.read_script(root, "demo", "after")


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_names_that_could_be_paths_are_refused(root: Path, bad: str) -> None:
    attempts = (
        lambda: authored.home(root, bad),
        lambda: authored.read_store_info(root, bad),
        lambda: authored.write_store_info(root, bad, {}),
        lambda: authored.read_script(root, bad, "after"),
        lambda: authored.read_script(root, "demo", bad),
    )
    for attempt in attempts:
        with pytest.raises(InvalidValueError):
            attempt()
    assert list(root.iterdir()) == []


def test_the_texts_of_a_language_are_read(root: Path) -> None:
    folder = root / "home/demo/.store/i18n"
    folder.mkdir(parents=True)
    (folder / "zh-cn.json").write_text('{"cup": "杯子", "goods": {"pot": "壶"}}')
    assert authored.read_messages(root, "demo", "zh-cn") == {"cup": "杯子", "goods": {"pot": "壶"}}
    with pytest.raises(NotFoundError, match="no language de") as caught:
        authored.read_messages(root, "demo", "de")
    assert "home/demo/.store/i18n/de.json" in caught.value.hint
    for text in ("[]", "{", '{"a":1,"a":2}', "\xff"):
        (folder / "de.json").write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError, match=r"i18n/de\.json"):
            authored.read_messages(root, "demo", "de")


@pytest.mark.parametrize("name", [*BAD_NAMES, "zh.cn", "中文", "z", "zh-"])
def test_what_is_no_language_is_no_part_of_a_path(root: Path, name: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a language"):
        authored.read_messages(root, "demo", name)

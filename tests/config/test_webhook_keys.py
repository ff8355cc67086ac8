import os
import stat
from pathlib import Path

import pytest

from payment_cli.config.webhook_keys import TreeWebhookKeys
from payment_cli.errors import ConfigError, InvalidValueError, NotFoundError
from payment_cli.ids import new_token


@pytest.fixture
def files(root: Path) -> TreeWebhookKeys:
    return TreeWebhookKeys(root, new_token)


def test_a_key_file_is_private_whatever_the_umask_and_read_back(files, root) -> None:
    before = os.umask(0)
    try:
        made = files.make("demo")
    finally:
        os.umask(before)
    path = root / "home/demo/.payment/webhook.key"
    assert files.place("demo") == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text() == made.to_text()
    assert files.load("demo").to_text() == made.to_text()


def test_rotating_keeps_the_old_key_second_and_retiring_drops_it(files) -> None:
    old = files.make("demo").to_text()
    rotated = files.rotate("demo").to_text()
    assert rotated.endswith(old)
    assert rotated.count("whsec_") == 2
    assert files.retire("demo").to_text() == rotated.removesuffix(old)
    assert files.load("demo").to_text() == rotated.removesuffix(old)


def test_no_two_keys_are_alike(files) -> None:
    assert len({files.make("demo").to_text() for _ in range(20)}) == 20


def test_a_store_without_a_key_is_told_how_to_make_one(files) -> None:
    for act in (files.load, files.rotate, files.retire):
        with pytest.raises(NotFoundError) as missing:
            act("demo")
        assert missing.value.hint == "payment notify key"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(files, mode: int) -> None:
    files.make("demo")
    files.place("demo").chmod(mode)
    with pytest.raises(ConfigError, match="others can read this key"):
        files.load("demo")


@pytest.mark.parametrize("data", [b"canary", b"\xff", b"", b"whsec_canary\n"])
def test_a_file_that_holds_no_key_is_refused_without_being_quoted(files, data: bytes) -> None:
    files.make("demo")
    files.place("demo").write_bytes(data)
    with pytest.raises(ConfigError, match=r"webhook\.key") as refused:
        files.load("demo")
    assert "canary" not in str(refused.value)


def test_a_folder_in_its_place_is_refused(files) -> None:
    files.place("demo").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"webhook\.key"):
        files.load("demo")


@pytest.mark.parametrize("domain", ["../x", "a/b", "", ".hidden", "a\0"])
def test_a_domain_that_is_none_leads_nowhere(files, domain: str) -> None:
    with pytest.raises(InvalidValueError):
        files.make(domain)

"""What the doctor says of what a store shows to the world."""

import tempfile
from pathlib import Path

import pytest

from payment_cli.files.authored import LOGO_MAX
from payment_cli.model.finding import Level
from payment_cli.services.upkeep.doctor_web import examine_public_url, examine_shown
from tests.support.pictures import PICTURES

PNG = PICTURES["image/png"]


@pytest.fixture
def place(root):
    store = root / "home/demo/.store"
    store.mkdir(parents=True, mode=0o700)
    return store


@pytest.fixture
def www():
    """A store's page in a web server's folder, which everybody can reach as he can /tmp."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        folder.chmod(0o755)
        (folder / "demo").mkdir(mode=0o755)
        yield folder / "demo"


def said(root):
    return [(found.level, found.sentence, found.hint) for found in examine_shown(root, "demo")]


def test_a_store_that_shows_nothing_is_as_it_should_be(root, place):
    (place / "default_home").mkdir()
    assert said(root) == []


def test_a_logo_that_is_shown_is_told(root, place):
    (place / "store_logo.jpg").write_bytes(PNG)
    assert said(root) == [(Level.OK, "logo: image/png, 1 KiB", "")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no JPEG, PNG, GIF or WebP picture"),
        (b"", "is no JPEG, PNG, GIF or WebP picture"),
        (PNG + b"x" * LOGO_MAX, "is larger than 512 KiB"),
    ],
)
def test_a_logo_that_is_not_shown_is_told_with_its_reason(root, place, data, words):
    (place / "store_logo.jpg").write_bytes(data)
    [(level, message, _)] = said(root)
    assert level is Level.WARN
    assert "home/demo/.store/store_logo.jpg" in message
    assert words in message


def test_a_home_page_that_can_be_read_is_told(root, place, www):
    (www / "index.html").write_text("hi")
    (www / "index.html").chmod(0o644)
    (place / "default_home").symlink_to(www)
    assert said(root) == [(Level.OK, f"home page: {www}", "")]


@pytest.mark.parametrize(
    ("what", "mode", "hint"),
    [("..", 0o700, "chmod o+x"), (".", 0o700, "chmod o+rX"), ("index.html", 0o600, "chmod o+rX")],
)
def test_a_home_page_that_is_closed_to_the_web_servers_user_is_told(
    root, place, www, what, mode, hint
):
    (www / "index.html").write_text("hi")
    (www / "index.html").chmod(0o644)
    closed = (www / what).resolve()
    closed.chmod(mode)
    (place / "default_home").symlink_to(www)
    [(level, message, advice)] = said(root)
    assert level is Level.WARN
    assert str(closed) in message
    assert advice == f"{hint} {closed}"
    closed.chmod(0o755)


def test_a_home_page_within_the_tree_is_told_once_there_is_one(root, place):
    (place / "default_home").mkdir()
    (place / "default_home/index.html").write_text("hi")
    [(level, message, hint)] = said(root)
    assert level is Level.WARN
    assert "within the tree" in message
    assert "ln -s" in hint


def test_a_link_to_nowhere_is_an_error(root, place, tmp_path):
    (place / "default_home").symlink_to(tmp_path / "gone")
    [(level, message, _)] = said(root)
    assert (level, "leads to" in message) == (Level.ERROR, True)


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("http://shop.example", 1), ("https://shop.example", 0), ("http://127.0.0.1:8480", 0),
        ("http://localhost", 0),
    ],
)  # fmt: skip
def test_sessions_that_travel_in_the_clear_are_told(url, count):
    assert len(list(examine_public_url("etc/payment.toml", url))) == count

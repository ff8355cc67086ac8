import threading

import pytest

from payment_cli import ids
from payment_cli.config.web_keys import TreeWebKeys
from payment_cli.errors import ConfigError, InvalidValueError, NotFoundError


@pytest.fixture
def keys(root):
    (root / "home/demo").mkdir(parents=True, mode=0o700)
    return TreeWebKeys(root, ids.new_token)


def test_of_many_who_make_the_first_key_at_once_all_get_the_same(keys, root):
    start = threading.Barrier(16)
    got = []

    def make():
        start.wait()
        got.append(keys.load_or_make("demo").reveal())

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 16
    assert set(got) == {keys.load("demo").reveal()}
    assert [path.name for path in (root / "home/demo/.payment").iterdir()] == ["web.key"]


def test_each_store_has_a_key_of_its_own_and_a_new_one_leaves_the_others(keys, root):
    (root / "home/other").mkdir(mode=0o700)
    demo, other = keys.load_or_make("demo").reveal(), keys.load_or_make("other").reveal()
    assert demo != other
    keys.replace("demo")
    assert keys.load("demo").reveal() != demo
    assert keys.load("other").reveal() == other


def test_a_store_without_a_key_is_only_read_not_given_one(keys, root):
    for domain in ("demo", "nobody"):
        with pytest.raises(NotFoundError):
            keys.load(domain)
    assert not (root / "home/demo/.payment").exists()
    assert not (root / "home/nobody").exists()


@pytest.mark.parametrize("domain", ["..", "../x", "", "a/b", "A", "x" * 33])
def test_a_name_that_is_no_store_leads_nowhere(keys, domain):
    with pytest.raises(InvalidValueError):
        keys.load(domain)


def test_a_home_that_a_file_stands_in_for_has_no_key(keys, root):
    (root / "home/file").write_text("x")
    with pytest.raises(ConfigError, match="not a plain folder"):
        keys.load("file")
    with pytest.raises(ConfigError, match="not a plain folder"):
        keys.load_or_make("file")


@pytest.mark.parametrize("form", ["{}", "{}\n", "\ufeff{}\r\n", "  {}\n\n"])
def test_a_key_that_an_editor_has_saved_is_the_same_key(keys, form):
    key = keys.load_or_make("demo").reveal()
    keys.place("demo").write_text(form.format(key), newline="")
    assert keys.load("demo").reveal() == key

import subprocess
import sys
from pathlib import Path

import pytest

from payment_cli.config.settings import Settings, load_settings
from payment_cli.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "etc" / "payment.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return tmp_path

    return write


def test_a_tree_without_payment_toml_has_the_defaults(tmp_path):
    settings = load_settings(tmp_path)
    assert settings == Settings()
    assert (settings.callback_timeout_s, settings.lock_timeout_s) == (60, 10)
    assert (settings.pending_max, settings.allow_private_webhooks) == (100, False)
    assert settings.scan_reverse_s == 45
    assert (settings.domain, settings.operators, settings.public_url) == ("", (), "")
    assert settings.storage.reveal() == ""


def test_every_key_is_read(write):
    root = write(
        """
        domain = "demo"
        operators = ["root", "boss"]
        storage = "tinydb:/tmp/x.json"
        public_url = "https://shop.example.com/"
        callback_timeout_s = 5
        lock_timeout_s = 2
        allow_private_webhooks = true
        pending_max = 7
        """
    )
    settings = load_settings(root)
    assert (settings.domain, settings.operators) == ("demo", ("root", "boss"))
    assert settings.storage.reveal() == "tinydb:/tmp/x.json"
    assert settings.public_url == "https://shop.example.com"
    assert (settings.callback_timeout_s, settings.lock_timeout_s) == (5, 2)
    assert (settings.allow_private_webhooks, settings.pending_max) == (True, 7)


def test_an_unknown_key_names_file_key_and_the_nearest_known_one(write):
    root = write('publik_url = "https://x.example"')
    with pytest.raises(ConfigError, match=r"payment\.toml: unknown key 'publik_url'") as caught:
        load_settings(root)
    assert caught.value.hint == "did you mean public_url?"
    assert caught.value.exit_code == 40


def test_an_unknown_key_like_no_other_lists_the_known_ones(write):
    with pytest.raises(ConfigError) as caught:
        load_settings(write("zzz = 1"))
    assert "lock_timeout_s" in caught.value.hint


def test_broken_toml_names_the_line(write):
    with pytest.raises(ConfigError, match=r"payment\.toml is not valid TOML: .*line 2"):
        load_settings(write('domain = "a"\noperators = [;\n'))


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "payment.toml").write_bytes(b'domain = "\xff"')
    with pytest.raises(ConfigError, match=r"payment\.toml is not valid TOML"):
        load_settings(tmp_path)


def test_a_folder_in_place_of_the_file_is_said(tmp_path):
    (tmp_path / "etc" / "payment.toml").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"payment\.toml can't be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("domain = 3", "domain: must be a text"),
        ('domain = "../up"', "domain: .* is not a domain"),
        ('operators = "root"', "operators: must be a list"),
        ('operators = ["ok", "NOT OK"]', "operators: .* is not a domain"),
        ("storage = true", "storage: must be a text"),
        ('public_url = "shop.example.com"', "public_url: must be an absolute"),
        ('public_url = "ftp://shop.example.com"', "public_url: must be an absolute"),
        ('public_url = "https://shop.example.com/?a=1"', "public_url: .*without query string"),
        ('public_url = "https://shop.example.com/#a"', "public_url: .*without query string"),
        ('public_url = "https://shop .example.com"', "public_url: must be an absolute"),
        ('public_url = "https://[broken"', "public_url: must be an absolute"),
        ("callback_timeout_s = 0", "callback_timeout_s: must be a whole number from 1"),
        ("callback_timeout_s = true", "callback_timeout_s: must be a whole number"),
        ("lock_timeout_s = 1.5", "lock_timeout_s: must be a whole number"),
        ('pending_max = "many"', "pending_max: must be a whole number"),
        ("pending_max = 10001", "pending_max: must be a whole number"),
        ("scan_reverse_s = 14", "scan_reverse_s: must be a whole number from 15 to 60"),
        ("scan_reverse_s = 61", "scan_reverse_s: must be a whole number from 15 to 60"),
        ("allow_private_webhooks = 1", "allow_private_webhooks: must be true or false"),
    ],
)
def test_a_wrong_value_names_file_and_key(write, line, why):
    with pytest.raises(ConfigError, match=r"payment\.toml: " + why):
        load_settings(write(line))


def test_a_password_in_storage_is_refused_where_others_can_read_it(write):
    line = 'storage = "postgresql://pay:canary-secret@db/pay"'
    with pytest.raises(ConfigError, match="storage holds a password") as caught:
        load_settings(write(line, 0o640))
    assert "chmod 600" in caught.value.hint
    assert "canary-secret" not in f"{caught.value}{caught.value.hint}"
    assert "canary-secret" not in repr(load_settings(write(line, 0o600)))


def test_reading_no_settings_loads_no_parser(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from payment_cli.config.settings import load_settings\n"
        f"load_settings(pathlib.Path({str(tmp_path)!r}))\n"
        "heavy = {'tomllib', 'difflib', 'simplejson', 'pyjson5', 'hmac', 'hashlib', 'ssl'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

import os
import traceback

import pytest

from payment_cli.config.references import References
from payment_cli.errors import ConfigError

CANARY = "canary-3f9c2b"


@pytest.fixture
def conf(tmp_path):
    folder = tmp_path / "main"
    folder.mkdir()
    return folder / "alipay.conf"


def references(conf, *, mode=0o600, environ=None):
    return References(conf, mode, environ or {})


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_plain_text_is_the_secret_itself(conf):
    assert references(conf).secret("pay_key", CANARY).reveal() == CANARY


def test_env_is_looked_up_in_the_given_environment_only(conf, monkeypatch):
    monkeypatch.setenv("PAY_KEY", "of the process")
    found = references(conf, environ={"PAY_KEY": CANARY}).secret("pay_key", "env:PAY_KEY")
    assert found.reveal() == CANARY
    with pytest.raises(ConfigError, match=r"alipay\.conf: pay_key: .*'PAY_KEY' is not set"):
        references(conf).secret("pay_key", "env:PAY_KEY")


def test_file_is_read_beside_the_config_without_the_newline_at_its_end(conf):
    write(conf.parent / "app.key", CANARY + "\n")
    assert references(conf).secret("private_key", "file:app.key").reveal() == CANARY


def test_a_folder_below_the_config_is_fine(conf):
    (conf.parent / "keys").mkdir()
    write(conf.parent / "keys" / "app.key", CANARY)
    assert references(conf).secret("private_key", "file:keys/app.key").reveal() == CANARY


@pytest.mark.parametrize(
    "name", ["../app.key", "keys/../../app.key", "/etc/passwd", "", "a\0b", ".."]
)
def test_a_name_outside_the_configs_folder_is_refused(conf, name):
    write(conf.parent.parent / "app.key", CANARY)
    with pytest.raises(ConfigError, match=r"private_key: .* within the config's folder"):
        references(conf).secret("private_key", f"file:{name}")


@pytest.mark.parametrize("key", ["0123456789abcdef" * 2, "MIIEvgIBADANBgkqh/kiG9w0BAQEFAASC" * 40])
@pytest.mark.parametrize("before", ["file:", "file:/", "file:../", "env:"])
def test_a_key_that_stands_where_a_name_goes_is_not_shown(conf, before, key):
    with pytest.raises(ConfigError, match="private_key") as caught:
        references(conf).secret("private_key", before + key)
    said = "".join(traceback.format_exception(caught.value)) + (caught.value.hint or "")
    assert not any(key[start : start + 16] in said for start in range(0, len(key) - 16, 4))


def test_a_link_to_a_key_kept_elsewhere_is_followed_and_its_permissions_count(conf):
    vault = write(conf.parent.parent / "vault.key", CANARY)
    (conf.parent / "app.key").symlink_to(vault)
    assert references(conf).secret("private_key", "file:app.key").reveal() == CANARY
    vault.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read this key"):
        references(conf).secret("private_key", "file:app.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o610])
def test_a_secret_in_a_file_open_to_others_is_refused_with_the_remedy(conf, mode):
    path = write(conf.parent / "app.key", CANARY, mode)
    with pytest.raises(ConfigError, match="others can read this key") as caught:
        references(conf).secret("private_key", "file:app.key")
    assert caught.value.hint == f"chmod 600 {path}"
    assert CANARY not in f"{caught.value}"


def test_a_secret_written_into_a_config_that_others_can_read_is_refused(conf):
    with pytest.raises(ConfigError, match=r"alipay\.conf: pay_key is a secret") as caught:
        references(conf, mode=0o644).secret("pay_key", CANARY)
    assert caught.value.hint == f"chmod 600 {conf}"
    assert CANARY not in f"{caught.value}{caught.value.hint}"


def test_a_config_that_others_can_read_may_refer_to_secrets(conf):
    write(conf.parent / "app.key", CANARY)
    found = references(conf, mode=0o644, environ={"K": CANARY})
    assert found.secret("a", "file:app.key").reveal() == CANARY
    assert found.secret("b", "env:K").reveal() == CANARY


def test_what_is_not_secret_may_be_read_but_not_written_by_others(conf):
    path = write(conf.parent / "alipay.pem", "PEM", 0o644)
    assert references(conf).text("alipay_public_key", "file:alipay.pem") == "PEM"
    path.chmod(0o664)
    with pytest.raises(ConfigError, match="others can write to it") as caught:
        references(conf).text("alipay_public_key", "file:alipay.pem")
    assert caught.value.hint == f"chmod go-w {path}"


def test_a_missing_file_names_key_and_path(conf):
    with pytest.raises(ConfigError, match=r"main/gone\.key: private_key can't be read: No such"):
        references(conf).secret("private_key", "file:gone.key")


def test_a_folder_or_pipe_in_place_of_a_key_is_refused_at_once(conf):
    (conf.parent / "dir.key").mkdir(mode=0o700)
    os.mkfifo(conf.parent / "pipe.key", 0o600)
    with pytest.raises(ConfigError, match=r"dir\.key is not a regular file"):
        references(conf).secret("private_key", "file:dir.key")
    with pytest.raises(ConfigError, match="not a regular file"):
        references(conf).secret("private_key", "file:pipe.key")


def test_an_endless_file_is_refused(conf):
    write(conf.parent / "big.key", "x" * 300_000)
    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        references(conf).secret("private_key", "file:big.key")


def test_bytes_in_place_of_a_text_are_refused(conf):
    path = conf.parent / "api_v3.key"
    path.write_bytes(b"\x30\x82\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"api_v3_key must be a text in UTF-8"):
        references(conf).secret("api_v3_key", "file:api_v3.key")


def test_a_byte_order_mark_and_line_ends_are_no_part_of_a_secret(conf):
    path = conf.parent / "api_v3.key"
    path.write_bytes(b"\xef\xbb\xbf" + CANARY.encode() + b"\r\n")
    path.chmod(0o600)
    assert references(conf).secret("api_v3_key", "file:api_v3.key").reveal() == CANARY


def test_keys_are_guarded_as_secrets_and_texts_are(conf):
    path = write(conf.parent / "app.key", CANARY, 0o644)
    with pytest.raises(ConfigError, match="others can read this key"):
        references(conf).private_key("private_key", "file:app.key")
    with pytest.raises(ConfigError, match="is a secret and others can read the file"):
        references(conf, mode=0o644).private_key("private_key", CANARY)
    assert references(conf).public_key("public_key", "file:app.key")
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="others can write to it"):
        references(conf).public_key("public_key", "file:app.key")


@pytest.mark.parametrize("value", ["", "  ", "env:E", "file:e.key"])
def test_an_empty_secret_is_refused(conf, value):
    write(conf.parent / "e.key", "\n")
    with pytest.raises(ConfigError, match="pay_key is empty"):
        references(conf, environ={"E": ""}).secret("pay_key", value)

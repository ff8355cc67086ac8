"""`payment store`: merchants."""

import json
import os
import re
from contextlib import contextmanager

import pytest

from payment_cli.model.stores.merchant import SETTABLE_KEYS
from payment_cli.model.stores.settings import SETTINGS
from tests.support.shop_cli import configure_target, write_script


def test_a_merchant_is_made_shown_and_listed(payment, root):
    made = payment("store", "init", "demo").json
    assert (made["nm"], made["title"]) == ("demo", "demo")
    assert made["id"]
    shown = payment("store", "show").json
    assert {name: shown[name] for name in made} == made
    assert payment("store", "show", "demo").json == shown
    assert payment("store", "list").json == [made]
    assert json.loads((root / "home/demo/.store/store_info.json").read_text())["id"] == made["id"]


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def www(tmp_path):
    """A web server's folder."""
    folder = tmp_path / "www"
    folder.mkdir()
    return folder


def test_its_home_page_is_in_a_web_servers_folder_where_its_user_can_read_it(payment, root, www):
    with umask(0o077):
        payment("store", "init", "demo", "--www", www)
    link = root / "home/demo/.store/default_home"
    assert (www / "demo").resolve() == link.resolve()
    assert not (www / "demo").is_symlink()
    assert (www / "demo").stat().st_mode & 0o777 == 0o755
    (link / "index.html").write_text("welcome")
    assert (www / "demo/index.html").read_text() == "welcome"


def test_the_tree_stays_closed_beside_its_home_page(payment, root, www):
    payment("store", "init", "demo", "--www", www)
    for path in (root, *root.rglob("*")):
        assert path.is_symlink() or path.stat().st_mode & 0o077 == 0, path


def test_a_folder_made_for_it_before_is_taken(payment, root, www):
    (www / "demo").mkdir(mode=0o700)
    (root / "home/demo/.store/default_home").mkdir(parents=True, mode=0o700)
    payment("store", "init", "demo", "--www", www)
    assert (www / "demo").stat().st_mode & 0o777 == 0o755
    assert (root / "home/demo/.store/default_home").resolve() == www / "demo"


@pytest.mark.parametrize("part", ["", "home", "home/demo/.payment", "link"])
def test_no_folder_of_the_tree_is_shown_to_a_web_server(payment, root, part):
    (root / "home/demo/.payment").mkdir(parents=True, mode=0o700)
    (root / "link").symlink_to(root / "home")
    refused = payment("store", "init", "demo", "--www", root / part, exit_code=2)
    assert "is in the tree" in refused.err
    assert not (root / "home/demo/.store").exists()


def test_what_is_in_its_place_already_is_left_alone(payment, root, www):
    home_page = root / "home/demo/.store/default_home"
    (www / "demo").mkdir()
    (www / "demo/index.html").write_text("somebody's")
    assert "exists" in payment("store", "init", "demo", "--www", www, exit_code=11).err
    assert (www / "demo/index.html").read_text() == "somebody's"
    (www / "demo/index.html").unlink()
    (www / "demo").rmdir()
    (www / "demo").symlink_to(root)
    assert "exists" in payment("store", "init", "demo", "--www", www, exit_code=11).err
    assert root.stat().st_mode & 0o077 == 0
    (www / "demo").unlink()
    home_page.mkdir(parents=True)
    (home_page / "index.html").write_text("mine")
    ran = payment("store", "init", "demo", "--www", www, exit_code=11)
    assert f"move what is in it to {www / 'demo'}" in ran.err
    assert (home_page / "index.html").read_text() == "mine"
    assert not (www / "demo").exists()


def test_files_and_folders_are_private(payment, root):
    payment("store", "init", "demo")
    for path in (root / "home").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("name", ["../x", "/etc", "A", "a/b", "x" * 300, "a\nb", ".", ".."])
def test_a_name_that_is_no_domain_is_refused(payment, root, name):
    ran = payment("store", "init", "--as", "root", "--", name, exit_code=2)
    assert "is not a domain" in ran.err
    assert not (root / "home").exists() or not any((root / "home").iterdir())


def test_a_merchant_is_made_once(payment, shop):
    assert "is a merchant already" in payment("store", "init", "demo", exit_code=11).err


def test_nobody_makes_or_changes_anothers_store_but_an_operator(payment, shop):
    payment("store", "init", "other", exit_code=12)
    payment("store", "init", "other", "--as", "root")
    payment("store", "set", "title", "x", "--store", "other", exit_code=10)
    assert (
        payment("store", "set", "title", "x", "-se", "other", "--as", "root").json["nm"] == "other"
    )


def test_keys_are_set_and_unknown_ones_named(payment, shop, root):
    configure_target(root)
    assert payment("store", "set", "title", "红狐商店").json["title"] == "红狐商店"
    sellers = payment("store", "set", "sellers", '{"wx":"main"}').json["sellers"]
    assert sellers == {"wx": "main"}
    assert "title" in payment("store", "set", "titel", "x", exit_code=2).err
    payment("store", "set", "sellers", '{"wx":"../x"}', exit_code=2)


def test_settings_of_the_store_are_set_beside_it(payment, shop, root):
    write_script(root)
    assert payment("store", "show").json["settings"]["order_minutes"] == 15
    changed = payment("store", "set", "order_minutes", 30).json
    assert changed["settings"]["order_minutes"] == 30
    assert payment("store", "show").json == changed
    assert payment("store", "set", "order_callback", "after").json["settings"]["kinds_max"] == 20


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("order_minutes", "0", "order_minutes must be a whole number"),
        ("order_minutes", "soon", "order_minutes: 'soon'"),
        ("freight_sheet", "{}}", "freight_sheet"),
        ("freight_sheet", '{"x":1}', "freight sheet: 'x' is not a field"),
        ("freight_sheet", '{"first_weight":2}', "it has no rules"),
        ("timezone", "Asia/Shangai", "did you mean Asia/Shanghai?"),
        ("webhook_url", "http://127.0.0.1/hook", "127.0.0.1, which is not public"),
        ("webhook_url", "http://0x7f.1/hook", "127.0.0.1, which is not public"),
        ("webhook_url", "http://localhost:8000/hook", "127.0.0.1, which is not public"),
        ("sellers", '{"wx":"nope"}', "wx names wxpay target nope, which has no config"),
        ("sellers", '{"wechat":"main"}', "no pay type is or begins with 'wechat'"),
        ("lang", "../x", "is not a language"),
        ("order_callback", "../x", "is not a script"),
        ("pending", "3", "one of title, currency, sellers, lang, kinds_max"),
    ],
)
def test_a_setting_that_can_not_be_is_refused(payment, shop, key, value, said):
    ran = payment("store", "set", key, value, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("order_callback", "nope", "no script nope (scripts are in home/demo/.payment/callback/)"),
        ("webhook_url", "https://shop.example/hook", "payment notify key"),
    ],
)
def test_a_setting_that_names_what_is_not_there_is_refused(payment, shop, key, value, said):
    ran = payment("store", "set", key, value, exit_code=10)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("store", "show").json["settings"][key] == ""


def test_a_setting_that_went_stale_keeps_no_other_from_being_set(payment, shop, root):
    write_script(root)
    payment("store", "set", "order_callback", "after")
    (root / "home/demo/.payment/callback/after").unlink()
    assert payment("store", "set", "order_minutes", 30).json["settings"]["order_minutes"] == 30
    assert payment("store", "set", "order_callback", "").json["settings"]["order_callback"] == ""


def test_the_doctor_tells_what_went_stale(payment, shop, root):
    configure_target(root)
    write_script(root)
    payment("store", "set", "order_callback", "after")
    payment("store", "set", "sellers", '{"wx":"main"}')
    (root / "home/demo/.payment/callback/after").unlink()
    (root / "home/demo/.payment/wxpay/main/wxpay.conf").unlink()
    (root / "etc").mkdir()
    (root / "etc/payment.toml").write_text('timezone = "Mars"\n')
    rows = payment("doctor", "--problems", exit_code=40).json
    said = {row["subject"]: row["sentence"] for row in rows if row["level"] == "error"}
    assert said["etc/payment.toml"] == "timezone: 'Mars' is no time zone"
    stale = [row["sentence"] for row in rows if row["subject"] == "demo store"]
    assert stale == [
        "sellers: wx names wxpay target main, which has no config",
        "order_callback: no script after",
    ]


def test_a_language_whose_file_is_damaged_is_refused(payment, shop, root):
    file = root / "home/demo/.store/i18n/de.json"
    file.parent.mkdir(mode=0o700)
    file.write_text("[")
    assert "i18n/de.json" in payment("store", "set", "lang", "de", exit_code=40).err
    file.write_text("{}")
    assert payment("store", "set", "lang", "de").json["lang"] == "de"
    assert payment("store", "set", "lang", "en").json["lang"] == "en"


def test_the_help_names_every_key_that_can_be_set(payment):
    text = payment("store", "set", "--help").text
    for key in (*SETTABLE_KEYS, *SETTINGS):
        assert re.search(rf"\b{key}\b", text), key


def test_another_store_is_shown_to_operators_alone(payment, shop):
    payment("store", "init", "other", "--as", "root")
    assert "no merchant other" in payment("store", "show", "other", exit_code=10).err
    assert "settings" in payment("store", "show", "other", "--as", "root").json
    payment("store", "set", "order_minutes", 9, "-se", "other", exit_code=10)


def test_a_domain_without_a_store_is_told_how_to_make_one(payment):
    assert "payment store init demo" in payment("store", "show", exit_code=10).err


def test_somebody_logged_in_as_root_must_say_so(payment, monkeypatch):
    monkeypatch.delenv("PAYMENT_DOMAIN")
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert "--as root" in payment("store", "list", exit_code=40).err

"""A secret in a config stays there, however the config is broken and whatever is asked for."""

import json
import logging
import os
import subprocess
import sys

import pytest

CANARY = "c4n4ry7f3a9bd1e06c5582"
WECHAT = {
    "appid": "wx1", "pay_mch_id": "19", "api_v3_key": CANARY.ljust(32, "0"),
    "serial_no": "AB", "private_key": CANARY, "pay_notify_url": "http://127.0.0.1:1/x",
}  # fmt: skip
ALIPAY = {"app_id": "20", "private_key": CANARY, "alipay_public_key": CANARY}

#: Ways to break a document, of text that holds the canary.
BREAKS = {
    "not at all": lambda text: text,
    "cut in the middle": lambda text: text[: text.rindex(CANARY) + len(CANARY)],
    "cut at its end": lambda text: text[:-2],
    "a colon is missing": lambda text: text.replace(":", " ", 1),
    "colons are missing": lambda text: text.replace(":", " "),
    "quotes are missing": lambda text: text.replace('"', ""),
    "another quote": lambda text: text.replace(f'{CANARY}"', f"{CANARY}'"),
    "a key twice": lambda text: text.replace("{", '{"private_key": "x",', 1),
    "the secret is a key": lambda text: json.dumps({CANARY: 1}),
    "the secret is a loose key": lambda text: f"{{{CANARY}: 1, {CANARY} 2}}",
    "the secret alone": lambda text: CANARY,
    "the secret alone, quoted": lambda text: f'"{CANARY}"',
    "the secret in a list": lambda text: f'["{CANARY}"]',
    "a list in its place": lambda text: text.replace(f'"{CANARY}"', f'["{CANARY}", 1]'),
    "an object in its place": lambda text: text.replace(f'"{CANARY}"', f'{{"{CANARY}": 1}}'),
    "a number in its place": lambda text: text.replace(f'"{CANARY}"', "1e999999999"),
    "an escape that is none": lambda text: text.replace(CANARY, CANARY + "\\q"),
    "half a character": lambda text: text.replace(CANARY, CANARY + "\\ud800"),
    "a line in it": lambda text: text.replace(CANARY, f"{CANARY}\n{CANARY}"),
    "a NUL in it": lambda text: text.replace(CANARY, f"{CANARY}\0{CANARY}"),
    "no UTF-8": lambda text: text.replace(CANARY, f"{CANARY}\udcff{CANARY}"),
    "UTF-16": lambda text: text.encode("utf-16").decode("utf-8", "surrogateescape"),
    "words behind it": lambda text: f"{text} {CANARY}",
    "nested deep": lambda text: text.replace(f'"{CANARY}"', "[" * 5000 + f'"{CANARY}'),
    "a reference of it": lambda text: text.replace(CANARY, f"file:{CANARY}"),
    "a variable of it": lambda text: text.replace(CANARY, f"env:{CANARY}"),
    "a path of it": lambda text: text.replace(CANARY, f"file:../{CANARY}"),
    "PEM of it": lambda text: text.replace(
        f'"{CANARY}"', f'"-----BEGIN PRIVATE KEY-----\\n{CANARY}\\n-----END PRIVATE KEY-----"'
    ),
}  # fmt: skip


@pytest.fixture
def asked(pay, payment, root, caplog):
    """Run commands with --debug; return all that was said, logged and left in the tree."""
    caplog.set_level(logging.DEBUG)

    def ask(place, *commands):
        said = ""
        for program, *words in commands:
            runner = {"pay": pay, "payment": payment}[program]
            stdin = words.pop() if isinstance(words[-1], bytes) else b""
            with pytest.MonkeyPatch.context() as patch:
                codes = []
                patch.setattr("tests.support.cli.run", _noting(codes))
                ran = runner(*words, "--debug", stdin=stdin)
            assert codes[0] != 1, ran.err
            said += ran.out.decode("utf-8", "replace") + ran.err
        files = [file for file in root.rglob("*") if file.is_file() and file != place]
        said += "".join(file.read_bytes().decode("latin-1") for file in files)
        return said + caplog.text

    return ask


def _noting(codes):
    from payment_cli.cli.main import run

    def noted(program, words):
        codes.append(run(program, words))
        return 0

    return noted


def leaks(text):
    """Whether the canary, or more than a third of it, is in a text."""
    return any(CANARY[at : at + 8] in text for at in range(len(CANARY) - 7))


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize(
    ("provider", "pay_tp", "document"),
    [("wxpay", "wx.qrcode", WECHAT), ("alipay", "zfb.qrcode", ALIPAY)],
)
def test_of_an_account(asked, pay, shop, root, provider, pay_tp, document, how):
    ref = pay("create", "-br", "x", "-bu", "walnut:45g67q", "-fee", 1).json["id"]
    conf = root / f"home/demo/.payment/{provider}/main/{provider}.conf"
    conf.parent.mkdir(parents=True)
    conf.write_bytes(BREAKS[how](json.dumps(document)).encode("utf-8", "surrogateescape"))
    conf.chmod(0o600)
    callback = f"POST /pay/re/{pay_tp}/demo/main HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}"
    said = asked(
        conf,
        ("pay", "send", ref, pay_tp, "main"),
        ("pay", "check", ref),
        ("pay", "close", ref),
        ("pay", "re", callback.encode()),
        ("pay", "check", "--pending"),
        ("payment", "tick"),
        ("payment", "doctor"),
        ("payment", "fsck"),
    )
    assert not leaks(said)


@pytest.mark.parametrize(
    "text",
    [
        'storage = "postgresql://u:{}@h/d"', "storage = {}", 'storage = "{}', "{} = 1",
        '"{}" = 1', "{}", 'domain = "{}"\ndomain = "{}"', '[{}]\n[{}]', "domain = '{}\0'",
        'domain = "{}\udcff"', 'operators = ["{}", {}]', 'storage = """{}', "timezone = {{{}=1}}",
        'public_url = "http://u:{}@h"', 'public_url = "{}"', 'operators = "{}"',
        'storage = "{}\\q"', "lock_timeout_s = 1e999999999 # {}", 'storage.{} = 1\nstorage.{} = 2',
    ],
)  # fmt: skip
def test_of_the_settings(asked, shop, root, text):
    place = root / "etc/payment.toml"
    place.parent.mkdir()
    place.write_bytes(text.replace("{}", CANARY).encode("utf-8", "surrogateescape"))
    place.chmod(0o600)
    said = asked(
        place, ("pay", "query"), ("payment", "doctor"), ("payment", "w"), ("payment", "tick")
    )
    assert not leaks(said)


@pytest.mark.parametrize("text", ["{}", "{}\n{}", "whsec_{}", "whsec_{}==", "\udcff{}", "{}\0"])
@pytest.mark.parametrize("name", ["web", "webhook"])
def test_of_the_keys_of_a_store(asked, shop, root, name, text):
    place = root / f"home/demo/.payment/{name}.key"
    place.parent.mkdir(mode=0o700, exist_ok=True)
    place.write_bytes(text.replace("{}", CANARY).encode("utf-8", "surrogateescape"))
    place.chmod(0o600)
    said = asked(
        place,
        ("payment", "web", "token", "--role", "cashier"),
        ("payment", "notify", "key"),
        ("payment", "notify", "drain"),
        ("payment", "notify", "key", "--rotate"),
        ("payment", "doctor"),
    )
    assert not leaks(said)


def test_of_the_sandbox(asked, shop, root, pay):
    pay("sandbox", "init", "--port", 1)
    state = root / ".sandbox"
    (state / "server.json").write_text("{}")
    places = [state / "server.json", state / "accounts.json", state / "platform/wechat_ca.key"]
    for place in places:
        kept = place.read_bytes()
        for damage in BREAKS.values():
            text = damage(json.dumps({"private_key": CANARY}))
            place.write_bytes(text.encode("utf-8", "surrogateescape"))
            said = asked(place, ("pay", "sandbox", "init"), ("pay", "sandbox", "ledger"))
            assert not leaks(said)
        place.write_bytes(kept)


def test_in_a_process_of_its_own_that_tells_all_it_can(shop, pay, root):
    ref = pay("create", "-br", "x", "-bu", "walnut:45g67q", "-fee", 1).json["id"]
    conf = root / "home/demo/.payment/wxpay/main/wxpay.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(json.dumps(WECHAT)[:-2] + "\n} x")
    conf.chmod(0o600)
    asked = [sys.executable, "-m", "payment_cli.cli.main", "pay", "send", ref, "wx.qrcode", "main"]
    telling = {"PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "1", "PYTHONVERBOSE": ""}
    ran = subprocess.run(
        [*asked, "--debug"],
        env={**os.environ, **telling},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 40
    assert "Traceback" in ran.stderr
    assert not leaks(ran.stdout + ran.stderr)

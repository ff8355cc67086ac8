"""Every example of every help runs: over a prepared store whose gateways are the sandbox.

What an example only mentions is there: an order, a coupon, a payment whose id begins with 3fa9c1, a
scanner, a file. A line that begins another way than its command allows is a false promise.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from payment_cli import app as app_module
from payment_cli.app import App
from payment_cli.model.events.notice import Notice, NoticeStatus
from payment_cli.services.events.notice_records import NOTICES
from tests.cli.test_programs import ALL, own_words
from tests.support.cli import Ran, Runner
from tests.support.sandbox_shop import SandboxShop, raw, sandbox_shop

EXAMPLES = sorted({line for param in ALL for line in param.values[1].examples})

#: Lines that never end, and one of another program.
SERVERS = re.compile("^(pay sandbox serve|payment serve|gunicorn)")

GOODS = (
    "payment w add -nm cup-01 --title 'Blue cup' --price 34.50 --stock 200",
    "payment w add -nm pot-01 --title 'Tea pot' --price 120",
    "payment w add -nm song-01 --title 'A song' --price 5",
)
STOCK = (
    *GOODS,
    "payment coupon add --title 'Ten off' --off 10",
    "payment d add --title 'Sale' --off 5%",
    "payment address add --buyer xiaobai --code 110108017000 --street 'Shangdi 1' --consignee Li "
    "--phone 13912345678",
    'payment store set sellers \'{"wx":"main","zfb":"main"}\'',
    "payment notify key",
)

NEW = ("pay create -fee 2300 -br 'Two coffees' -callback after_paid",)
WAIT = (*NEW, "pay send 3fa9c1 wx.qrcode main")
PAID = (*WAIT, "pay sandbox scan 3fa9c1", "pay check 3fa9c1")
ORDER = ("payment o create --buyer xiaobai --item cup-01:2 -pt wx.qrcode",)
ORDER_WAIT = (*ORDER, "payment p pay 3fa9c1")
ORDER_PAID = (*ORDER_WAIT, "pay sandbox scan 3fa9c1", "payment p check 3fa9c1")
BASKET = ("payment basket it xiaobai cup-01 3", "payment basket it xiaobai song-01")

#: What is no failure: a code of `--exit-status`, a refusal that protects.
EXITS = {
    "pay send 3fa9c1 zfb.qrcode --exit-status": 3,
    # Its account can be asked: nothing is to be abandoned.
    "pay close 3fa9c1 --as root --abandon -re 'the account was ended'": 12,
    "payment o cancel 3fa9c1 --as root --abandon --reason 'it is gone'": 12,
}

#: What must have happened before the lines that begin so; the first that fits.
BEFORE = {
    "pay send 3fa9c1": NEW,
    "pay watch": PAID,
    "pay check": PAID,
    "pay close": WAIT,
    "pay get": PAID,
    "pay apply 3fa9c1": ("fail the script", *PAID),
    "pay re -idkey": WAIT,
    "pay re --http": (*WAIT, "write the callback"),
    "pay sandbox scan": WAIT,
    "payment o ship": ORDER_PAID,
    "payment o track": (*ORDER_PAID, "payment o ship 3fa9c1 SF SF1020304050"),
    "payment o done": (*ORDER_PAID, "payment o ship 3fa9c1 SF SF1020304050"),
    "payment o create --basket": BASKET,
    "payment o create --buyer xiaobai --basket": BASKET,
    "payment o create": (),
    "payment o price": (),
    "payment o ": ORDER,
    "payment p check": ORDER_PAID,
    "payment p re": ORDER_WAIT,
    "payment p ": ORDER,
    "payment d explain --basket": BASKET,
    "payment basket": BASKET,
    "payment w restore": ("payment w rm cup-01",),
    "payment w import - --format jsonl": ("make another store",),
    "payment store show redfox": ("payment store init redfox",),
    "payment web rotate --store redfox": ("payment store init redfox",),
    "payment notify key --retire": ("payment store init redfox", "payment notify key"),
    "payment notify retry": (*ORDER, "fail a notice"),
    "payment coupon restore": ("payment coupon rm 3fa9c1",),
    "payment d restore": ("payment d rm 3fa9c1",),
    "payment hook again": (
        *ORDER,
        "fail the hook",
        "payment o cancel 3fa9c1 --reason 'ordered twice'",
        "payment hook drain",
    ),
    "payment owed drop": (
        f"{ORDER[0]} --coupon 3fa9c1",
        *ORDER_WAIT[1:],
        "pay sandbox scan 3fa9c1",
        "damage the coupon",
        "payment p check 3fa9c1",
    ),
    "payment web token --order": ORDER,
    "payment web revoke -": ("write the token",),
    "payment backup --verify": ("payment backup /mnt/usb/payment-2026-11-22",),
}

#: What comes through a pipe or from a device.
SCANNED = "130000000000000001"
FILES = {
    "order.json": '{"products":[{"id":"3fa9c1d2","amount":2}]}',
    "product.json": '{"nm":"cup-09","title":"Green cup","price":20}',
    "changes.json": '{"price":30,"link":null}',
    "address.json": '{"code":"110108017000","street":"Shangdi 1","consignee":"Li",'
    '"phone":"13912345678"}',
    "goods.jsonl": '{"nm":"cup-01","w_nm":"Blue cup","w_price":34.50,"sku":20}\n',
    "prices.csv": "nm,price\ncup-01,33\n",
    "counted.csv": "货号,库存\ncup-01,17\n",
    "/dev/ttyACM0": SCANNED,
}
PIPES = {
    "echo": '{"table":7}',
    "read-scanner": SCANNED,
    "httpparam": '{"out_trade_no":"THE-PAYMENT"}',
}


@dataclass
class Bench:
    """A store to run lines in. Records that its steps make have ids that begin with 3fa9c1."""

    shop: SandboxShop
    root: Path
    place: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, line: str, exit_code: int = 0) -> Ran:
        words = own_words(line)
        assert words is not None
        run = Runner(words[0], self.monkeypatch)
        return run(*words[1:], stdin=self.stdin(line), exit_code=exit_code)

    def step(self, line: str) -> None:
        act = getattr(self, line.replace(" ", "_"), None)
        line = self.meant(line)
        with named_ids(self.monkeypatch):
            act() if act is not None else self.run(line)

    def stdin(self, line: str) -> bytes:
        """Return what the line pipes or redirects into its command."""
        if "<" in line:
            return (self.place / line.split("< ")[1].split()[0].lstrip("/")).read_bytes()
        if " | " not in line:
            return b""
        first = line.split(" | ")[0]
        if first.startswith(("pay ", "payment ")):
            return self.run(first).out
        return PIPES[first.split()[0]].replace("THE-PAYMENT", self.payment_id).encode()

    def meant(self, line: str) -> str:
        """Return the line with what stands for a place, a whole id, or a code of this payer."""
        if line.startswith("pay sandbox scan"):  # it serves the payers of all these stores
            line = re.sub("3fa9c1|weixin:[^ ]+", self.payment_id, line)
        for placeholder, real in (
            ("019a3f6b2c4d7e8f9a0b1c2d3e4f5a6b", self.payment_id),
            ("01a200ef080274e3831a25502a450a67", self.payment_id),
            ("/mnt/usb", str(self.place)),
            ("/srv/www", str(self.place)),
        ):
            line = line.replace(placeholder, real)
        return line

    @property
    def payment_id(self) -> str:
        return next((path.stem for path in self.root.glob("var/payment/*.json")), "")

    @property
    def app(self) -> App:
        return App(self.root, "demo", {})

    def fail_the_script(self) -> None:
        self.fail_once("callback/after_paid")

    def fail_the_hook(self) -> None:
        self.fail_once("hook/order.cancelled")

    def fail_once(self, name: str) -> None:
        """Let a script of the store fail when it is run first."""
        script = self.root / "home/demo/.payment" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"mkdir {self.place / 'once'} && exit 1\ntrue\n")

    def write_the_callback(self) -> None:
        pay = Runner("pay", self.monkeypatch)
        (self.place / "request.txt").write_bytes(raw(self.shop.callback(pay, self.payment_id)))

    def write_the_token(self) -> None:
        token = self.run("payment web token --buyer xiaobai").json["token"]
        (self.place / "token").write_text(token)

    def make_another_store(self) -> None:
        self.run("payment store init other --as root")

    def fail_a_notice(self) -> None:
        app = self.app
        [order_id] = (path.stem[-32:] for path in self.root.glob("sys/order/*.json"))
        app.shop.settings.set("demo", "webhook_url", f"{self.shop.receiver.url}/hook")
        notice = Notice(
            id="3fa9c1" + "0" * 26, ct=1, lm=1, what="order.paid", sto_nm="demo",
            or_id=order_id, data={}, st=NoticeStatus.FAILED,
        )  # fmt: skip
        with app.storage.transaction("demo") as tx:
            tx.insert(NOTICES, notice.to_record())
        app.close()

    def damage_the_coupon(self) -> None:
        journal = sqlite3.connect(self.root / ".journal/payment.db")
        with journal:
            journal.execute("UPDATE records SET doc = '{' || doc WHERE doc LIKE '%cpn_stat%'")
        journal.close()


@contextmanager
def named_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give new records ids that begin with 3fa9c1; the first product of a store is `3fa9c1d2`."""
    opened = app_module.open_app

    def open_named(root: str = "", domain: str = "") -> App:
        app = opened(root, domain)
        is_first = not list(app.root.glob("home/demo/.store/thing/*.json"))
        own = app.new_id

        def new_id(now: int) -> str:
            return "3fa9c1d2" if is_first else "3fa9c1" + own(now)[:12] + own(now)[-14:]

        app.new_id = new_id
        return app

    with monkeypatch.context() as patch:
        patch.setattr(app_module, "open_app", open_named)
        yield


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxShop]:
    """A served sandbox, and beside its tree a bare and a stocked store."""
    place = tmp_path_factory.mktemp("stores")
    with sandbox_shop(place / "bare") as shop, pytest.MonkeyPatch.context() as patch:
        for folder in ("wxpay", "alipay"):
            accounts = shop.root / "home/demo/.payment" / folder
            shutil.copytree(accounts / "sandbox", accounts / "main")
        scripts = shop.root / "home/demo/.payment/callback"
        scripts.mkdir(parents=True, exist_ok=True)
        (scripts / "after_paid").write_text("true\n")
        (shop.root / "etc").mkdir(exist_ok=True)
        (shop.root / "etc/payment.toml").write_text("allow_private_webhooks = true\n")
        shutil.copytree(shop.root, place / "stocked")
        patch.setenv("PAYMENT_ROOT", str(place / "stocked"))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        bench = Bench(shop, place / "stocked", place, patch)
        for number, line in enumerate(STOCK):
            # one product alone may begin with 3fa9c1: parts of ids are to name it
            bench.run(line) if 0 < number < len(GOODS) else bench.step(line)
        yield shop


@pytest.fixture
def bench(
    request: pytest.FixtureRequest,
    stores: SandboxShop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """A copy of a store for one example: a bare one, if it makes what the stocked one has."""
    line = request.node.callspec.params["line"]
    kind = (
        "bare"
        if line.startswith(("payment w add -nm cup-01", "payment w add -nm song-01"))
        else "stocked"
    )
    root = tmp_path / "tree"
    shutil.copytree(stores.root.parent / kind, root)
    (tmp_path / "dev").mkdir()
    for name, text in FILES.items():
        (tmp_path / name.lstrip("/")).write_text(text)
    monkeypatch.chdir(tmp_path)
    # What a command starts beside itself would race with the next line.
    monkeypatch.setattr(App, "start", lambda _app, *_command: None)
    monkeypatch.setenv("PAYMENT_ROOT", str(root))
    monkeypatch.setenv("PAYMENT_DOMAIN", "redfox" if "redfox" in line else "demo")
    yield Bench(stores, root, tmp_path, monkeypatch)
    stores.sandbox.sandbox.control.behave()


@pytest.mark.parametrize("line", [line for line in EXAMPLES if not SERVERS.match(line)])
def test_an_example_of_a_help_runs(line: str, bench: Bench) -> None:
    words = " ".join(own_words(line) or ())
    for before in next((steps for start, steps in BEFORE.items() if words.startswith(start)), ()):
        bench.step(before)
    bench.run(bench.meant(line), exit_code=EXITS.get(line, 0))

import json
import re
import stat

import pytest

from payment_cli.app import App
from payment_cli.errors import UntrustedError
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import Role
from payment_cli.services.shop.orders import Buying

KEY = "home/demo/.payment/web.key"


@pytest.fixture
def app(shop, root):
    app = App(root, "demo", {})
    yield app
    app.close()


@pytest.fixture
def order(app):
    """An order of the buyer xiaobai."""
    cup = app.shop.goods.add({"w_nm": "Cup", "w_price": 20})
    document = {"products": [{"id": cup.id, "amount": 1}]}
    return app.shop.orders.create(OrderInput.from_document(document), Buying("xiaobai"))


def test_a_token_opens_a_session_of_its_buyer(payment, app):
    said = payment("web", "token", "-bu", "45g67q", "--openid", "o-1", "--minutes", 5).json
    session = app.web_sessions.open(said["token"])
    assert (session.domain, session.role, session.buyer_id) == ("demo", Role.BUYER, "45g67q")
    assert (session.openid, session.expi) == ("o-1", said["expi"])
    assert 0 < said["expi"] - app.clock() <= 5 * 60_000
    assert "link" not in said


def test_a_link_to_an_order_is_of_its_buyer_and_hides_the_token_behind_the_hash(
    payment, app, order, root
):
    settings = root / "etc/payment.toml"
    settings.parent.mkdir()
    settings.write_text('public_url = "https://shop.example"\n')
    said = payment("web", "token", "--order", order.id[-8:]).json
    assert said["link"] == f"https://shop.example/pay/enter/{order.id}#{said['token']}"
    assert app.web_sessions.open(said["token"]).buyer_id == "xiaobai"


def test_a_cashier_needs_no_buyer_and_gets_a_link_to_the_till(payment, app):
    said = payment("web", "token", "--role", "cashier").json
    assert said["link"] == f"/pay/enter#{said['token']}"
    assert app.web_sessions.open(said["token"]).role is Role.CASHIER


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "needs a buyer"),
        (("-bu", "x" * 65), 2, "buyer must be at most 64"),
        (("-bu", "a\nb"), 2, "buyer must be at most 64 printable"),
        (("-bu", "u", "--openid", "x" * 129), 2, "openid must be at most 128"),
        (("-bu", "u", "--minutes", "0"), 2, "minutes"),
        (("-bu", "u", "--minutes", "43201"), 2, "minutes"),
        (("-bu", "u", "--role", "root"), 2, "role"),
        (("-bu", "u", "--store", "other"), 10, "no merchant other"),
        (("-bu", "u", "--store", "../x"), 10, "no merchant ../x"),
        (("--order", "abcdef"), 10, "no order"),
    ],
)
def test_what_makes_no_session_is_refused(payment, shop, words, code, says):
    ran = payment("web", "token", *words, exit_code=code)
    assert says in ran.err
    assert ran.out == b""


def test_a_token_for_somebody_elses_order_is_refused(payment, order):
    assert "xiaobai" in payment("web", "token", "--order", order.id, "-bu", "u", exit_code=2).err
    payment("web", "token", "--order", order.id, "--store", "other", exit_code=2)


def test_a_domain_that_is_no_store_has_no_sessions(payment):
    assert "payment store init" in payment("web", "token", "-bu", "u", exit_code=10).err


def test_the_key_is_made_once_for_its_owner_alone(payment, root, shop):
    payment("web", "token", "-bu", "u")
    path = root / KEY
    first = path.read_bytes()
    assert re.fullmatch(rb"[0-9a-f]{64}\n", first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    payment("web", "token", "-bu", "u")
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == ["web.key"]


def test_rotating_ends_every_session_and_prints_no_key(payment, app, root):
    before = payment("web", "token", "-bu", "u").json["token"]
    ran = payment("web", "rotate")
    assert ran.json == {"store": "demo", "file": str(root / KEY)}
    assert (root / KEY).read_text().strip() not in ran.text
    with pytest.raises(UntrustedError):
        app.web_sessions.open(before)
    after = payment("web", "token", "-bu", "u").json["token"]
    assert app.web_sessions.open(after).buyer_id == "u"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64, b"0" * 66])
def test_a_key_file_that_is_none_is_said_with_its_name(payment, root, shop, content):
    path = root / KEY
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(content)
    ran = payment("web", "token", "-bu", "u", exit_code=40)
    assert "web.key" in ran.err
    assert "rotate" in ran.err


def test_a_key_that_others_can_read_is_refused(payment, root):
    payment("store", "init", "demo")
    payment("web", "token", "-bu", "u")
    (root / KEY).chmod(0o640)
    assert "chmod 600" in payment("web", "token", "-bu", "u", exit_code=40).err


def test_the_token_alone_can_be_printed_for_a_script(payment, shop):
    ran = payment("web", "token", "-bu", "u", "-e", "token", "-c")
    assert set(json.loads(ran.out)) == {"token"}


def test_one_session_is_ended_by_its_id_or_its_token_and_no_other(payment, shop, root):
    def opened(made):
        app = App(root, "root", {})
        try:
            app.web_sessions.open(made["token"])
        except UntrustedError:
            return False
        finally:
            app.close()
        return True

    made = [payment("web", "token", "--role", "cashier").json for _ in range(4)]
    assert payment("web", "revoke", made[0]["id"]).json == {"id": made[0]["id"]}
    assert payment("web", "revoke", made[1]["token"]).json == {"id": made[1]["id"]}
    assert payment("web", "revoke", "-", stdin=made[2]["token"] + "\n").json["id"] == made[2]["id"]
    assert [opened(one) for one in made] == [False, False, False, True]
    payment("web", "revoke", made[0]["id"])
    payment("web", "revoke", made[1]["token"])


def test_what_is_no_session_can_not_be_ended_and_is_not_quoted(payment, shop):
    made = payment("web", "token", "--role", "cashier").json["token"]
    for name, code in (("abc", 2), ("A" * 32, 2), (made[:-2] + "xx", 22), ("demo~x~y", 22)):
        err = payment("web", "revoke", name, exit_code=code).err
        assert name not in err
    payment("store", "init", "other", "--as", "other")
    payment("web", "revoke", made, "--as", "other", exit_code=10)
    payment("web", "revoke", "0" * 32, "--store", "demo", "--as", "other", exit_code=10)
    payment("web", "revoke", made)

import json

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.app import make_app
from payment_cli.sandbox.control import read_token
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.server import Running
from tests.support.sandbox_clients import RawV3, Shop, send


def test_the_token_is_private_and_stays(shop: Shop) -> None:
    token = read_token(shop.state)
    assert len(token) == 64
    assert read_token(shop.state) == token
    assert (shop.state / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong", "Bearer tökén"])
def test_nobody_gets_in_without_the_token(running: Running, token: str) -> None:
    headers = {"Authorization": token.encode("latin-1").decode("latin-1")}
    answer = send(running.url, "POST", "/sandbox/ledger", b"{}", headers)
    assert answer.status == 403
    assert b"orders" not in answer.body


def test_in_process_without_a_token_the_door_is_shut(shop: Shop) -> None:
    app = make_app(shop.state)
    assert app.control.token == ""
    app.close()


def test_unknown_words_are_refused(running: Running, shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {read_token(shop.state)}"}
    for path, document, status in [
        ("/sandbox/dance", {}, 404),
        ("/sandbox/scan", {}, 400),
        ("/sandbox/scan", {"ref": "order001", "dance": True}, 400),
        ("/sandbox/scan", {"ref": "order001"}, 404),
    ]:
        body = json.dumps(document).encode()
        assert send(running.url, "POST", path, body, headers).status == status


def test_a_client_without_a_server_says_how_to_start_one(shop: Shop) -> None:
    with pytest.raises(SandboxError, match="pay sandbox serve") as caught:
        client.ledger(shop.state)
    assert caught.value.kind == "unreachable"


def test_a_server_that_died_is_no_server(shop: Shop) -> None:
    address = {"url": "http://127.0.0.1:1", "pid": 1}
    (shop.state / "server.json").write_text(json.dumps(address))
    with pytest.raises(SandboxError, match="pay sandbox serve"):
        client.ledger(shop.state)


def test_the_ledger_keeps_what_was_asked_and_answered(v3: RawV3, shop: Shop) -> None:
    body = v3.body()
    v3.order("native", body)
    v3.order("native", body | {"amount": {"total": 1}})
    requests = client.ledger(shop.state)["requests"]
    assert [(r["operation"], r["status"], r["outcome"]) for r in requests] == [
        ("native", 200, "OK"),
        ("native", 400, "INVALID_REQUEST"),
    ]

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from payment_cli.model.events.notice import Delivery
from payment_cli.model.events.webhook_url import parse_webhook_url
from payment_cli.webhooks.sender import WebhookSender
from tests.support.http_server import How, Said, ScriptedServer, scripted_server
from tests.support.tls import tls_server

PUBLIC = "93.184.216.34"
TOO_LATE = Delivery(0, "it did not answer in time")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


def sender(**how) -> WebhookSender:
    return WebhookSender(**{"allow_private": True, "lookup": lambda *_: ["127.0.0.1"], **how})


def post(url: str, body: bytes = b"{}", **how) -> Delivery:
    return sender(**how).send(parse_webhook_url(url), {"webhook-id": "e1"}, body)


def named(server: ScriptedServer, name: str) -> str:
    """The server's URL under another host name."""
    return server.url.replace("127.0.0.1", name)


def test_the_very_body_arrives_at_path_and_query_under_the_hosts_own_name(server) -> None:
    server.says(Said(201, "收到\n".encode()))
    body = '{"fee":1,"x":"茶"}'.encode()
    assert post(named(server, "shop.example") + "/a%2Fb?token=t&x", body) == Delivery(201, "收到")
    [heard] = server.heard
    assert (heard.method, heard.target, heard.body) == ("POST", "/a%2Fb?token=t&x", body)
    assert heard.headers == {
        "host": f"shop.example:{urlsplit(server.url).port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "payment-cli",
        "connection": "close",
        "webhook-id": "e1",
    }


@pytest.mark.parametrize("status", [204, 299, 199, 300, 302, 400, 410, 500, 503])
def test_only_2xx_is_an_acknowledgement(server, status: int) -> None:
    server.says(Said(status, b"" if status == 204 else b"words"))
    delivery = post(server.url)
    assert (delivery.status, delivery.is_taken) == (status, 200 <= status < 300)


def test_a_redirect_is_not_followed(server) -> None:
    with scripted_server() as inner:
        server.says(Said(307, b"", {"Location": f"{inner.url}/internal"}))
        assert post(server.url) == Delivery(307, "")
        assert inner.connections == 0


def test_a_private_address_gets_no_connection_unless_allowed(server) -> None:
    refused = post(named(server, "shop.example"), allow_private=False)
    assert refused.status == 0
    assert "shop.example has the address 127.0.0.1, which is not public" in refused.said
    assert "allow_private_webhooks" in refused.said
    assert server.connections == 0


def test_the_call_goes_to_the_address_that_was_checked_whatever_the_name_means_next(server) -> None:
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    asked, reached = [], []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    def connect(address: tuple[str, int], _seconds: float) -> socket.socket:
        reached.append(address)
        return socket.create_connection(("127.0.0.1", address[1]))

    url = named(server, "shop.example")
    how = {"allow_private": False, "lookup": rebinding, "connect": connect}
    assert post(url, **how).is_taken
    assert (asked, reached) == (["shop.example"], [(PUBLIC, urlsplit(server.url).port)])
    assert not post(url, **how).is_taken
    assert len(reached) == 1


def test_the_next_address_of_a_host_is_tried_where_the_first_takes_no_connection(server) -> None:
    def connect(address: tuple[str, int], seconds: float) -> socket.socket:
        if address[0] == "::1":
            raise ConnectionRefusedError(111, "Connection refused")
        return socket.create_connection(address, seconds)

    assert post(server.url, lookup=lambda *_: ["::1", "127.0.0.1"], connect=connect).is_taken


def test_proxies_of_the_environment_are_not_used(server, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert post(server.url).is_taken


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (How.SILENCE, TOO_LATE),
        (How.DRIP_HEADERS, TOO_LATE),
        (How.HANG_UP, Delivery(0, "its answer is no HTTP (RemoteDisconnected)")),
        (How.DRIP, Delivery(200, "")),
        (How.OPEN_END, Delivery(200, "")),
    ],
)
def test_the_status_decides_and_nothing_lasts_longer_than_its_limit(server, how, expected) -> None:
    server.says(Said(200, b"x" * 2000, how=how))
    limit_s = 1.0 if expected.is_taken else 0.3  # time for the status, on a busy machine, too
    assert post(server.url, time_limit_s=limit_s) == expected


def test_of_a_huge_answer_only_the_beginning_is_read(server) -> None:
    server.says(Said(200, b"y" * 20_000_000))
    assert post(server.url) == Delivery(200, "y" * 4096)


def test_what_cannot_be_reached_is_said_without_the_url(server) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/?canary"
        assert post(url) == Delivery(0, "Connection refused")
    assert post(url, lookup=unknown) == Delivery(0, "its host is not known")
    assert post(url, lookup=lambda *_: []) == Delivery(0, "its host is not known")
    server.answer = lambda _heard: Said(200, b"", {"a": "b" * 70_000})
    assert post(server.url) == Delivery(0, "its answer is no HTTP (LineTooLong)")


def test_a_name_that_is_looked_up_too_slowly_is_left_behind_and_never_called() -> None:
    found, reached = threading.Event(), []
    before = set(threading.enumerate())

    def slow(_host: str, _port: int) -> list[str]:
        found.wait(30)
        return ["127.0.0.1"]

    def connect(address: tuple[str, int], _seconds: float) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    assert post("http://a.example/", lookup=slow, connect=connect, time_limit_s=0.1) == TOO_LATE
    found.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert reached == []


def test_a_bug_is_raised_where_somebody_sees_it() -> None:
    def broken(_host: str, _port: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post("http://a.example/", lookup=broken)


class TestTls:
    def test_the_certificate_is_checked_for_the_name_not_the_address(self, tmp_path) -> None:
        context, ca_file = tls_server(tmp_path, "shop.example")
        names = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        with scripted_server(context) as server:
            url = named(server, "shop.example")
            assert post(url, ca_file=ca_file) == Delivery(200, "")
            assert names == ["shop.example"]
            other = post(named(server, "other.example"), ca_file=ca_file)
            assert other.status == 0
            assert "certificate is not trusted: Hostname mismatch" in other.said
            assert len(server.heard) == 1

    def test_a_certificate_nobody_vouches_for_gets_nothing(self, tmp_path) -> None:
        context, _ = tls_server(tmp_path, "shop.example")
        with scripted_server(context) as server:
            refused = post(named(server, "shop.example"))
            assert refused == Delivery(0, "its certificate is not trusted: self-signed certificate")
            assert server.heard == []

    def test_a_plain_server_on_a_tls_address_gets_nothing(self, server) -> None:
        assert post(server.url.replace("http:", "https:")).status == 0
        assert server.heard == []

    def test_a_server_that_never_shakes_hands_is_left(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = f"https://127.0.0.1:{mute.getsockname()[1]}/"
            assert post(url, time_limit_s=0.2) == TOO_LATE

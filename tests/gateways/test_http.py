import ipaddress
import logging
import os
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from payment_cli.gateways.http import ClientCert, HttpCall, HttpReply, NoAnswerError, NotSentError
from payment_cli.gateways.http_transport import TRIES_MAX, HttpTransport
from payment_cli.model.secret import Secret
from tests.support.http_server import How, Said, scripted_server
from tests.support.lacks import needs_prctl

CANARY = "canary-7f3a9"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def transport(pauses):
    made = HttpTransport(pause=pauses.append)
    yield made
    made.close()


def a_closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_the_very_bytes_arrive_and_come_back(server, transport):
    body = '{"b": 1, "a":"微信 / é"}'.encode()
    server.says(Said(201, b"\x00\xff raw", {"X-Number": "7"}))

    reply = transport.send(
        HttpCall("POST", f"{server.url}/v3/x?b=2&a=%2F", {"Authorization": "s", "X": "1"}, body)
    )

    assert reply == HttpReply(201, {"content-length": "6", "x-number": "7"}, b"\x00\xff raw")
    heard = server.heard[0]
    assert (heard.method, heard.target, heard.body) == ("POST", "/v3/x?b=2&a=%2F", body)
    assert heard.headers["authorization"] == "s"
    assert heard.headers["accept-encoding"] == "identity"


def test_a_get_has_no_body_and_a_204_no_content(server, transport):
    server.says(Said(204))
    assert transport.send(HttpCall("GET", server.url)).body == b""
    assert "content-length" not in server.heard[0].headers


def test_connections_are_used_again(server, transport):
    for _ in range(3):
        transport.send(HttpCall("POST", server.url, {}, b"x"))
    assert (len(server.heard), server.connections) == (3, 1)


def test_a_refused_connection_was_never_sent_and_is_tried_three_times(transport, pauses):
    with pytest.raises(NotSentError, match="refused"):
        transport.send(HttpCall("POST", f"http://127.0.0.1:{a_closed_port()}", {}, b"x"))
    assert len(pauses) == TRIES_MAX - 1


@pytest.mark.parametrize(("takes_s", "tries"), [(0, 3), (2, 2), (2.9, 1), (5, 1)])
def test_all_tries_share_the_time_limit_of_one_call(mocker, takes_s, tries):
    """A host that swallows connections must not hold a callback three times as long as it may."""
    clock, limits = [0.0], []

    class Silent:
        def __init__(self, _ca_file):
            pass

        def fetch(self, call):
            limits.append((clock[0], call.timeout_s))
            clock[0] += takes_s
            raise NotSentError("no connection")

    mocker.patch("payment_cli.gateways.http_session.Sessions", Silent)

    def pause(seconds):
        clock[0] += seconds

    transport = HttpTransport(pause=pause, monotonic=lambda: clock[0])
    with pytest.raises(NotSentError):
        transport.send(HttpCall("GET", "http://192.0.2.1/", timeout_s=3.0))
    assert len(limits) == tries
    assert [begun + limit for begun, limit in limits] == pytest.approx([3.0] * tries)


def test_all_addresses_of_a_host_share_the_time_limit_of_one_connection(transport, mocker):
    """Providers have several; where packets are swallowed each would cost the whole limit."""
    clock, tried = [0.0], []

    def swallowed(address, timeout, **_settings):
        tried.append((address[0], timeout))
        clock[0] += min(timeout, 2.0)
        raise TimeoutError

    many = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 80)) for n in range(1, 9)]
    mocker.patch("socket.getaddrinfo", return_value=many)
    mocker.patch("urllib3.util.connection.create_connection", side_effect=swallowed)
    mocker.patch("payment_cli.gateways.http_session.monotonic", side_effect=lambda: clock[0])
    with pytest.raises(NotSentError):
        transport._send_once(HttpCall("GET", "http://provider.test/", timeout_s=3.0))
    assert tried == [("127.0.0.1", 3.0), ("127.0.0.2", 1.0)]
    assert clock[0] == 3.0


def test_a_host_whose_first_address_refuses_is_reached_at_the_next(server, transport, mocker):
    port = int(server.url.rpartition(":")[2])
    places = (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")  # the server has the second
    found = [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for kind, address in places]
    real = socket.getaddrinfo
    mocker.patch(
        "socket.getaddrinfo",
        side_effect=lambda host, *rest, **kind: (
            found if host == "provider.test" else real(host, *rest, **kind)
        ),
    )
    server.says(Said(200, b"here"))
    url = f"http://provider.test:{port}/"
    assert transport.send(HttpCall("GET", url, timeout_s=3.0)).body == b"here"
    assert server.heard[0].headers["host"] == f"provider.test:{port}"


def test_a_server_that_comes_up_between_tries_is_reached():
    port = a_closed_port()
    with ExitStack() as running:

        def start(_seconds):
            servers.append(running.enter_context(scripted_server(port=port)))

        servers = []
        transport = HttpTransport(pause=start)
        reply = transport.send(HttpCall("POST", f"http://127.0.0.1:{port}", {}, b"x"))
        transport.close()
        assert (reply.status, len(servers), len(servers[0].heard)) == (200, 1, 1)


def test_an_unknown_host_was_never_sent(transport, mocker):
    mocker.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "Name not known"))
    with pytest.raises(NotSentError):
        transport.send(HttpCall("POST", "https://pay.invalid/", {}, b"x"))


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/", "http://[::1/", "http://a b/"])
def test_a_url_that_is_none_was_never_sent(transport, url):
    with pytest.raises(NotSentError):
        transport.send(HttpCall("POST", url, {}, b"x"))


@pytest.mark.parametrize("how", [How.SILENCE, How.HANG_UP, How.CUT, How.DRIP, How.DRIP_HEADERS])
def test_what_may_have_arrived_is_sent_once_only(server, transport, pauses, how):
    server.says(Said(200, b"y" * 400, how=how))
    with pytest.raises(NoAnswerError):
        transport.send(HttpCall("POST", server.url, {}, b"x", timeout_s=0.3))
    assert (len(server.heard), pauses) == (1, [])


@pytest.mark.parametrize("how", [How.HANG_UP, How.CUT])
def test_a_broken_connection_is_called_one(server, transport, how):
    server.says(Said(200, b"y" * 400, how=how))
    with pytest.raises(NoAnswerError, match="the connection broke off"):
        transport.send(HttpCall("POST", server.url, {}, b"x"))


def test_a_body_that_ends_with_the_connection_can_not_pass_for_whole_at_the_deadline(
    server, transport
):
    server.says(Said(200, b"half of it", how=How.OPEN_END))
    with pytest.raises(NoAnswerError):  # on a busy machine even the head may not come in time
        transport.send(HttpCall("GET", server.url, timeout_s=0.3))


def test_an_answer_may_be_as_long_as_allowed_and_no_longer(server, transport):
    server.says(Said(200, b"y" * 100))
    assert len(transport.send(HttpCall("GET", server.url, body_max=100)).body) == 100
    with pytest.raises(NoAnswerError, match="longer than 99 bytes"):
        transport.send(HttpCall("GET", server.url, body_max=99))


def test_redirects_come_back_as_they_are(server, transport):
    server.says(Said(302, b"", {"Location": f"{server.url}/elsewhere"}))
    assert transport.send(HttpCall("GET", server.url)).status == 302
    assert len(server.heard) == 1


def test_compressed_answers_are_not_unpacked(server, transport):
    server.says(Said(200, b"\x1f\x8bnot really", {"Content-Encoding": "gzip"}))
    assert transport.send(HttpCall("GET", server.url)).body == b"\x1f\x8bnot really"


def test_netrc_does_not_replace_our_authorization(server, transport, monkeypatch):
    netrc = Path.home() / ".netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    netrc.chmod(0o600)
    transport.send(HttpCall("GET", server.url, {"Authorization": "ours"}))
    assert server.heard[0].headers["authorization"] == "ours"


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(server, transport, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{a_closed_port()}")
    assert transport.send(HttpCall("GET", server.url)).status == 200


def test_cookies_are_not_kept(server, transport):
    server.says(Said(200, b"", {"Set-Cookie": "a=b"}))
    for _ in range(2):
        transport.send(HttpCall("GET", server.url))
    assert "cookie" not in server.heard[1].headers


class Authority:
    """Makes certificates for tests of TLS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("authority", self._key, is_authority=True)
        self.ca_file = str(folder / "ca.pem")
        Path(self.ca_file).write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def pair(self, name: str) -> tuple[str, str]:
        """A certificate and its key, as PEM texts."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return self._sign(name, key).public_bytes(Encoding.PEM).decode(), pem

    def server_context(self, *, asks_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        place = self._folder / "server.pem"
        place.write_text("".join(self.pair("server")))
        context.load_cert_chain(place)
        if asks_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context

    def _sign(self, name, key, *, is_authority=False):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(self._key, SHA256())
        )


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_a_server_we_trust_is_spoken_to(authority):
    with scripted_server(authority.server_context()) as script:
        transport = HttpTransport(ca_file=authority.ca_file)
        assert transport.send(HttpCall("GET", script.url)).status == 200
        transport.close()


def test_a_certificate_we_do_not_trust_gets_nothing(authority, transport):
    with scripted_server(authority.server_context()) as script:
        with pytest.raises(NotSentError, match="CERTIFICATE_VERIFY_FAILED"):
            transport.send(HttpCall("POST", script.url, {}, b"x"))
        assert script.heard == []


def test_a_plain_server_on_a_tls_address_gets_nothing(server, transport):
    with pytest.raises(NotSentError, match="no TLS"):
        transport.send(HttpCall("POST", server.url.replace("http:", "https:"), {}, b"x"))
    assert server.heard == []


@needs_prctl  # Linux has files of memory
def test_the_key_of_mutual_tls_is_never_on_a_disk(authority, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    cert, key = authority.pair("merchant")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with scripted_server(authority.server_context(asks_client=True)) as script:
        transport = HttpTransport(ca_file=authority.ca_file)
        call = HttpCall("POST", script.url, {}, b"x", client_cert=ClientCert(cert, Secret(key)))
        assert transport.send(call).status == 200
        transport.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_mutual_tls_shows_the_certificate_and_leaves_no_key_on_disk(
    authority, tmp_path, monkeypatch
):
    """Where a system has no files of memory."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cert, key = authority.pair("merchant")
    with scripted_server(authority.server_context(asks_client=True)) as script:
        transport = HttpTransport(ca_file=authority.ca_file)
        call = HttpCall("POST", script.url, {}, b"x", client_cert=ClientCert(cert, Secret(key)))
        assert transport.send(call).status == 200
        with pytest.raises((NotSentError, NoAnswerError)):
            transport.send(HttpCall("POST", script.url, {}, b"x", timeout_s=5))
        transport.close()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_client_certificate_with_another_key_is_refused_before_anything_is_sent(
    authority, transport, server
):
    cert, _ = authority.pair("merchant")
    _, other_key = authority.pair("merchant")
    pair = ClientCert(cert, Secret(other_key))
    with pytest.raises(NotSentError, match="don't fit together"):
        transport.send(HttpCall("POST", server.url, {}, b"x", client_cert=pair))


def test_nothing_secret_is_logged_nor_in_errors_nor_in_reprs(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    body = f'{{"auth_code":"{CANARY}","description":"tea"}}'.encode()
    call = HttpCall(
        "POST", f"{server.url}/gateway.do?sign={CANARY}&x=1", {"Authorization": CANARY}, body
    )
    server.says(
        Said(200, f'{{"openid":"{CANARY}","code_url":"weixin://x"}}'.encode(), {"X-A": CANARY}),
        Said(200, body, how=How.HANG_UP),
    )
    reply = transport.send(call)
    with pytest.raises(NoAnswerError) as no_answer:
        transport.send(call)
    with pytest.raises(NotSentError) as not_sent:
        transport.send(HttpCall("GET", f"http://127.0.0.1:{a_closed_port()}/?sign={CANARY}"))

    written = caplog.text + repr(call) + repr(reply)
    for error in (no_answer.value, not_sent.value):
        chain = [error, error.__cause__, error.__context__]
        written += "".join(str(link) + repr(link) for link in chain)
    assert CANARY not in written
    assert "weixin://x" in caplog.text
    assert "tea" in caplog.text


def test_nothing_is_logged_above_debug(server, transport, caplog):
    caplog.set_level(logging.INFO)
    transport.send(HttpCall("GET", server.url))
    assert caplog.text == ""


def test_loading_the_adapters_loads_no_heavy_module():
    code = (
        "import sys, payment_cli.gateways.wechat.gateway, payment_cli.gateways.free\n"
        "heavy = ('requests', 'cryptography', 'urllib3', '_ssl', '_hashlib', 'xml.etree')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

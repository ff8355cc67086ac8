"""What every gateway owes its callers (payment_cli/gateways/base.py), as tests.

A provider's test file subclasses `GatewayContract` and gives the fixture `side`: the provider's
other side on loopback, speaking through a `ScriptedServer`.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.gateways.base import (
    Answer,
    Gateway,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    SendRequest,
)
from payment_cli.gateways.http import HttpCall, HttpReply, Transport
from payment_cli.gateways.http_transport import HttpTransport
from payment_cli.model.secret import Secret
from tests.support.http_server import How, Said, ScriptedServer, scripted_server

ORDER_NO = "0199f3a0c0de7000800000000000c0de"
OTHER_NO = "0199f3a0c0de7000800000000000beef"
FEE = 2300


class Side(Protocol):
    """A provider's other side. Answers and callbacks are genuine unless spoiled."""

    #: A pay type of orders with a callback, one of scans, and the one that is checked and closed.
    order_tp: str
    scan_tp: str
    asked_tp: str
    #: What must never be logged or shown, whatever happens.
    secrets: tuple[str, ...]

    def gateway(self, url: str, transport: Transport) -> Gateway: ...

    def auth_code(self) -> str: ...

    def send_ok(self) -> Said:
        """The answer to an order that was placed."""

    def paid(self, verb: str, order_no: str, fee: int) -> Said:
        """The answer to "check" or to the "send" of a scan: paid."""

    def failed(self, order_no: str) -> Said:
        """The answer to a check: never to be paid."""

    def waiting(self, order_no: str) -> Said: ...

    def error(self) -> Said:
        """An error answer without signature, about our request."""

    def forged(self, said: Said) -> Said:
        """The same answer signed by somebody else."""

    def unsigned(self, said: Said) -> Said: ...

    def callback(self, order_no: str, fee: int) -> HttpRequest: ...


class HastyTransport:
    """The real network with short time limits, so that silence is over soon."""

    def __init__(self) -> None:
        self.inner = HttpTransport(pause=lambda _seconds: None)

    def send(self, call: HttpCall) -> HttpReply:
        return self.inner.send(replace(call, timeout_s=1.0))


@dataclass
class Bench:
    """A gateway, the server it speaks to, and what is asked of it."""

    side: Side
    server: ScriptedServer
    gateway: Gateway

    def ask(self, verb: str) -> Answer:
        """Let the gateway "send", "scan", "check" or "close"."""
        if verb in ("send", "scan"):
            return self._place(self.side.scan_tp if verb == "scan" else self.side.order_tp)
        order = OrderRef(ORDER_NO, self.side.asked_tp, FEE, "CNY", send_at=0)
        return self.gateway.check(order) if verb == "check" else self.gateway.close(order)

    def _place(self, pay_tp: str) -> Answer:
        request = a_request(pay_tp)
        code = Secret(self.side.auth_code()) if pay_tp == self.side.scan_tp else None
        self.gateway.validate(request, code)
        return self.gateway.send(request, code)


def a_request(pay_tp: str, **changes: object) -> SendRequest:
    values: dict[str, object] = {
        "payment_id": ORDER_NO,
        "pay_tp": pay_tp,
        "brief": "两杯 coffee",
        "fee": FEE,
        "cur": "CNY",
        "notify_url": f"https://shop.example/pay/re/{pay_tp}/demo/main",
        "expires_at": 1_790_000_600_000,
        **changes,
    }
    return SendRequest(**values)  # type: ignore[arg-type]


FAULTS: dict[str, Said] = {
    "silence": Said(how=How.SILENCE),
    "hang up": Said(how=How.HANG_UP),
    "cut": Said(200, b'{"code":"SUCCESS"}', how=How.CUT),
    "html": Said(200, b"<html>Please log in to this network</html>"),
    "502 html": Said(502, b"<html><h1>Bad Gateway</h1></html>"),
    "500": Said(500),
    "redirect": Said(302, b"", {"Location": "http://127.0.0.1:9/"}),
    "empty": Said(200),
    "204": Said(204),
    "json list": Said(200, b"[]"),
    "broken json": Said(200, b'{"code":"10000"'),
    "not utf-8": Said(200, b'{"a":"\xff"}'),
    "deep json": Said(200, b'{"a":' * 500 + b"1" + b"}" * 500),
    "dtd": Said(200, b'<!DOCTYPE x [<!ENTITY a "b">]><xml><return_code>&a;</return_code></xml>'),
    "huge": Said(200, b"x" * (1024 * 1024 + 1)),
}
VERBS = ("send", "scan", "check", "close")


class GatewayContract:
    """The laws. Subclasses give `side`."""

    @pytest.fixture
    def side(self) -> Side:
        raise NotImplementedError

    @pytest.fixture
    def bench(self, side: Side, caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
        """A bench; afterwards nothing secret may have been logged."""
        caplog.set_level(logging.DEBUG)
        transport = HastyTransport()
        with scripted_server() as server:
            yield Bench(side, server, side.gateway(server.url, transport))
        transport.inner.close()
        assert [secret for secret in side.secrets if secret in caplog.text] == []

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("fault", FAULTS)
    def test_an_answer_that_says_nothing_decides_nothing(
        self, bench: Bench, fault: str, verb: str
    ) -> None:
        bench.server.says(FAULTS[fault])
        answer = bench.ask(verb)
        assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)
        assert answer.message
        shown = repr(answer)
        assert [secret for secret in bench.side.secrets if secret in shown] == []

    @pytest.mark.parametrize("verb", ["send", "scan"])
    def test_a_send_that_may_have_arrived_is_sent_once(self, bench: Bench, verb: str) -> None:
        bench.server.says(FAULTS["hang up"])
        bench.ask(verb)
        assert len(bench.server.heard) == 1

    @pytest.mark.parametrize(
        ("verb", "outcome"),
        [
            ("send", Outcome.REFUSED),
            ("scan", Outcome.REFUSED),
            ("check", Outcome.UNKNOWN),
            ("close", Outcome.UNKNOWN),
        ],
    )
    def test_what_never_arrived_created_nothing(
        self, side: Side, verb: str, outcome: Outcome
    ) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            transport = HastyTransport()
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            bench = Bench(side, ScriptedServer(), side.gateway(url, transport))
            answer = bench.ask(verb)
        assert answer.outcome is outcome
        assert "refused" in answer.message

    def test_an_order_that_was_placed_waits(self, bench: Bench) -> None:
        bench.server.says(bench.side.send_ok())
        answer = bench.ask("send")
        assert answer.outcome is Outcome.WAITING
        assert answer.re_tp is not None
        assert answer.re_obj

    @pytest.mark.parametrize("spoil", ["forged", "unsigned"])
    def test_an_order_placed_by_a_liar_shows_the_payer_nothing(
        self, bench: Bench, spoil: str
    ) -> None:
        bench.server.says(getattr(bench.side, spoil)(bench.side.send_ok()))
        answer = bench.ask("send")
        assert (answer.outcome, answer.re_obj) == (Outcome.UNKNOWN, None)

    @pytest.mark.parametrize("verb", ["check", "scan"])
    def test_money_is_reported_as_the_provider_says_it(self, bench: Bench, verb: str) -> None:
        said = "check" if verb == "check" else "send"
        bench.server.says(bench.side.paid(said, ORDER_NO, FEE))
        answer = bench.ask(verb)
        assert answer.outcome is Outcome.PAID
        assert answer.paid is not None
        assert (answer.paid.order_no, answer.paid.fee, answer.paid.cur) == (ORDER_NO, FEE, "CNY")
        assert answer.paid.trade_no
        assert answer.paid.paid_at > 0

    @pytest.mark.parametrize("verb", ["check", "scan"])
    @pytest.mark.parametrize("spoil", ["forged", "unsigned"])
    def test_money_by_the_word_of_a_liar_is_no_money(
        self, bench: Bench, verb: str, spoil: str
    ) -> None:
        said = "check" if verb == "check" else "send"
        bench.server.says(getattr(bench.side, spoil)(bench.side.paid(said, ORDER_NO, FEE)))
        answer = bench.ask(verb)
        assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)

    def test_another_amount_is_reported_as_it_is(self, bench: Bench) -> None:
        bench.server.says(bench.side.paid("check", ORDER_NO, FEE - 1))
        paid = bench.ask("check").paid
        assert paid is not None
        assert paid.fee == FEE - 1

    def test_another_orders_failure_is_not_ours(self, bench: Bench) -> None:
        bench.server.says(bench.side.failed(OTHER_NO))
        assert bench.ask("check").outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize("spoil", ["forged", "unsigned"])
    def test_a_failure_by_the_word_of_a_liar_is_no_failure(self, bench: Bench, spoil: str) -> None:
        bench.server.says(getattr(bench.side, spoil)(bench.side.failed(ORDER_NO)))
        assert bench.ask("check").outcome is Outcome.UNKNOWN

    def test_a_check_knows_waiting_from_failed(self, bench: Bench) -> None:
        bench.server.says(bench.side.waiting(ORDER_NO), bench.side.failed(ORDER_NO))
        assert bench.ask("check").outcome is Outcome.WAITING
        assert bench.ask("check").outcome is Outcome.FAILED

    @pytest.mark.parametrize("verb", ["scan", "check", "close"])
    def test_an_unsigned_error_is_shown_and_decides_nothing(self, bench: Bench, verb: str) -> None:
        bench.server.says(bench.side.error())
        answer = bench.ask(verb)
        assert answer.outcome is Outcome.UNKNOWN
        assert answer.code or answer.message
        assert [secret for secret in bench.side.secrets if secret in repr(answer)] == []

    def test_an_unsigned_error_refuses_an_order_at_most(self, bench: Bench) -> None:
        bench.server.says(bench.side.error())
        assert bench.ask("send").outcome in (Outcome.REFUSED, Outcome.UNKNOWN)

    def test_a_true_callback_says_so_every_time(self, bench: Bench) -> None:
        request = bench.side.callback(ORDER_NO, FEE)
        first, second = bench.gateway.complete(request), bench.gateway.complete(request)
        assert first == second
        assert first.order_no == ORDER_NO
        assert first.answer.outcome is Outcome.PAID
        assert first.answer.paid is not None
        assert (first.answer.paid.order_no, first.answer.paid.fee) == (ORDER_NO, FEE)

    def test_a_callback_changed_anywhere_never_says_paid(self, bench: Bench) -> None:
        request = bench.side.callback(ORDER_NO, FEE)
        true = bench.gateway.complete(request)

        @settings(
            max_examples=150,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
            deadline=None,
        )
        @given(mutations(request))
        def changed(mutant: HttpRequest) -> None:
            notice = completed(bench.gateway.complete, mutant)
            assert notice in (None, true), "a changed message said something else"

        changed()

    def test_a_callback_without_its_signature_is_refused(self, bench: Bench) -> None:
        request = bench.side.callback(ORDER_NO, FEE)
        bare = replace(request, headers={}, body=request.body.replace(b"sign", b"nosign"))
        assert completed(bench.gateway.complete, bare) is None

    def test_garbage_is_refused_and_acknowledged_as_refused(self, bench: Bench) -> None:
        request = bench.side.callback(ORDER_NO, FEE)
        for body in (b"", b"{}", b"[]", b"<xml>", b"\xff\xfe", b"a=b", b"x" * 100_000, b'{"a":'):
            mutant = replace(request, body=body)
            assert completed(bench.gateway.complete, mutant) is None
            assert bench.gateway.acknowledge(mutant, "refused").body
            assert bench.gateway.acknowledge(mutant) != bench.gateway.acknowledge(mutant, "no")

    def test_secrets_are_not_in_the_gateways_repr(self, bench: Bench) -> None:
        account = getattr(bench.gateway, "_account", None)
        shown = repr(bench.gateway) + repr(account) + str(account)
        assert [secret for secret in bench.side.secrets if secret in shown] == []


def completed(complete: Callable[[HttpRequest], Notice], request: HttpRequest) -> Notice | None:
    """What a callback says, None if it is refused as it should be."""
    try:
        return complete(request)
    except (UntrustedError, InvalidValueError):
        return None


@st.composite
def mutations(draw: st.DrawFn, request: HttpRequest) -> HttpRequest:
    """The request with one byte of the body or of a header changed, dropped or doubled."""
    names = [name for name in sorted(request.headers) if name.startswith("wechatpay-")]
    place = draw(st.sampled_from(["", "", *names]))
    data = request.headers[place].encode("latin-1") if place else request.body
    at = draw(st.integers(0, len(data) - 1))
    put = draw(
        st.sampled_from([b"", data[at : at + 1] * 2, b"0", b"A", b"\n", b'"', b"=", b"\xff"])
    )
    changed = data[:at] + put + data[at + 1 :]
    if place:
        headers = {**request.headers, place: changed.decode("latin-1")}
        return replace(request, headers=headers)
    return replace(request, body=changed)

"""The WSGI application: which provider a request is for, and what goes wrong on its way.

The transport's misbehaviours are here: late, lost, broken and dripping answers. What a message
says wrongly is made where the message is made.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from payment_cli.sandbox import cashier, control, pages
from payment_cli.sandbox.alipay import orders as alipay
from payment_cli.sandbox.exchange import RefusalError, Reply, Request, json_reply, read_request
from payment_cli.sandbox.kinds import KINDS
from payment_cli.sandbox.misbehaviour import ANSWER, Rule
from payment_cli.sandbox.notifier import Notifier
from payment_cli.sandbox.wechat import h5
from payment_cli.sandbox.wechat import v2 as wechat_v2
from payment_cli.sandbox.wechat import v3 as wechat_v3
from payment_cli.sandbox.world import Call, World, machine_clock, open_world

Identify = Callable[[Request], tuple[str, str]]
Answer = Callable[[Call], Reply]
NOT_FOUND = {"code": "RESOURCE_NOT_EXISTS", "message": "the sandbox plays no such service"}
HTML_PAGE = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


class Sandbox:
    """One sandbox: call it as a WSGI application, or use `control` in the same process."""

    def __init__(self, world: World) -> None:
        """Play the providers of `world`. Nothing is delivered before `notifier.start()`."""
        self.world = world
        self.notifier = Notifier(world)
        self.control = control.Control(world, self.notifier)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        try:
            request = read_request(environ)
        except RefusalError as refusal:
            said = {"code": refusal.code, "message": refusal.message}
            return _start(json_reply(refusal.status, said), start_response)
        if request.path.startswith("/sandbox/"):
            return _start(control.answer(self.control, request), start_response)
        players = _players(self.world, request.path)
        if players is None:
            return _start(json_reply(404, NOT_FOUND), start_response)
        identify, answer, api = players
        operation, number = identify(request)
        rule = self.world.rules.take(ANSWER, number, operation, api)
        reply = self._answer(request, answer, rule)
        self._log(request, operation, number, reply, rule)
        return self._transmit(reply, rule, environ, start_response)

    def close(self) -> None:
        """Stop delivering and close the ledger."""
        self.notifier.stop()
        self.world.ledger.close()

    def _answer(self, request: Request, answer: Answer, rule: Rule | None) -> Reply:
        kind = rule.kind if rule else ""
        failed = json_reply(500, {"code": "SYSTEM_ERROR", "message": "系统错误"})
        failed.outcome = kind
        if kind in ("timeout-before", "error-before"):
            return failed
        reply = answer(Call(self.world, request, kind, rule is not None and rule.is_unsigned))
        if kind == "error-after":
            return failed
        if kind == "html":
            return Reply(200, "text/html", HTML_PAGE, outcome=reply.outcome)
        return reply

    def _transmit(
        self,
        reply: Reply,
        rule: Rule | None,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        kind = rule.kind if rule else ""
        if rule and kind in ("timeout-before", "timeout-after"):
            self.world.stopping.wait(rule.hold_s)
            _hang_up(environ)
        if kind == "truncated":
            _start(reply, start_response)
            return [reply.body[: len(reply.body) // 2]]
        if rule and kind == "slow":
            _start(reply, start_response)
            return self._drip(reply.body, rule.hold_s)
        return _start(reply, start_response)

    def _drip(self, body: bytes, hold_s: float) -> Iterator[bytes]:
        for position in range(len(body)):
            self.world.stopping.wait(hold_s / len(body))
            yield body[position : position + 1]

    def _log(
        self, request: Request, operation: str, number: str, reply: Reply, rule: Rule | None
    ) -> None:
        self.world.ledger.add_request(
            {
                "at": self.world.now(),
                "method": request.method,
                "path": request.path,
                "operation": operation,
                "out_trade_no": number,
                "status": reply.status,
                "outcome": reply.outcome,
                "flaw": rule.kind if rule else "",
            }
        )


def make_app(
    state: Path, *, speed: float = 1.0, clock: Callable[[], int] = machine_clock
) -> Sandbox:
    """Open the sandbox whose state is in the folder `state`, for use in this process.

    Call `close` when done. `clock` returns AMS; `speed` divides the providers' waiting times.
    """
    return Sandbox(open_world(state, KINDS, speed=speed, clock=clock))


def _players(world: World, path: str) -> tuple[Identify, Answer, str] | None:
    """Return who reads and who answers a request, and whose API it is ("" for a page)."""
    if path.startswith("/v3/"):
        return wechat_v3.identify, wechat_v3.answer, "v3"
    if path in wechat_v2.PATHS:
        return wechat_v2.identify, wechat_v2.answer, "v2"
    if path == "/gateway.do":
        return alipay.identify, alipay.answer, "alipay"
    if path == h5.PATH:
        return partial(h5.identify, world), h5.answer, ""
    if path.startswith(pages.PATH):
        return partial(cashier.identify, world), cashier.answer, ""
    return None


def _start(reply: Reply, start_response: Callable[..., Any]) -> list[bytes]:
    headers = dict(reply.headers)
    if reply.status != 204:
        headers["Content-Type"] = reply.content_type
        headers["Content-Length"] = str(len(reply.body))
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
    return [reply.body]


def _hang_up(environ: dict[str, Any]) -> None:
    # Only our own server hands over the connection; elsewhere the late answer has to do.
    connection = environ.get("sandbox.connection")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)

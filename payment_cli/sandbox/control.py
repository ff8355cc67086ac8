"""The door behind the counter: scanning, misbehaving and looking at the ledger, by HTTP.

Every request needs the token of the state folder, so that only who may read that folder can play
the payer.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from payment_cli.sandbox.browser import order_of_browser, order_of_link
from payment_cli.sandbox.exchange import (
    Json,
    Reply,
    Request,
    SandboxError,
    json_reply,
    last_segment,
)
from payment_cli.sandbox.notifier import Notifier
from payment_cli.sandbox.payer import Gesture, scan
from payment_cli.sandbox.private_file import read_private, write_private
from payment_cli.sandbox.world import World

#: How long a scan waits for the first delivery of its notification.
DELIVERY_WAIT_S = 10.0
STATUSES = {"invalid": 400, "not found": 404, "conflict": 409, "damaged": 500}


class Control:
    """What an operator may do to a sandbox."""

    def __init__(self, world: World, notifier: Notifier, token: str = "") -> None:
        """Control `world`; without a `token` nothing gets in by HTTP."""
        self._world = world
        self._notifier = notifier
        self.token = token

    def scan(self, ref: str, *, wait_s: float = DELIVERY_WAIT_S, **gesture: Any) -> Json:
        """Let the payer act (see payer.Gesture), wait for the notification's first delivery.

        `ref` may also be the JSON that a page hands to WeChat's browser, or a link of Alipay
        (which opens its trade); the signature is checked as the provider checks it. Returns the
        order and the notification (or None).

        Raises:
            SandboxError: no such order, or it can't be paid.
        """
        if ref.lstrip().startswith("{"):
            ref = order_of_browser(self._world, ref)
        elif "/gateway.do?" in ref:
            ref = order_of_link(self._world, ref)
        order, notice_id = scan(self._world, ref, Gesture(**gesture))
        if notice_id and wait_s:
            self._notifier.wait_for_delivery(notice_id, wait_s)
        with self._world.ledger.changed:
            notice = self._world.ledger.notices.get(notice_id)
            return {"order": asdict(order), "notification": asdict(notice) if notice else None}

    def misbehave(self, kind: str, **how: Any) -> Json:
        """Ask for a misbehaviour (see Rules.add); return the rule.

        Raises:
            SandboxError: no such kind, or it can't happen there.
        """
        return asdict(self._world.rules.add(kind, **how))

    def behave(self) -> Json:
        """Drop all misbehaviours; return how many there were."""
        return {"dropped": self._world.rules.clear()}

    def rotate(self) -> Json:
        """Sign with a new WeChat platform certificate from now on; return its serial."""
        with self._world.ledger.changed:
            return {"serial_no": self._world.platform.rotate()}

    def drain(self, timeout_s: float = 30.0) -> Json:
        """Wait until no notification is due; say whether that came to be."""
        return {"drained": self._notifier.drain(timeout_s)}

    def ledger(self) -> Json:
        """Return orders, payments, notifications, requests and waiting misbehaviours."""
        return {**self._world.ledger.as_json(), "rules": self._world.rules.as_json()}


def answer(control: Control, request: Request) -> Reply:
    """Answer a request to `/sandbox/…`."""
    if not _is_allowed(control, request):
        return json_reply(403, {"kind": "invalid", "message": "the token is not right"})
    actions: dict[str, Callable[..., Json]] = {
        "scan": control.scan,
        "misbehave": control.misbehave,
        "behave": control.behave,
        "rotate": control.rotate,
        "drain": control.drain,
        "ledger": control.ledger,
    }
    action = actions.get(last_segment(request.path))
    if action is None:
        return json_reply(404, {"kind": "not found", "message": "no such control"})
    try:
        return json_reply(200, action(**request.json_or_empty()))
    except TypeError as error:
        return json_reply(400, {"kind": "invalid", "message": str(error)})
    except SandboxError as error:
        return json_reply(STATUSES[error.kind], {"kind": error.kind, "message": str(error)})


def read_token(state: Path) -> str:
    """Return the token of a state folder, made at the first call."""
    path = state / "token"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return read_private(path)


def _is_allowed(control: Control, request: Request) -> bool:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(control.token) and hmac.compare_digest(given.encode(), control.token.encode())

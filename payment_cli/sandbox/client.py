"""Talking to a sandbox that another process serves: the functions behind `pay sandbox …`.

All find the server by the state folder and raise SandboxError where it refuses.
"""

import http.client
import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from payment_cli.sandbox.control import DELIVERY_WAIT_S, read_token
from payment_cli.sandbox.exchange import Json, SandboxError
from payment_cli.sandbox.payer import Gesture
from payment_cli.sandbox.private_file import read_private, reading

TIMEOUT_S = 60.0


def scan(
    state: Path,
    ref: str,
    *,
    fail: bool = False,
    userpaying: bool = False,
    amount: int | None = None,
    pay_tp: str = "",
    late: bool = False,
    finish: bool = False,
    notice: str = "",
    wait_s: float = DELIVERY_WAIT_S,
) -> Json:
    """Let the payer act on an order: pay, unless told otherwise. See payer.Gesture for the words.

    `ref` is an order number (or six or more characters of its beginning or end), the provider's
    number, a code_url, prepay_id, h5_url or qr_code, the JSON given to WeChat's browser, or a link
    of Alipay. `amount` is fen. Returns `{order, notification}` after the first delivery, or after
    `wait_s` seconds.

    Raises:
        SandboxError: nobody serves, no such order, or it can't be paid.
    """
    gesture = Gesture(
        fail=fail,
        userpaying=userpaying,
        amount=amount,
        pay_tp=pay_tp,
        late=late,
        finish=finish,
        notice=notice,
    )
    return _call(state, "scan", {"ref": ref, "wait_s": wait_s, **asdict(gesture)})


def misbehave(
    state: Path,
    kind: str,
    *,
    where: str = "",
    order: str = "",
    operation: str = "",
    sticky: bool = False,
    hold_s: float = 60.0,
    unsigned: bool = False,
) -> Json:
    """Spoil the next message that fits, or with `sticky` all of them; return the rule.

    `kind` is one of kinds.KINDS, `where` is answer or notice, `order` a whole order
    number, `operation` one of native jsapi h5 codepay micropay precreate pay query close reverse
    cancel certificates notify, and open look press for what a payer's browser does. `hold_s` is
    for timeouts and slow answers. With `unsigned` the answer carries no signature, too.

    Raises:
        SandboxError: nobody serves, or no such misbehaviour.
    """
    return _call(
        state,
        "misbehave",
        {
            "kind": kind,
            "where": where,
            "order": order,
            "operation": operation,
            "sticky": sticky,
            "hold_s": hold_s,
            "unsigned": unsigned,
        },
    )


def behave(state: Path) -> Json:
    """Drop all misbehaviours; return `{dropped}`."""
    return _call(state, "behave", {})


def rotate(state: Path) -> Json:
    """Sign with a new WeChat platform certificate; return `{serial_no}`."""
    return _call(state, "rotate", {})


def drain(state: Path, timeout_s: float = 30.0) -> Json:
    """Wait until no notification is due; return `{drained}`."""
    return _call(state, "drain", {"timeout_s": timeout_s})


def ledger(state: Path) -> Json:
    """Return `{orders, payments, notifications, requests, rules}`."""
    return _call(state, "ledger", {})


def _call(state: Path, action: str, document: Json) -> Json:
    try:
        text = read_private(state / "server.json")
    except FileNotFoundError:
        raise _nobody(state) from None
    with reading(state / "server.json"):
        target = urlsplit(json.loads(text)["url"])
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=TIMEOUT_S)
    headers = {
        "Authorization": f"Bearer {read_token(state)}",
        "Content-Type": "application/json",
    }
    try:
        connection.request("POST", f"/sandbox/{action}", json.dumps(document), headers)
        response = connection.getresponse()
        answer: Json = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):
        # The server died without tidying up; perhaps another program has its port now.
        raise _nobody(state) from None
    finally:
        connection.close()
    if response.status != 200:
        raise SandboxError(answer.get("kind", "unreachable"), answer.get("message", ""))
    return answer


def _nobody(state: Path) -> SandboxError:
    return SandboxError(
        "unreachable", f"no sandbox serves {state}; start one with: pay sandbox serve"
    )

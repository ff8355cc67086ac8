"""`pay sandbox`: WeChat Pay and Alipay played on this machine, and their payer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import (
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    ProviderRefusedError,
)

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.sandbox.exchange import Json

#: Where the sandbox listens, and where `payment serve` does.
DEFAULT_PORT = 8499
DEFAULT_NOTIFY = "http://127.0.0.1:8480/pay/re"


@click.group(
    cls=Group,
    short_help="Play the gateways on this machine.",
    examples=(
        "pay sandbox init",
        "pay sandbox serve &",
        "pay send 3fa9c1 wx.qrcode sandbox",
        "pay sandbox scan 3fa9c1",
        "pay sandbox misbehave timeout-after --operation native",
    ),
)
def sandbox() -> None:
    """WeChat Pay and Alipay on 127.0.0.1, with real signatures: no account, no money, no network.

    Its keys and its ledger are in .sandbox/ of the tree.
    """


@sandbox.command(examples=("pay sandbox init", "pay sandbox init --port 9001"))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    metavar="PORT",
    help=f"Where the sandbox will listen ({DEFAULT_PORT}).",
)
@click.option(
    "--notify",
    metavar="URL",
    help=f"Where it sends callbacks (public_url/pay/re, else {DEFAULT_NOTIFY}).",
)
@json_options
def init(port: int, notify: str | None, printing: Printing) -> None:
    """Write sandbox targets with their keys into your store, and print them.

    They are named sandbox, sandbox-cert (platform certificates) and, for wx.scan by APIv2,
    sandbox-v2. Called again it keeps the keys and writes the two URLs anew.
    """
    from payment_cli.files.authored import home, writing_into
    from payment_cli.gateways.registry import configured_providers
    from payment_cli.sandbox.targets import init as write_targets

    app = current_app()
    domain = app.merchants.own().domain
    for provider in configured_providers():  # the sandbox, which stands alone, follows links
        with writing_into(app.root, domain, ".payment", provider.name):
            pass
    public = app.settings.public_url
    with _errors():
        targets = write_targets(
            home(app.root, domain),
            _state(app),
            base_url=f"http://127.0.0.1:{port}",
            notify_base=notify or (f"{public}/pay/re" if public else DEFAULT_NOTIFY),
        )
    rows = ({"provider": t.provider, "target": t.name, "config": str(t.conf)} for t in targets)
    print_records(rows, printing)


@sandbox.command(examples=("pay sandbox serve", "pay sandbox serve --speed 60"))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    metavar="PORT",
    help=f"Where to listen on 127.0.0.1 ({DEFAULT_PORT}); 0 is any free port.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=100_000),
    default=1.0,
    metavar="TIMES",
    help="How much faster than the providers callbacks are sent again (1).",
)
def serve(port: int, speed: float) -> None:
    """Answer as the providers would and send callbacks on their schedules, until Ctrl-C."""
    from payment_cli.files.safe_files import check_owner
    from payment_cli.sandbox.server import serve as serve_sandbox

    app = current_app()
    check_owner(app.root)
    with _errors():
        serve_sandbox(
            _state(app),
            port=port,
            speed=speed,
            announce=lambda url: tell(f"sandbox at {url.strip()}"),
        )


@sandbox.command(
    examples=(
        "pay sandbox scan 3fa9c1",
        "pay sandbox scan weixin://wxpay/bizpayurl?pr=abc --fail",
        "pay sandbox scan 3fa9c1 --amount 1",
    )
)
@click.argument("ref", metavar="ID|CODE_URL|LINK")
@click.option("--fail", is_flag=True, help="Decline.")
@click.option("--userpaying", is_flag=True, help="Scan, and hesitate.")
@click.option(
    "--amount", type=click.IntRange(min=1), metavar="FEN", help="Pay this, not what was asked."
)
@click.option("--late", is_flag=True, help="Pay although the order is closed.")
@click.option("--finish", is_flag=True, help="Alipay: end the time for refunds.")
@click.option(
    "--notice",
    type=click.Choice(["v2", "sign-type"]),
    default=None,
    help="Another form of callback: WeChat's APIv2, Alipay's with sign_type signed.",
)
@json_options
def scan(ref: str, notice: str | None, printing: Printing, **how: Any) -> None:
    """Be the payer: scan the code or open the link of an order and pay, unless told otherwise."""
    with _errors(ref):
        _print(_scan(current_app(), ref, {**how, "notice": notice or ""}), printing)


@sandbox.command(
    examples=(
        "pay sandbox misbehave bad-signature --where notice",
        "pay sandbox misbehave timeout-after --operation native --hold 5",
        "pay sandbox misbehave --list",
    )
)
@click.argument("kind", metavar="KIND", required=False)
@click.option("--where", type=click.Choice(["answer", "notice"]), help="Which message to spoil.")
@click.option("--order", default="", metavar="ID", help="Only messages about this order.")
@click.option(
    "--operation", default="", metavar="NAME", help="Only this: native, query, close, open, …"
)
@click.option("--sticky", is_flag=True, help="Spoil all that fit, not only the next.")
@click.option("--unsigned", is_flag=True, help="And send that answer without a signature.")
@click.option(
    "--hold",
    "hold_s",
    type=click.FloatRange(min=0, max=3600),
    default=60.0,
    metavar="SECONDS",
    help="How long a timeout or a slow answer takes (60).",
)
@json_options
def misbehave(kind: str | None, where: str | None, printing: Printing, **how: Any) -> None:
    """Spoil the next message that fits; without KIND, list the kinds of misbehaviour."""
    from payment_cli.sandbox import client
    from payment_cli.sandbox.kinds import KINDS

    if kind is None:
        rows = (
            {"kind": name, "where": " or ".join(sorted(row.where)), "what": row.what}
            for name, row in KINDS.items()
        )
        print_records(rows, printing)
        return
    with _errors():
        _print(client.misbehave(_state(current_app()), kind, where=where or "", **how), printing)


@sandbox.command(examples=("pay sandbox behave",))
@json_options
def behave(printing: Printing) -> None:
    """Drop all misbehaviours that were asked for."""
    from payment_cli.sandbox import client

    with _errors():
        _print(client.behave(_state(current_app())), printing)


@sandbox.command(examples=("pay sandbox ledger -c",))
@json_options
def ledger(printing: Printing) -> None:
    """Print the sandbox's own books: orders, payments, callbacks, requests, misbehaviours."""
    from payment_cli.sandbox import client

    with _errors():
        _print(client.ledger(_state(current_app())), printing)


@sandbox.command(examples=("pay sandbox rotate",))
@json_options
def rotate(printing: Printing) -> None:
    """Sign with a new WeChat platform certificate from now on."""
    from payment_cli.sandbox import client

    with _errors():
        _print(client.rotate(_state(current_app())), printing)


@sandbox.command(examples=("pay sandbox drain --timeout 40",))
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, max=50),
    default=30.0,
    metavar="SECONDS",
    help="Wait at most so long (30).",
)
@json_options
def drain(timeout_s: float, printing: Printing) -> None:
    """Wait until no callback is due any more."""
    from payment_cli.sandbox import client

    with _errors():
        _print(client.drain(_state(current_app()), timeout_s), printing)


def _state(app: "App") -> Path:
    return app.root / ".sandbox"


def _scan(app: "App", ref: str, how: dict[str, Any]) -> "Json":
    """Let the payer act on an order; one the sandbox doesn't know yet is opened by its link."""
    from payment_cli.sandbox import client
    from payment_cli.sandbox.exchange import SandboxError

    try:
        return client.scan(_state(app), ref, **how)
    except SandboxError as error:
        link = _link_of(app, ref) if error.kind == "not found" else ""
        if not link:
            raise
    return client.scan(_state(app), link, **how)


def _link_of(app: "App", ref: str) -> str:
    """Return the link of a payment, "" if it has none."""
    from payment_cli.model.payments.pay_type import ReturnType

    try:
        payment = app.payments.get(ref)
    except (InvalidValueError, NotFoundError):
        return ""
    return str(payment.re_obj) if payment.re_tp == ReturnType.LINK else ""


def _print(document: Mapping[str, Any], printing: Printing) -> None:
    print_record(document, printing)


@contextmanager
def _errors(ref: str = "") -> Iterator[None]:
    """Turn the sandbox's own errors, which stand alone, into ours."""
    from payment_cli.sandbox.exchange import SandboxError

    try:
        yield
    except SandboxError as error:
        if error.kind == "not found":
            raise NotFoundError("sandbox order", ref, hint=str(error)) from error
        kinds = {
            "invalid": InvalidValueError, "conflict": ConflictError, "damaged": CorruptRecordError,
        }  # fmt: skip
        raise kinds.get(error.kind, ProviderRefusedError)(str(error)) from error

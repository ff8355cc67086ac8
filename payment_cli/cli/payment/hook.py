"""`payment hook`: the scripts that a store runs for its events."""

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.cli.shell.sweeps import leave_undone
from payment_cli.errors import NotAllowedError


@click.group(
    cls=Group,
    short_help="Scripts for events: run what is due, or again.",
    examples=(
        "payment hook drain -c        # in a crontab; payment tick does it, too",
        "payment owed list            # those that failed, or have no outcome",
        "payment hook again 3fa9c1",
        "payment owed drop 3fa9c1 --reason 'told by phone'",
    ),
)
def hook() -> None:
    """A store's own scripts, ~/.payment/hook/EVENT, run when something happens to an order.

    EVENT is order.paid, order.failed, order.shipped, order.done, order.cancelled, order.expired or
    order.flagged. The script gets the event, the order and the buyer's name, phone and email as
    variables ($PAY_EVENT, $PAY_ORDER_ID, $PAY_BUYER_PHONE) and as JSON on stdin. It runs at most
    once to its end; the order's history says how it came out.
    """


@hook.command(examples=("payment hook drain", "payment hook drain --most 20 -c"))
@click.option(
    "--most", type=click.IntRange(1, 10_000), default=100, metavar="N", help="At most N (100)."
)
@json_options
def drain(most: int, printing: Printing) -> None:
    """Run the hooks that are due, stores taking turns, and print how many were done and failed.

    Exit 24: one could not be run, and is tried again later.
    """
    from payment_cli.files.safe_files import check_owner

    app = current_app()
    check_owner(app.root)
    app.storage.take_damaged()
    ran = app.shop.hooks.drain(most)
    print_record({"done": ran.done, "failed": ran.failed}, printing)
    leave_undone(app, "payment hook drain", ran.undone, ran.news)


@hook.command(examples=("payment hook again 3fa9c1",))
@click.argument("hook_id", metavar="ID")
def again(hook_id: str) -> None:
    """Run the hook ID, of `payment owed list`, that failed or has no outcome.

    Exit 12: it failed again, or may still be running.
    """
    failed = current_app().shop.hooks.again(hook_id)
    if failed is not None:
        raise NotAllowedError(f"hook {failed.id} of {failed.event} failed: {failed.re}")

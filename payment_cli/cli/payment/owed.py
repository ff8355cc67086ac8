"""`payment owed`: steps that a payment called for and that could not be done yet."""

from itertools import islice

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records


@click.group(
    cls=Group,
    short_help="Steps that could not be done yet: list, give up.",
    examples=(
        "payment owed list -bish -t id,what,payment,or_id,tries,re",
        "payment owed drop 3fa9c1 --reason 'the coupon is gone for good'",
    ),
)
def owed() -> None:
    """What followed from a payment and could not be done: a record was missing or damaged.

    The money is recorded all the same. `payment tick` tries each step again, after a minute, two,
    at last every hour (`payment tick --all`: at once); after the record is repaired it is done. One
    that can never be done is given up by hand.
    """


@owed.command("list", examples=("payment owed list", "payment owed list --all -c"))
@click.option("--all", "is_all", is_flag=True, help="Also what nobody has tried yet.")
@click.option(
    "--most", type=click.IntRange(1, 100_000), default=100, metavar="N", help="At most N (100)."
)
@printing_options
def list_owed(is_all: bool, most: int, printing: Printing) -> None:
    """Print what is owed, as a JSON array, longest untried first.

    `what` is the step, `re` why it could not be done the last time, `tries` how often it was tried,
    `next_at` when it is tried again.
    """
    steps = current_app().upkeep.owed.list(failed_only=not is_all)
    print_records(islice(steps, most), printing)


@owed.command(examples=("payment owed drop 3fa9c1 --reason 'done by hand'",))
@click.argument("owed_id", metavar="ID")
@click.option(
    "-reason", "--reason", default="given up", metavar="TEXT", help="Why, for the history."
)
@printing_options
def drop(owed_id: str, reason: str, printing: Printing) -> None:
    """Give up the step ID: it will not be tried again. The payment's history says so."""
    print_record(current_app().upkeep.owed.drop(owed_id, reason), printing)

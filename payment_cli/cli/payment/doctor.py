"""`payment doctor`: what is wrong with settings, keys and the tree, before a payment finds out."""

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.output import flush
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import ConfigError
from payment_cli.model.finding import Level


@click.command(
    cls=Command,
    short_help="Check settings, keys and the tree.",
    examples=(
        "payment doctor",
        "payment doctor -t level,subject,sentence,hint -h",
        "payment doctor --problems",
    ),
)
@click.option("--problems", is_flag=True, help="Only what is not well.")
@printing_options
def doctor(problems: bool, printing: Printing) -> None:
    """Print what every check found: the file system, the storage, each target's config and keys.

    Nothing is sent anywhere and nothing is changed. Exit 40: something will fail or is unsafe.
    """
    findings = current_app().upkeep.doctor.examine()
    rows = (
        {
            "level": str(found.level),
            "subject": found.subject,
            "sentence": found.sentence,
            "hint": found.hint,
        }
        for found in findings
        if not problems or found.level is not Level.OK
    )
    print_records(rows, printing)
    flush()
    errors = [found for found in findings if found.level is Level.ERROR]
    if errors:
        raise ConfigError(f"{len(errors)} of {len(findings)} checks failed")

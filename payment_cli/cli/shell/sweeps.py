"""How a command ends that cron calls: one run at a time, few words, and an exit code that tells.

Cron mails what is said on stderr. So nothing is said there but what is not as it was at the last
run: in one line, what was postponed now and not before, and what could be done at last.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from payment_cli.cli.shell.command import current_app
from payment_cli.cli.shell.output import flush, tell
from payment_cli.errors import PartDoneError
from payment_cli.files.run_lock import only_run

#: So many pieces of news are told in full.
NEWS_MAX = 3

again_option = click.option(
    "--all", "again", is_flag=True, help="Also what is postponed because it failed before."
)


@contextmanager
def sweeping(name: str) -> Iterator[bool]:
    """Be the only run of the sweep `name` for this caller; the block gets whether it is.

    Raises:
        OtherOwnerError: the tree is another user's. OSError: its disk is full or read-only.
    """
    app = current_app()
    whose = "" if app.actor.is_operator else f"-{app.actor.domain}"
    with only_run(app.place, f"{name}{whose}") as is_only:
        yield is_only


def leave_undone(command: str, undone: int, news: Sequence[str]) -> None:
    """Tell the news of a run, and end the command with exit code 24 if a part was not done."""
    flush()
    if news:
        more = f"; and {len(news) - NEWS_MAX} more" if len(news) > NEWS_MAX else ""
        left = f" ({undone} postponed: payment doctor)" if undone else ""
        tell(f"{command}: {'; '.join(news[:NEWS_MAX])}{more}{left}")
    if undone:
        click.get_current_context().exit(PartDoneError.exit_code)

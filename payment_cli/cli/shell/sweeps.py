"""How a command ends that cron calls: one run at a time, few words, and an exit code that tells.

Cron mails what is said on stderr. So nothing is said there but what is not as it was at the last
run: in one line, what was postponed now and not before, and what could be done at last.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.output import flush, tell
from payment_cli.errors import PartDoneError
from payment_cli.files.run_lock import only_run

if TYPE_CHECKING:
    from payment_cli.app import App

#: So many pieces of news are told in full.
NEWS_MAX = 3

again_option = click.option(
    "--all", "again", is_flag=True, help="Also what is postponed because it failed before."
)


@contextmanager
def sweeping(app: "App", name: str) -> Iterator[bool]:
    """Be the only run of the sweep `name` for this caller; the block gets whether it is.

    Raises:
        OtherOwnerError: the tree is another user's. OSError: its disk is full or read-only.
    """
    whose = "" if app.actor.is_operator else f"-{app.actor.domain}"
    with only_run(app.place, f"{name}{whose}") as is_only:
        app.storage.take_damaged()  # what is said of them, `leave_undone` says
        yield is_only


def leave_undone(app: "App", command: str, undone: int, news: Sequence[str]) -> None:
    """Tell the news of a run, and end the command with exit code 24 if a part was not done.

    Damaged records that the run's questions were answered without are such a part.
    """
    flush()
    more_undone, more_news = _damaged(app, command)
    undone, news = undone + more_undone, (*news, *more_news)
    if news:
        more = f"; and {len(news) - NEWS_MAX} more" if len(news) > NEWS_MAX else ""
        left = f" ({undone} postponed: payment doctor)" if undone else ""
        tell(f"{command}: {'; '.join(news[:NEWS_MAX])}{more}{left}")
    if undone:
        click.get_current_context().exit(PartDoneError.exit_code)


def _damaged(app: "App", command: str) -> tuple[int, tuple[str, ...]]:
    """Remember what was left out as damaged; return how much that is, and what is new of it."""
    from payment_cli.services.events.postponements import Postponements
    from payment_cli.services.events.rounds import note_damaged

    postponements = Postponements(app.storage, app.actor, app.clock)
    return note_damaged(postponements, command, app.storage.take_damaged())

"""`payment notify`: what stores' webhooks are owed: list it, try it again, deliver what is due."""

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import (
    Paging,
    json_options,
    match_option,
    paging_options,
    printing_options,
)
from payment_cli.cli.shell.output import flush
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.cli.shell.standard_input import typed_or_read
from payment_cli.cli.shell.sweeps import leave_undone
from payment_cli.errors import InvalidValueError, ProviderRefusedError
from payment_cli.model.events.notice import NoticeStatus
from payment_cli.model.query.match import all_of, equal
from payment_cli.model.query.text import parse_match, parse_sort
from payment_cli.storage.base import Query

_STATES = [str(NoticeStatus.WAITING), str(NoticeStatus.FAILED)]


@click.group(
    cls=Group,
    short_help="Webhooks: list, retry, deliver, keys.",
    examples=(
        "payment notify key",
        "payment notify list -bish -t id,what,or_id,st,tries,next_at:time,code,re",
        "payment notify retry 3fa9c1",
        "* * * * *  payment notify drain -c     # in a crontab; payment tick does it, too",
    ),
)
def notify() -> None:
    """Signed webhooks that tell a store of its orders: order.paid, .failed, .shipped and others.

    A store gets them once `webhook_url` is set and `payment notify key` was called. A notice that
    is not answered with 2xx is tried 16 times within some 24 hours, then it has failed; failed
    ones are kept for 30 days. A delivered one is gone, and its order's history says so.
    """


@notify.command("list", examples=("payment notify list", "payment notify list -st failed -c"))
@click.option("-st", "--status", "st", type=click.Choice(_STATES), help="Only those in this state.")
@match_option
@paging_options
@printing_options
def list_notices(st: str | None, match: str | None, paging: Paging, printing: Printing) -> None:
    """Print the notices that are not delivered yet, as a JSON array, the next to be tried first.

    `code` and `re` are the status and the beginning of the last answer; code 0: there was none.
    """
    app = current_app()
    wanted = [equal("st", st)] if st is not None else []
    if match is not None:
        wanted.append(parse_match(typed_or_read(match, "the match"), app.times()))
    asked = all_of(*wanted)
    notices = app.shop.notices
    page = Query(asked, parse_sort(paging.sort or "next_at:1"), paging.skip, paging.limit)
    print_records(notices.query(page), printing, paging.pager(lambda: notices.count(asked)))


@notify.command(examples=("payment notify retry 3fa9c1",))
@click.argument("notice_id", metavar="ID")
@printing_options
def retry(notice_id: str, printing: Printing) -> None:
    """Try the notice ID now, its tries counted anew, and print it as it came out.

    Exit 23: the store did not take it; it is due again later.
    """
    notice = current_app().shop.notices.retry(notice_id)
    print_record(notice.to_record(), printing)
    flush()
    if notice.st is not NoticeStatus.DELIVERED:
        raise ProviderRefusedError(
            f"notice {notice.id} was not taken: {notice.code or 'no answer'} {notice.re}".rstrip()
        )


@notify.command(examples=("payment notify drain", "payment notify drain --most 20 -c"))
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=100,
    metavar="N",
    help="At most N notices (100).",
)
@json_options
def drain(most: int, printing: Printing) -> None:
    """Try the notices that are due, stores taking turns, and print how they came out.

    A store that does not answer costs 5 seconds once; its others wait for the next run. Any number
    of drains may run at once. Exit 24: one is damaged or can't be written, and waits.
    """
    from payment_cli.files.safe_files import check_owner

    app = current_app()
    check_owner(app.root)
    app.storage.take_damaged()
    done = app.shop.notices.drain(most)
    print_record(
        {
            "delivered": done.delivered,
            "waiting": done.waiting,
            "failed": done.failed,
            "errors": [{"id": notice_id, "msg": said} for notice_id, said in done.errors],
        },
        printing,
    )
    leave_undone(app, "payment notify drain", done.undone, done.news)


@notify.command(
    examples=(
        "payment notify key",
        "payment notify key --rotate",
        "payment notify key --retire --store redfox",
    )
)
@click.option("--rotate", is_flag=True, help="Make a new key; the one before it still signs, too.")
@click.option("--retire", is_flag=True, help="Let the newest key alone sign.")
@click.option("-se", "--store", "name", metavar="NAME", help="The merchant (your own).")
@json_options
def key(rotate: bool, retire: bool, name: str | None, printing: Printing) -> None:
    """Make the key that signs a store's webhooks, if there is none; print where it is, never it.

    The merchant reads the file (0600) and gives its line to the receiver. With two lines, after
    --rotate, every delivery is signed with both: give the receiver the first, then --retire.
    """
    if rotate and retire:
        raise InvalidValueError("say one of --rotate and --retire")
    app = current_app()
    store = name or app.actor.domain
    service = app.shop.webhook_keys
    act = service.rotate if rotate else service.retire if retire else service.ensure
    facts = act(store)
    print_record(
        {"store": facts.store, "file": str(facts.file), "keys": facts.count, "done": facts.done},
        printing,
    )

"""What a provider owes a merchant when an order was paid. Each provider writes its own letters."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Notice, Order, snapshot
from payment_cli.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification ready to be posted."""

    content_type: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """One form of notification.

    `write` makes the letter of a notice as its order will be told, spoilt by a flaw ("" for not at
    all). `is_acknowledged` tells whether the merchant's answer stops further deliveries.
    `retries_s` are the seconds from one failed delivery to the next.
    """

    write: Callable[[World, Notice, Order, str], Letter]
    is_acknowledged: Callable[[Reply], bool]
    retries_s: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Habit:
    """How a provider begins a notification.

    `form` is what it writes unless one of `other_forms` is asked for; `new_id` makes its number.
    """

    form: str
    new_id: Callable[[], str]
    other_forms: frozenset[str] = frozenset()


_HABITS = {
    "wechat": Habit("v3", lambda: f"EV-{secrets.token_hex(14)}", frozenset({"v2"})),
    "alipay": Habit("alipay", lambda: secrets.token_hex(17)),
}


def announce(world: World, order: Order, form: str = "") -> str:
    """Owe the notification of a payment; return its id, "" where nobody asked for one."""
    if not order.notify_url:
        return ""
    now = world.now()
    habit = _HABITS[order.provider]
    notice = Notice(
        id=habit.new_id(),
        form=form if form in habit.other_forms else habit.form,
        url=order.notify_url,
        order=snapshot(order),
        created_at=now,
        next_at=now,
        keeps_sign_type=form == "sign-type",
    )
    world.ledger.save_notice(notice)
    return notice.id

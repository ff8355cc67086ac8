"""The person with the phone: shows a payment code, scans one, pays, declines or hesitates.

The last two digits of a payment code (the one a merchant scans) decide what happens:

    00  pays at once; so does every ending that is not listed
    01  has to type a password: USERPAYING / 10003 until `scan` pays or declines
    02  has not enough money
    03  shows a code that is not valid
    04  pays, but the provider answers "system error"
    05  does not pay, and the provider answers "system error"
    06  as 01, but WeChat v3 says so by a code alone (misbehave knows further forms)
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.notices import announce
from payment_cli.sandbox.tools import tools_of
from payment_cli.sandbox.world import World, beijing


class CodeOutcome(StrEnum):
    """What comes of a payment code."""

    PAYS = "00"
    HESITATES = "01"
    DECLINED = "02"
    INVALID = "03"
    ERROR_PAID = "04"
    ERROR_UNPAID = "05"
    HESITATES_BY_ERROR = "06"


@dataclass(frozen=True, slots=True)
class Gesture:
    """What the payer does; without any of these, pays.

    `fail` declines, `userpaying` scans and hesitates, `amount` (fen) pays something else than
    was asked, `late` pays although the order is closed, `finish` ends the time for refunds
    (Alipay's second notification, TRADE_FINISHED). `notice` picks another form of notification:
    `v2` for WeChat, `sign-type` for Alipay. `pay_tp` narrows the order down.
    """

    fail: bool = False
    userpaying: bool = False
    amount: int | None = None
    pay_tp: str = ""
    late: bool = False
    finish: bool = False
    notice: str = ""

    def check(self) -> None:
        """Raise SandboxError for a word or an amount that means nothing."""
        if self.pay_tp and not tools_of(self.pay_tp):
            raise SandboxError("invalid", f"the sandbox knows no pay type {self.pay_tp}")
        if self.notice not in ("", "v2", "sign-type"):
            raise SandboxError("invalid", f"no form of notification {self.notice}")
        if self.amount is not None and self.amount < 1:
            raise SandboxError("invalid", "the amount is in fen and at least 1")


def outcome_of(auth_code: str) -> CodeOutcome:
    """Return what this payment code stands for."""
    try:
        return CodeOutcome(auth_code[-2:])
    except ValueError:
        return CodeOutcome.PAYS


def present_code(world: World, order: Order, outcome: CodeOutcome) -> None:
    """Do to a new order what its payment code stands for. Under the ledger's lock."""
    meet(world, order)
    if outcome in (CodeOutcome.PAYS, CodeOutcome.ERROR_PAID):
        pay(world, order, order.amount)
    elif outcome in (CodeOutcome.HESITATES, CodeOutcome.HESITATES_BY_ERROR):
        order.state = OrderState.PAYING
    else:
        decline(world, order)
    world.ledger.save_order(order)


def scan(
    world: World,
    ref: str,
    gesture: Gesture,
) -> tuple[Order, str]:
    """Let the payer act on an order; return it and the id of the notification, "" for none.

    Raises:
        SandboxError: no such order, or it can't be paid.
    """
    gesture.check()
    with world.ledger.changed:
        order = world.ledger.find(ref, tools_of(gesture.pay_tp))
        is_late = gesture.late or gesture.finish
        if ref == order.code and world.now() >= order.code_expires_at and not is_late:
            raise SandboxError("conflict", f"the code of order {order.out_trade_no} has expired")
        return order, act(world, order, gesture)


def act(world: World, order: Order, gesture: Gesture) -> str:
    """Do to an order what the gesture says; return the id of the notification, "" for none.

    Under the ledger's lock.

    Raises:
        SandboxError: it can't be paid.
    """
    if gesture.finish:
        return _finish(world, order, gesture.notice)
    _check_payable(world, order, is_late=gesture.late)
    meet(world, order)
    notice_id = ""
    if gesture.fail:
        decline(world, order)
    elif gesture.userpaying:
        order.state = OrderState.PAYING if order.is_scan else OrderState.WAITING
    else:
        notice_id = pay(world, order, gesture.amount or order.amount, gesture.notice)
    world.ledger.save_order(order)
    return notice_id


def meet(world: World, order: Order) -> None:
    """Let the payer see the order. Under the ledger's lock.

    Alipay opens the trade when the buyer does; WeChat numbers it when the money arrives.
    """
    order.is_scanned = True
    order.payer = order.payer or _payer_of(order)
    if order.provider == "alipay" and not order.trade_no:
        order.trade_no = _new_trade_no(order, world.now())


def pay(world: World, order: Order, amount: int, notice: str = "") -> str:
    """Let `amount` fen arrive; return the id of the notification. Under the ledger's lock."""
    now = world.now()
    order.state = OrderState.PAID
    order.paid_amount = amount
    order.paid_at = now
    order.trade_no = order.trade_no or _new_trade_no(order, now)
    world.ledger.add_payment(order, now, "paid", amount)
    world.ledger.save_order(order)
    return announce(world, order, notice)


def decline(world: World, order: Order) -> None:
    """Let a payment fail: final for a scanned WeChat payer, else the order stays open."""
    if order.tool in ("codepay", "micropay"):
        order.state = OrderState.DECLINED
    elif order.tool == "pay":
        order.state = OrderState.WAITING
    world.ledger.add_payment(order, world.now(), "declined", order.amount)


def take_back(world: World, order: Order) -> bool:
    """Reverse or cancel an order; tell whether money had to go back. Under the ledger's lock."""
    was_paid = order.state is OrderState.PAID
    order.state = OrderState.REVOKED
    if was_paid:
        world.ledger.add_payment(order, world.now(), "returned", order.paid_amount)
    world.ledger.save_order(order)
    return was_paid


def _finish(world: World, order: Order, notice: str) -> str:
    if order.provider != "alipay" or order.state is not OrderState.PAID:
        raise SandboxError("conflict", "only a paid Alipay trade can finish")
    order.state = OrderState.FINISHED
    world.ledger.save_order(order)
    return announce(world, order, notice)


def _check_payable(world: World, order: Order, *, is_late: bool) -> None:
    world.ledger.expire(order, world.now())
    if order.state in (OrderState.PAID, OrderState.FINISHED):
        raise SandboxError("conflict", f"order {order.out_trade_no} is paid already")
    if is_late:
        return
    if order.state not in (OrderState.WAITING, OrderState.PAYING):
        raise SandboxError("conflict", f"order {order.out_trade_no} is {order.state}")


def _new_trade_no(order: Order, now: int) -> str:
    day = beijing(now).strftime("%Y%m%d")
    tail = "".join(secrets.choice("0123456789") for _ in range(20))
    return {"wechat": f"4200{day}{tail[:16]}", "alipay": f"{day}{tail}"}[order.provider]


def _payer_of(order: Order) -> str:
    digits = "".join(secrets.choice("0123456789") for _ in range(12))
    payers = {"wechat": f"oSandbox{secrets.token_hex(10)}", "alipay": f"2088{digits}"}
    return payers[order.provider]

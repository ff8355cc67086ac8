"""Payments that were sent, or nearly, for the tests of what becomes of them."""

import pytest

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.secret import Secret
from payment_cli.services.payments.send import SendArguments
from tests.services.conftest import World

QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://wxpay/abc")
WAITING = Answer(Outcome.WAITING)
UNKNOWN = Answer(Outcome.UNKNOWN, message="timeout")
NOT_FOUND = Answer(Outcome.NOT_FOUND)
CLOSED = Answer(Outcome.CLOSED)


def sent(world: World, answer: Answer = QR, pay_tp: str = "wx.qrcode", **changes) -> Payment:
    payment = world.create(**changes)
    world.gateway.sends = [answer]
    is_scan = pay_tp.endswith("scan")
    arguments = SendArguments(auth_code=Secret("130000000000000001") if is_scan else None)
    world.sender.send(payment.id, pay_tp, "shop", arguments)
    return world.stored(payment)


def interrupted(world: World, pay_tp: str = "wx.qrcode") -> Payment:
    """A payment whose sender died during the call."""
    payment = world.create()

    class PowerCutError(Exception):
        pass

    def die() -> None:
        raise PowerCutError

    world.gateway.meanwhile = die
    arguments = SendArguments(auth_code=Secret("130000000000000001") if "scan" in pay_tp else None)
    with pytest.raises(PowerCutError):
        world.sender.send(payment.id, pay_tp, "shop", arguments)
    return world.stored(payment)

import pytest

from payment_cli.errors import NotFoundError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.payment import Status
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.payments.view import view_payment


def test_a_new_payment_is_seen_by_its_key(world):
    payment = world.create(brief="Tea")
    view = view_payment(world.storage, payment.view_key)
    assert (view.brief, view.fee, view.cur, view.st) == ("Tea", 2300, "RMB", Status.NEW)
    assert view.pay_type is None
    assert view.to_record() == {"status": "NEW", "type": "", "data": None}


def test_a_sent_payment_shows_the_code_until_it_is_final(world):
    world.gateway.sends = [Answer(Outcome.WAITING, "QRCODE", "weixin://x")]
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    payment = world.create()
    world.sender.send(payment.id, "wx.qrcode", "shop", SendArguments())
    view = view_payment(world.storage, payment.view_key)
    assert view.to_record() == {"status": "WAIT", "type": "QRCODE", "data": "weixin://x"}
    world.closer.close(payment.id, "enough")
    view = view_payment(world.storage, payment.view_key)
    assert view.to_record() == {"status": "FAIL", "type": "QRCODE", "data": None}


def test_every_wrong_key_is_refused_with_the_same_words(world):
    key = world.create().view_key
    wrong = ["", key[:32], key[:-1], key + "0", key + "é", key[:32] + "f" * 32, "f" * 64]
    words = set()
    for view_key in wrong:
        with pytest.raises(NotFoundError) as caught:
            view_payment(world.storage, view_key)
        words.add(str(caught.value))
    assert words == {"no payment with this key"}

"""What the providers of the sandbox say over HTTP, with signatures, and what becomes of it in time.

The sandbox and the app share a clock that the test moves.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from payment_cli.app import App, open_app
from payment_cli.clock import system_clock
from payment_cli.errors import NotAllowedError
from payment_cli.gateways.base import HttpRequest
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.pace import ABSENT_ANSWERS, ABSENT_GAP_MS, ABSENT_MARGIN_MS
from payment_cli.services.payments.send import SendArguments
from tests.support.clock import HandClock
from tests.support.sandbox_shop import SandboxShop, sandbox_shop

QR_CODES = ["wx.qrcode", "zfb.qrcode"]


@pytest.fixture
def clock() -> HandClock:
    return HandClock(system_clock())  # the sandbox's certificates begin today


@pytest.fixture
def shop(tmp_path: Path, clock: HandClock) -> Iterator[SandboxShop]:
    with sandbox_shop(tmp_path, clock) as shop:
        yield shop


@pytest.fixture
def app(shop: SandboxShop, clock: HandClock) -> Iterator[App]:
    app = open_app(str(shop.root), "demo")
    vars(app)["clock"] = clock
    yield app
    app.close()


def sent(app: App, pay_tp: str) -> Payment:
    payment = app.creator.create(NewPayment(fee=2300, brief="Tea")).payment
    app.sender.send(payment.id, pay_tp, "sandbox", SendArguments())
    return app.payments.get(payment.id)


@pytest.mark.parametrize("pay_tp", QR_CODES)
def test_what_the_provider_never_knew_ends_minutes_after_its_time(
    app: App, shop: SandboxShop, clock: HandClock, pay_tp: str
) -> None:
    # A code of Alipay's is unknown until it is scanned; WeChat has to lose the order.
    shop.sandbox.sandbox.control.misbehave("error-before", operation="native", sticky=True)
    payment = sent(app, pay_tp)
    while (current := app.payments.get(payment.id)).st == "WAIT":
        clock.advance(minutes=1)
        app.checker.check_pending(10)
        assert clock.now < payment.expi + 60 * 60_000
    waited = clock.now - payment.expi
    at_most = ABSENT_MARGIN_MS + (ABSENT_ANSWERS + 1) * ABSENT_GAP_MS
    assert ABSENT_MARGIN_MS <= waited <= at_most
    assert current.st == "FAIL"
    assert current.fail_re.startswith("no such order at the provider: ")


@pytest.mark.parametrize("pay_tp", QR_CODES)
def test_another_amount_in_a_true_callback_is_acknowledged_and_waits_for_a_person(
    app: App, shop: SandboxShop, pay_tp: str
) -> None:
    payment = sent(app, pay_tp)
    control = shop.sandbox.sandbox.control
    control.misbehave("wrong-amount", where="notice")
    control.scan(payment.id)
    delivery = shop.receiver.deliveries[0]
    request = HttpRequest("POST", delivery.path, "", delivery.headers, delivery.body)
    received = app.receiver.receive(request)
    assert (received.acknowledgement.status, received.error) == (200, None)
    flagged = app.payments.get(payment.id)
    assert (flagged.st, flagged.flag, flagged.paid_fee) == ("WAIT", "amount", 2301)
    with pytest.raises(NotAllowedError, match=r"2300 fen.*2301 fen"):
        app.closer.close(payment.id, "x")
    assert app.checker.check(payment.id).payment.st == "OK"

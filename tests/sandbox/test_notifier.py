from collections.abc import Iterator
from typing import Any

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.app import Sandbox, make_app
from payment_cli.sandbox.ledger import Order
from payment_cli.sandbox.notifier import is_loopback
from payment_cli.sandbox.server import Running
from tests.support.receiver import Receiver, receiving
from tests.support.sandbox_clients import RawV3, Shop

MINUTE, HOUR = 60, 3600
WECHAT = [15, 15, 30, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, *[30 * MINUTE] * 3, HOUR]
WECHAT += [3 * HOUR] * 3 + [6 * HOUR] * 2
ALIPAY = [4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR]


class SetClock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.ams = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ams


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def sandbox(shop: Shop, clock: SetClock) -> Iterator[Sandbox]:
    """A sandbox in this process, where nothing is delivered by itself."""
    app = make_app(shop.state, clock=clock)
    yield app
    app.close()


def an_order(shop: Shop, provider: str, url: str, number: str = "order001") -> Order:
    wechat = provider == "wechat"
    conf = shop.conf("wxpay" if wechat else "alipay")
    merchant = conf["pay_mch_id"] if wechat else conf["app_id"]
    return Order(
        provider=provider,
        merchant=merchant,
        out_trade_no=number,
        tool="native" if wechat else "precreate",
        amount=100,
        created_at=1_800_000_000_000,
        expires_at=1_900_000_000_000,
        appid=conf["appid" if wechat else "app_id"],
        mch_shown=merchant if wechat else conf["seller_id"],
        notify_url=url,
    )


def pay(sandbox: Sandbox, order: Order) -> dict[str, Any]:
    with sandbox.world.ledger.changed:
        sandbox.world.ledger.save_order(order)
    return sandbox.control.scan(order.out_trade_no)


@pytest.mark.parametrize(("provider", "schedule"), [("wechat", WECHAT), ("alipay", ALIPAY)])
@pytest.mark.parametrize("speed", [1, 60])
def test_deliveries_follow_the_providers_own_schedule(
    shop: Shop, receiver: Receiver, provider: str, schedule: list[int], speed: int
) -> None:
    clock = SetClock()
    sandbox = make_app(shop.state, speed=speed, clock=clock)
    receiver.default = (500, b"")
    start = clock.ams
    pay(sandbox, an_order(shop, provider, receiver.url))
    (notice,) = sandbox.world.ledger.notices.values()
    while notice.state == "due":
        clock.ams = notice.next_at - 1
        assert sandbox.notifier.deliver_due() == 0, "not a moment too soon"
        clock.ams += 1
        assert sandbox.notifier.deliver_due() == 1
    times = [(d["at"] - start) / 1000 * speed for d in notice.deliveries]
    assert times == [sum(schedule[:n]) for n in range(len(schedule) + 1)]
    assert notice.state == "given up"
    assert len(receiver.deliveries) == len(schedule) + 1
    sandbox.close()


def test_the_schedule_ends_with_the_first_acknowledgement(
    sandbox: Sandbox, shop: Shop, receiver: Receiver, clock: SetClock
) -> None:
    receiver.script = [(500, b""), (200, b"no")]
    pay(sandbox, an_order(shop, "alipay", receiver.url))
    (notice,) = sandbox.world.ledger.notices.values()
    for _ in range(5):
        clock.ams = notice.next_at
        sandbox.notifier.deliver_due()
    assert [d["acknowledged"] for d in notice.deliveries] == [False, False, True]
    assert [d["answer"] for d in notice.deliveries] == ["", "no", "success"]
    assert notice.state == "acknowledged"


def test_a_retry_is_the_same_event_with_a_new_signature(
    sandbox: Sandbox, shop: Shop, receiver: Receiver, clock: SetClock
) -> None:
    receiver.script = [(500, b"")]
    receiver.default = (204, b"")
    pay(sandbox, an_order(shop, "wechat", receiver.url))
    clock.ams += 15_000
    sandbox.notifier.deliver_due()
    first, second = receiver.deliveries
    assert first.body[:40] == second.body[:40], "the id stays"
    stamps = [int(d.headers["wechatpay-timestamp"]) for d in (first, second)]
    assert stamps[1] - stamps[0] == 15


@pytest.mark.parametrize(
    "url",
    ["http://203.0.113.7/pay/re", "http://example.com/pay/re", "http://127.0.0.1.nip.io/pay/re"],
)
def test_nothing_is_sent_to_another_machine(sandbox: Sandbox, shop: Shop, url: str) -> None:
    result = pay(sandbox, an_order(shop, "wechat", url))
    assert result["notification"]["state"] == "refused"
    assert "not on this machine" in result["notification"]["deliveries"][0]["error"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_what_this_machine_is(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_redirect_is_not_followed(sandbox: Sandbox, shop: Shop, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.default = (302, b"success")
        receiver.location = elsewhere.url
        result = pay(sandbox, an_order(shop, "alipay", receiver.url))
        assert elsewhere.deliveries == []
    assert result["notification"]["state"] == "due"


def test_a_merchant_who_is_not_there_is_tried_again(sandbox: Sandbox, shop: Shop) -> None:
    result = pay(sandbox, an_order(shop, "alipay", "http://127.0.0.1:1/pay/re"))
    assert "refused" in result["notification"]["deliveries"][0]["error"].lower()
    assert result["notification"]["state"] == "due"


def test_a_notification_that_is_due_survives_a_restart(
    shop: Shop, receiver: Receiver, clock: SetClock
) -> None:
    receiver.script = [(500, b"")]
    first = make_app(shop.state, clock=clock)
    pay(first, an_order(shop, "alipay", receiver.url))
    first.close()
    clock.ams += 240_000
    second = make_app(shop.state, clock=clock)
    assert second.notifier.deliver_due() == 1
    (notice,) = second.world.ledger.notices.values()
    assert notice.state == "acknowledged"
    assert second.world.ledger.as_json()["payments"][0]["outcome"] == "paid"
    second.close()


def test_in_the_background_it_goes_on_until_acknowledged(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    receiver.script = [(500, b"")] * 3
    receiver.default = (204, b"")
    v3 = RawV3(running.url, shop.conf("wxpay"))
    body = v3.body(notify_url=receiver.url)
    v3.order("native", body)
    client.scan(shop.state, body["out_trade_no"])
    assert client.drain(shop.state) == {"drained": True}
    (notice,) = client.ledger(shop.state)["notifications"]
    assert [d["acknowledged"] for d in notice["deliveries"]] == [False, False, False, True]

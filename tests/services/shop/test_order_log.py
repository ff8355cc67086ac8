from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.services.shop.order_log import OrderLog
from payment_cli.services.shop.order_payments import Paying
from tests.services.conftest import World
from tests.services.shop.test_orders import BUYER, stock, wanted


def test_every_commit_that_changed_the_order_is_told_with_its_fields(world: World) -> None:
    cup = stock(world)
    world.orders.create(wanted((cup, 1)), BUYER)
    order = world.orders.create(wanted((cup, 2), pay_tp="wx.qrcode"), BUYER)
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")]
    world.clock.advance(s=5)
    payment = world.order_payments.pay(order.id, Paying()).payment
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    world.order_payments.cancel(order.id, "x")
    rows = OrderLog(world.storage).of(world.orders.get(order.id))
    assert [row["op"] for row in rows] == ["insert", "put", "put", "put"]
    assert rows[0]["changed"] == {}
    assert rows[1]["changed"]["ord_status"] == {"from": "NW", "to": "WT"}
    assert rows[1]["changed"]["pay_ids"] == {"from": [], "to": [payment.id]}
    assert rows[1]["at"] - rows[0]["at"] == 5000
    statuses = [row["changed"]["ord_status"]["to"] for row in rows[1:]]
    assert statuses == ["WT", "FA", "CA"]
    assert rows[0]["seq"] < rows[1]["seq"] < rows[2]["seq"]

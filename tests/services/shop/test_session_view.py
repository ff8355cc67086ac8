from dataclasses import replace

import pytest

from payment_cli.errors import NotAllowedError, NotFoundError
from payment_cli.model.payments.payment import Payment
from payment_cli.model.shop.order import Order
from payment_cli.model.stores.session import Role, Session
from payment_cli.services.shop.records import orders
from payment_cli.services.shop.session_view import SessionView
from tests.services.conftest import World
from tests.support.shop import an_order


def seen(world: World, role: Role = Role.BUYER, buyer_id: str = "xiaobai") -> SessionView:
    session = Session("demo", role, buyer_id, world.clock.now + 60_000, "n1")
    return SessionView(session, world.storage, world.clock, world.find_merchant, {}.__getitem__)


def stored_order(world: World, order_id: str = "order-1") -> Order:
    order = replace(an_order(id=order_id), sto_nm="demo", sto_id="id-demo")
    with world.storage.transaction("demo") as tx:
        return Order.from_record(tx.insert(orders("demo"), order.to_record()))


def opened(world: World) -> Payment:
    return world.order_payments.open(stored_order(world).id)


def test_a_buyer_sees_its_own_order_and_payment_and_a_cashier_all_of_the_store(
    world: World,
) -> None:
    payment = opened(world)
    for view in (seen(world), seen(world, Role.CASHIER, "")):
        assert view.order("order-1").id == "order-1"
        assert view.payment(payment.id).id == payment.id
        assert view.current("order-1", "").id == payment.id


def test_what_is_anothers_is_answered_as_what_is_not_there(world: World) -> None:
    payment = opened(world)
    stranger = seen(world, buyer_id="another")
    for ask in (stranger.order, stranger.payment):
        with pytest.raises(NotFoundError) as foreign:
            ask("order-1" if ask == stranger.order else payment.id)
        with pytest.raises(NotFoundError) as missing:
            ask("nothing")
        assert str(foreign.value) == str(missing.value)


def test_only_an_order_that_owns_a_payment_counts_as_its_owner(world: World) -> None:
    payment = opened(world)
    assert seen(world).owner(payment).id == "order-1"
    assert seen(world).owner(payment._replace(id="another")) is None
    assert seen(world).owner(payment._replace(or_id="nothing")) is None


def test_a_bill_offers_ways_to_pay_until_the_order_is_over(world: World) -> None:
    opened(world)
    offered = {kind.name for kind in seen(world).bill("order-1", "zh").pay_types}
    assert {"wx.qrcode", "zfb.qrcode"} <= offered
    assert "wx.scan" not in offered
    world.order_payments.cancel("order-1", "no more")
    assert seen(world).bill("order-1", "zh").pay_types == ()


def test_scanning_is_the_cashiers_and_nothing_due_is_only_free(world: World) -> None:
    till = seen(world, Role.CASHIER, "")
    assert "wx.scan" in {kind.name for kind in till.pay_types(100)}
    assert [kind.name for kind in till.pay_types(0)] == ["free"]
    till.require_cashier()
    with pytest.raises(NotAllowedError, match="cashier"):
        seen(world).require_cashier()

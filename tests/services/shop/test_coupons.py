import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.query.match import equal, everything
from payment_cli.services.shop.coupons import Coupons
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.shop.test_orders import BUYER, stock, wanted

GIFT = {"title": "Gift", "type": 1, "value": 5}


@pytest.fixture
def coupons(world: World) -> Coupons:
    return Coupons(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def test_a_coupon_is_added_in_shop_words_and_listed(coupons) -> None:
    made = coupons.add({**GIFT, "expi": 2_000_000_000_000, "owner": "u1"})
    assert (made.cpn_expi, made.cpn_stat, made.rev) == (2_000_000_000_000, "free", 1)
    assert coupons.get(made.id[:20]) == made
    assert [one["id"] for one in coupons.query(Query(equal("owner", "u1")))] == [made.id]
    assert coupons.count(equal("owner", "u2")) == 0


def test_states_are_not_set_from_outside(coupons) -> None:
    made = coupons.add({**GIFT, "cpn_stat": "used", "cpn_orid": "x", "cpn_used": 1})
    assert (made.cpn_stat, made.cpn_orid, made.cpn_used) == ("free", "", 0)
    with pytest.raises(InvalidValueError):
        coupons.add({**GIFT, "vlaue": 1})


def test_a_coupon_that_an_order_holds_stays(world: World, coupons) -> None:
    made = coupons.add(GIFT)
    order = world.orders.create(wanted((stock(world), 1), coupons=[made.id]), BUYER)
    with pytest.raises(NotAllowedError, match=order.id):
        coupons.remove(made.id)
    world.order_payments.cancel(order.id, "x")
    assert not coupons.remove(made.id).is_live
    assert coupons.count(everything()) == 0
    with pytest.raises(NotAllowedError):
        coupons.remove(made.id)


def test_two_orders_never_hold_one_coupon(world: World, coupons) -> None:
    made, cup = coupons.add(GIFT), stock(world)
    world.orders.create(wanted((cup, 1), coupons=[made.id]), BUYER)
    with pytest.raises(NotAllowedError):
        world.orders.create(wanted((cup, 1), coupons=[made.id]), BUYER)


def test_each_store_has_its_own(world: World, coupons) -> None:
    made = coupons.add(GIFT)
    other = world.seen_by("other")
    theirs = Coupons(other.storage, other.actor, other.clock, other.ids, other.find_merchant)
    with pytest.raises(NotFoundError):
        theirs.get(made.id)

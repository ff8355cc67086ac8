import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.query.match import equal, everything
from payment_cli.services.shop.discounts import Discounts
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.shop.test_goods import goods_of
from tests.services.shop.test_orders import BUYER, stock, wanted

SALE = {"dis_nm": "Sale", "dis_mode": "percent", "off_bp": 1000}


@pytest.fixture
def discounts(world: World) -> Discounts:
    return Discounts(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def test_a_discount_applies_until_it_is_deleted(world: World, discounts) -> None:
    cup = stock(world, w_price=10)
    made = discounts.add(SALE)
    assert world.orders.price(wanted((cup, 1)), BUYER).fee == 900
    assert discounts.get(made.id[-8:]) == made
    discounts.remove(made.id)
    assert world.orders.price(wanted((cup, 1)), BUYER).fee == 1000
    assert (discounts.count(everything()), list(discounts.query(Query(everything())))) == (0, [])
    with pytest.raises(NotAllowedError):
        discounts.remove(made.id)


def test_goods_may_be_named_by_code_and_must_be_there(world: World, discounts) -> None:
    cup = stock(world, nm="cup")
    made = discounts.add({**SALE, "goods": ["cup", cup.id]})
    assert made.goods == (cup.id,)
    with pytest.raises(NotFoundError):
        discounts.add({**SALE, "goods": ["nothing"]})
    with pytest.raises(NotFoundError):
        discounts.set(made.id, {"goods": [cup.id, "nothing"]})
    assert discounts.set(made.id, {"goods": None}).goods == ()


def test_goods_that_were_deleted_do_not_stop_other_changes(world: World, discounts) -> None:
    cup = stock(world, nm="cup")
    made = discounts.add({**SALE, "goods": ["cup"]})
    goods_of(world).remove("cup")
    assert discounts.set(made.id, {"off_bp": 500}).goods == (cup.id,)


def test_a_discount_that_can_not_apply_to_its_goods_is_refused(world: World, discounts) -> None:
    cup, song = stock(world, nm="cup"), stock(world, nm="song", w_currency="USD")
    pot = stock(world, nm="pot")
    goods_of(world).remove("pot")
    made = discounts.add({**SALE, "goods": ["cup"]})
    with pytest.raises(InvalidValueError, match="discount Sale is in RMB, product song in USD"):
        discounts.add({**SALE, "goods": ["cup", "song"]})
    for goods in (["pot"], [cup.id, pot.id]):
        with pytest.raises(InvalidValueError, match="product pot was deleted"):
            discounts.set(made.id, {"goods": goods})
    with pytest.raises(InvalidValueError, match="discount Sale is in USD, product cup in RMB"):
        discounts.set(made.id, {"dis_currency": "USD"})
    assert discounts.set(made.id, {"dis_currency": "CNY"}).goods == (cup.id,)
    abroad = discounts.add({**SALE, "dis_currency": "USD", "goods": ["song"]})
    assert abroad.goods == (song.id,)


def test_a_change_that_can_not_be_changes_nothing(discounts) -> None:
    made = discounts.add(SALE)
    with pytest.raises(InvalidValueError):
        discounts.set(made.id, {"off_bp": 10_001})
    with pytest.raises(InvalidValueError):
        discounts.set(made.id, {"off_pb": 1})
    assert discounts.get(made.id) == made


def test_each_store_has_its_own(world: World, discounts) -> None:
    made = discounts.add(SALE)
    other = world.seen_by("other")
    theirs = Discounts(other.storage, other.actor, other.clock, other.ids, other.find_merchant)
    assert theirs.count(equal("dis_nm", "Sale")) == 0
    with pytest.raises(NotFoundError):
        theirs.get(made.id)

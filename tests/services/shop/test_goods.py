import pytest

from payment_cli.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.query.match import equal, everything
from payment_cli.services.shop.goods import Goods, find_product
from payment_cli.services.shop.records import products
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.shop.test_orders import configure


@pytest.fixture
def goods(world: World) -> Goods:
    return goods_of(world)


def goods_of(world: World) -> Goods:
    return Goods(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def cup(goods: Goods, **fields):
    return goods.add({"nm": "cup", "w_nm": "Cup", "w_price": 10, **fields})


def test_a_product_gets_the_stores_currency_and_its_id_as_its_code(world: World, goods) -> None:
    made = goods.add({"title": "Cup", "price": 10})
    assert (made.nm, made.w_currency, made.rev) == (made.id, "RMB", 1)
    assert goods.get(made.id) == made
    assert world.storage.get(products("demo"), made.id)["w_nm"] == "Cup"


def test_fields_we_keep_are_not_set_from_outside(goods) -> None:
    made = cup(goods, id="mine", rev=7, th_live=-1, ct=1)
    assert made.is_live
    assert (made.id, made.rev, made.ct) != ("mine", 7, 1)


def test_a_code_may_not_be_another_products_code_or_id(goods) -> None:
    made = cup(goods)
    other = goods.add({"nm": "pot", "w_nm": "Pot", "w_price": 1})
    with pytest.raises(ConflictError):
        cup(goods)
    with pytest.raises(ConflictError):
        goods.add({"nm": made.id, "w_nm": "x", "w_price": 1})
    with pytest.raises(ConflictError):
        goods.set("pot", {"nm": "cup"})
    assert goods.set("pot", {"nm": other.id}).nm == other.id


def test_the_same_code_in_another_store_is_another_product(world: World, goods) -> None:
    mine = cup(goods)
    theirs = cup(goods_of(world.seen_by("other")))
    assert mine.id != theirs.id
    assert find_product(world.storage, "other", "cup").id == theirs.id


@pytest.mark.parametrize("name", ["cu", "nothing", "../x", "杯子", "f" * 32, ""])
def test_whatever_is_no_name_is_not_found(goods, name: str) -> None:
    cup(goods)
    with pytest.raises(NotFoundError):
        goods.get(name)


def test_deleted_goods_are_listed_apart_and_come_back(goods) -> None:
    made = cup(goods)
    goods.remove("cup")
    assert (goods.count(everything()), goods.count(everything(), is_deleted=True)) == (0, 1)
    assert [one["id"] for one in goods.query(Query(everything()), is_deleted=True)] == [made.id]
    with pytest.raises(NotAllowedError):
        goods.remove("cup")
    goods.restore("cup")
    assert goods.count(equal("nm", "cup")) == 1


def test_edits_keep_their_distance_but_sales_and_stock_are_no_edits(world: World, goods) -> None:
    cup(goods, sku=5)
    configure(world, edit_every=10)
    world.clock.advance(minutes=9)
    goods.add_stock("cup", 1)
    with pytest.raises(NotAllowedError):
        goods.set("cup", {"price": 11})
    world.clock.advance(minutes=1)
    assert goods.set("cup", {"price": 11}).w_price == 1100
    with pytest.raises(NotAllowedError):
        goods.set("cup", {"price": 12})


def test_stock_moves_by_what_is_there_at_that_moment(goods) -> None:
    cup(goods)
    with pytest.raises(NotAllowedError):
        goods.add_stock("cup", 1)
    assert goods.set_stock("cup", 3).sku == 3
    assert goods.add_stock("cup", -3).sku == 0
    with pytest.raises(NotAllowedError):
        goods.add_stock("cup", -1)
    with pytest.raises(InvalidValueError):
        goods.set_stock("cup", 2**60)
    assert goods.get("cup").sku == 0


def test_parts_and_rule_holders_are_stored_by_id(world: World, goods) -> None:
    rule = {"name": "many", "rules": [{"sku": "[1,)", "price": 5}]}
    made = cup(goods, prices=[rule])
    package = goods.add({"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": "cup", "num": 2}]})
    assert [part.id for part in package.w_pkg] == [made.id]
    cheap = goods.add({"nm": "x", "w_nm": "X", "w_price": 9, "pro_id": "cup", "price_by": "many"})
    assert cheap.pro_id == made.id
    assert goods.set("set", {"w_price": 15}).w_pkg == package.w_pkg


@pytest.mark.parametrize(
    "parts",
    [
        [{"w_id": "nothing"}],
        [{"w_id": "set"}],
        [{"w_id": "cup"}, {"w_id": "CUP-ID"}],
        [{"w_id": "cup", "num": 0}],
        [{"w_id": "dollar"}],
        [{"w_id": "self"}],
    ],
)
def test_packages_that_can_not_be_are_refused(goods, parts) -> None:
    made = cup(goods)
    goods.add({"nm": "dollar", "w_nm": "D", "w_price": 1, "w_currency": "USD"})
    goods.add({"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": "cup"}]})
    goods.add({"nm": "self", "w_nm": "Self", "w_price": 1})
    parts = [{**part, "w_id": part["w_id"].replace("CUP-ID", made.id)} for part in parts]
    with pytest.raises(InvalidValueError):
        goods.set("self", {"w_pkg": parts})
    assert goods.get("self").w_pkg == ()


def test_what_is_a_part_stays_one_piece(goods) -> None:
    cup(goods)
    goods.add({"nm": "pot", "w_nm": "Pot", "w_price": 1})
    goods.add({"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": "cup"}]})
    with pytest.raises(InvalidValueError):
        goods.set("cup", {"w_pkg": [{"w_id": "pot"}]})
    goods.set("set", {"w_pkg": [{"w_id": "pot"}]})
    goods.set("cup", {"w_pkg": [{"w_id": "pot"}]})

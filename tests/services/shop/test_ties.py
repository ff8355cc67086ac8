"""Goods that need one another: packages and parts, and prices by the rule of another product."""

import re
from decimal import Decimal

import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.shop.product import Product
from payment_cli.services.shop.goods import Goods
from payment_cli.services.shop.goods_import import GoodsFiles
from payment_cli.services.shop.records import save_product
from payment_cli.services.shop.ties import broken_goods
from tests.services.conftest import World
from tests.services.shop.test_goods import goods_of
from tests.services.shop.test_goods_import import load

RULES = [{"name": "many", "rules": [{"sku": "[10,)", "price": 1}, {"sku": "[1,9]", "price": 2}]}]


@pytest.fixture
def goods(world: World) -> Goods:
    """A store with a package of a cup, and a saucer that has its price from the cup's rule."""
    goods = goods_of(world)
    goods.add({"nm": "cup", "w_nm": "Cup", "w_price": 3, "prices": RULES})
    goods.add({"nm": "set", "w_nm": "Set", "w_pkg": [{"w_id": "cup", "num": 2}]})
    saucer = {"nm": "saucer", "w_nm": "Saucer", "w_price": 3, "pro_id": "cup", "price_by": "many"}
    goods.add(saucer)
    return goods


def stored(world: World, goods: Goods, name: str, **fields: object) -> None:
    """Write a product as no command would: as an older version, or another program."""
    product = goods.get(name)
    with world.storage.transaction("test") as tx:
        save_product(tx, "demo", Product.from_record({**product.to_record(), **fields}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"w_currency": "USD"}, "product cup: it can't be sold in USD: packages hold it: set"),
        ({"prices": None}, "its price rules can't change so: goods have their price by it: saucer"),
        ({"prices": [{**RULES[0], "name": "more"}]}, "its price rules can't change so"),
    ],
)
def test_a_change_that_another_product_could_not_be_sold_after_is_refused(
    goods: Goods, changes, said: str
) -> None:
    before = goods.get("cup")
    with pytest.raises(NotAllowedError, match=re.escape(said)) as refused:
        goods.set("cup", changes)
    assert "payment w import" in refused.value.hint
    assert goods.get("cup") == before


def test_a_price_that_would_never_apply_is_refused_and_told_of(world: World, goods: Goods) -> None:
    dead = [{"name": "many", "rules": [{"sku": "[10,)", "price": 2}, {"sku": "[50,)", "price": 1}]}]
    with pytest.raises(InvalidValueError, match=re.escape("[50,) never applies")) as refused:
        goods.set("cup", {"prices": dead})
    assert "greater counts first" in refused.value.hint
    stored(world, goods, "cup", prices=dead)
    assert [name for name, _ in broken_goods(world.storage, "demo")] == ["cup"]


def test_a_product_that_others_need_is_not_deleted_before_them(goods: Goods) -> None:
    with pytest.raises(NotAllowedError, match="it can't be deleted: packages hold it: set"):
        goods.remove("cup")
    goods.remove("set")
    with pytest.raises(NotAllowedError, match="goods have their price by it: saucer"):
        goods.remove("cup")
    goods.set("saucer", {"price_by": None, "pro_id": None})
    assert not goods.remove("cup").is_live
    assert not goods.remove("saucer").is_live


def test_a_change_that_hurts_nobody_is_made(goods: Goods) -> None:
    assert goods.set("cup", {"w_price": 4, "w_currency": "CNY"}).w_price == 400
    assert goods.set("saucer", {"w_currency": "CNY"}).w_currency == "CNY"
    more = [*RULES, {"name": "more", "rules": RULES[0]["rules"]}]
    assert len(goods.set("cup", {"prices": more, "price_by": "many"}).prices) == 2
    assert len(goods.set("cup", {"prices": RULES}).prices) == 1


def test_who_has_the_only_rule_of_another_must_know_which_when_there_are_two(goods: Goods) -> None:
    goods.set("saucer", {"price_by": None})
    more = [*RULES, {"name": "more", "rules": RULES[0]["rules"]}]
    with pytest.raises(NotAllowedError, match="its price rules can't change so"):
        goods.set("cup", {"prices": more, "price_by": "many"})
    with pytest.raises(InvalidValueError, match="which price rule of product cup is meant"):
        goods.set("cup", {"prices": more})
    goods.set("saucer", {"price_by": "many"})
    goods.set("cup", {"prices": more, "price_by": "many"})


def test_all_who_need_it_are_named_up_to_five(goods: Goods) -> None:
    for number in range(6):
        goods.add({"nm": f"s-{number}", "w_nm": "S", "w_pkg": [{"w_id": "cup"}]})
    with pytest.raises(NotAllowedError, match="s-0, s-1, s-2, s-3, s-4, …"):
        goods.remove("cup")


def test_a_file_may_change_all_that_belong_together_at_once(world: World, goods: Goods) -> None:
    files = GoodsFiles(goods)
    dollars = '{"nm":"%s","w_currency":"USD"}'
    with pytest.raises(NotAllowedError, match="line 1: product cup: it can't be sold in USD"):
        load(files, dollars % "cup")
    assert load(files, *(dollars % name for name in ("cup", "set", "saucer"))).changed == 3
    assert list(broken_goods(world.storage, "demo")) == []


def test_a_file_whose_lines_do_not_fit_each_other_changes_nothing(goods: Goods) -> None:
    files = GoodsFiles(goods)
    with pytest.raises(InvalidValueError, match="line 2: product saucer: its price rule many"):
        load(files, '{"nm":"cup","prices":null}', '{"nm":"saucer","w_price":9}')
    dollars = '{"nm":"%s","w_currency":"USD"}'
    lines = (dollars % "cup", '{"nm":"set","w_nm":"A set"}', dollars % "saucer")
    with pytest.raises(InvalidValueError, match="line 2: package set: product cup is sold in USD"):
        load(files, *lines)
    assert goods.get("cup").w_currency == "RMB"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"w_pkg": [{"w_id": "gone"}]}, "package new: product gone was deleted"),
        ({"price_by": "few"}, "its price rule few is not among the prices of product new"),
        ({"price_by": "few", "pro_id": "cup"}, "few is not among the prices of product cup"),
        ({"price_by": "many", "pro_id": "nobody"}, "of product nobody, which is not there"),
        ({"price_by": "many", "pro_id": "gone"}, "of product gone, which was deleted"),
        ({"price_by": "many", "pro_id": "cup", "w_currency": "USD"}, "cup, sold in RMB"),
    ],
)
def test_a_product_that_could_not_be_sold_is_not_added(goods: Goods, document, said) -> None:
    goods.add({"nm": "gone", "w_nm": "Gone", "w_price": 1, "prices": RULES})
    goods.remove("gone")
    with pytest.raises(InvalidValueError, match=re.escape(said)):
        goods.add({"nm": "new", "w_nm": "New", "w_price": Decimal("1"), **document})


def test_a_package_whose_part_is_gone_is_not_restored_before_it(goods: Goods) -> None:
    for name in ("set", "saucer", "cup"):
        goods.remove(name)
    with pytest.raises(InvalidValueError, match="package set: product cup was deleted") as refused:
        goods.restore("set")
    assert refused.value.hint == "payment w restore cup"
    with pytest.raises(InvalidValueError, match="many is of product cup, which was deleted"):
        goods.restore("saucer")
    for name in ("cup", "set", "saucer"):
        assert goods.restore(name).is_live


def test_what_went_stale_is_found(world: World, goods: Goods) -> None:
    assert list(broken_goods(world.storage, "demo")) == []
    stored(world, goods, "cup", w_currency="USD", prices=[])
    found = {name: str(error) for name, error in broken_goods(world.storage, "demo")}
    assert found == {
        "set": "package set: product cup is sold in USD",
        "saucer": "product saucer: its price rule many is of product cup, sold in USD",
    }
    stored(world, goods, "cup", w_currency="RMB", th_live=-1)
    assert {name for name, _ in broken_goods(world.storage, "demo")} == {"set", "saucer"}
    goods.remove("set")
    assert [name for name, _ in broken_goods(world.storage, "demo")] == ["saucer"]

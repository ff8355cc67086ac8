import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.services.shop.baskets import TreeBaskets
from payment_cli.storage.base import Collection
from payment_cli.storage.tinydb import open_tinydb
from tests.services.conftest import World
from tests.support.clock import HandClock


@pytest.fixture
def baskets(world: World) -> TreeBaskets:
    return TreeBaskets(world.storage, world.clock, "demo", kinds_max=2)


def test_a_basket_is_a_record_of_its_buyer(world: World, baskets) -> None:
    assert baskets.get("u1") == {}
    assert baskets.add("u1", "cup", 2) == 2
    assert baskets.add("u1", "cup", 1) == 3
    record = world.storage.get(Collection("basket", "demo"), "u1")
    assert (record["nm"], record["tp"], record["items"]) == ("u1", "basket", {"cup": 3})
    assert baskets.get("u2") == {}


def test_sums_come_out_as_they_are_and_nothing_below_one_stays(baskets) -> None:
    assert baskets.add("u1", "cup", -2) == -2
    assert baskets.put("u1", "cup", 4) == 4
    assert baskets.put("u1", "cup", -4) == 0
    assert baskets.get("u1") == {}


def test_a_basket_holds_so_many_kinds(baskets) -> None:
    baskets.add("u1", "a", 1)
    baskets.add("u1", "b", 1)
    with pytest.raises(NotAllowedError):
        baskets.add("u1", "c", 1)
    with pytest.raises(NotAllowedError):
        baskets.put("u1", "c", 1)
    assert baskets.add("u1", "b", 1) == 2
    assert baskets.remove("u1", ["a", "x"]) == 1
    assert baskets.add("u1", "c", 1) == 1


def test_clean_says_whether_there_was_anything(baskets) -> None:
    assert not baskets.clean("u1")
    baskets.add("u1", "a", 1)
    assert baskets.clean("u1")
    assert not baskets.clean("u1")


def test_what_changes_nothing_writes_nothing(world: World, baskets) -> None:
    baskets.add("u1", "a", 1)
    before = world.storage.get(Collection("basket", "demo"), "u1")["rev"]
    baskets.remove("u1", ["x"])
    baskets.put("u1", "a", 1)
    baskets.remove("nobody", ["x"])
    assert world.storage.get(Collection("basket", "demo"), "u1")["rev"] == before


def test_what_was_bought_leaves_and_what_was_added_meanwhile_stays(baskets) -> None:
    baskets.add("u1", "a", 3)
    baskets.add("u1", "b", 1)
    baskets.take("u1", {"a": 2, "b": 5, "x": 1})
    assert baskets.get("u1") == {"a": 1}
    baskets.take("nobody", {"a": 1})


@pytest.mark.parametrize("uid", ["../x", "小白", "", "a b"])
def test_a_buyer_whose_id_is_none_has_no_basket(baskets, uid: str) -> None:
    with pytest.raises(InvalidValueError):
        baskets.add(uid, "a", 1)
    baskets.take(uid, {"a": 1})


@pytest.mark.parametrize("product_id", ["../x", "", "杯子"])
def test_what_is_no_id_is_not_put_in(baskets, product_id: str) -> None:
    with pytest.raises(InvalidValueError):
        baskets.add("u1", product_id, 1)


_steps = st.lists(
    st.tuples(st.sampled_from(["add", "put", "take"]), st.sampled_from("abc"), st.integers(-5, 5)),
    max_size=12,
)


@given(_steps)
def test_a_basket_is_what_its_steps_add_up_to(steps) -> None:
    clock = HandClock()
    baskets = TreeBaskets(open_tinydb(None, clock), clock, "demo", kinds_max=3)
    model: dict[str, int] = {}
    for verb, product_id, n in steps:
        held = model.get(product_id, 0)
        if verb == "add":
            assert baskets.add("u1", product_id, n) == held + n
            model[product_id] = held + n
        elif verb == "put":
            assert baskets.put("u1", product_id, n) == max(0, n)
            model[product_id] = n
        else:
            baskets.take("u1", {product_id: abs(n)})
            model[product_id] = held - abs(n)
        model = {key: count for key, count in model.items() if count > 0}
        assert baskets.get("u1") == model

import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.services.shop import favourites as favourites_module
from payment_cli.services.shop.favourites import Favourites
from payment_cli.storage.base import Collection
from tests.services.conftest import World


@pytest.fixture
def favourites(world: World) -> Favourites:
    return Favourites(world.storage, world.clock, "demo")


def test_favourites_keep_the_time_they_were_first_added(world: World, favourites) -> None:
    began = world.clock.now
    assert favourites.add("u1", ["b"]) == 1
    world.clock.advance(s=1)
    assert favourites.add("u1", ["a", "b"]) == 1
    assert favourites.list("u1") == [("b", began), ("a", began + 1000)]
    assert favourites.list("u1", newest_first=True)[0][0] == "a"
    assert favourites.list("u2") == []


def test_removing_counts_what_was_there(world: World, favourites) -> None:
    favourites.add("u1", ["a", "b"])
    assert favourites.remove("u1", ["a", "x"]) == 1
    rev = world.storage.get(Collection("favourite", "demo"), "u1")["rev"]
    assert favourites.remove("u1", ["a"]) == 0
    assert favourites.remove("nobody", ["a"]) == 0
    assert world.storage.get(Collection("favourite", "demo"), "u1")["rev"] == rev


def test_there_are_so_many_at_most(favourites, monkeypatch) -> None:
    monkeypatch.setattr(favourites_module, "FAVOURITES_MAX", 2)
    favourites.add("u1", ["a", "b"])
    with pytest.raises(NotAllowedError):
        favourites.add("u1", ["c"])
    assert favourites.add("u1", ["a"]) == 0


@pytest.mark.parametrize(("uid", "product_id"), [("../x", "a"), ("u1", "../x"), ("", "a")])
def test_ids_are_checked(favourites, uid: str, product_id: str) -> None:
    with pytest.raises(InvalidValueError):
        favourites.add(uid, [product_id])

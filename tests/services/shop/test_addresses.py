import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.services.shop import addresses as addresses_module
from payment_cli.services.shop.addresses import Addresses
from tests.services.conftest import World
from tests.services.shop.test_orders import HOME


@pytest.fixture
def addresses(world: World) -> Addresses:
    return Addresses(world.storage, world.actor, world.clock, world.ids)


def defaults(addresses: Addresses, uid: str) -> list[bool]:
    return [address.dftaddr for address in addresses.list(uid)]


def test_the_first_address_of_an_owner_is_the_default_one(world: World, addresses) -> None:
    first = addresses.add("u1", HOME)
    world.clock.advance(s=1)
    second = addresses.add("u1", HOME)
    world.clock.advance(s=1)
    third = addresses.add("u1", HOME)
    addresses.add("u2", HOME)
    listed = [address.id for address in addresses.list("u1")]
    assert listed == [first.id, third.id, second.id]
    assert defaults(addresses, "u1") == [True, False, False]
    assert defaults(addresses, "u2") == [True]


def test_only_one_of_an_owners_addresses_is_the_default(addresses) -> None:
    addresses.add("u1", HOME)
    second = addresses.add("u1", HOME)
    addresses.add("u2", HOME)
    assert addresses.set_default(second.id).dftaddr
    assert addresses.list("u1")[0].id == second.id
    assert defaults(addresses, "u1") == [True, False]
    assert addresses.set_default(second.id).dftaddr
    assert defaults(addresses, "u2") == [True]


def test_the_newest_other_address_takes_the_defaults_place(world: World, addresses) -> None:
    first = addresses.add("u1", HOME)
    addresses.add("u1", HOME)
    world.clock.advance(s=1)
    newest = addresses.add("u1", HOME)
    addresses.remove(first.id)
    assert addresses.list("u1")[0].id == newest.id
    assert defaults(addresses, "u1") == [True, False]
    addresses.remove(addresses.list("u1")[1].id)
    assert defaults(addresses, "u1") == [True]
    with pytest.raises(NotFoundError):
        addresses.get(first.id)


def test_buyers_and_the_shop_have_addresses_of_their_own_type(addresses) -> None:
    assert addresses.add("", {"code": "310115"}).tp == "S"
    assert addresses.add("u1", HOME).tp == "U"
    with pytest.raises(InvalidValueError):
        addresses.add("u1", {**HOME, "tp": "S"})
    with pytest.raises(InvalidValueError):
        addresses.add("", {**HOME, "tp": "U"})
    with pytest.raises(InvalidValueError):
        addresses.set(addresses.list("u1")[0].id, {"tp": "S"})


def test_a_change_keeps_owner_and_place_and_null_removes(addresses) -> None:
    made = addresses.add("u1", {**HOME, "email": "a@b.cn"})
    changed = addresses.set(made.id, {"email": None, "street": "New 2", "dftaddr": False})
    assert (changed.email, changed.street, changed.code) == ("", "New 2", made.code)
    assert (changed.uid, changed.dftaddr) == ("u1", True)
    with pytest.raises(InvalidValueError):
        addresses.set(made.id, {"phone": None})
    assert addresses.get(made.id) == changed


def test_an_owner_has_a_bounded_number(addresses, monkeypatch) -> None:
    monkeypatch.setattr(addresses_module, "ADDRESSES_MAX", 2)
    for _ in range(2):
        addresses.add("u1", HOME)
    with pytest.raises(NotAllowedError):
        addresses.add("u1", HOME)
    addresses.add("u2", HOME)


def test_each_store_has_its_own(world: World, addresses) -> None:
    made = addresses.add("u1", HOME)
    other = world.seen_by("other")
    theirs = Addresses(other.storage, other.actor, other.clock, other.ids)
    assert theirs.list("u1") == []
    with pytest.raises(NotFoundError):
        theirs.get(made.id)

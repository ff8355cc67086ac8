"""Which time zone a store keeps."""

import pytest

from payment_cli.errors import ConfigError, NotFoundError
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.stores.zones import Zones
from tests.services.conftest import World
from tests.services.stores.test_settings import service_of


def find(domain: str) -> Merchant:
    if domain == "root":
        raise NotFoundError("merchant", domain)
    currency = {"abroad": "USD", "demo": "CNY"}.get(domain, "RMB")
    return Merchant(domain=domain, id="m-1", title=domain, currency=currency)


def zones(world: World, tree: str = "") -> Zones:
    return Zones(lambda: world.storage, find, tree)


def keep(world: World, zone: str) -> None:
    service_of(world).set("demo", "timezone", zone)


def test_a_store_keeps_its_own_else_the_trees_else_that_of_its_currency(world: World) -> None:
    for domain, zone in (("demo", "Asia/Shanghai"), ("abroad", "UTC"), ("root", "Asia/Shanghai")):
        assert str(zones(world).of(domain)) == zone
        assert str(zones(world, "Asia/Tokyo").of(domain)) == "Asia/Tokyo"
    keep(world, "Europe/Berlin")
    assert str(zones(world, "Asia/Tokyo").of("demo")) == "Europe/Berlin"
    assert str(zones(world, "Asia/Tokyo").of("tea")) == "Asia/Tokyo"
    keep(world, "")
    assert str(zones(world, "Asia/Tokyo").of("demo")) == "Asia/Tokyo"


def test_a_zone_that_is_not_known_is_a_configuration_to_mend(world: World) -> None:
    with pytest.raises(ConfigError, match="'Asia/Shangai' is no time zone") as refused:
        zones(world, "Asia/Shangai").of("demo")
    assert refused.value.hint == "did you mean Asia/Shanghai?"

import pytest

from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.shop.freight_check import check_sheet
from payment_cli.services.stores.setting_checks import SettingChecks
from payment_cli.services.stores.settings import StoreSettingsService
from payment_cli.storage.base import Collection
from tests.services.conftest import World


@pytest.fixture
def settings(world: World) -> StoreSettingsService:
    return service_of(world)


def service_of(world: World) -> StoreSettingsService:
    """Return the settings of stores that have one script, `after`, and may tell anybody."""

    def require_script(_domain: str, name: str) -> None:
        if name != "after":
            raise NotFoundError("script", name)

    checks = SettingChecks(require_script, check_sheet, lambda _domain, _url: None)
    return StoreSettingsService(world.storage, world.actor, world.clock, checks)


def test_a_store_that_set_nothing_has_the_defaults(settings) -> None:
    assert settings.get("demo").order_minutes == 15


def test_a_setting_is_recorded_and_the_others_stay(world: World, settings) -> None:
    settings.set("demo", "order_minutes", "30")
    settings.set("demo", "order_callback", "after")
    after = settings.get("demo")
    assert (after.order_minutes, after.order_callback, after.kinds_max) == (30, "after", 20)
    assert after.rev == 2
    record = world.storage.get(Collection("settings", "demo"), "settings")
    assert record["order_minutes"] == 30
    assert settings.set("demo", "order_callback", "").order_callback == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("order_minutes", "0"),
        ("order_minutes", "1.5"),
        ("order_minutes", "true"),
        ("order_minutes", "soon"),
        ("order_minutes", ""),
        ("kinds_max", "101"),
        ("order_callback", "../x"),
        ("timezone", "Asia/Shangai"),
        ("timezone", "localtime"),
        ("freight_sheet", "[]"),
        ("freight_sheet", '{"rules":{"CN":[{}]}}'),
        ("nothing", "1"),
        ("id", "x"),
    ],
)
def test_what_it_can_not_be_is_refused(settings, name: str, text: str) -> None:
    with pytest.raises(InvalidValueError):
        settings.set("demo", name, text)
    assert settings.get("demo").rev == 0


def test_a_script_that_is_not_there_is_refused_and_the_one_before_stays(settings) -> None:
    settings.set("demo", "order_callback", "after")
    with pytest.raises(NotFoundError):
        settings.set("demo", "order_callback", "befor")
    assert settings.get("demo").order_callback == "after"


def test_others_neither_read_nor_change_it(world: World, settings) -> None:
    with pytest.raises(NotFoundError):
        settings.get("other")
    with pytest.raises(NotFoundError):
        settings.set("other", "order_minutes", "5")
    root = world.seen_by("root", is_operator=True)
    assert service_of(root).set("other", "order_minutes", "5").order_minutes == 5
    assert settings.get("demo").order_minutes == 15

"""What the doctor says of a store whose settings and goods were right once."""

import pytest

from payment_cli.errors import ConfigError, InvalidValueError, NotFoundError
from payment_cli.model.shop.freight_check import check_sheet
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.shop.addresses import Addresses
from payment_cli.services.shop.discounts import Discounts
from payment_cli.services.shop.goods import Goods
from payment_cli.services.shop.records import save_product
from payment_cli.services.stores.setting_checks import SettingChecks
from payment_cli.services.upkeep.doctor_stores import TOLD_MAX, StoreExaminer
from payment_cli.storage.base import Collection
from tests.services.conftest import World
from tests.services.shop.test_goods import goods_of
from tests.services.shop.test_orders import configure

SHOP = Merchant("demo", "m1", "Demo")
BEIJING = {"CN": [{"ship_code": "110000", "target_code": "000000", "first": 10}]}
ALL_IS_WELL = ["ok demo store: what its settings and goods name is there"]


class Machine:
    """What is there beside the records; a test takes things away."""

    def __init__(self) -> None:
        self.scripts = {"after"}
        self.problem: Exception | None = None
        self.hooks: list[str] = []
        self.open_hooks: set[str] = set()

    def require_script(self, _domain: str, name: str) -> None:
        if name not in self.scripts:
            raise NotFoundError("script", name, hint="scripts are in …")

    def require_webhook(self, _domain: str, _url: object) -> None:
        if self.problem:
            raise self.problem

    def read_hook(self, _domain: str, event: str) -> None:
        if event in self.open_hooks:
            raise ConfigError(f"{event}: others can write to it")

    def read_messages(self, _domain: str, lang: str) -> None:
        if lang == "de":
            raise ConfigError("de.json is no JSON")
        raise NotFoundError("language", lang)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def said(world: World, machine: Machine):
    """`said()` are the findings, as lines."""
    checks = SettingChecks(machine.require_script, check_sheet, machine.require_webhook)
    examiner = StoreExaminer(
        lambda: world.storage,
        checks,
        machine.read_messages,
        lambda _domain: machine.hooks,
        machine.read_hook,
        lambda: world.clock.now,
    )
    return lambda shop=SHOP: [
        f"{found.level} {found.subject}: {found.sentence}" for found in examiner.examine(shop)
    ]


@pytest.fixture
def goods(world: World) -> Goods:
    return goods_of(world)


def discounts(world: World) -> Discounts:
    return Discounts(world.storage, world.actor, world.clock, world.ids, world.find_merchant)


def addresses(world: World) -> Addresses:
    return Addresses(world.storage, world.actor, world.clock, world.ids)


def test_a_store_that_set_nothing_is_well(said) -> None:
    assert said() == ALL_IS_WELL


def test_a_script_that_was_deleted_is_told(world: World, machine: Machine, said) -> None:
    configure(world, order_callback="after")
    assert said() == ALL_IS_WELL
    machine.scripts.clear()
    assert said() == ["error demo store: order_callback: no script after"]


def test_every_stale_setting_is_told(world: World, machine: Machine, said) -> None:
    configure(world, webhook_url="https://shop.example/hook", freight_sheet={"x": 1})
    machine.problem = InvalidValueError("no key")
    record = world.storage.get(Collection("settings", "demo"), "settings")
    with world.storage.transaction("test") as tx:
        tx.put(Collection("settings", "demo"), {**record, "timezone": "Mars/Olympus"})
    assert [line.split(": ")[1] for line in said()] == ["freight_sheet", "timezone", "webhook_url"]


def test_a_sheet_needs_a_place_to_send_from_and_rules_for_it(world: World, said) -> None:
    configure(world, freight_sheet={"rules": BEIJING})
    assert said() == ["error demo store: freight_sheet: the store sends from nowhere"]
    place = addresses(world).add("", {"code": "440304000000"})
    assert said() == [
        "error demo store: freight_sheet: no rule is for what is sent from 440304000000"
    ]
    addresses(world).set(place.id, {"code": "110108017000"})
    assert said() == ALL_IS_WELL


def test_the_file_of_a_language_must_be_readable_if_it_is_there(said) -> None:
    assert said(SHOP._replace(lang="de")) == ["error demo store: lang: de.json is no JSON"]
    assert said(SHOP._replace(lang="fr")) == ALL_IS_WELL


def test_a_hook_for_no_event_is_told(machine: Machine, said) -> None:
    machine.hooks = [".git", "order.paid", "order.payed"]
    assert said() == ["warn demo store: hook/order.payed: no event is called so"]


def test_a_hook_that_would_not_be_run_is_told(machine: Machine, said) -> None:
    machine.hooks, machine.open_hooks = ["order.paid", "order.done"], {"order.done"}
    wrong = "error demo store: hook/order.done: order.done: others can write to it"
    assert said() == [wrong]


def test_goods_that_can_not_be_sold_are_told_some_of_them(world: World, goods: Goods, said) -> None:
    cup = goods.add({"nm": "cup", "w_nm": "Cup", "w_price": 3})
    for number in range(TOLD_MAX + 1):
        goods.add({"nm": f"set-{number}", "w_nm": "Set", "w_pkg": [{"w_id": "cup"}]})
    assert said() == ALL_IS_WELL
    with world.storage.transaction("test") as tx:
        save_product(tx, "demo", cup.edited({"w_currency": "USD"}, 1))
    found = said()
    assert "error demo goods: package set-3: product cup is sold in USD" in found
    assert len(found) == TOLD_MAX + 1
    assert found[-1] == "error demo goods: there are more that can't be sold"


def test_a_discount_that_applies_to_nothing_any_more_is_told(world, goods: Goods, said) -> None:
    goods.add({"nm": "cup", "w_nm": "Cup", "w_price": 3, "cat": ["tea"]})
    made = discounts(world)
    half = {"dis_mode": "percent", "off_bp": 5000}
    cups = made.add({"dis_nm": "Cups", **half, "goods": ["cup"]})
    tea = made.add({"dis_nm": "Tea", **half, "cats": ["tea"], "dis_expi": world.clock.now + 1000})
    assert said() == ALL_IS_WELL
    goods.remove("cup")
    assert sorted(said()) == sorted([
        f"warn demo discounts: discount Cups ({cups.id}): product cup was deleted",
        f"warn demo discounts: discount Tea ({tea.id}): nothing is in its categories: tea",
    ])  # fmt: skip
    world.clock.advance(s=2)
    assert len(said()) == 1  # the other is over
    goods.restore("cup")
    goods.set("cup", {"w_currency": "USD"})
    assert "it is in RMB, product cup is sold in USD" in said()[0]
    made.remove(cups.id)
    assert said() == ALL_IS_WELL


def test_fields_of_ones_own_that_look_like_others_are_told(goods: Goods, said) -> None:
    for name in ("a", "b"):
        goods.add(
            {"nm": name, "w_nm": "A", "w_price": 5, "stock": 5, "pricee": 3, "colour": "red"},
            keep=("stock", "pricee"),
        )
    assert said() == [
        "warn demo goods: pricee of 2 goods, as of a, is a field of your own, not w_price",
        "warn demo goods: stock of 2 goods, as of a, is a field of your own, not sku",
    ]
    for name in ("a", "b"):
        goods.set(name, {"pricee": None, "stock": 7})
    assert said() == ALL_IS_WELL
    assert goods.get("a").sku == 7

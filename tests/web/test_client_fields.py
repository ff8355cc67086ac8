"""Whatever a client writes into its order: it costs what the store says, or there is none."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payment_cli.model.record import Json
from payment_cli.model.stores.session import Role
from payment_cli.services.shop.records import orders
from tests.support.store_web import StoreWeb

HOME = {
    "addr_user_country": "CN", "addr_user_code": "540102000000", "addr_user_door": "1 Beijing Rd",
    "user_name": "Li", "user_phone": "13912345678",
}  # fmt: skip
SHEET = {
    "rules": {
        "CN": [
            {"title": "all", "ship_code": "110000", "target_code": "000000", "first": 12},
            {"title": "Tibet", "ship_code": "110000", "target_code": "540000", "first": 30},
        ],
        "US": [
            {"title": "US", "ship_code": "110000", "target_code": "000000", "first": 90},
            {"title": "Alaska", "ship_code": "110000", "target_code": "US-AK", "first": 200},
        ],
    }
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A store that weighs what it sends: a kettle of 1 kg for 100, a song for 5."""
    store = StoreWeb(tmp_path_factory.mktemp("sending"))
    shop = store.demo.shop
    kettle = {"nm": "kettle", "w_nm": "Kettle", "w_price": 100, "weight": 1}
    store.kettle = shop.goods.add(kettle).id
    store.song = shop.goods.add({"nm": "song", "w_nm": "Song", "w_price": 5, "w_tp": "Q"}).id
    shop.settings.set("demo", "freight_sheet", json.dumps(SHEET))
    shop.settings.set("demo", "pending_max", "1000")
    address = {"tp": "S", "code": "110108017000"}
    shop.addresses.add("", address)
    yield store
    store.close()


def create(store: StoreWeb, document: Any, *, role: Role = Role.BUYER) -> dict[str, Any]:
    store.clock.advance(minutes=1)  # nobody asks too often here
    token = store.token(role, "xiaobai" if role is Role.BUYER else "")
    return json.loads(store.post("/pay/ajax/create", document, token).body)


def fee(store: StoreWeb, *goods: str, **fields: Json) -> int:
    answer = create(store, {"products": [{"id": id, "amount": 1} for id in goods], **fields})
    assert answer["ok"], answer
    return answer["data"]["payment"]["fee"]


def test_a_buyer_that_calls_sent_goods_virtual_pays_their_freight(shop):
    assert fee(shop, shop.kettle, **HOME, tp="Q") == 130_00
    assert fee(shop, shop.kettle, **HOME, ord_tp="Q") == 130_00


def test_what_the_store_calls_virtual_is_sent_nowhere_whatever_the_buyer_calls_it(shop):
    assert fee(shop, shop.song, tp="A") == 5_00
    [record] = shop.app.storage.query(orders("demo"), newest())
    assert record["ord_tp"] == "Q"


def test_an_order_of_both_is_sent_and_only_what_is_sent_is_weighed(shop):
    assert fee(shop, shop.song, shop.kettle, **HOME) == 135_00
    [record] = shop.app.storage.query(orders("demo"), newest())
    assert (record["ord_tp"], [row.get("w_tp") for row in record["ord_ws"]]) == ("A", ["Q", None])


@pytest.mark.parametrize(
    "nowhere",
    [
        {},
        {**HOME, "addr_user_country": "US", "addr_user_code": "", "user_phone": "+12125550123"},
        {**HOME, "addr_user_country": "HK", "addr_user_code": "", "user_phone": "+85221234567"},
        {**HOME, "addr_user_country": "HK", "addr_user_code": "X", "user_phone": "+85221234567"},
    ],
    ids=["no address", "no region code", "no code, no rule", "no rule"],
)
def test_where_the_freight_can_not_be_told_there_is_no_order(shop, nowhere):
    answer = create(shop, {"products": [{"id": shop.kettle, "amount": 1}], **nowhere})
    assert (answer["ok"], answer["errCode"]) == (False, "e.pay.nopvg")
    assert "freight" in answer["msg"]


def test_goods_handed_over_at_the_till_need_no_address(shop):
    document = {"products": [{"id": shop.kettle, "amount": 1}]}
    assert create(shop, document, role=Role.CASHIER)["data"]["payment"]["fee"] == 100_00
    sent = create(shop, {**document, **HOME}, role=Role.CASHIER)
    assert sent["data"]["payment"]["fee"] == 130_00


def newest() -> Any:
    from payment_cli.model.query.match import everything
    from payment_cli.storage.base import Query

    return Query(everything(), (("ct", -1), ("id", -1)), limit=1)


#: Names that a client sends, that records have, and that nobody has.
_KNOWN = [
    "tp", "ord_tp", "w_tp", "price", "fee", "total", "freight", "discount", "weight", "w_weight",
    "w_price", "retail", "currency", "ord_currency", "race", "st", "ord_status", "sto_id",
    "sto_nm", "seller", "buyer_id", "accounts", "pay_tp", "pay_id", "pay_ids", "coupons",
    "ord_ds", "ord_price", "ord_expi", "expi", "title", "address", "addr_user_country",
    "addr_user_code", "addr_user_city", "addr_user_door", "user_name", "user_phone",
    "addr_ship_code", "prices", "price_by", "pro_id", "w_num", "w_buy_num", "amount",
    "w_discount", "w_pkg", "sku", "kind", "type", "anonymous", "价格", "运费", "proid0", "pro_c",
    "or_id", "brief", "products", "ord_ws", "route", "country", "code",
]  # fmt: skip
_NAMES = st.one_of(st.sampled_from(_KNOWN), st.text(max_size=8))
_VALUES = st.one_of(
    st.sampled_from(["A", "Q", "S", "", "0", "free", "CN", "US", "RMB", "CNY", "USD", "110000",
                     "110108017000", "true", "wx.qrcode", "x"]),
    st.integers(-(10**6), 10**6), st.booleans(), st.none(),
    st.decimals("-1000", "1000", places=2).map(float),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from(["id", "value", "w_num", "price"]), st.integers(0, 9)),
)  # fmt: skip
_ODD = st.dictionaries(_NAMES, _VALUES, max_size=3)


@settings(max_examples=250, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(odd=_ODD, on_line=_ODD, amounts=st.tuples(st.integers(1, 3), st.integers(0, 2)))
def test_no_field_of_a_client_makes_its_goods_cheaper(shop, odd, on_line, amounts):
    kettles, songs = amounts
    lines = [{**on_line, "id": shop.kettle, "amount": kettles}]
    lines += [{"id": shop.song, "amount": songs}] if songs else []
    # The true address comes last, so what is odd about the document is everything but it.
    document = {"products": lines, **odd, **HOME}
    answer = create(shop, document)
    assert answer.get("msg") != "too many requests"
    if answer["ok"]:
        payment = answer["data"]["payment"]
        goods = {
            row["id"]: row["w_buy_num"]
            for row in shop.stored_order(payment["or_id"]).to_record()["ord_ws"]
        }
        due = 100_00 * goods.get(shop.kettle, 0) + 5_00 * goods.get(shop.song, 0) + 30_00
        assert goods.get(shop.kettle) == kettles or "products" in odd or "ord_ws" in odd
        assert payment["fee"] == due
        assert Decimal(payment["fee"]) >= 100_00
        assert payment["cur"] == "RMB"


#: What a client may send back, since it was shown it: none of it is refused, or believed.
_MONEY = st.sampled_from([0, 0.01, -1, 10**9, "0", None])
_SHOWN = st.fixed_dictionaries(
    {},
    optional={
        "tp": st.sampled_from(["A", "Q", "S"]),
        "price": _MONEY, "fee": _MONEY, "total": _MONEY, "freight": _MONEY, "discount": _MONEY,
        "seller": st.sampled_from(["main", "ali", "thief"]),
        "title": st.sampled_from(["x", "Q", "", "免运费"]),
        "pay_tp": st.sampled_from(["wx.qrcode", "zfb.qrcode", "wx.jsapi", ""]),
        "currency": st.sampled_from(["RMB", "cny"]),
    },
)  # fmt: skip
_SHOWN_OF_LINE = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["x", "Song"]), "price": _MONEY, "tp": st.sampled_from(["A", "Q"]),
        "nm": st.just("song"), "retail": _MONEY, "subtotal": _MONEY,
    },
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(shown=_SHOWN, of_line=_SHOWN_OF_LINE)
def test_what_a_client_was_shown_may_come_back_and_changes_no_fee(shop, shown, of_line):
    lines = [{**of_line, "id": shop.kettle, "amount": 2}]
    answer = create(shop, {"products": lines, **shown, **HOME})
    assert answer["ok"], answer
    assert answer["data"]["payment"]["fee"] == 230_00

"""What is somebody else's is answered as what does not exist, by every act and page."""

import pytest

from payment_cli.model.shop.address import Address
from payment_cli.model.shop.coupon import Coupon
from payment_cli.services.shop.records import coupons
from payment_cli.storage.base import Collection

NOBODY = "0" * 31 + "1"
PLACE = {
    "country": "CN", "code": "110108017000", "street": "x", "consignee": "Li",
    "phone": "13800138000",
}  # fmt: skip

ACTS = (
    ("create", {"or_id": "ID"}, "order"),
    ("send", {"or_id": "ID", "pay_tp": "wx.qrcode"}, "order"),
    ("send", {"id": "ID", "pay_tp": "wx.qrcode"}, "payment"),
    ("check", {"id": "ID"}, "payment"),
    ("create", {"products": ["CUP"], "coupons": ["ID"]}, "coupon"),
    ("create", {"products": ["CUP"], "coupons": ["ID"]}, "dead coupon"),
    # What is wrong with the order itself tells nothing about the coupon either.
    ("create", {"products": ["TOO MANY"], "coupons": ["ID"]}, "coupon"),
    ("create", {"products": ["CUP"], "address": "ID"}, "address"),
    ("create", {"products": ["CUP"], "address": "ID"}, "shop address"),
    ("create", {"products": ["ID"]}, "product"),
)
PAGES = (("/pay/checkout/ID", "order"), ("/pay/ajax/get?id=ID", "payment"))


@pytest.fixture
def theirs(store):
    """Of another buyer, and of another store, one of each kind."""
    order = store.order(buyer="xiaohei")
    payment = store.demo.shop.order_payments.open(order.id)
    other = store.app.acting_as("other")
    goods = {"nm": "far", "w_nm": "Far", "w_price": 1}
    made = {
        "order": order.id,
        "payment": payment.id,
        "product": other.shop.goods.add(goods).id,
    }
    with store.app.storage.transaction("test") as tx:
        for name, live in (("coupon", 1), ("dead coupon", -1)):
            coupon = Coupon.new(
                {"title": "off", "type": 1, "value": 5, "owner": "xiaohei"},
                id=name[0] * 32, now=1, currency="RMB",
            )  # fmt: skip
            tx.insert(coupons("demo"), {**coupon.to_record(), "th_live": live})
            made[name] = coupon.id
        for name, uid in (("address", "xiaohei"), ("shop address", "")):
            kind = {"tp": "U" if uid else "S"}
            address = Address.new({**PLACE, **kind}, id=name[0] * 31 + "1", uid=uid, now=1)
            tx.insert(Collection("address", "demo"), address.to_record())
            made[name] = address.id
    return made


def filled(store, content, name):
    found = {"CUP": {"id": store.cup, "amount": 1}, "TOO MANY": {"id": store.tea, "amount": 9}}
    if isinstance(content, dict):
        return {key: filled(store, value, name) for key, value in content.items()}
    if isinstance(content, list):
        return [
            found.get(value, {"id": name, "amount": 1})
            if content != ["ID"] or value != "ID"
            else name
            for value in content
        ]
    return content.replace("ID", name)


@pytest.mark.parametrize(("act", "content", "kind"), ACTS)
def test_an_act_with_anothers_id_is_answered_like_one_with_nobodys(
    store, theirs, act, content, kind
):
    def answer(name):
        asked = filled(store, content, name)
        if kind == "product":
            asked = {"products": [{"id": name, "amount": 1}]}
        reply = store.post(f"/pay/ajax/{act}", asked, store.token())
        return reply.status, reply.body.replace(name.encode(), b"ID"), reply.headers

    before = store.count()
    nothing = answer(NOBODY)
    assert nothing[0] == 404
    assert answer(theirs[kind]) == nothing
    assert store.count() == before


@pytest.mark.parametrize(("path", "kind"), PAGES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_page_of_anothers_id_is_the_page_of_nobodys(store, theirs, path, kind, lang):
    def answer(name):
        token = store.token()
        reply = store.get(path.replace("ID", name), token, HTTP_ACCEPT_LANGUAGE=lang)
        return reply.status, reply.body.replace(name.encode(), b"ID"), reply.headers

    assert answer(NOBODY)[0] == 404
    assert answer(theirs[kind]) == answer(NOBODY)


def test_a_cashier_of_another_store_finds_none_of_it(store, theirs):
    token = store.token(role="cashier", buyer="", store="other")
    for kind in ("order", "payment"):
        word = "or_id" if kind == "order" else "id"
        for name in (theirs[kind], NOBODY):
            store.ask("send", {word: name, "pay_tp": "wx.qrcode"}, token, 404)


def test_a_token_of_a_store_that_is_not_there_is_answered_like_a_forged_one(store):
    said = store.token()
    forged = [said[:-3] + "abc", "nosuch" + said[4:], "demo~e30~" + "A" * 43, "x"]
    replies = [store.post("/pay/session", {"token": token}) for token in forged]
    assert {(reply.status, reply.body) for reply in replies} == {
        (401, b'{"ok":false,"errCode":"e.pay.untrusted","msg":"no valid session"}')
    }

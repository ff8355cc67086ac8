"""`payment o`: orders from the command line."""

import json

import pytest

from tests.support.shop_cli import configure_target, stocked_store


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """A store of which nobody buys anything."""
    with stocked_store(tmp_path_factory.mktemp("stocked")) as store:
        yield store


@pytest.fixture
def refusing(payment, stocked, monkeypatch):
    """`payment` in the stocked store."""
    monkeypatch.setenv("PAYMENT_ROOT", str(stocked.root))
    return payment


@pytest.mark.parametrize(
    ("items", "said", "code"),
    [
        (["nix"], "no product nix", 10),
        (["ffffffffff"], "no product ffffffffff", 10),
        (["gone"], "product gone was deleted", 12),
        (["old"], "product old is not sold any more", 12),
        (["none"], "product none: sold out, 1 wanted", 12),
        (["cup:1"], "product cup: 1 is too few (buy at least 2)", 12),
        (["cup:6"], "product cup: 6 is too many (buy at most 5)", 12),
        (["cup:3", "cup:3"], "product cup: 6 is too many", 12),
        (["set:3"], "product cup: only 10 left, 12 wanted", 12),
        (["set:2", "cup:3"], "product cup: only 10 left, 11 wanted", 12),
        (["pot:0"], "w_buy_num must be a whole number from 1", 2),
        (["pot:1.5"], "'1.5' is not a number of pieces", 2),
        (["pot:-1"], "'-1' is not a number of pieces", 2),
        (["pot:"], "'' is not a number of pieces", 2),
        (["pot:9999999"], "must be a whole number from 1 to 1000000", 2),
        (["pot", "dollar"], "product dollar in USD", 2),
        (["oldset"], "product old is not sold any more", 12),
        ([], "products is missing", 2),
    ],
)
@pytest.mark.parametrize("verb", ["create", "price"])
def test_goods_that_can_not_be_bought_are_refused(refusing, items, said, code, verb):
    words = [word for item in items for word in ("--item", item)]
    ran = refusing("o", verb, *words, "--buyer", "li", exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.text == ""
    assert refusing("o", "list", "--buyer", "li").json == []
    assert refusing("w", "get", "cup").json["sku"] == 10


@pytest.mark.parametrize(
    ("coupons", "said", "code"),
    [
        (["foreign"], "no coupon", 10),
        (["expired"], "it has expired", 12),
        (["high"], "it needs goods for 1000.00, there are 100.00 left to pay", 12),
        (["held"], "another order holds it", 12),
        (["used"], "it was used already", 12),
        (["deleted"], "it was deleted", 12),
        (["nothing"], "would take nothing off", 12),
        (["cash", "cash"], "a coupon is listed twice", 2),
        (["ffffffff"], "no coupon ffffffff", 10),
        (["fff"], "too short", 2),
    ],
)
def test_coupons_that_can_not_be_used_are_refused(refusing, stocked, coupons, said, code):
    words = [word for name in coupons for word in ("--coupon", stocked.coupons.get(name, name))]
    ran = refusing("o", "create", "--item", "pot", "--buyer", "li", *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert refusing("coupon", "get", stocked.coupons["cash"]).json["cpn_stat"] == "free"


@pytest.mark.parametrize(
    ("document", "said", "code"),
    [
        ("{products:[{id:'POT',amount:1.5}]}", "products[0]: amount must be a whole number", 2),
        ("{products:[{id:'POT',amount:'1'}]}", "must be a whole number", 2),
        ("{products:[{id:'POT'}]}", "order: products[0]: amount is missing", 2),
        ("{products:[{id:'pot',amount:1}]}", "no product pot", 10),
        ("{products:[{id:'../x',amount:1}]}", "is not an id", 2),
        ("{products:[]}", "products is missing", 2),
        ("{products:[{id:'POT',amount:1}],fee_x:1}", "is not a field", 2),
        ("{products:[{id:'POT',amount:1}],buyer_id:'xu'}", "buyer_id is set by the shop", 2),
        ("{products:[{id:'POT',amount:1}],st:'OK'}", "order: st is set by the shop", 2),
        ("{products:[{id:'POT',amount:1}],pay_tp:'wx.app'}", "is not a pay type", 2),
        ("{products:[{id:'POT',amount:1}],currency:'USD'}", "the goods cost RMB", 2),
        ("{products:[{id:'POT',amount:1}],addr_user_code:'1'}", "not a Chinese division code", 2),
        ("{products:[{id:'POT',amount:1}],addr_user_country:'XX'}", "is not a country code", 2),
        ("{products:[{id:'POT',amount:1}],address:'ffffff'}", "no address ffffff", 10),
        ("{products:[{id:'POT',amount:1}]", "is not valid JSON", 2),
    ],
)
def test_a_document_that_is_no_order_is_refused(refusing, stocked, document, said, code):
    document = document.replace("POT", stocked.goods["pot"])
    ran = refusing("o", "create", "-", "--buyer", "li", stdin=document, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--buyer", "../x"], "is not an id", 2),
        (["--buyer", "小白"], "is not an id", 2),
        (["--pay-type", "wx.app"], "is not a pay type", 2),
        (["--pay-type", "wx.qrcode"], "sellers has no target for wx.qrcode", 40),
        (["--type", "S"], "'S' is not one of 'A', 'Q'", 2),
        (["--currency", "USD"], "the goods cost RMB, the order is in USD", 2),
        (["--address", "ffffff"], "no address ffffff", 10),
        (["--seller", "other"], "demo sells only as itself, not as other", 12),
    ],
)
def test_options_that_can_not_be_are_refused(refusing, words, said, code):
    who = () if "--buyer" in words else ("--anonymous",)
    ran = refusing("o", "create", "--item", "pot", *who, *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.fixture
def cup(payment, shop, root):
    configure_target(root)
    payment("store", "set", "sellers", '{"wx":"main"}')
    words = ("--price", "34.50", "--stock", 10)
    return payment("w", "add", "-nm", "cup", "--title", "Cup", *words).json["id"]


def test_an_order_from_options_is_a_copy_of_the_goods(payment, cup, root):
    ran = payment(
        "o", "create", "--buyer", "li", "--accounts", "reg", "--item", "cup:2", "--item", cup,
        "-pt", "wx.qrcode", "--title", "For Li",
    )  # fmt: skip
    order = ran.json
    assert (order["ord_status"], order["ord_tp"], order["tp"]) == ("NW", "A", "order")
    assert (order["buyer_id"], order["accounts"], order["title"]) == ("li", "reg", "For Li")
    assert (order["pay_tp"], order["seller"], order["pro_c"]) == ("wx.qrcode", "main", 3)
    assert '"fee": 103.50' in ran.text
    assert [line["w_buy_num"] for line in order["ord_ws"]] == [2, 1]
    assert payment("w", "get", "cup").json["sku"] == 7
    stored = root / f"sys/order/ord_demo_{order['id']}.json"
    assert json.loads(stored.read_text()) == order
    payment("w", "set", "cup", "--price", 99, "--title", "Dear cup")
    assert payment("o", "get", order["id"][-8:]).json == order


def test_an_order_from_a_clients_document_pays_the_shops_price(payment, cup):
    document = {
        "products": [{"id": cup, "amount": 2, "title": "x", "price": 0.01}],
        "pay_tp": "wx.qrcode",
        "tp": "Q",
        "price": 0.02,
        "fee": 0.02,
        "seller": "thief",
    }
    shop = payment("o", "create", "-", "--buyer", "li", "--shop", stdin=json.dumps(document)).json
    assert (shop["st"], shop["tp"], shop["fee"], shop["seller"]) == ("NW", "A", 69, "main")
    assert shop["products"][0]["title"] == "Cup"
    assert shop["products"][0]["amount"] == 2


def test_the_kind_is_the_stores_and_a_document_that_says_another_is_told_so(payment, cup):
    payment("w", "add", "-nm", "song", "--title", "Song", "--price", 5, "--type", "Q")
    document = json.dumps({"products": [{"id": cup, "amount": 1}], "tp": "Q"})
    ran = payment("o", "create", "-", "--buyer", "li", stdin=document)
    assert ran.json["ord_tp"] == "A"
    assert "tp in a document is a client's" in ran.err
    ran = payment("o", "create", "-", "--buyer", "li", "--type", "Q", stdin=document)
    assert (ran.json["ord_tp"], ran.err) == ("Q", "")
    assert payment("o", "create", "--buyer", "li", "--item", "song").json["ord_tp"] == "Q"


def test_an_order_of_nobody_is_asked_for(payment, cup):
    ran = payment("o", "create", "--item", "cup", exit_code=2)
    assert "nobody buys it (--buyer ID, or --anonymous" in ran.err
    assert payment("o", "create", "--item", "cup", "--anonymous").json["buyer_id"] == ""
    words = ("--anonymous", "--buyer", "li")
    assert "either --buyer or --anonymous" in payment(
        "o", "create", "--item", "cup", *words, exit_code=2
    ).err  # fmt: skip


def test_an_order_from_a_basket_keeps_the_basket_until_it_is_paid(payment, cup):
    payment("w", "add", "-nm", "pot", "--title", "Pot", "--price", 1)
    payment("basket", "it", "li", "pot", 1)
    payment("basket", "it", "li", "cup", 3)
    order = payment("o", "create", "--basket", "--buyer", "li").json
    assert [(line["nm"], line["w_buy_num"]) for line in order["ord_ws"]] == [("cup", 3), ("pot", 1)]
    assert payment("basket", "sum", "li").text == "4\n"


def test_an_order_goes_to_the_buyers_address(payment, cup):
    words = ("--street", "Shangdi 1", "--consignee", "Li", "--phone", "13912345678")
    payment("address", "add", "--buyer", "li", "--code", "110108", *words)
    second = payment("address", "add", "--buyer", "li", "--code", "310115", *words).json["id"]
    order = payment("o", "create", "--item", "cup", "--buyer", "li").json
    assert (order["addr_user_code"], order["user_name"]) == ("110108000000", "Li")
    order = payment("o", "create", "--item", "cup", "--buyer", "li", "--address", second[-8:]).json
    assert order["addr_user_code"] == "310115000000"
    ran = payment(
        "o", "create", "--item", "cup", "--buyer", "xu", "--address", second, exit_code=10
    )
    assert "no address" in ran.err


def test_freight_follows_the_sheet_from_the_shop_to_the_buyer(payment, cup):
    sheet = (
        '{"first_weight":1,"additional_unit":1,"rules":{"CN":[{"title":"all","ship_code":"000000",'
        '"target_code":"000000","first":8,"additional":2}]}}'
    )
    payment("store", "set", "freight_sheet", sheet)
    payment("address", "add", "--code", "310115")
    payment("w", "set", "cup", "--weight", "1.2")
    words = ("--street", "x", "--consignee", "Li", "--phone", "13912345678")
    payment("address", "add", "--buyer", "li", "--code", "110108", *words)
    assert payment("o", "price", "--item", "cup", "--buyer", "li").json["freight"] == 10
    ran = payment("o", "price", "--item", "cup", "--buyer", "xu", exit_code=12)
    assert "the freight can't be told: nobody says where the order goes" in ran.err
    virtual = payment("o", "price", "--item", "cup", "--buyer", "li", "--type", "Q").json
    assert virtual["freight"] == 0


def test_the_volume_price_of_the_help_counts_and_fewer_pieces_cost_what_they_cost(payment, cup):
    payment("w", "set", "cup", "prices:[{name:'many', rules:[{sku:'[10,)', price:30}]}]")
    for pieces, total in ((9, "310.50"), (10, "300.00")):
        priced = payment("o", "price", "--item", f"cup:{pieces}")
        assert f'"total": {total}' in priced.text
    refused = payment("w", "set", "cup", "price_by:'mny'", exit_code=2)
    assert "its price rule mny is not among the prices of product cup (it has many)" in refused.err


def test_a_buyer_has_a_capped_number_of_unpaid_orders(payment, cup):
    payment("store", "set", "pending_max", 1)
    first = payment("o", "create", "--item", "cup", "--buyer", "li").json["id"]
    ran = payment("o", "create", "--item", "cup", "--buyer", "li", exit_code=12)
    assert "buyer li has 1 unpaid orders already" in ran.err
    payment("o", "create", "--item", "cup", "--buyer", "xu")
    payment("o", "cancel", first)
    payment("o", "create", "--item", "cup", "--buyer", "li")


def test_baskets_and_orders_hold_so_many_kinds(payment, cup):
    payment("store", "set", "kinds_max", 1)
    payment("w", "add", "-nm", "pot", "--title", "Pot", "--price", 1)
    ran = payment("o", "create", "--anonymous", "--item", "cup", "--item", "pot", exit_code=12)
    assert "at most 1 kinds of goods" in ran.err
    payment("basket", "it", "li", "cup")
    assert "at most 1 kinds" in payment("basket", "it", "li", "pot", exit_code=12).err


def test_price_is_what_create_charges_and_takes_nothing(payment, cup):
    payment("d", "add", "--title", "Sale", "--off", "10%")
    words = ("--item", "cup:3", "--buyer", "li")
    priced = payment("o", "price", *words).json
    assert payment("w", "get", "cup").json["sku"] == 10
    order = payment("o", "create", *words).json
    for name in ("total", "freight", "discount", "price", "fee", "ord_price", "ord_ws"):
        assert priced[name] == order[name], name
    assert "Sale" in payment("o", "price", *words, "--table").text


@pytest.fixture
def orders(payment, cup):
    """Three orders: of li and xu, A and Q, one cancelled."""
    made = [
        payment("o", "create", "--item", "cup:2", "--buyer", "li").json["id"],
        payment("o", "create", "--item", "cup", "--buyer", "xu", "--type", "Q").json["id"],
        payment("o", "create", "--item", "cup", "--buyer", "li").json["id"],
    ]
    payment("o", "cancel", made[0], "--reason", "ordered twice")
    return made


def test_orders_are_listed_by_filters_and_matches_in_either_words(payment, orders):
    def listed(*words):
        return [orders.index(one["id"]) for one in payment("o", "list", *words).json]

    assert listed() == [0, 2, 1]
    assert listed("-st", "ca") == [0]
    assert listed("-st", "NW, WT", "-sort", "ct:1") == [1, 2]
    assert listed("-bu", "li") == [0, 2]
    assert listed("-match", "{tp:'Q'}") == [1]
    assert listed("-match", "{st:'NW', products:{'%exists':true}}", "-bu", "li") == [2]
    assert listed("-match", "{'products.amount':2}") == [0]
    assert listed("-match", "{fee:'[50,)'}") == [0]
    assert listed("-sort", "fee:-1,ct:1", "-limit", "2") == [0, 1]
    assert "'XX' is not a status" in payment("o", "list", "-st", "NW,XX", exit_code=2).err


def test_an_order_is_named_by_its_file_too(payment, orders, root):
    for name in (f"ord_demo_{orders[2]}", f"sys/order/ord_demo_{orders[2]}.json"):
        assert payment("o", "get", name).json["id"] == orders[2]
        assert payment("o", "history", name, "--as", "root").json[0]["what"] == "create"
    assert payment("o", "cancel", f"ord_demo_{orders[2][-8:]}").json["ord_status"] == "CA"


def test_tables_of_orders_take_columns_in_either_words(payment, orders):
    words = ("-t", "id,st,tp,ord_tp,fee,products.0.title", "-match", "{tp:'Q'}")
    row = payment("o", "list", *words).text.split()
    assert row == [orders[1], "NW", "Q", "Q", "34.50", "Cup"]


def test_cancelling_gives_the_stock_back_once(payment, orders):
    assert payment("w", "get", "cup").json["sku"] == 8
    ran = payment("o", "cancel", orders[0], exit_code=12)
    assert "is CA: cancel is not possible (it is final)" in ran.err
    assert payment("w", "get", "cup").json["sku"] == 8


@pytest.mark.parametrize(
    "words",
    [
        ("ship", "ORDER", "SF", "1"),
        ("done", "ORDER"),
    ],
)
def test_what_the_state_does_not_allow_is_refused_and_says_what_it_does(payment, orders, words):
    words = [orders[2] if word == "ORDER" else word for word in words]
    ran = payment("o", *words, exit_code=12)
    assert f"order {orders[2]} is NW: {words[0]} is not possible" in ran.err
    assert "possible: pay, cancel" in ran.err


@pytest.mark.parametrize("verb", ["get", "cancel", "done", "history"])
def test_an_order_that_is_not_there_or_anothers_is_not_found(payment, orders, verb):
    assert "no order" in payment("o", verb, "ffffffff", exit_code=10).err
    payment("store", "init", "other", "--as", "root")
    assert "no order" in payment("o", verb, orders[2], "--as", "other", exit_code=10).err
    assert payment("o", "get", orders[2], "--as", "root").json["sto_nm"] == "demo"


def test_history_says_what_became_of_it(payment, orders):
    rows = payment("o", "history", orders[0]).json
    assert [(row["what"], row["by"]) for row in rows] == [("create", "demo"), ("cancel", "demo")]
    assert rows[1]["note"] == "ordered twice"


def test_changes_come_from_the_log(payment, orders):
    made, cancelled = payment("o", "history", orders[0], "--changes").json
    assert (made["op"], made["actor"], made["changed"]) == ("insert", "demo", {})
    assert cancelled["changed"]["ord_status"] == {"from": "NW", "to": "CA"}
    assert set(cancelled["changed"]) == {"ord_status", "ca_at"}


def test_an_operator_sells_for_a_store(payment, cup):
    words = ("--item", "cup", "--buyer", "li", "--seller", "demo", "--as", "root")
    assert payment("o", "create", *words).json["sto_nm"] == "demo"

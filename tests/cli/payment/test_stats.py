"""`payment stats`: what was ordered and paid."""

import csv
import io

import pytest

from tests.support.cli import Runner


@pytest.fixture(scope="module")
def sold(tmp_path_factory):
    """A store that took four orders; three are paid, by coupons, so without a gateway."""
    root = tmp_path_factory.mktemp("sold")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        payment, pay = Runner("payment", patch), Runner("pay", patch)
        payment("store", "init", "demo")
        payment("store", "init", "other", "--as", "root")
        payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", "10")
        payment("w", "add", "-nm", "pot", "--title", "i18n:pot", "--price", "100")
        payment("w", "add", "-nm", "song", "--title", "Song", "--price", "1", "--currency", "USD")
        for items in (("cup:2",), ("cup:1", "cup:3", "pot:1")):
            coupon = payment("coupon", "add", "--title", "x", "--off", 1000).json["id"]
            words = [word for item in items for word in ("--item", item)]
            order = payment("o", "create", "--anonymous", *words, "--coupon", coupon).json["id"]
            payment("p", "pay", order)
        payment("o", "create", "--anonymous", "--item", "song:7")
        cancelled = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
        payment("o", "cancel", cancelled)
        pay("create", "-fee", 0)
    return root


@pytest.fixture
def stats(payment, sold, monkeypatch):
    monkeypatch.setenv("PAYMENT_ROOT", str(sold))
    return lambda *words, **how: payment("stats", *words, **how)


def test_days_count_what_was_ordered_and_paid(stats):
    rows = {row["cur"]: row for row in stats().json}
    day = rows["RMB"].pop("day")
    assert len(day) == 10
    assert rows["RMB"] == {
        "cur": "RMB", "orders": 3, "paid": 2, "pieces": 7, "total": 160, "freight": 0,
        "discount": 160, "fee": 0,
    }  # fmt: skip
    assert (rows["USD"]["orders"], rows["USD"]["paid"]) == (1, 0)


def test_products_count_pieces_and_orders(stats):
    rows = {row["nm"]: row for row in stats("--by", "product").json}
    assert set(rows) == {"cup", "pot"}
    cup = rows["cup"]
    assert (cup["orders"], cup["pieces"], cup["total"], cup["discount"]) == (2, 6, 60, 60)
    assert rows["pot"]["w_nm"] == "i18n:pot"


def test_statuses_and_pay_types(stats):
    by_status = {(row["ord_status"], row["cur"]): row for row in stats("--by", "status").json}
    assert by_status["OK", "RMB"]["orders"] == 2
    assert by_status["CA", "RMB"]["orders"] == 1
    assert (by_status["NW", "USD"]["orders"], by_status["NW", "USD"]["fee"]) == (1, 7)
    [free] = stats("--by", "pay_type").json
    assert (free["pay_tp"], free["paid"], free["failed"], free["fee"]) == ("free", 3, 0, 0)


def test_a_time_range_bounds_what_counts(stats):
    assert stats("--to", "now-1d").json == []
    assert len(stats("--from", "today", "--to", "today", "--by", "status").json) == 3
    assert "--to is before --from" in stats("--from", "now", "--to", "now-1h", exit_code=2).err
    assert stats("--from", "now+1d", "--by", "product").json == []
    assert len(stats("--from", "now-1d", "--to", "now+1d", "--by", "status").json) == 3
    assert "--from 'x' is not a time" in stats("--from", "x", exit_code=2).err


def test_tables_and_csv_have_the_same_columns(stats):
    header, _, *rows = stats("--by", "status", "--table").text.splitlines()
    table = [line.split() for line in (header, *rows)]
    assert table == list(csv.reader(io.StringIO(stats("--by", "status", "--csv").text)))
    assert stats("--by", "product", "-t", "nm,pieces").text.split() == ["cup", "6", "pot", "1"]
    assert "either --csv or a table" in stats("--csv", "--table", exit_code=2).err
    assert "'week' is not one of" in stats("--by", "week", exit_code=2).err


def test_buyers_are_paged_and_printed_in_every_form(stats):
    [nobody, dollars] = stats("--by", "buyer").json
    assert (nobody["buyer_id"], nobody["cur"], nobody["paid"]) == ("", "RMB", 2)
    page = stats("--by", "buyer", "-skip", 1, "-limit", 1, "-pager").json
    assert page["list"] == [dollars]
    assert (page["pager"]["sum"], page["pager"]["nb"], page["pager"]["pn"]) == (2, 1, 2)
    table = stats("--by", "buyer", "-limit", 1, "--table").text
    assert table.split()[:3] == ["buyer_id", "sto_nm", "cur"]
    assert len(table.splitlines()) == 3
    assert stats("--by", "product", "--buyer", "xiaobai").json == []
    assert "no -pager with --csv" in stats("--csv", "-pager", exit_code=2).err


def test_everybody_counts_what_they_may_see(stats):
    assert stats("--as", "other").json == []
    assert len(stats("--as", "root").json) == 2
    assert stats("--as", "root", "-se", "other").json == []
    assert "no merchant demo" in stats("--as", "other", "-se", "demo", exit_code=10).err

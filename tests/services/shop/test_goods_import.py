import io
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import ConflictError, InvalidValueError, NotAllowedError
from payment_cli.model.query.match import everything
from payment_cli.services.shop import goods_import as goods_files
from payment_cli.services.shop.goods_formats import read_documents
from payment_cli.services.shop.goods_import import GoodsFiles, Imported, Manner
from payment_cli.storage.base import Query
from payment_cli.storage.tinydb import open_tinydb
from tests.services.conftest import World
from tests.services.shop.test_goods import goods_of
from tests.services.shop.test_orders import configure
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway


@pytest.fixture
def files(world: World) -> GoodsFiles:
    return GoodsFiles(goods_of(world))


def load(files: GoodsFiles, *lines: str, kind: str = "jsonl") -> Imported:
    return files.load([line + "\n" for line in lines], kind, lambda _done, _total: None)


def line(number: int, price: int = 1) -> str:
    return f'{{"nm":"p-{number}","w_nm":"Product {number}","w_price":{price}}}'


def test_an_import_reports_its_progress_and_writes_in_batches(world, files, monkeypatch) -> None:
    monkeypatch.setattr(goods_files, "BATCH", 2)
    told: list[tuple[int, int]] = []
    lines = [line(number) + "\n" for number in range(5)]
    done = files.load(lines, "jsonl", lambda now, total: told.append((now, total)))
    assert done == Imported(added=5)
    read = [(2, None), (4, None), (5, None)]
    assert told == [*read, *[(2, 5), (4, 5), (5, 5)] * 2]  # checked, and written


def test_an_interrupted_import_is_run_again(world, files, monkeypatch) -> None:
    monkeypatch.setattr(goods_files, "BATCH", 2)
    lines = [line(number) for number in range(5)]
    calls = count()

    def interrupt(_done: int, _total: int) -> None:
        if next(calls) == 7:  # three batches are read, and checked, one is written
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.load([text + "\n" for text in lines], "jsonl", interrupt)
    assert 0 < files.goods.count(everything()) < 5
    done = load(files, *lines)
    assert (done.added + done.unchanged, done.changed) == (5, 0)
    assert files.goods.count(everything()) == 5
    assert load(files, *lines) == Imported(unchanged=5)


def test_a_bad_last_line_imports_nothing(world, files) -> None:
    with pytest.raises(InvalidValueError, match="line 3"):
        load(files, line(1), line(2), '{"nm":"x"}')
    assert files.goods.count(everything()) == 0


def test_empty_lines_count_but_are_no_goods(files) -> None:
    with pytest.raises(InvalidValueError, match="line 4"):
        load(files, "", line(1), "  ", "{}")
    assert load(files, "", line(1), "") == Imported(added=1)
    assert load(files) == Imported()


def test_what_a_line_does_not_mention_stays_and_null_removes(files) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "sku": 3, "batch": "x", "link": "l"})
    done = load(files, '{"nm":"a","w_price":6,"link":null}')
    assert done == Imported(changed=1)
    after = files.goods.get("a")
    assert (after.w_price, after.sku, after.link) == (600, 3, "")
    assert after.extra["batch"] == "x"
    assert after.rev == 2


def test_a_sale_between_check_and_write_is_not_undone(world, files, monkeypatch) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "sku": 3})
    sold = iter([lambda: files.goods.add_stock("a", -2)])

    def sell_after_the_check(_done: int, _total: int) -> None:
        next(sold, lambda: None)()

    files.load(['{"nm":"a","w_price":6}\n'], "jsonl", sell_after_the_check)
    assert (files.goods.get("a").sku, files.goods.get("a").w_price) == (1, 600)


def test_a_product_added_meanwhile_under_the_same_name_is_a_conflict(files) -> None:
    added = iter([lambda: files.goods.add({"nm": "p-1", "w_nm": "A", "w_price": 5})])
    with pytest.raises(ConflictError, match="line 1"):
        files.load([line(1) + "\n"], "jsonl", lambda _d, _t: next(added, lambda: None)())
    assert files.goods.get("p-1").w_nm == "A"


def test_a_deleted_product_in_the_file_is_live_again(files) -> None:
    files.goods.add({"nm": "p-1", "w_nm": "Product 1", "w_price": 1})
    files.goods.remove("p-1")
    assert load(files, line(1)) == Imported(changed=1)
    assert files.goods.get("p-1").is_live


def test_edits_by_import_keep_their_distance_too(world, files) -> None:
    load(files, line(1), line(2))
    configure(world, edit_every=5)
    with pytest.raises(NotAllowedError, match="line 2"):
        load(files, line(1), line(2, price=9))
    assert load(files, line(1), line(2)) == Imported(unchanged=2)
    world.clock.advance(minutes=5)
    assert load(files, line(1), line(2, price=9)).changed == 1


def test_packages_may_stand_before_their_parts_and_name_them(files, monkeypatch) -> None:
    monkeypatch.setattr(goods_files, "BATCH", 1)
    load(files, '{"nm":"set","w_nm":"Set","w_pkg":[{"w_id":"p-1","num":2}]}', line(1))
    part = files.goods.get("p-1")
    assert [(one.id, one.num) for one in files.goods.get("set").w_pkg] == [(part.id, 2)]


def test_an_interrupted_import_leaves_no_package_of_what_is_not_there(files, monkeypatch) -> None:
    monkeypatch.setattr(goods_files, "BATCH", 1)
    calls = count()

    def interrupt(_done: int, _total: int) -> None:
        if next(calls) == 4:  # two lines are read, and checked, one is written
            raise KeyboardInterrupt

    lines = ['{"nm":"set","w_nm":"Set","w_pkg":[{"w_id":"p-1"}]}\n', line(1) + "\n"]
    with pytest.raises(KeyboardInterrupt):
        files.load(lines, "jsonl", interrupt)
    assert [one["nm"] for one in files.goods.query(Query(everything()))] == ["p-1"]


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ('[{"w_id":"no"}]', "there is no product no"),
        ('[{"w_id":"set"}]', "is a package itself"),
        ('[{"w_id":"x"}]', "is a package itself"),
        ('[{"w_id":"p-1"},{"w_id":"p-1"}]', "names a product twice"),
        ('[{"w_id":"p-1"},{"w_id":"P-1-ID"}]', "names a product twice"),
    ],
)
def test_packages_that_can_not_be_are_named(files, package: str, said: str) -> None:
    load(files, line(1), '{"nm":"set","w_nm":"Set","w_pkg":[{"w_id":"p-1"}]}')
    package = package.replace("P-1-ID", files.goods.get("p-1").id)
    with pytest.raises(InvalidValueError, match=said):
        load(files, f'{{"nm":"x","w_nm":"X","w_pkg":{package}}}')


def test_a_part_in_the_store_never_becomes_a_package(files) -> None:
    load(files, line(1), line(2), '{"nm":"set","w_nm":"Set","w_pkg":[{"w_id":"p-1"}]}')
    with pytest.raises(InvalidValueError, match="is a part of package set"):
        load(files, '{"nm":"p-1","w_pkg":[{"w_id":"p-2"}]}')


_texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
_prices = st.integers(0, 10**9).map(lambda fen: Decimal(fen).scaleb(-2))
# Not whole ones: 125 is written as 125, and 125.000000 would be the same weight.
_weights = st.integers(0, 10**8).map(lambda n: Decimal(10 * n + 1).scaleb(-6))
_documents = st.fixed_dictionaries(
    {"w_nm": _texts, "w_price": _prices},
    optional={
        "sku": st.integers(0, 10**6),
        "weight": _weights,
        "cat": st.lists(_texts, min_size=1, max_size=3),
        "description": _texts.map(lambda text: f'{text}\n"{text}",'),
        "w_expi": st.integers(0, 2**50),
    },
)


@given(st.lists(_documents, max_size=4), st.sampled_from(["jsonl", "csv"]))
def test_whatever_is_exported_is_imported_the_same(documents, kind) -> None:
    clock = HandClock()
    world = World(open_tinydb(None, clock), clock, ScriptedGateway())
    here = GoodsFiles(goods_of(world))
    there = GoodsFiles(goods_of(world.seen_by("other")))
    for number, document in enumerate(documents):
        here.goods.add({**document, "nm": f"p-{number}"})
    exported = list(here.dump(kind))
    there.load(io.StringIO("".join(exported), newline="\n"), kind, _nothing)
    assert list(there.dump(kind)) == exported
    assert here.load(exported, kind, _nothing) == Imported(unchanged=len(documents))


def _nothing(_done: int, _total: int) -> None:
    pass


def test_an_export_has_the_live_goods_by_name(files) -> None:
    load(files, line(2), line(1), line(3))
    files.goods.remove("p-3")
    names = [document["nm"] for _, document in read_documents(files.dump("jsonl"), "jsonl")]
    assert names == ["p-1", "p-2"]
    assert len(list(files.goods.query(Query(everything())))) == 2


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_an_unchanged_export_brings_back_nothing_that_was_sold(files, kind) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "sku": 5})
    files.goods.add({"nm": "b", "w_nm": "B", "w_price": 5})
    exported = list(files.dump(kind))
    files.goods.add_stock("a", -3)
    files.goods.set_stock("b", 7)  # counted since; the file says that it is not
    done = files.load(exported, kind, _nothing)
    assert (files.goods.get("a").sku, files.goods.get("b").sku) == (2, 7)
    assert (done.changed, done.unchanged) == (0, 2)
    assert done.stocks_left == (
        2 if kind == "csv" else 1
    )  # a missing key says nothing, a cell does


def test_an_import_sets_stock_when_it_is_told_and_begins_to_count(files) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "sku": 5})
    files.goods.add({"nm": "b", "w_nm": "B", "w_price": 5})
    lines = ['{"nm":"a","stock":9}\n', '{"nm":"b","stock":4}\n', '{"nm":"c","w_nm":"C",']
    lines[-1] += '"w_price":1,"stock":2}\n'
    assert files.load(lines, "jsonl", _nothing).stocks_left == 1
    assert [files.goods.get(name).sku for name in "abc"] == [5, 4, 2]
    assert files.load(lines, "jsonl", _nothing, Manner(sets_stock=True)).stocks_left == 0
    assert [files.goods.get(name).sku for name in "abc"] == [9, 4, 2]


def test_stock_that_is_counted_since_the_check_is_left_alone(files) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5})
    counted = iter([lambda: files.goods.set_stock("a", 7)])
    line = '{"nm":"a","sku":5,"w_price":6}\n'
    files.load([line], "jsonl", lambda _d, _t: next(counted, lambda: None)())
    assert (files.goods.get("a").sku, files.goods.get("a").w_price) == (7, 600)


def test_a_deleted_product_comes_back_with_the_stock_it_has(files) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "sku": 5})
    exported = list(files.dump("jsonl"))
    files.goods.add_stock("a", -3)
    files.goods.remove("a")
    files.load(exported, "jsonl", _nothing)
    assert (files.goods.get("a").is_live, files.goods.get("a").sku) == (True, 2)


def test_a_word_of_ones_own_that_the_store_has_is_no_misspelling_in_its_export(
    world, files
) -> None:
    files.goods.add({"nm": "a", "w_nm": "A", "w_price": 5, "pricee": 3}, keep=("pricee",))
    exported = list(files.dump("jsonl"))
    assert files.load(exported, "jsonl", _nothing) == Imported(unchanged=1)
    other = GoodsFiles(goods_of(world.seen_by("other")))
    with pytest.raises(InvalidValueError, match="line 1: product: 'pricee' is not a field"):
        other.load(exported, "jsonl", _nothing)
    assert other.load(exported, "jsonl", _nothing, Manner(keep=("pricee",))).added == 1


def test_a_product_is_known_by_any_word_for_its_code(files) -> None:
    load(files, '{"name":"a","title":"A","price":5}')
    assert load(files, '{"name":"a","price":6}') == Imported(changed=1)
    assert files.goods.get("a").w_price == 600

import pytest

from payment_cli.errors import (
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
)
from payment_cli.model.query.match import equal, everything
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.storage.base import Query
from tests.services.conftest import World


def test_a_created_payment_is_new_and_says_who_sells_and_buys(world: World) -> None:
    payment = world.create(brief="tea", cur="rmb")
    stored = world.storage.get(PAYMENTS, payment.id)
    assert stored["st"] == "NEW"
    assert (stored["fee"], stored["cur"], stored["brief"]) == (2300, "RMB", "tea")
    assert (stored["seller_id"], stored["seller_nm"]) == ("id-demo", "demo")
    assert (stored["buyer_tp"], stored["buyer_id"], stored["buyer_nm"]) == (1, "u1", "Li")
    assert (stored["tp"], stored["nm"], stored["rev"]) == ("wn_payment", payment.id, 1)
    assert (stored["send_at"], stored["close_at"], stored["len"]) == (0, 0, 0)


def test_a_missing_brief_is_made_of_the_store_and_the_end_of_the_id(world: World) -> None:
    payment = world.create()
    assert payment.brief == f"Demo {payment.id[-6:]}"


def test_a_fee_of_zero_is_paid_at_once_and_its_script_is_due(world: World) -> None:
    payment = world.create(fee=0, callback="after")
    assert (payment.st, payment.pay_tp, payment.re_tp) == ("OK", "free", "TEXT")
    assert payment.close_at == world.clock.now
    assert payment.apply_st == "due"


def test_the_callback_is_copied_so_that_later_edits_do_not_matter(world: World) -> None:
    payment = world.create(callback="after")
    world.callbacks["demo", "after"] = b"echo edited"
    assert world.storage.content(PAYMENTS, payment.id) == b"echo paid"
    assert payment.len == len(b"echo paid")


def test_metadata_can_not_speak_for_a_provider(world: World) -> None:
    meta = {"double_trades": [{}], "wx_trade_state": "SUCCESS", "zfb_trade_status": "x", "table": 7}
    created = world.creator.create(NewPayment(fee=1, meta=meta))
    assert created.ignored == ("double_trades", "wx_trade_state", "zfb_trade_status")
    assert dict(created.payment.extra) == {"table": 7}


def test_metadata_is_kept_but_core_fields_in_it_are_ignored_and_named(world: World) -> None:
    meta = {"st": "OK", "fee": 1, "colour": "red", "or_id": "ord1", "id": "x"}
    created = world.creator.create(NewPayment(fee=5, meta=meta))
    assert created.ignored == ("st", "fee", "id")
    assert created.payment.extra == {"colour": "red"}
    assert created.payment.or_id == "ord1"
    assert (created.payment.st, created.payment.fee) == ("NEW", 5)


@pytest.mark.parametrize(
    "meta", [{"a": "x\0y"}, {"a": ["\0"]}, {"a\0": 1}, {"a": {"b": "\0"}}, {"a": "x" * 70_000}]
)
def test_metadata_with_nul_or_too_much_of_it_is_refused(world: World, meta: dict) -> None:
    with pytest.raises(InvalidValueError):
        world.create(meta=meta)
    assert world.payments.count(everything()) == 0


@pytest.mark.parametrize("cur", ["JPY", "XX", "", "RMB;"])
def test_a_currency_we_do_not_count_is_refused(world: World, cur: str) -> None:
    with pytest.raises(InvalidValueError):
        world.create(cur=cur)


def test_only_operators_sell_for_others(world: World) -> None:
    with pytest.raises(NotAllowedError):
        world.create(seller="other")
    operator = world.seen_by("root", is_operator=True)
    assert operator.create(seller="other").seller_nm == "other"


def test_a_domain_without_a_store_cannot_sell(world: World) -> None:
    stranger = world.seen_by("nobody")
    with pytest.raises(NotFoundError):
        stranger.create()


def test_an_unknown_callback_is_refused_before_anything_is_recorded(world: World) -> None:
    with pytest.raises(NotFoundError):
        world.create(callback="nope")
    assert world.payments.count(everything()) == 0


def test_the_same_key_and_input_make_one_payment(world: World) -> None:
    first = world.creator.create(NewPayment(fee=5, idempotency_key="k1"))
    again = world.creator.create(NewPayment(fee=5, idempotency_key="k1"))
    assert again.payment.id == first.payment.id
    assert (first.is_replay, again.is_replay) == (False, True)
    assert world.payments.count(everything()) == 1


def test_the_same_key_with_other_input_is_a_conflict(world: World) -> None:
    world.creator.create(NewPayment(fee=5, idempotency_key="k1"))
    for other in (
        NewPayment(fee=6, idempotency_key="k1"),
        NewPayment(fee=5, brief="x", idempotency_key="k1"),
        NewPayment(fee=5, meta={"a": 1}, idempotency_key="k1"),
    ):
        with pytest.raises(ConflictError):
            world.creator.create(other)
    assert world.payments.count(everything()) == 1


def test_keys_of_two_sellers_do_not_meet(world: World) -> None:
    world.creator.create(NewPayment(fee=5, idempotency_key="k1"))
    operator = world.seen_by("root", is_operator=True)
    made = operator.creator.create(NewPayment(fee=6, seller="other", idempotency_key="k1"))
    assert not made.is_replay


def test_a_fragment_of_the_id_finds_the_payment(world: World) -> None:
    payment = world.create()
    assert world.payments.get(payment.id[-8:]).id == payment.id
    assert world.payments.get(payment.id).id == payment.id
    with pytest.raises(NotFoundError):
        world.payments.get("abcdef99")


def test_others_payments_are_neither_shown_nor_listed(world: World) -> None:
    mine = world.create()
    operator = world.seen_by("root", is_operator=True)
    theirs = operator.create(seller="other")
    with pytest.raises(NotFoundError):
        world.payments.get(theirs.id)
    assert [r["id"] for r in world.payments.query(Query(everything()))] == [mine.id]
    assert operator.payments.count(everything()) == 2
    assert world.payments.count(equal("id", theirs.id)) == 0

import pytest

from payment_cli.gateways.base import AccountId
from payment_cli.model.finding import Level
from payment_cli.services.payments.records import save
from payment_cli.services.upkeep.doctor_payments import examine_payments
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, WAITING, sent
from tests.support.gateway import paid


def sentences(world: World) -> list[tuple[Level, str, str]]:
    found = examine_payments(world.storage, world.accounts)
    return [(finding.level, finding.subject, finding.sentence) for finding in found]


def test_payments_that_are_well_are_not_spoken_of(world: World) -> None:
    payment = sent(world)
    sent(world)
    world.gateway.checks = [paid(payment.id)]
    world.checker.check(payment.id)
    assert sentences(world) == []


def test_another_amount_is_told_with_both_figures(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [paid(payment.id, 2400)]
    world.checker.check(payment.id)
    [(level, subject, sentence)] = sentences(world)
    assert (level, subject) == (Level.WARN, f"payment {payment.id}")
    assert "2300 fen" in sentence
    assert "2400 fen" in sentence


def test_money_to_give_back_is_counted_by_its_flag(world: World) -> None:
    for _ in range(2):
        payment = sent(world)
        world.gateway.closes, world.gateway.checks = [CLOSED], [paid(payment.id)]
        world.closer.close(payment.id, "x")
        with world.storage.transaction("test") as tx:
            money = paid(payment.id).paid
            assert money is not None
            world.settlement.settle(tx, world.stored(payment), money, now=1, by="test")
    told = (Level.WARN, "payments", "2 got money that could not settle: late")
    assert sentences(world) == [told]


def test_a_target_that_became_another_account_under_waiting_payments_is_told_once(
    world: World,
) -> None:
    sent(world)
    sent(world)
    world.gateway.account_id = AccountId("1900000002", "wx2")
    [(level, subject, sentence)] = sentences(world)
    assert (level, subject) == (Level.ERROR, "demo wx.qrcode shop")
    assert "1900000001" in sentence
    assert "1900000002" in sentence


def test_payments_that_an_older_program_sent_are_told_of_until_their_account_knows_them(
    world: World,
) -> None:
    payment = sent(world)
    with world.storage.transaction("demo") as tx:
        save(tx, payment._replace(pay_mch="", pay_app="", pay_base=""))
    [(level, subject, sentence)] = sentences(world)
    assert (level, subject) == (Level.WARN, "demo wx.qrcode shop")
    assert payment.id in sentence
    assert "did not record" in sentence
    world.gateway.checks = [WAITING]
    world.checker.check(payment.id)
    assert sentences(world) == []


def test_an_account_that_is_spoken_to_elsewhere_by_now_is_told_of(world: World) -> None:
    sent(world)
    world.gateway.api_base = "http://localhost:8711"
    [finding] = examine_payments(world.storage, world.accounts)
    assert "https://api.example" in finding.sentence
    assert "http://localhost:8711" in finding.sentence
    assert "--abandon" in finding.hint


def test_a_script_without_an_outcome_is_told_of(world: World) -> None:
    payment = world.create(fee=0, callback="after")
    world.scripts.trouble = KeyboardInterrupt()  # as if the runner were killed
    with pytest.raises(KeyboardInterrupt):
        world.applier.apply(payment.id)
    [(level, subject, sentence)] = sentences(world)
    assert (level, subject) == (Level.WARN, "scripts")
    assert payment.id in sentence
    assert "here:1" in sentence


def test_scripts_that_failed_are_told_of_until_somebody_decides(world: World) -> None:
    payment = world.create(fee=0, callback="after")
    world.scripts.exit_code = 3
    world.applier.apply(payment.id)
    told = (Level.WARN, "scripts", f"scripts that failed: 1, first that of {payment.id}")
    assert sentences(world) == [told]
    world.applier.skip(payment.id)
    assert sentences(world) == []

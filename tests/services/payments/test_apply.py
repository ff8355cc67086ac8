import pytest

from payment_cli.errors import ConflictError, NotAllowedError, StorageError
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.due import due_scripts
from tests.services.conftest import World


def due(world: World) -> Payment:
    return world.create(fee=0, callback="after")


def test_a_due_script_runs_once_with_the_payments_record(world: World) -> None:
    payment = due(world)
    done = world.applier.apply(payment.id)
    assert (done.apply_st, done.apply_code, done.apply_re) == ("done", 0, "done")
    [(script, record, domain)] = world.scripts.runs
    assert (script, record["id"], domain) == (b"echo paid", payment.id, "demo")
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id)
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id, again=True)
    assert len(world.scripts.runs) == 1


def test_the_claim_is_durable_before_the_script_starts(world: World) -> None:
    payment = due(world)
    seen: list[Payment] = []
    world.applier = _with_runner(world, lambda: seen.append(world.stored(payment)))
    world.applier.apply(payment.id)
    assert (seen[0].apply_st, seen[0].apply_by) == ("claimed", "here:1")


def test_two_processes_run_a_due_script_once(world: World) -> None:
    payment = due(world)
    faster = world.applier
    slow_view = world.payments.get(payment.id)
    faster.apply(payment.id)
    with pytest.raises(ConflictError):
        world.applier._claim(slow_view)
    assert world.applier.apply_if_due(slow_view).apply_st == "done"
    assert len(world.scripts.runs) == 1


def test_a_failing_script_is_recorded_and_runs_again_only_when_told(world: World) -> None:
    payment = due(world)
    world.scripts.exit_code, world.scripts.output = 3, "no disk"
    failed = world.applier.apply(payment.id)
    assert (failed.st, failed.apply_st, failed.apply_code) == ("OK", "failed", 3)
    assert [r["id"] for r in world.applier.list_open(10)] == [payment.id]
    assert due_scripts(world.payments, 10) == []
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id)
    world.scripts.exit_code = 0
    assert world.applier.apply(payment.id, again=True).apply_st == "done"


def test_a_script_that_could_not_be_started_is_due_again(world: World) -> None:
    payment = due(world)
    world.scripts.trouble = StorageError("could not start the script: no memory")
    for _ in range(2):
        with pytest.raises(StorageError, match=f"{payment.id}.*no memory"):
            world.applier.apply(payment.id)
        stored = world.stored(payment)
        assert (stored.apply_st, stored.apply_by, stored.apply_at) == ("due", "", 0)
        assert "no memory" in stored.apply_re
        assert stored.history[-1]["what"] == "script not started"  # type: ignore[index,call-overload]
    assert [payment_id for payment_id, _ in due_scripts(world.payments)] == [payment.id]
    world.scripts.trouble = None
    assert world.applier.apply(payment.id).apply_st == "done"
    assert len(world.scripts.runs) == 1


def test_a_script_that_can_not_be_read_is_not_claimed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = due(world)

    def broken(*_: object) -> bytes:
        raise StorageError("the disk said no")

    monkeypatch.setattr(world.storage, "content", broken)
    with pytest.raises(StorageError):
        world.applier.apply(payment.id)
    assert world.stored(payment).apply_st == "due"


def test_a_claim_without_outcome_waits_for_a_decision_after_its_time_limit(world: World) -> None:
    payment = due(world)
    world.applier._claim(world.payments.get(payment.id))
    for decide in (world.applier.skip, lambda i: world.applier.apply(i, again=True)):
        with pytest.raises(NotAllowedError):
            decide(payment.id)
    world.clock.advance(s=76)
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id)
    assert world.applier.apply(payment.id, again=True).apply_st == "done"


def test_a_claim_can_be_decided_although_the_clock_was_set_back(world: World) -> None:
    payment = due(world)
    world.applier._claim(world.payments.get(payment.id))
    world.clock.advance(s=-2)
    with pytest.raises(NotAllowedError):
        world.applier.skip(payment.id)
    world.clock.advance(minutes=-60)
    assert world.applier.skip(payment.id).apply_st == "skipped"


def test_a_skipped_script_is_not_owed_any_more(world: World) -> None:
    payment = due(world)
    assert world.applier.skip(payment.id).apply_st == "skipped"
    assert due_scripts(world.payments, 10) == []
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id, again=True)


def test_a_run_that_was_decided_meanwhile_does_not_overwrite_the_decision(world: World) -> None:
    payment = due(world)

    def decide() -> None:
        world.clock.advance(s=100)
        world.applier.skip(payment.id)

    slow = _with_runner(world, decide)
    with pytest.raises(ConflictError):
        slow.apply(payment.id)
    assert world.stored(payment).apply_st == "skipped"


def test_a_payment_without_a_script_owes_none(world: World) -> None:
    payment = world.create(fee=0)
    with pytest.raises(NotAllowedError):
        world.applier.apply(payment.id)


def _with_runner(world: World, during):
    from dataclasses import replace

    def run(script: bytes, record, domain: str):
        during()
        return world.scripts(script, record, domain)

    return replace(world.applier, run_script=run)

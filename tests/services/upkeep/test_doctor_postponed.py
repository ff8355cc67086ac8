from payment_cli.model.events.postponed import ACCOUNT, Postponed
from payment_cli.services.upkeep.doctor_postponed import POSTPONED_MAX, examine_postponed

NOW = 1_790_000_000_000


def row(work: str, what: str, **fields) -> Postponed:
    made = Postponed(what, work, what, "demo", NOW, NOW, NOW + 90_000, 2, why="e.pay.config: gone")
    return made._replace(**fields)


def test_accounts_come_first_and_each_says_why_and_until_when() -> None:
    rows = [row("order", "o1"), row("order", "held", is_held=True), row(ACCOUNT, "demo wx main")]
    first, second = examine_postponed(rows, NOW)
    assert first.sentence == (
        "account demo wx main failed 2 times, is tried again in 2 min: e.pay.config: gone"
    )
    assert "order o1 failed 2 times" in second.sentence
    assert "payment tick --all" in second.hint


def test_what_is_due_again_and_failed_once_says_so() -> None:
    [found] = examine_postponed([row("order", "o1", until=NOW, tries=1)], NOW)
    assert "order o1 failed once, is tried again in the next run" in found.sentence


def test_many_are_told_in_bounded_words() -> None:
    found = list(examine_postponed([row("order", f"o{n}") for n in range(50)], NOW))
    assert len(found) == POSTPONED_MAX + 1
    assert found[-1].sentence == "30 more could not be done"

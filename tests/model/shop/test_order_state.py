"""The table of an order's states, as the seeds tell it."""

import pytest

from payment_cli.model.shop.order_state import PENDING, STAMPS, TRANSITIONS, OrderEvent, OrderStatus

TABLE = """
         pay   paid  fail  ship  done  cancel
    NW   WT    .     .     .     .     CA
    WT   WT    OK    FA    .     .     CA
    FA   WT    OK    .     .     .     CA
    OK   .     .     .     SP    .     .
    SP   .     .     .     SP    DN    .
    DN   .     .     .     .     .     .
    CA   .     .     .     .     .     .
"""


def cells():
    header, *rows = TABLE.strip().splitlines()
    for row in rows:
        state, *targets = row.split()
        yield from ((state, event, to) for event, to in zip(header.split(), targets, strict=True))


@pytest.mark.parametrize(("state", "event", "to"), list(cells()))
def test_every_state_and_event_has_one_answer(state, event, to):
    found = TRANSITIONS.get((OrderStatus(state), OrderEvent(event)))
    assert (str(found) if found else ".") == to


def test_the_table_names_every_state_and_event():
    assert {state for state, _, _ in cells()} == set(OrderStatus)
    assert {event for _, event, _ in cells()} == set(OrderEvent)


def test_only_what_nobody_paid_is_cancelled():
    cancelled = {state for state, event in TRANSITIONS if event is OrderEvent.CANCEL}
    assert cancelled == PENDING


def test_every_state_that_is_entered_has_its_timestamp():
    assert set(TRANSITIONS.values()) == set(STAMPS)

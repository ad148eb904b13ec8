"""The order machine is one table: total over what may happen, no dead end, no way back."""

from __future__ import annotations

import pytest

from trader.sim.broker.orders.life import TABLE, Event, after
from trader.sim.model.orders import Status

ENDS = {Status.FILLED, Status.CANCELLED, Status.API_CANCELLED, Status.INACTIVE}
# ApiPending is what a client library says of itself; the broker never does.
LIVE = set(Status) - ENDS - {Status.API_PENDING}


def reachable() -> set[Status]:
    found, todo = {Status.PENDING_SUBMIT}, [Status.PENDING_SUBMIT]
    while todo:
        status = todo.pop()
        for (before, _), then in TABLE.items():
            if before is status and then not in found:
                found.add(then)
                todo.append(then)
    return found


def test_every_status_but_a_library_s_own_can_be_reached() -> None:
    assert reachable() == set(Status) - {Status.API_PENDING}


@pytest.mark.parametrize("status", sorted(LIVE))
def test_every_live_order_can_be_cancelled(status: Status) -> None:
    assert after(status, Event.CANCELLED) is Status.CANCELLED


@pytest.mark.parametrize("status", sorted(LIVE - {Status.PENDING_SUBMIT}))
def test_every_order_the_broker_took_can_fill(status: Status) -> None:
    assert after(status, Event.FILLED) is Status.FILLED


def test_an_end_is_left_only_by_the_fill_that_crossed_a_cancel() -> None:
    ways = [(before, event, then) for (before, event), then in TABLE.items() if before in ENDS]
    assert ways == [
        (Status.CANCELLED, Event.TRADED, Status.CANCELLED),
        (Status.CANCELLED, Event.FILLED, Status.FILLED),
    ]


def test_every_event_happens_somewhere() -> None:
    assert {event for _, event in TABLE} == set(Event)


@pytest.mark.parametrize(
    ("status", "event"),
    [(s, e) for s in Status for e in Event if (s, e) not in TABLE],
)
def test_what_is_not_in_the_table_is_a_bug(status: Status, event: Event) -> None:
    with pytest.raises(AssertionError, match="cannot be"):
        after(status, event)


def test_only_the_gateway_discards_and_only_what_never_left_it() -> None:
    assert [before for before, event in TABLE if event is Event.DISCARDED] == [
        Status.PENDING_SUBMIT
    ]

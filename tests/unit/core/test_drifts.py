"""What is decided of each drift: repaired, looked at again, asked of a person, or left open."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import CON, a_book, a_run
from trader.core import events as ev
from trader.core.drifts import Drift, DriftKind, plan, sighting, ticket_ending
from trader.core.ids import OrderId

REPAIR = (ev.CashAdjusted("USD", Decimal(1), Decimal(2), "test"),)
NONE: frozenset[str] = frozenset()


def a_drift(kind: DriftKind = DriftKind.POSITION, **changes: Any) -> Drift:
    return replace(Drift(kind, "AAA-101", "0", "10", CON), **changes)


def test_a_drift_that_needs_a_person_becomes_a_ticket_at_first_sight() -> None:
    run = a_run(a_book())
    drift = a_drift(needs_person=True)
    decided = plan((drift,), NONE, run)
    (ticket,) = decided.tickets
    assert ticket.ticket_id == "run-0-position-AAA-101"
    assert ticket.ticket_id.endswith(ticket_ending(drift))
    assert ticket.run_id == run.run_id
    assert decided.open == ()


def test_a_drift_without_a_repair_is_asked_of_a_person_at_the_second_sight() -> None:
    run, drift = a_run(a_book()), a_drift()
    assert plan((drift,), NONE, run).pending == (drift,)
    assert len(plan((drift,), frozenset({sighting(drift)}), run).tickets) == 1


@pytest.mark.parametrize("kind", DriftKind)
def test_what_one_look_proves_is_repaired_at_once_and_the_rest_at_the_second(
    kind: DriftKind,
) -> None:
    run, drift = a_run(a_book()), a_drift(kind, repair=REPAIR)
    decided = plan((drift,), NONE, run)
    needs_two = kind in (DriftKind.CASH, DriftKind.CHANGE_UNSETTLED)
    assert decided.repairs == (() if needs_two else REPAIR)
    assert decided.pending == ((drift,) if needs_two else ())
    assert plan((drift,), frozenset({sighting(drift)}), run).repairs == REPAIR


def test_an_absence_is_recorded_and_waits_as_well() -> None:
    run = a_run(a_book())
    absent = ev.OrderAbsentSeen(OrderId(1), run.run_id)
    drift = a_drift(DriftKind.ORDER_ABSENT, repair=(absent,))
    decided = plan((drift,), NONE, run)
    assert decided.repairs == (absent,)
    assert decided.pending == (drift,)


def test_what_only_time_can_tell_waits_however_often_it_is_seen() -> None:
    run, drift = a_run(a_book()), a_drift(is_waiting=True)
    decided = plan((drift,), frozenset({sighting(drift)}), run)
    assert (decided.pending, decided.tickets) == ((drift,), ())


def test_what_was_not_looked_at_stays_open_and_is_neither_repaired_nor_asked_about() -> None:
    run, drift = a_run(a_book()), a_drift(repair=REPAIR)
    decided = plan((), frozenset({sighting(drift)}), run, unseen=(drift,))
    assert (decided.repairs, decided.tickets, decided.pending) == ((), (), ())
    assert decided.open == (drift,)


def test_a_sighting_names_what_was_observed() -> None:
    one, other = a_drift(), a_drift(observed="11")
    assert sighting(one) == sighting(a_drift())
    assert sighting(one) != sighting(other)
    assert sighting(one) != sighting(a_drift(expected="1"))

"""A ticket that waits restricts and does not halt; then it halts again, once told, for good."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import OTHER_CON, World, a_ticket, an_exit, an_intent
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.checkpoint import restored, state_of
from trader.core.halts import HaltCause, Lane, Posture
from trader.core.ids import RunId, TicketId
from trader.core.ticket_events import TicketCounted, TicketIgnored
from trader.engine.ignored import IgnoredTickets

NAME = TicketId("run-position-AAA")
HOUR_S = 3_600.0


def waiting(world: World, seconds: float = HOUR_S) -> datetime:
    """Open a ticket of an instrument nobody here trades, and let it wait."""
    world.ledger.record(a_ticket(OTHER_CON))
    until = world.clock.utc() + timedelta(seconds=seconds)
    world.ledger.record(TicketIgnored(NAME, until, "asked", "ann"))
    return until


async def test_one_that_waits_lets_exits_leave_and_no_new_risk() -> None:
    world = World(held=10)
    waiting(world)
    assert world.guard.causes() == {}
    assert world.guard.posture() is Posture.REDUCE_ONLY
    refused = await world.gateway.submit(an_intent(1))
    assert "ignored_ticket: run-position-AAA until" in refused.text
    assert (await world.gateway.submit(an_exit(2))).kind == "sent"
    assert world.guard.refusal(Lane.NEW) is not None
    assert world.guard.refusal(Lane.REDUCE) is None


async def test_its_own_instrument_stays_in_quarantine() -> None:
    world = World(held=10)
    world.ledger.record(a_ticket())
    until = world.clock.utc() + timedelta(hours=1)
    world.ledger.record(TicketIgnored(NAME, until, "asked", "ann"))
    assert (await world.gateway.submit(an_exit(1))).code == "QUARANTINED"


async def test_another_ticket_beside_it_halts() -> None:
    world = World()
    waiting(world)
    other = ev.TicketOpened(TicketId("run-cash-USD"), "cash", None, "1 or 2", RunId("r"))
    world.ledger.record(other)
    assert world.guard.causes() == {HaltCause.TICKET: "1 open: run-cash-USD"}


async def test_when_its_time_is_over_it_halts_by_itself_and_is_paged_once() -> None:
    world = World()
    waiting(world)
    await asyncio.sleep(HOUR_S - 1)
    world.guard.ignored.look()
    assert world.pager.sent == []
    assert HaltCause.TICKET not in world.guard.causes()
    await asyncio.sleep(1)
    assert HaltCause.TICKET in world.guard.causes(), "before anybody has looked"
    for _ in range(3):
        world.guard.ignored.look()
    assert world.pager.titles() == ["ticket run-position-AAA halts again"]
    assert len(world.journal.events(TicketCounted)) == 1
    assert world.book.ignored == {}


async def test_a_clock_that_is_set_back_while_it_runs_wins_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    until = waiting(world)
    assert world.guard.ignored.holds(NAME)
    await asyncio.sleep(HOUR_S)
    # Back by half the time, to after its beginning: by the clock it would hold for that long.
    back = until - timedelta(seconds=HOUR_S / 2)
    monkeypatch.setattr(world.clock, "utc", lambda: back)
    assert world.book.ignored[NAME].holds(back)
    assert HaltCause.TICKET in world.guard.causes()


async def test_a_restart_with_a_clock_behind_the_last_run_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    waiting(world)
    await asyncio.sleep(HOUR_S / 2)
    await world.reconciler.run_once("test")
    anew = IgnoredTickets(world.ledger, world.clock, world.pager)
    assert anew.holds(NAME)
    back = world.clock.utc() - timedelta(minutes=2)
    monkeypatch.setattr(world.clock, "utc", lambda: back)
    anew = IgnoredTickets(world.ledger, world.clock, world.pager)
    assert not anew.holds(NAME)
    anew.look()
    monkeypatch.undo()
    assert HaltCause.TICKET in world.guard.causes(), "what was over once stays over"


async def test_a_restart_with_a_good_clock_changes_nothing() -> None:
    world = World()
    until = waiting(world)
    again = restored(state_of(world.book))
    assert again.ignored[NAME].until_utc == until
    assert again.ignored == world.book.ignored


async def test_the_drift_breaker_counts_only_what_halts() -> None:
    breaking = Breaking()
    world = breaking.world
    breaking.readings.on_run(frozenset(), 0)
    world.ledger.record(a_ticket(OTHER_CON))
    assert breaking.readings.of(BreakerName.DRIFT).value == 1
    until = world.clock.utc() + timedelta(hours=1)
    world.ledger.record(TicketIgnored(NAME, until, "asked", "ann"))
    assert breaking.readings.of(BreakerName.DRIFT).value == 0


async def test_the_round_of_the_breakers_tells_of_its_end_and_of_the_posture() -> None:
    breaking = Breaking()
    world = breaking.world
    waiting(world, 30.0)
    breaking.breakers.round()
    assert "ignored_ticket" in world.book.safety.causes
    assert "ignored_ticket" in world.guard.restrictions()
    await asyncio.sleep(31)
    breaking.breakers.round()
    assert "ticket run-position-AAA halts again" in world.pager.titles()
    assert world.guard.restrictions().keys().isdisjoint({"ignored_ticket"})
    assert str(HaltCause.TICKET) in world.book.safety.causes

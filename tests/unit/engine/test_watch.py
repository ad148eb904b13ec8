"""The standing watches: each does its one thing, for ever, at its interval."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.unit.engine.world import VirtualLoop, World, an_execution, an_intent, running
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.orders import OrderState
from trader.engine.watch import Watches
from trader.ports import WorldError


def watches(world: World) -> Watches:
    return Watches(world.services, gateway=world.gateway, link=world.link, desk=world.desk)


async def test_the_book_is_saved_at_its_interval_when_it_has_changed() -> None:
    world = World()
    with running(lambda: watches(world).checkpoint(60.0)):
        await asyncio.sleep(61)
        assert len(world.journal.checkpoints) == 1
        await asyncio.sleep(180)
        assert len(world.journal.checkpoints) == 1
        world.ledger.record(ev.ExecutionSeen(an_execution()))
        await asyncio.sleep(60)
    assert [row.seq for row in world.journal.checkpoints][1:] == [world.ledger.seq]


async def test_a_checkpoint_that_fails_leaves_the_watch_alive_and_the_daemon_halted() -> None:
    world = World()
    world.journal.hold()
    with running(lambda: watches(world).checkpoint(60.0)):
        await asyncio.sleep(61)
        world.journal.fail("disk full")
        await asyncio.sleep(200)
    assert world.journal.checkpoints == []
    assert HaltCause.JOURNAL in world.guard.causes()


async def test_the_halt_file_is_paged_when_it_changes_its_mind_and_only_then() -> None:
    world = World()
    with running(watches(world).kill_switch):
        await asyncio.sleep(1)
        world.switch.active = "stop"
        await asyncio.sleep(5)
        assert world.pager.sent == [("critical", "halted by the halt file", "stop")]
        world.switch.active = ""
        await asyncio.sleep(1)
        world.switch.active = "again"
        await asyncio.sleep(1)
    assert len(world.pager.sent) == 2


async def test_a_halt_that_the_journal_cannot_hold_is_kept_by_the_halt_file() -> None:
    """The next start came up armed: what was latched on a full disk was in memory alone."""
    world = World()
    with running(watches(world).kill_switch):
        await asyncio.sleep(1)
        world.journal.fail("disk full")
        await asyncio.sleep(1)
        assert world.switch.active == "", "nothing is latched: a start may go on"
        world.guard.latch(HaltCause.LIQUIDATION, "2148 your account", by="broker")
        assert not any(isinstance(row.event, ev.HaltRaised) for row in world.journal.rows)
        await asyncio.sleep(1)
    assert "liquidation: 2148 your account" in world.switch.active


async def test_a_halt_file_that_cannot_be_written_is_tried_again_and_not_all_the_time() -> None:
    world = World()
    tries: list[float] = []

    def engage(reason: str, by: str) -> None:
        tries.append(world.clock.monotonic())
        raise WorldError("disk full")

    world.control.engage = engage  # type: ignore[method-assign]
    world.journal.fail("disk full")
    world.guard.latch(HaltCause.INVARIANT, "x", by="test")
    with running(watches(world).kill_switch):
        await asyncio.sleep(25)
    assert len(tries) == 3


async def test_a_halt_file_that_is_active_from_the_start_wakes_nobody() -> None:
    world = World()
    world.switch.active = "left from yesterday"
    with running(watches(world).kill_switch):
        await asyncio.sleep(5)
    assert world.pager.sent == []


async def test_an_order_without_an_answer_becomes_unknown_in_time_and_is_asked_about() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    with running(watches(world).staleness):
        await asyncio.sleep(3.9)
        assert world.order().state is OrderState.SENT
        await asyncio.sleep(0.5)
    assert world.order().state is OrderState.UNKNOWN
    assert HaltCause.NOT_RECONCILED in world.guard.causes()


async def test_a_late_loop_is_measured_and_halts_while_it_lags() -> None:
    world = World()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    with running(lambda: watches(world).watchdog(lambda: None, None)):
        await asyncio.sleep(1)
        assert world.guard.loop_lag_s == pytest.approx(0, abs=1e-6)
        loop.jump(2.0)
        await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        assert world.guard.loop_lag_s == pytest.approx(2.0, abs=0.2)
        assert HaltCause.LOOP_LAG in world.guard.causes()
        await asyncio.sleep(0.5)
        assert HaltCause.LOOP_LAG not in world.guard.causes()


async def test_systemd_is_told_at_its_interval_and_never_without_one() -> None:
    world = World()
    told_s: list[float] = []
    with running(
        lambda: watches(world).watchdog(lambda: told_s.append(world.clock.monotonic()), 5.0)
    ):
        await asyncio.sleep(16)
    assert len(told_s) == 4
    never: list[float] = []
    with running(lambda: watches(world).watchdog(lambda: never.append(0.0), None)):
        await asyncio.sleep(16)
    assert never == []


async def test_life_is_shown_outside_once_a_second_whether_or_not_systemd_listens() -> None:
    world = World()
    shown_s: list[float] = []
    with running(
        lambda: watches(world).watchdog(
            lambda: None, None, lambda: shown_s.append(world.clock.monotonic())
        )
    ):
        await asyncio.sleep(10.5)
    assert 9 <= len(shown_s) <= 11
    gaps_s = [after - before for before, after in itertools.pairwise(shown_s)]
    assert max(gaps_s) < 1.2


async def test_each_watch_shows_that_it_is_alive() -> None:
    world = World()
    parts = watches(world)
    for name, work in (
        ("kill-switch-watch", parts.kill_switch),
        ("staleness-watch", parts.staleness),
        ("checkpoint", lambda: parts.checkpoint(1.0)),
        ("watchdog", lambda: parts.watchdog(lambda: None, None)),
    ):
        world.supervisor.start(name, work)
    await asyncio.sleep(30)
    ages = dict(world.supervisor.ages_s())
    assert set(ages) == {"kill-switch-watch", "staleness-watch", "checkpoint", "watchdog"}
    assert max(ages.values()) <= 1.0
    assert not world.supervisor.root_ended.done()
    await world.supervisor.stop()

"""The breakers of a daemon hear of reconciliations, guard the gate and are shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.unit.config.support import loaded
from tests.unit.engine.world import POLICY, World, an_execution
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.comparison import RunRecord
from trader.core.halts import HaltCause, Posture
from trader.core.policy import Regime
from trader.core.regime import Outlook
from trader.engine.told.board import About, Board
from trader.ops.anchors import anchors_in
from trader.safeguards import Safeguards


def a_board(world: World) -> Board:
    return Board(
        world.services,
        journal=world.journal,
        link=world.link,
        runners=(),
        policy=POLICY,
        about=About("1", "USD"),
    )


async def test_they_guard_from_the_first_moment_and_let_trade_once_all_is_read(
    tmp_path: Path,
) -> None:
    # Blocking calls end at a real time, and this loop's time is not: the disk is asked for apart.
    world = World()
    world.broker.word = lambda: world.mirror(net_liquidation=Decimal(100_000))
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    board = a_board(world)
    safeguards = Safeguards(config, world.services, desk=world.desk, board=board)
    assert world.guard.posture() is Posture.REDUCE_ONLY
    assert {row.phase for row in board.status().breakers} == {"closed"}
    assert board.status().restrictions == (("breakers", "not evaluated yet"),)
    heard: list[RunRecord] = []
    world.reconciler.observe(heard.append)
    safeguards.connect(world.reconciler, world.gateway, world.inbox)
    assert safeguards._exits.cancel == world.gateway.cancel
    await world.reconciler.run_once("test")
    assert [record.finished.problem for record in heard] == [""]
    world.guard.note_lag(0.0)
    await safeguards._probes.probe_journal()
    safeguards.breakers.round()
    await asyncio.sleep(1)
    safeguards.breakers.round()
    # All but the disk has been read.
    assert set(world.guard.restraint().restrictions) == {"disk_space"}
    assert (tmp_path / "audit_logs" / "breakers.jsonl").exists()
    assert world.gateway.outlook() == Outlook(Regime.STORM, Decimal(1))
    assert world.book.safety.baseline is not None


async def test_a_run_that_was_not_complete_says_nothing(tmp_path: Path) -> None:
    world = World()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    safeguards = Safeguards(config, world.services, desk=world.desk, board=a_board(world))
    safeguards.connect(world.reconciler, world.gateway, world.inbox)
    world.upstream(1100)
    await world.reconciler.run_once("test")
    safeguards.breakers.round()
    assert "drift" in world.guard.restraint().restrictions


async def test_no_new_risk_while_a_task_that_safety_rests_on_does_not_run(tmp_path: Path) -> None:
    world = World()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    Safeguards(config, world.services, desk=world.desk, board=a_board(world)).start()
    assert world.guard.causes()[HaltCause.STALLED] == "task kill-switch-watch does not run"
    await world.supervisor.stop()


async def test_a_run_that_could_not_look_leaves_the_breaker_of_drifts_as_it_was(
    tmp_path: Path,
) -> None:
    """What two runs could not settle is not well because a fill kept the third from looking."""
    world = World()
    order = await world.working()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    safeguards = Safeguards(config, world.services, desk=world.desk, board=a_board(world))
    safeguards.connect(world.reconciler, world.gateway, world.inbox)
    apart = {"USD": world.book.cash["USD"] + 5000}
    world.broker.word = lambda: world.mirror(cash=apart)
    await world.reconciler.run_once("first")
    await world.reconciler.run_once("second")
    assert safeguards._readings.of(BreakerName.DRIFT).value == 1
    seen = ev.ExecutionSeen(an_execution(order, quantity=Decimal(1)))
    world.broker.on_snapshot = lambda: world.inbox.put(seen)
    await world.reconciler.run_once("with a fill in it")
    assert safeguards._readings.of(BreakerName.DRIFT).value == 1


async def test_the_head_of_the_chain_goes_into_the_audit_folder_when_it_moved(
    tmp_path: Path,
) -> None:
    world = World()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    safeguards = Safeguards(config, world.services, desk=world.desk, board=a_board(world))
    await world.ledger.durable(world.ledger.seq)
    for _ in range(2):
        safeguards.anchor()
    (anchor,), _ = anchors_in(tmp_path)
    assert (anchor.journal, anchor.head) == (world.book.lineage, world.journal.head)


async def test_a_journal_that_the_start_did_not_believe_gets_no_anchor_until_somebody_does(
    tmp_path: Path,
) -> None:
    world = World()
    config = replace(loaded(tmp_path, state_dir=str(tmp_path)), policy=POLICY)
    safeguards = Safeguards(config, world.services, desk=world.desk, board=a_board(world))
    world.guard.latch(HaltCause.JOURNAL_UNPROVEN, "an old copy", by="start")
    await world.ledger.durable(world.ledger.seq)
    safeguards.anchor()
    assert anchors_in(tmp_path) == ((), ())
    cleared = ev.HaltCleared(HaltCause.JOURNAL_UNPROVEN, "nothing was sent since", "a person")
    await world.ledger.durable(world.ledger.record(cleared))
    safeguards.anchor()
    (anchor,), _ = anchors_in(tmp_path)
    assert anchor.head == world.journal.head

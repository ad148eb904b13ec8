"""The composition root: it comes up halted, goes down in order, and cannot start half."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.config.support import loaded
from tests.unit.engine.world import a_snapshot
from tests.unit.ops.test_emergency_history import an_execution, memory
from tests.unit.ops.test_emergency_record import an_order
from tests.unit.ops.test_standing_order import LEFT
from tests.unit.store.support import tamper
from trader import app, cli
from trader.config import Configuration
from trader.config.model import MomentumSection
from trader.core.bars import BarSpec
from trader.core.book import Book
from trader.core.events import JournalOpened
from trader.core.halts import HaltCause
from trader.core.ids import Lineage
from trader.core.snapshots import BrokerSnapshot
from trader.engine.acts.drain import ExitCode
from trader.engine.strategy.runner import RunnerSettings
from trader.ops.anchors import anchors_in
from trader.ops.clock import SystemClock
from trader.ops.control_client import ask_status
from trader.ops.control_token import read_endpoint
from trader.ops.emergency_record import promise
from trader.ops.error_counts import ErrorCounts
from trader.ops.heartbeat import HEARTBEAT_FILE_NAME, Phase, read_beat
from trader.ops.http import PortTaken
from trader.ops.instance_lock import InstanceLock, LockTaken, journal_lock
from trader.ops.reach import read_reach
from trader.ops.standing_order import leave
from trader.ops.state_dir import StateUnusable
from trader.outlets import Outlets
from trader.ports import Anchor, ChainHead
from trader.store.journal import SqliteJournal
from trader.store.verify import verified
from trader.strategies.momentum import MomentumStrategy
from trader.wiring import Deployment, momentum_parameters

A_SECTION = MomentumSection(symbols=("AAPL",), quantity=Decimal(1))
# Nothing listens there: the daemon stays up without a broker.
NO_BROKER = {"port": 1, "backoff_s_min": 0.1, "backoff_s_max": 0.2}


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    config = loaded(tmp_path, control={"port": 0}, broker=NO_BROKER)
    config.settings.state_dir.mkdir()
    return config


def a_world(**environment: str) -> app.World:
    return app.World(SystemClock(), random.Random(1), environment, os.getpid())


async def until(look: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(20):
        while not look():
            await SystemClock().sleep(0.02)
    assert look(), what


async def seen_and_stopped(config: Configuration, **environment: str) -> dict[str, object]:
    """Run a daemon until its control port answers, stop it by signal, and return its status."""
    endpoint_file = config.settings.state_dir / "control.json"
    running = asyncio.get_running_loop().create_task(app.run_daemon(config, a_world(**environment)))
    await until(endpoint_file.exists, "the control port")
    endpoint = read_endpoint(endpoint_file)
    assert endpoint is not None
    clock = SystemClock()
    reply = await asyncio.to_thread(ask_status, endpoint, timeout_s=10, monotonic=clock.monotonic)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running is ExitCode.CLEAN
    return reply.body


async def test_a_fresh_installation_comes_up_halted_and_goes_down_clean(
    config: Configuration,
) -> None:
    body = await seen_and_stopped(config)
    state = config.settings.state_dir
    assert body["posture"] == "halted"
    causes = dict(body["causes"])  # type: ignore[call-overload]
    assert {HaltCause.FRESH_INSTALL, HaltCause.HALT_FILE, HaltCause.BASELINE_MISSING} <= set(causes)
    assert HaltCause.ENVIRONMENT not in causes
    assert HaltCause.STALLED not in causes  # every task that safety rests on runs
    assert not (state / "control.json").exists()
    assert json.loads((state / "last_status.json").read_text())["posture"] == "halted"
    InstanceLock(state / "lock").take(1)  # given back


async def test_nothing_is_recorded_behind_the_last_handing_over(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EVT-14: what a round of the breakers or the account's log told then waited for a start."""
    finish, running = Outlets.finish, set[str]()

    async def looking(outlets: Outlets) -> None:
        running.update(task.get_name() for task in asyncio.all_tasks())
        await finish(outlets)

    monkeypatch.setattr(Outlets, "finish", looking)
    await seen_and_stopped(config)
    assert "journal-writer" in running
    assert not running & {"breakers", "account-log", "day-result", "exposure", "retirement"}


async def test_the_environments_halt_holds_for_the_life_of_the_process(
    tmp_path: Path,
) -> None:
    config = loaded(tmp_path, {"EXECUTION_HALTED": "1"}, control={"port": 0}, broker=NO_BROKER)
    config.settings.state_dir.mkdir()
    body = await seen_and_stopped(config)
    assert dict(body["causes"])["environment"] == "EXECUTION_HALTED is set"  # type: ignore[call-overload]


async def test_a_restart_continues_the_journal_of_the_run_before(config: Configuration) -> None:
    await seen_and_stopped(config)
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    first = await app.restore(journal)
    await journal.close()
    await seen_and_stopped(config)
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    second = await app.restore(journal)
    await journal.close()
    assert first.lineage is not None
    assert second.lineage == first.lineage
    assert second.seq > first.seq


async def test_a_port_that_is_taken_raises_and_leaves_everything_free(
    config: Configuration, tmp_path: Path
) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = loaded(tmp_path, control={"port": other.getsockname()[1]}, broker=NO_BROKER)
        async with asyncio.timeout(20):
            with pytest.raises(PortTaken):
                await app.run_daemon(busy, a_world())
    # Lock and journal are free again: the next start works.
    assert (await seen_and_stopped(config))["posture"] == "halted"


async def test_a_lock_that_is_held_raises_before_the_journal_is_touched(
    config: Configuration,
) -> None:
    holder = InstanceLock(config.settings.state_dir / "lock")
    holder.take(4711)
    with pytest.raises(LockTaken, match="4711"):
        await app.run_daemon(config, a_world())
    holder.release()
    assert not config.journal_file.exists()


async def test_a_journal_that_a_daemon_of_another_state_has_is_not_touched(
    config: Configuration, tmp_path: Path
) -> None:
    shared = tmp_path / "disk" / "journal.db"
    shared.parent.mkdir()
    config = replace(config, journal_file=shared)
    holder = journal_lock(shared)
    holder.take(4711)
    with pytest.raises(LockTaken, match=r"journal.db.lock: held by another daemon, process 4711"):
        await app.run_daemon(config, a_world())
    holder.release()
    assert not shared.exists()
    # Its own state is free again, and so is the journal after a whole life.
    await seen_and_stopped(config)
    holder.take(4711)
    holder.release()


async def test_the_last_beat_says_that_it_ended_in_order(config: Configuration) -> None:
    await seen_and_stopped(config)
    beat = read_beat(config.settings.state_dir / HEARTBEAT_FILE_NAME)
    assert beat is not None
    assert (beat.pid, beat.phase, beat.exit_code) == (os.getpid(), Phase.ENDED, 0)
    # One at the start and one at the end, at least.
    assert beat.number >= 2


@pytest.mark.parametrize("name", ["audit_logs", "control.token"])
async def test_a_state_that_cannot_be_written_raises_and_names_the_file(
    config: Configuration, name: str
) -> None:
    in_the_way = config.settings.state_dir / name
    if name == "audit_logs":
        in_the_way.write_text("a file where a folder should be")
    else:
        in_the_way.mkdir()
    async with asyncio.timeout(20):
        with pytest.raises(StateUnusable, match=name):
            await app.run_daemon(config, a_world())
    InstanceLock(config.settings.state_dir / "lock").take(1)


def test_the_real_world_is_this_process() -> None:
    world = app.real_world({"A": "1"}, ErrorCounts())
    assert world.pid == os.getpid()
    assert world.environment == {"A": "1"}
    assert app.real_world({}, ErrorCounts()).chance.random() != world.chance.random()


async def test_a_world_may_bring_its_own_strategy(config: Configuration) -> None:
    pace = RunnerSettings(1.0, 1.0)
    brought = Deployment(MomentumStrategy(momentum_parameters(A_SECTION, config.policy), "b"), pace)
    world = replace(a_world(), deployments=lambda config: (brought,))
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    try:
        (runner,) = app.Daemon(config, world, journal, Book()).runners
        assert runner.strategy is brought.strategy
    finally:
        await journal.close()


class OfMinutes(MomentumStrategy):
    """A strategy that wants bars."""

    @property
    def bar_spec(self) -> BarSpec:
        return BarSpec(60, 30)


async def test_the_bars_that_a_strategy_wants_are_kept_and_reach_it(config: Configuration) -> None:
    pace = RunnerSettings(1.0, 1.0)
    brought = Deployment(OfMinutes(momentum_parameters(A_SECTION, config.policy), "b"), pace)
    world = replace(a_world(), deployments=lambda config: (brought,))
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    try:
        daemon = app.Daemon(config, world, journal, Book())
        (row,) = daemon.board.status().bars
        assert (row.symbol, row.size_s, row.wanted) == ("AAPL", 60, 30)
        (runner,) = daemon.runners
        assert runner.on_bar in daemon.bars._listeners
        assert runner._bars_of == daemon.bars.bars
    finally:
        await journal.close()


async def test_it_leaves_behind_how_to_reach_the_broker_without_it(config: Configuration) -> None:
    await seen_and_stopped(config)
    reach = read_reach(config.settings.state_dir / "reach.json")
    broker = config.settings.broker
    assert (reach.port, reach.client_id) == (broker.port, broker.client_id)
    assert reach.emergency_client_id == broker.client_id + 1000
    assert len(reach.lineage) == 6
    assert {row.symbol for row in reach.instruments} == {s.symbol for s in config.instruments}


async def test_what_was_sent_without_it_is_shown_at_the_next_start(config: Configuration) -> None:
    state = config.settings.state_dir
    promise(state / "emergency.jsonl", an_order())
    status = await seen_and_stopped(config)
    rows = status["emergency"]
    assert isinstance(rows, list)
    (row,) = rows
    assert (row["order_ref"], row["quantity"], row["filled"]) == ("kill-abc123-1", "10", "0")


async def test_what_was_executed_without_it_before_the_baseline_is_in_the_baseline(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker's list is of another day by then, and the next start booked it on top.
    state, execution = config.settings.state_dir, an_execution()
    memory(state).note_execution(execution)
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    writer = asyncio.get_running_loop().create_task(journal.run())
    try:
        daemon = app.Daemon(config, a_world(), journal, Book())
        book = daemon.ledger.book
        daemon.ledger.record(JournalOpened(Lineage("abc123")))

        async def word() -> BrokerSnapshot:
            return a_snapshot(account=execution.account)

        monkeypatch.setattr(daemon.reconciler, "brokers_word", word)
        daemon._take_in_emergency(state)
        await daemon.desk.baseline(by="me")
        assert book.account == execution.account
        daemon._take_in_emergency(state)
        assert book.position_of(execution.con_id) == 0
        assert book.cash == a_snapshot().cash
    finally:
        writer.cancel()
        await asyncio.wait([writer])
        await journal.close()


async def test_a_standing_order_is_seen_at_the_start(config: Configuration) -> None:
    leave(config.settings.state_dir / "standing_order.json", LEFT)
    status = await seen_and_stopped(config)
    causes = dict(status["causes"])  # type: ignore[call-overload]
    assert "close every position" in causes["standing_order"]


async def test_the_head_of_its_journal_is_outside_of_it_from_the_start_to_the_end(
    config: Configuration,
) -> None:
    state = config.settings.state_dir
    body = await seen_and_stopped(config)
    anchors, problems = anchors_in(state)
    assert problems == ()
    assert [anchor.source for anchor in anchors][:2] == [
        "last_status.json",
        "audit_logs/chain.jsonl line 1",
    ]
    verdict = verified(config.journal_file, anchors)
    assert verdict.is_whole, verdict.findings
    # The last one was written when the journal was closed: nothing lies behind it.
    assert anchors[-1].head.seq == verdict.last_seq == verdict.anchored_to
    assert anchors[-1].head.digest == verdict.digest
    shown = body["journal"]
    assert isinstance(shown, dict)
    page = Anchor("page", shown["lineage"], ChainHead(shown["durable_seq"], shown["digest"]))
    assert shown["digest"]
    assert verified(config.journal_file, [page]).is_whole
    with closing(sqlite3.connect(config.journal_file, isolation_level=None)) as db:
        tamper(db, "DELETE FROM events WHERE seq = ?", verdict.last_seq)
    found = {(one.kind, one.seq) for one in verified(config.journal_file, anchors).findings}
    assert found == {("truncated", verdict.last_seq)}


async def test_an_older_journal_in_its_place_halts_the_start_and_the_anchors_stay_as_they_are(
    config: Configuration,
) -> None:
    state, journal = config.settings.state_dir, config.journal_file
    await seen_and_stopped(config)
    older = journal.read_bytes()
    await seen_and_stopped(config)
    right, chain = journal.read_bytes(), (state / "audit_logs" / "chain.jsonl").read_bytes()
    journal.write_bytes(older)
    for words in ("events are gone from its end", "the history up to it is another"):
        causes = dict((await seen_and_stopped(config))["causes"])  # type: ignore[call-overload]
        assert words in causes[HaltCause.JOURNAL_UNPROVEN]
        # It is in the journal, and what the next start compares with is what it was.
        assert HaltCause.JOURNAL_UNPROVEN in (await kept(config)).halts
        assert (state / "audit_logs" / "chain.jsonl").read_bytes() == chain
        assert not verified(journal, anchors_in(state)[0]).is_whole
    journal.write_bytes(right)
    assert verified(journal, anchors_in(state)[0]).is_whole
    causes = dict((await seen_and_stopped(config))["causes"])  # type: ignore[call-overload]
    assert HaltCause.JOURNAL_UNPROVEN not in causes
    assert verified(journal, anchors_in(state)[0]).is_whole


async def test_a_backup_that_was_restored_starts_halted_and_says_so_and_no_more(
    config: Configuration, tmp_path: Path
) -> None:
    state, journal, copy = config.settings.state_dir, config.journal_file, tmp_path / "copy.db"
    await seen_and_stopped(config)
    told = ["--state", str(state)]
    assert cli.main(["backup", "--to", str(copy), *told]) == 0
    first = await kept(config)
    await seen_and_stopped(config)
    words = ["restore", str(copy), "--reason", "the disk died", *told]
    assert await asyncio.to_thread(cli.main, words) == 0
    chain = (state / "audit_logs" / "chain.jsonl").read_bytes()
    for _ in range(2):
        body = await seen_and_stopped(config)
        causes = dict(body["causes"])  # type: ignore[call-overload]
        assert causes[HaltCause.JOURNAL_UNPROVEN].startswith("restored from copy.db, which ended")
        assert ": the disk died;" in causes[HaltCause.JOURNAL_UNPROVEN]
        # What was written down about the journal that was lost is still what was said last.
        assert (state / "audit_logs" / "chain.jsonl").read_bytes() == chain
    book = await kept(config)
    assert book.former == (first.lineage,)
    assert book.lineage != first.lineage
    verdict = verified(journal, anchors_in(state)[0])
    assert verdict.is_whole, verdict.findings


async def test_a_new_journal_beside_old_anchors_is_halted_as_what_it_is(
    config: Configuration,
) -> None:
    await seen_and_stopped(config)
    config.journal_file.unlink()
    causes = dict((await seen_and_stopped(config))["causes"])  # type: ignore[call-overload]
    assert causes[HaltCause.JOURNAL_UNPROVEN].startswith("this journal is new, and audit_logs/")
    assert HaltCause.FRESH_INSTALL in causes


async def kept(config: Configuration) -> Book:
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    try:
        return await app.restore(journal)
    finally:
        await journal.close()

"""A journal tells the decisions that a live observer of it was told, in the same rows."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.engine.world import VirtualLoop, World, a_status, an_execution, an_intent
from tests.unit.store.support import journal_of
from trader.core import events as ev
from trader.core.decisions import Row
from trader.core.executions import Commission
from trader.core.halts import HaltCause, Mode
from trader.core.ids import AccountId, Lineage, OrderId, Seq, StrategyName
from trader.core.journal_events import JournalRestored
from trader.core.moments import microseconds_of
from trader.core.strategy_events import StrategyFailed
from trader.engine.strategy.decision_log import DecisionLog
from trader.store.decision_rows import decisions_in, journal_decisions, must_be_whole
from trader.store.rows import JournalUnusable

ALWAYS = (0, 2**62)


async def _lived() -> tuple[list[ev.Recorded], list[Row]]:
    world, told = World(), list[Row]()
    world.ledger.observe(DecisionLog(world.services, told.append).on_recorded)
    await world.gateway.submit(an_intent())
    (order,) = world.book.orders.values()
    world.ledger.record(a_status(order))
    world.ledger.record(ev.ExecutionSeen(an_execution(order, quantity=order.terms.quantity / 2)))
    world.gateway.cancel(order.order_id, "enough")
    done = an_execution(order).exec_id
    world.ledger.record(ev.CommissionSeen(Commission(done, Decimal(1), "USD")))
    world.ledger.record(StrategyFailed(StrategyName("alpha"), "ValueError: no"))
    await asyncio.sleep(100)
    await world.gateway.submit(an_intent(2, con_id=999))
    return world.journal.rows, told


@pytest.fixture(scope="module", name="lived")
def lived_of() -> tuple[list[ev.Recorded], list[Row]]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lived())


async def test_it_tells_what_was_told_as_it_happened(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    rows, told = lived
    path = await journal_of(rows, tmp_path / "journal.db")
    assert [row["kind"] for row in told] == [
        "intent", "fill", "cancel", "commission", "stopped", "intent",
    ]  # fmt: skip
    assert list(decisions_in(path, *ALWAYS)) == told


async def test_a_stretch_of_time_is_all_that_is_told(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    rows, told = lived
    path = await journal_of(rows, tmp_path / "journal.db")
    first_us = int(told[-1]["at_us"])
    assert list(decisions_in(path, first_us, first_us)) == [told[-1]]


START = datetime(2026, 11, 22, 10, tzinfo=UTC)


def at(second: float, event: ev.Event) -> ev.Recorded:
    return ev.Recorded(Seq(0), START + timedelta(seconds=second), event)


def numbered(*rows: ev.Recorded) -> list[ev.Recorded]:
    return [replace(row, seq=Seq(number)) for number, row in enumerate(rows, 1)]


def started(second: float, mode: Mode = Mode.PAPER) -> ev.Recorded:
    names = (StrategyName("alpha"), StrategyName("beta"))
    return at(second, ev.DaemonStarted("1", mode, AccountId("DU1"), names))


async def test_each_process_is_a_span_until_the_last_that_it_recorded(tmp_path: Path) -> None:
    opened = at(0, ev.JournalOpened(Lineage("abc123")))
    halted = ev.HaltRaised(HaltCause.OPERATOR, "enough", "test")
    restored = JournalRestored(Lineage("def456"), (), OrderId(1), "", "", "", "r", "b")
    rows = numbered(
        opened, started(1), at(50, halted), started(90, Mode.DRY_RUN), at(95, halted),
        at(99, restored), started(200), at(180, halted),
    )  # fmt: skip
    path = await journal_of(rows, tmp_path / "journal.db")
    with journal_decisions(path) as read:
        must_be_whole(read)
        begun_us = microseconds_of(START)
        found = [
            ((s.first_us - begun_us) // 10**6, (s.last_us - begun_us) // 10**6, s.problem)
            for s in read.spans
        ]
    # Of the second one a person's restore is no part; of the last one the clock was set back.
    assert found == [(1, 50, ""), (90, 95, "mode dry_run sends nothing"), (200, 200, "")]
    assert read.spans[0].strategies == ("alpha", "beta")
    assert (read.spans[0].evidence, read.spans[0].is_shadow) == ("paper", False)


async def test_rows_are_given_one_by_one_and_what_they_need_is_bounded(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, told = lived
    path = await journal_of(rows, tmp_path / "journal.db")
    monkeypatch.setattr("trader.store.decision_rows._KEPT_MAX", 1)
    with journal_decisions(path) as read:
        given = read.rows(*ALWAYS)
        assert next(given) == told[0]
        assert list(given) == told[1:]
        assert read.symbols == {101: "AAA"}


async def test_a_journal_without_one_of_its_events_is_not_whole(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    path = await journal_of(lived[0], tmp_path / "journal.db")
    with closing(sqlite3.connect(path)) as db, db:
        (trigger,) = db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%DELETE%'"
        ).fetchone()
        db.execute(f"DROP TRIGGER {trigger}")
        db.execute("DELETE FROM events WHERE seq = 3")
    with (
        journal_decisions(path) as read,
        pytest.raises(JournalUnusable, match=r"1 of the events 1 to \d+ are missing"),
    ):
        must_be_whole(read)


async def test_a_payload_that_is_no_json_is_refused(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    path = await journal_of(lived[0], tmp_path / "journal.db")
    with closing(sqlite3.connect(path)) as db, db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE events SET payload = '{' WHERE kind = 'OrderPlanned'")
    with pytest.raises(JournalUnusable), journal_decisions(path):
        pass


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable):
        decisions_in(tmp_path / "none.db", *ALWAYS)

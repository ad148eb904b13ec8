"""The reports are decided from the engine as it is: runs, checkpoints, orders, the writer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.world import (
    POLICY,
    World,
    a_position,
    a_snapshot,
    a_ticket,
    an_execution,
    an_intent,
)
from trader.core import events as ev
from trader.core.checkpoint import state_of
from trader.core.reports.content import ReportStatus
from trader.core.reports.ledger import WriterReport
from trader.core.reports.parity import ParityReport
from trader.core.reports.reconciliation import ReconciliationReport
from trader.core.reports.runtime import RuntimeState
from trader.core.reports.snapshot import SnapshotReport
from trader.engine.risk.risk_report import RiskReport
from trader.engine.told.board import About, Board
from trader.engine.told.report_sources import ReportSources
from trader.ports import SnapshotUnavailable


def sources_of(world: World) -> ReportSources:
    board = Board(
        world.services, journal=world.journal, link=world.link, runners=(), policy=POLICY,
        about=About("1", "USD"),
    )  # fmt: skip
    sources = ReportSources(world.services, board, recurrent_runs=3, insufficient_runs=2)
    world.reconciler.observe(sources.on_run)
    return sources


async def test_each_run_is_reported_once_and_every_one_counts() -> None:
    world = World()
    sources = sources_of(world)
    assert sources.reconciliation_report() is None
    world.broker.word = a_snapshot(positions=(a_position(7),))
    for _ in range(3):
        await world.reconciler.run_once("timed orders")
    content = sources.reconciliation_report()
    assert content is not None
    assert isinstance(content.body, ReconciliationReport)
    # The position became a ticket at its second look, and is one drift in three runs.
    assert content.status is ReportStatus.FAIL
    assert content.body.warnings["position"] == 3
    assert sources.reconciliation_report() is None


async def test_a_ticket_that_waits_for_a_person_fails_the_report() -> None:
    world = World()
    sources = sources_of(world)
    world.ledger.record(a_ticket())
    await world.reconciler.run_once("timed orders")
    content = sources.reconciliation_report()
    assert content is not None
    assert content.status is ReportStatus.FAIL


async def test_a_snapshot_is_written_once_with_its_age_and_never_an_old_one_anew() -> None:
    world = World()
    sources = sources_of(world)
    assert sources.snapshot_report() is None
    await world.reconciler.run_once("timed orders")
    await asyncio.sleep(30)
    content = sources.snapshot_report()
    assert content is not None
    assert isinstance(content.body, SnapshotReport)
    assert content.age_s == pytest.approx(30, abs=0.1)
    world.broker.word = SnapshotUnavailable("no end marker")
    await world.reconciler.run_once("timed orders")
    assert sources.snapshot_report() is None


async def test_a_checkpoint_is_exported_once() -> None:
    world = World()
    sources = sources_of(world)
    assert sources.runtime_report() is None
    sources.on_checkpoint(state_of(world.book))
    content = sources.runtime_report()
    assert content is not None
    assert isinstance(content.body, RuntimeState)
    assert content.body.checkpoint_seq == world.book.seq
    assert sources.runtime_report() is None


async def test_orders_of_the_day_are_held_against_their_fills_and_older_ones_are_not() -> None:
    world = World()
    sources = sources_of(world)
    assert sources.parity_report().status is ReportStatus.INSUFFICIENT
    world.quote()
    await world.gateway.submit(an_intent())
    (order,) = world.book.orders.values()
    world.ledger.record(ev.ExecutionSeen(an_execution(order)))
    content = sources.parity_report()
    assert content.status is ReportStatus.OK
    assert isinstance(content.body, ParityReport)
    assert (content.body.compared_orders, content.body.fills) == (1, 1)
    await asyncio.sleep(86_401)
    # Two are patience; the third look in a row with nothing to compare is one too many.
    assert [sources.parity_report().status.value for _ in range(3)] == [
        "insufficient_data", "insufficient_data", "fail",
    ]  # fmt: skip


async def test_a_fill_that_is_not_as_approved_fails() -> None:
    world = World()
    sources = sources_of(world)
    world.quote()
    await world.gateway.submit(an_intent())
    (order,) = world.book.orders.values()
    world.ledger.record(ev.ExecutionSeen(replace(an_execution(order), price=Decimal(101))))
    assert sources.parity_report().status is ReportStatus.FAIL


async def test_the_risk_is_known_once_the_account_is_and_somebody_looks() -> None:
    sources = sources_of(World(is_baselined=False))
    assert sources.risk_report().status is ReportStatus.INSUFFICIENT
    world = World(held=10)
    sources = sources_of(world)
    content = sources.risk_report()
    assert (content.status, content.reasons) == (
        ReportStatus.INSUFFICIENT,
        ("the account's shares are not known",),
    )
    assert isinstance(content.body, RiskReport)
    assert content.body.nav == Decimal("101000.10")


async def test_the_writer_passes_while_the_disk_takes_what_is_recorded() -> None:
    world = World()
    sources = sources_of(world)
    await world.ledger.durable(world.ledger.seq)
    assert sources.writer_report().status is ReportStatus.PASS
    world.journal.hold()
    world.ledger.record(a_ticket())
    assert sources.writer_report().status is ReportStatus.PASS
    await asyncio.sleep(61)
    content = sources.writer_report()
    assert content.status is ReportStatus.FAIL
    assert isinstance(content.body, WriterReport)
    assert content.body.lag_events == 1
    world.journal.release()
    await world.ledger.durable(world.ledger.seq)
    assert sources.writer_report().status is ReportStatus.PASS
    world.journal.fail("disk full")
    assert sources.writer_report().status is ReportStatus.FAIL


async def test_fills_that_are_missing_fail_the_writers_report_too() -> None:
    sources = sources_of(World())
    sources.fills_status = lambda: ReportStatus.FAIL
    assert sources.writer_report().status is ReportStatus.FAIL

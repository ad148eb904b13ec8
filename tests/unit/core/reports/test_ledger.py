"""Every execution that the broker lists is in the journal, and a day without any is no pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from trader.core.entries import Tally
from trader.core.ids import ExecFamily, ExecId
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.ledger import (
    Day,
    SanityReport,
    Writing,
    sanity_content,
    writer_content,
)

SINCE = datetime(2026, 11, 22, tzinfo=UTC)


def a_day(
    listed: tuple[str, ...] = (), recorded: tuple[str, ...] = (), before: tuple[str, ...] = ()
) -> Day:
    return Day(
        since_utc=SINCE,
        executions=tuple(map(ExecId, listed)),
        rows={"ExecutionSeen": len(recorded)},
        recorded=frozenset(map(ExecFamily, recorded)),
        row_count=10,
        baselined=frozenset(map(ExecFamily, before)),
    )


def body_of(content: Content) -> SanityReport:
    assert isinstance(content.body, SanityReport)
    return content.body


def test_fills_that_are_all_there_pass() -> None:
    content = sanity_content(a_day(("e.1.01", "f.1.01"), ("e.1", "f.1", "g.1")))
    assert content.status is ReportStatus.PASS
    assert (body_of(content).broker_executions, body_of(content).fill_rows) == (2, 3)


def test_no_fill_rows_on_a_day_with_executions_fail() -> None:
    content = sanity_content(a_day(("e.1.01", "f.1.01")))
    assert content.status is ReportStatus.FAIL
    assert content.reasons == ("no fill rows on a day with 2 executions",)
    assert [alarm.title for alarm in content.alarms] == ["fills are missing in the journal"]


def test_one_that_is_missing_fails_and_is_named() -> None:
    content = sanity_content(a_day(("e.1.01", "f.1.01"), ("e.1",)))
    assert content.status is ReportStatus.FAIL
    assert body_of(content).missing == ("f.1",)


@pytest.mark.parametrize("day", [a_day(), a_day(recorded=("e.1",)), None])
def test_a_day_without_executions_has_proven_nothing(day: Day | None) -> None:
    assert sanity_content(day).status is ReportStatus.INSUFFICIENT


def test_what_was_there_before_the_baseline_has_no_row() -> None:
    content = sanity_content(a_day(("e.1.01", "f.1.01"), ("f.1",), before=("e.1",)))
    assert content.status is ReportStatus.PASS
    assert body_of(content).baselined == 1
    assert sanity_content(a_day(("e.1.01",), before=("e.1",))).status is ReportStatus.INSUFFICIENT


def test_a_correction_stands_for_what_it_replaces() -> None:
    content = sanity_content(a_day(("e.1.01", "e.1.02"), ("e.1",)))
    assert (content.status, body_of(content).broker_executions) == (ReportStatus.PASS, 1)


def test_rows_that_cannot_be_read_fail() -> None:
    content = sanity_content(a_day(("e.1.01",), ("e.1",)), "damaged")
    assert (content.status, content.reasons) == (ReportStatus.FAIL, ("damaged",))
    assert content.alarms


WRITING = Writing(
    seq=42, durable_seq=41, failure="", stuck_s=0.0, tally=Tally(executions=3), order_count=2,
    fill_count=3, position_count=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sanity", "status"),
    [
        ({}, ReportStatus.PASS, "pass"),
        ({}, ReportStatus.INSUFFICIENT, "pass"),
        ({}, None, "pass"),
        ({}, ReportStatus.FAIL, "fail"),
        ({"failure": "SQLITE_FULL"}, ReportStatus.PASS, "fail"),
        ({"stuck_s": 59.0}, ReportStatus.PASS, "pass"),
        ({"stuck_s": 61.0}, ReportStatus.PASS, "fail"),
        ({"stuck_s": float("nan")}, ReportStatus.PASS, "fail"),
    ],
)
def test_the_writer_passes_while_all_comes_to_the_disk(
    changes: dict[str, Any], sanity: ReportStatus | None, status: str
) -> None:
    content = writer_content(replace(WRITING, **changes), sanity)
    assert content.status == status
    # What the sanity report calls for is called for once, by it.
    assert bool(content.alarms) is (status == "fail" and sanity is not ReportStatus.FAIL)

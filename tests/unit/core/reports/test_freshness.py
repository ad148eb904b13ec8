"""A report that is missing, stale, unreadable, of the future or bad never passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trader.core.reports.content import ReportStatus
from trader.core.reports.freshness import Found, is_stale, judged
from trader.core.reports.table import REPORTS, TERMS, ReportName, Terms

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RECONCILIATION = TERMS[ReportName.RECONCILIATION]


def problem(status: ReportStatus | None, age_s: float, *, is_strict: bool = True) -> str:
    found = Found(status, NOW - timedelta(seconds=age_s))
    return judged(RECONCILIATION, found, NOW, is_strict=is_strict).problem


@pytest.mark.parametrize("terms", [row for row in REPORTS if row.age_s_max is not None])
def test_a_second_before_its_age_it_passes_and_a_second_after_it_is_stale(terms: Terms) -> None:
    assert terms.age_s_max is not None
    for age_s, passes in ((terms.age_s_max - 1, True), (terms.age_s_max + 1, False)):
        found = Found(ReportStatus.OK, NOW - timedelta(seconds=age_s))
        row = judged(terms, found, NOW, is_strict=True)
        assert row.has_passed is passes
        assert row.problem.startswith("stale") is not passes


def test_what_is_missing_fails_with_its_reason() -> None:
    row = judged(RECONCILIATION, Found(None, None, problem="missing"), NOW, is_strict=False)
    assert (row.has_passed, row.problem, row.age_s) == (False, "missing", None)
    row = judged(RECONCILIATION, Found(None, None), NOW, is_strict=False)
    assert not row.has_passed


def test_a_report_of_the_future_is_of_no_known_age() -> None:
    assert problem(ReportStatus.OK, -59) == ""
    assert problem(ReportStatus.OK, -61) == "written 61 s in the future"


@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("status", list(ReportStatus))
def test_only_the_strict_gate_refuses_a_warning_and_a_lack_of_data(
    status: ReportStatus, is_strict: bool
) -> None:
    passes = {
        ReportStatus.OK: True,
        ReportStatus.PASS: True,
        ReportStatus.WARNING: not is_strict,
        ReportStatus.INSUFFICIENT: not is_strict,
        ReportStatus.CRITICAL: False,
        ReportStatus.FAIL: False,
    }[status]
    assert (problem(status, 1, is_strict=is_strict) == "") is passes


def test_an_age_that_is_no_number_is_too_much() -> None:
    assert is_stale(float("nan"), 600.0)
    assert not is_stale(1e9, None)

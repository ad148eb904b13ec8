"""What exceeds a hard limit or waits unreviewed is critical; what is not known is no pass."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import CON
from trader.core.reports.content import ReportStatus
from trader.core.valuation import Valuation
from trader.engine.exposure_status import ConcentrationStatus, ExposureStatus
from trader.engine.risk.risk_report import RiskReport, RiskView, risk_content
from trader.engine.status import ActionsStatus, BreakerStatus

WORTH = Valuation(
    nav=Decimal(100_000), gross=Decimal(30_000), net=Decimal(30_000),
    cash={"USD": Decimal(70_000)}, notionals={CON: Decimal(30_000)},
    gross_by_class={"STK": Decimal(30_000)}, rates={"USD": Decimal(1)}, missing=(), as_of_s=0.0,
)  # fmt: skip
SEEN = ExposureStatus(
    status="ok", warnings=(), regime="calm", gross=Decimal("0.3"), net=Decimal("0.3"),
    gross_max=Decimal("2.5"), net_max=Decimal(1), box_max=Decimal("0.25"),
    hold_max=Decimal("0.2"),
)  # fmt: skip
ACTIONS = ActionsStatus(0, 0, 0, 5, "2026-11", ())
VIEW = RiskView(WORTH, SEEN, ACTIONS, (), {}, age_s=2.0)


def a_breaker(phase: str) -> BreakerStatus:
    return BreakerStatus("daily_loss", True, phase, "", "", "", "", "", "", None, "")


def test_an_account_inside_its_limits_is_ok() -> None:
    content = risk_content(VIEW)
    assert (content.status, content.reasons, content.alarms) == (ReportStatus.OK, (), ())
    assert content.age_s == 2.0
    assert isinstance(content.body, RiskReport)
    assert content.body.nav == Decimal(100_000)
    assert content.body.notionals == {str(CON): Decimal(30_000)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gross": Decimal("2.6")}, "gross is 2.600, allowed 2.5"),
        ({"net": Decimal("-1.1")}, "net is -1.100, allowed 1"),
        (
            {"concentrations": (ConcentrationStatus("AAA", 1, Decimal(1), Decimal(1), "box"),)},
            "AAA is beyond 0.25 of the account",
        ),
    ],
)
def test_a_hard_limit_that_is_exceeded_is_critical(changes: dict[str, Any], reason: str) -> None:
    content = risk_content(replace(VIEW, exposure=replace(SEEN, **changes)))
    assert content.status is ReportStatus.CRITICAL
    assert content.reasons[0] == reason
    assert [alarm.title for alarm in content.alarms] == ["portfolio risk is critical"]
    # Where the policy does not ask, nothing is exceeded.
    off = replace(SEEN, status="off", **changes)
    assert risk_content(replace(VIEW, exposure=off)).status is ReportStatus.OK


def test_an_action_that_nobody_reviewed_in_time_is_critical() -> None:
    waiting = replace(VIEW, actions=replace(ACTIONS, waiting_count=1))
    assert risk_content(waiting).status is ReportStatus.OK
    overdue = replace(VIEW, actions=replace(ACTIONS, waiting_count=1, overdue_count=1))
    assert risk_content(overdue).status is ReportStatus.CRITICAL


def test_a_soft_limit_and_a_tripped_breaker_are_warnings() -> None:
    soft = replace(SEEN, status="warning", warnings=("AAA is above 0.2",))
    assert risk_content(replace(VIEW, exposure=soft)).status is ReportStatus.WARNING
    content = risk_content(replace(VIEW, breakers=(a_breaker("tripped"),)))
    assert (content.status, content.reasons) == (ReportStatus.WARNING, ("breaker daily_loss",))
    assert risk_content(replace(VIEW, breakers=(a_breaker("closed"),))).status is ReportStatus.OK


@pytest.mark.parametrize(
    "view",
    [
        replace(VIEW, valuation=None),
        replace(VIEW, valuation=replace(WORTH, missing=("AAA: no mark",))),
        replace(VIEW, exposure=replace(SEEN, status="unknown")),
        replace(VIEW, exposure=None),
    ],
)
def test_what_is_not_known_is_no_pass_and_no_number(view: RiskView) -> None:
    content = risk_content(view)
    assert content.status is ReportStatus.INSUFFICIENT
    assert isinstance(content.body, RiskReport)
    assert (content.body.nav is None) is (view.valuation is not WORTH)


def test_the_same_reason_is_not_told_twice() -> None:
    reason = "existing holdings have not been accepted"
    seen = replace(SEEN, status="unknown", warnings=(f"shares of the account: {reason}",))
    content = risk_content(replace(VIEW, valuation=None, exposure=seen))
    assert content.reasons == (reason,)

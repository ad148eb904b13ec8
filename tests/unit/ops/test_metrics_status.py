"""Gauges say what the status says, and nothing where it says nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.ops.support import LINK, MONEY, NOW, READY, RESULT, status
from trader.core.halts import HaltCause, Posture
from trader.engine.exposure_status import (
    BlindStatus,
    ConcentrationStatus,
    ExposureStatus,
    ReductionStatus,
    UsageStatus,
)
from trader.engine.host import HeadroomStatus, HostStatus, TimeServiceStatus
from trader.engine.quarantine_status import QuarantineStatus
from trader.engine.report_rows import ReportRow
from trader.engine.status import (
    AccountStatus,
    ActionsStatus,
    BreakerStatus,
    SentinelStatus,
    Status,
)
from trader.ops.metrics_status import StatusCollector


def scrape(shown: Status) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(lambda: shown))
    return registry


def test_each_gauge_equals_the_status() -> None:
    value = scrape(READY).get_sample_value
    assert value("trader_cash") == 95000.5
    assert value("trader_equity") == 100250.75
    assert value("pnl_cumulative") == 249.75
    assert value("max_drawdown_current") == pytest.approx(0.25)
    assert value("sharpe_ratio_rolling_30d") == 1.5
    assert value("trader_position_quantity", {"symbol": "AAPL"}) == 40
    assert value("trader_heartbeat_age_seconds") == 1.25
    assert value("trader_reconcile_age_seconds") == 12
    assert value("trader_drifts_total") == 5
    assert value("trader_open_tickets") == 0
    assert value("trader_journal_seq") == 42
    assert value("trader_journal_durable_seq") == 41
    assert value("trader_task_age_seconds", {"task": "inbox"}) == 0.1
    assert value("trader_loop_lag_seconds") == 0.002
    assert value("trader_orders_shown", {"state": "WORKING"}) == 1
    assert value("trader_farm_up", {"farm": "ushmds"}) == 0
    assert value("trader_ready") == 1


def test_the_quarantine_is_counted() -> None:
    seen = QuarantineStatus(3, 5, ((5, 8), (11, 2)), ((0, 1), (11, 40)), ())
    value = scrape(status(quarantine=seen)).get_sample_value
    assert value("trader_quarantine_open") == 3
    assert value("trader_quarantine_kept_total") == 5
    assert value("trader_quarantine_not_kept") == 10
    assert value("trader_broken_messages_total", {"message_id": "11"}) == 40
    assert value("trader_broken_messages_total", {"message_id": "0"}) == 1


def test_a_halt_shows_its_causes_and_only_them() -> None:
    shown = status(
        posture=Posture.HALTED, is_ready=False, causes=((HaltCause.HALT_FILE, "missing"),)
    )
    value = scrape(shown).get_sample_value
    assert value("trader_posture", {"posture": "halted"}) == 1
    assert value("trader_posture", {"posture": "armed"}) == 0
    assert value("trader_halt_cause", {"cause": "halt_file"}) == 1
    assert value("trader_halt_cause", {"cause": "link"}) == 0


def test_what_is_unknown_has_no_series() -> None:
    link = replace(LINK, heartbeat_age_s=None, is_upstream_up=None)
    money = replace(MONEY, pnl=None, equity=Decimal("NaN"))
    value = scrape(
        status(
            link=link,
            money=money,
            reconcile=None,
            loop_lag_s=math.nan,
            drawdown=None,
            sharpe_30d=None,
        )
    ).get_sample_value
    for name in (
        "trader_heartbeat_age_seconds",
        "trader_upstream_up",
        "trader_reconcile_age_seconds",
        "trader_equity",
        "trader_loop_lag_seconds",
        "pnl_cumulative",
        "max_drawdown_current",
        "sharpe_ratio_rolling_30d",
    ):
        assert value(name) is None, name
    assert value("trader_cash") == 95000.5
    assert scrape(status(money=None)).get_sample_value("trader_cash") is None


def test_two_contracts_of_one_symbol_make_one_series() -> None:
    (position,) = READY.positions
    shown = status(positions=(position, replace(position, con_id=2, quantity=Decimal(-15))))
    assert scrape(shown).get_sample_value("trader_position_quantity", {"symbol": "AAPL"}) == 25


def test_the_inputs_of_a_review_have_ages_and_their_lack_a_count() -> None:
    told = AccountStatus("USD", "", Decimal(7), None, None, None, None, age_s=12.5)
    money = replace(MONEY, age_s=0.25)
    shown = replace(READY, told_account=told, inputs_missing=("a", "b"), money=money)
    value = scrape(shown).get_sample_value
    assert value("trader_inputs_missing") == 2
    assert value("trader_account_age_seconds") == 12.5
    assert value("trader_net_liquidation") == 7
    assert value("trader_account_usable") == 1
    old = replace(told, source="journal", is_usable=False)
    value = scrape(replace(shown, told_account=old)).get_sample_value
    assert (value("trader_account_usable"), value("trader_net_liquidation")) == (0, None)
    value = scrape(shown).get_sample_value
    assert value("trader_valuation_age_seconds") == 0.25
    assert scrape(READY).get_sample_value("trader_inputs_missing") == 0
    assert scrape(READY).get_sample_value("trader_account_age_seconds") is None


def test_the_brokers_result_and_ours_are_given_and_whether_they_are_compared() -> None:
    """CAP-31: what is not compared is 0 in one metric and absent in the others."""
    result = replace(
        RESULT,
        verdict="differs",
        told_age_s=0.5,
        own_daily=Decimal(10),
        difference=Decimal(60),
        since_utc=None,
        finding="moved apart",
    )
    value = scrape(replace(READY, result=result)).get_sample_value
    assert value("trader_told_daily_pnl") == 12.5
    assert value("trader_told_daily_pnl_age_seconds") == 0.5
    assert value("trader_daily_pnl") == 10
    assert (value("trader_result_compared"), value("trader_result_differs")) == (1, 1)
    assert (value("trader_result_difference"), value("trader_result_allowed")) == (60, 25)
    old = replace(result, told_age_s=61.0, is_told_usable=False)
    value = scrape(replace(READY, result=old)).get_sample_value
    assert value("trader_told_daily_pnl") is None, "what is old is not the day's result"
    assert value("trader_told_daily_pnl_age_seconds") == 61
    bare = replace(
        result, problem="not told", told_daily=None, difference=None, allowed=None, finding=""
    )
    value = scrape(replace(READY, result=bare)).get_sample_value
    assert (value("trader_result_compared"), value("trader_result_differs")) == (0, 0)
    assert value("trader_result_difference") is None
    assert value("trader_told_daily_pnl") is None
    assert scrape(READY).get_sample_value("trader_result_compared") is None


def test_each_breaker_that_is_on_has_a_state() -> None:
    row = BreakerStatus("drift", True, "closed", "good", "", "", "halt", "probe", "", None, "")
    rows = (
        row,
        replace(row, name="psr", phase="tripped", overridden_until_utc=READY.now_utc),
        replace(row, name="vix", phase="probing"),
        replace(row, name="disk_space", finding="evaluation_failed"),
        replace(row, name="volatility_ratio", is_enabled=False),
    )
    value = scrape(status(breakers=rows, allocation=Decimal("0.25"))).get_sample_value
    states = {name: value("trader_breaker_state", {"breaker": name}) for name in (
        "drift", "vix", "psr", "disk_space", "volatility_ratio")}  # fmt: skip
    assert list(states.values()) == [0, 1, 2, 3, None]
    assert value("trader_breaker_overridden", {"breaker": "psr"}) == 1
    assert value("trader_breaker_overridden", {"breaker": "drift"}) == 0
    assert value("trader_allocation") == 0.25


def test_the_sentinel_and_halted_strategies_have_gauges() -> None:
    seen = SentinelStatus(True, "watching", "", "", "", 1.5, 30.0, "")
    halted = tuple(replace(row, state="HALTED") for row in READY.strategies)
    value = scrape(replace(READY, sentinel=seen, strategies=halted)).get_sample_value
    assert value("trader_sentinel_running") == 1
    assert value("trader_sentinel_look_age_seconds") == 1.5
    assert value("trader_sentinel_acted") == 0
    name = READY.strategies[0].name
    assert value("trader_strategy_halted", {"strategy": name}) == 1
    assert scrape(READY).get_sample_value("trader_strategy_halted", {"strategy": name}) == 0
    assert scrape(READY).get_sample_value("trader_sentinel_running") is None


def test_what_a_strategy_uses_has_gauges() -> None:
    row = replace(
        READY.strategies[0], usage=UsageStatus(Decimal(700), Decimal(9), None, Decimal(-5))
    )
    value = scrape(replace(READY, strategies=(row,))).get_sample_value
    assert value("trader_strategy_held", {"strategy": row.name}) == 700
    assert value("trader_strategy_headroom", {"strategy": row.name}) == -5
    unknown = scrape(READY).get_sample_value
    assert unknown("trader_strategy_headroom", {"strategy": row.name}) is None


def test_shares_of_the_account_have_gauges() -> None:
    rows = (ConcentrationStatus("AAPL", 101, Decimal(-210), Decimal("0.21"), "hold"),)
    plan = ReductionStatus(NOW, "storm", ("net",), (), ())
    limits = (Decimal(1), Decimal("0.4"), Decimal("0.25"), Decimal("0.2"))
    shares = (Decimal("0.5"), Decimal("-0.25"))
    seen = ExposureStatus("warning", ("a", "b"), "storm", *shares, *limits, rows, plan)
    value = scrape(replace(READY, exposure=seen)).get_sample_value
    assert value("trader_gross_exposure") == 0.5
    assert value("trader_net_exposure") == -0.25
    assert value("trader_regime") == 2
    assert value("trader_concentration", {"symbol": "AAPL"}) == 0.21
    assert value("trader_exposure_warnings") == 2
    assert value("trader_reduction_planned") == 1
    unknown = replace(seen, regime="", gross=None, net=None, concentrations=(), reduction=None)
    value = scrape(replace(READY, exposure=unknown)).get_sample_value
    assert value("trader_gross_exposure") is None
    assert value("trader_regime") is None
    assert value("trader_reduction_planned") == 0
    assert scrape(READY).get_sample_value("trader_exposure_warnings") is None


def test_reviews_and_false_positives_have_gauges() -> None:
    value = scrape(replace(READY, actions=ActionsStatus(5, 2, 4, 3, "m", ()))).get_sample_value
    assert value("trader_risk_actions_waiting") == 5
    assert value("trader_risk_actions_overdue") == 2
    assert value("trader_false_positives_month") == 4
    assert value("trader_false_positives_month_max") == 3


def test_the_machine_has_gauges_and_what_is_unknown_none() -> None:
    time = TimeServiceStatus(True, 0.25, 1.5, "")
    room = HeadroomStatus(0.5, 100, 2000, 10, 1000, 1.25, 4, 300, 4000)
    seen = HostStatus(time, room, ("files",), ("MARKETDATA_FORCE_STALE",), ("a", "b"))
    value = scrape(replace(READY, host=seen)).get_sample_value
    assert value("trader_time_synchronised") == 1
    assert value("trader_time_estimated_error_seconds") == 0.25
    assert value("trader_time_maximum_error_seconds") == 1.5
    assert value("trader_cpu_share") == 0.5
    assert value("trader_memory_limit_bytes") == 2000
    assert value("trader_host_load") == 1.25
    assert value("trader_host_cpus") == 4
    assert value("trader_host_memory_available_bytes") == 300
    assert value("trader_host_memory_bytes") == 4000
    assert value("trader_headroom_low", {"what": "files"}) == 1
    assert value("trader_headroom_low", {"what": "cpu"}) == 0
    assert value("trader_switch_set", {"name": "MARKETDATA_FORCE_STALE"}) == 1
    assert value("trader_host_warnings") == 2
    nothing = HeadroomStatus(*[None] * 9)
    dark = HostStatus(TimeServiceStatus(None, None, None, "why"), nothing, (), (), ("why",))
    value = scrape(replace(READY, host=dark)).get_sample_value
    for name in ("trader_time_synchronised", "trader_host_load", "trader_host_memory_bytes"):
        assert value(name) is None
    assert value("trader_host_warnings") == 1


def test_each_report_has_its_age_its_limit_and_its_word() -> None:
    fresh = ReportRow("parity", "p", "fail", 12.5, 600.0, False, "", ())
    missing = ReportRow("ops_db", "o", "", None, 1800.0, True, "disk full", ())
    value = scrape(replace(READY, reports=(fresh, missing))).get_sample_value
    assert value("report_age_seconds", {"report": "parity"}) == 12.5
    assert value("report_age_seconds", {"report": "ops_db"}) is None
    assert value("report_age_seconds_max", {"report": "parity"}) == 600
    assert value("report_stale", {"report": "parity"}) == 0
    assert value("report_stale", {"report": "ops_db"}) == 1
    assert value("report_unwritten", {"report": "ops_db"}) == 1
    assert value("report_status", {"report": "parity", "status": "fail"}) == 1
    assert scrape(READY).get_sample_value("report_stale", {"report": "parity"}) is None


def test_the_risk_of_what_is_held_and_what_is_blind_of_it() -> None:
    """CAP-27."""
    seen = BlindStatus(
        predicted=Decimal("0.2"),
        realised=Decimal("0.6"),
        ratio=Decimal(3),
        covered=Decimal("0.75"),
        average_correlation=Decimal("0.4"),
        correlation_break=Decimal("0.1"),
        cluster=("A", "B"),
        cluster_share=Decimal("0.3"),
        age_s=12.0,
    )
    value = scrape(replace(READY, blind=seen)).get_sample_value
    assert value("trader_volatility_predicted") == 0.2
    assert value("trader_volatility_realised") == 0.6
    assert value("trader_risk_ratio") == 3
    assert value("trader_covariance_covered") == 0.75
    assert value("trader_average_correlation") == 0.4
    assert value("trader_correlation_break") == 0.1
    assert value("trader_cluster") == 0.3
    assert value("trader_covariance_age_seconds") == 12
    nothing = scrape(replace(READY, blind=BlindStatus(problem="no value"))).get_sample_value
    assert nothing("trader_volatility_predicted") is None
    assert scrape(READY).get_sample_value("trader_covariance_covered") is None

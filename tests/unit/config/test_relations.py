"""What the settings do not allow together: every relation, broken once, is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.config.support import loaded, problems_of, refusals, write_files
from trader.config.model import PACING_PER_S_MAX

MOMENTUM = {"symbols": ["AAPL", "IBM"], "quantity": 10}


def momentum(**changes: Any) -> dict[str, Any]:
    return {"strategies": {"momentum": MOMENTUM | changes}}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"account": ""}, ["account is missing", "TRADER_ACCOUNT", "--account"]),
        ({"mode": "demo"}, ["account is 'DU1234567'", "simulator announces"]),
        ({"mode": "demo", "account": "DUSIM"}, ["account is 'DUSIM'"]),
        (
            {"broker": {"backoff_s_min": 9, "backoff_s_max": 8}},
            ["broker.backoff_s_min is 9", "at most backoff_s_max = 8"],
        ),
        (
            {"broker": {"heartbeat_interval_s": 6, "heartbeat_deadline_s": 5}},
            ["broker.heartbeat_age_s_max is 10", "= 11"],
        ),
        (
            {"broker": {"client_id": 9, "emergency_client_id": 9}},
            ["broker.emergency_client_id is 9", "another one than client_id"],
        ),
        (
            {"broker": {"messages_per_s": 31}},
            ["broker.messages_per_s is 31", "messages_burst = 15", "46", "at most 45"],
        ),
        (
            {"drain": {"in_flight_s": 45}},
            ["drain.stop_timeout_s is 90", "in_flight_s", "= 90", "systemd"],
        ),
        (
            {"sentinel": {"silence_s": 32}},
            ["sentinel.silence_s is 32", "above watchdog_s + restart_s = 32", "systemd"],
        ),
        (
            {"outbox": {"folder": "state"}},
            ["outbox.folder is ", "a folder of its own"],
        ),
        (
            {"outbox": {"folder": "."}},
            ["outbox.folder is ", "or one above it"],
        ),
        (
            {"outbox": {"folder": "state/audit_logs/streams"}},
            ["outbox.folder is ", "audit_logs", "kept by other terms"],
        ),
        (
            {"retention": {"snapshots_days": 91, "reports_days": 90}},
            ["retention.snapshots_days is 91", "at most reports_days = 90"],
        ),
        (
            {"outbox": {"kept_files": 0}, "retention": {"streams_days": 7}},
            ["retention.streams_days is 7", "outbox.kept_files is 0", "at least 1"],
        ),
        (
            {"sentinel": {"check_s": 31}},
            ["sentinel.silence_s is 120", "4 times check_s = 124"],
        ),
        (
            {"sentinel": {"open_risk_grace_s": 119}},
            ["sentinel.open_risk_grace_s is 119", "at least silence_s = 120"],
        ),
        (
            {"sentinel": {"retry_s_min": 6, "retry_s_max": 5}},
            ["sentinel.retry_s_min is 6", "retry_s_max = 5"],
        ),
        ({"sentinel": {"client_id": 7}}, ["sentinel.client_id is 7", "broker.client_id"]),
        ({"sentinel": {"client_id": 1007}}, ["sentinel.client_id is 1007", "the kill switch's"]),
        (
            {"mode": "paper", "reconcile": {"absence_s": 29}},
            ["reconcile.absence_s is 29", "at least 30"],
        ),
        (
            {"mode": "paper", "broker": {"ack_deadline_s": 21}},
            ["reconcile.absence_s is 60", "at least 63", "ack_deadline_s"],
        ),
        (
            {"mode": "paper", "reconcile": {"cash_lag_s": 180}},
            ["reconcile.cash_lag_s is 180", "allowed is above 180", "every 180 s"],
        ),
        (
            {"mode": "paper", "reconcile": {"cash_lag_s": 0.5}},
            ["reconcile.cash_lag_s is 0.5", "allowed is above 180", "every 180 s"],
        ),
        (
            {"mode": "dry_run", "reconcile": {"quiet_s": 9, "absence_s": 8}},
            ["reconcile.absence_s is 8", "at least quiet_s = 9"],
        ),
        (
            {"market_data": {"lines_max": 2}},
            ["market_data.lines_max is 2", "names 3 instruments", "101"],
        ),
        (momentum(symbols=["TSLA"]), ["'TSLA'", "AAPL, IBM"]),
        (momentum(symbols=["VIX"]), ["'VIX'", "AAPL, IBM"]),
        (momentum(symbols=["IBM", "IBM"]), ["IBM twice"]),
        (
            momentum(look_interval_s=5, output_age_s_max=5),
            ["strategies.momentum.output_age_s_max is 5", "above look_interval_s = 5"],
        ),
        (
            momentum(sample_s=0.2, look_interval_s=0.2),
            ["strategies.momentum.sample_s is 0.2", "above look_interval_s = 0.2"],
        ),
        (momentum(quantity=1.5), ["strategies.momentum.quantity is 1.5", "a whole number"]),
    ],
)
def test_a_broken_relation_is_refused_with_its_values(
    tmp_path: Path, values: dict[str, Any], words: list[str]
) -> None:
    (problem,) = problems_of(write_files(tmp_path, values))
    for word in words:
        assert word in problem


def test_the_same_settings_at_their_limits_are_taken(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        mode="demo",
        account="DUSIM0123456789abcdef",
        broker={"backoff_s_min": 8, "backoff_s_max": 8, "heartbeat_age_s_max": 6},
        drain={"in_flight_s": 44.9},
        **momentum(),
    )
    assert config.settings.mode == "demo"


def test_a_live_account_too_believes_cash_only_after_values_were_told_anew(
    tmp_path: Path,
) -> None:
    values = {"mode": "live", "account": "U1", "reconcile": {"cash_lag_s": 180}}
    problems = problems_of(write_files(tmp_path, values))
    assert any("reconcile.cash_lag_s is 180, " in problem for problem in problems)


@pytest.mark.parametrize(
    ("mode", "cash_lag_s"), [("paper", 180.5), ("live", 200), ("demo", 0.5), ("dry_run", 0.5)]
)
def test_cash_may_be_believed_sooner_only_where_no_real_order_goes(
    tmp_path: Path, mode: str, cash_lag_s: float
) -> None:
    account = "DUSIM0123456789abcdef" if mode == "demo" else "DU1234567"
    config = loaded(tmp_path, mode=mode, account=account, reconcile={"cash_lag_s": cash_lag_s})
    assert config.settings.reconcile.cash_lag_s == cash_lag_s


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.floats(min_value=0.1, max_value=60), min_size=4, max_size=4),
    stop_timeout_s=st.floats(min_value=1, max_value=120),
)
def test_a_drain_always_ends_before_systemd_kills(
    tmp_path: Path, steps: list[float], stop_timeout_s: float
) -> None:
    names = ("in_flight_s", "cancel_s", "reconcile_s", "checkpoint_s")
    drain = dict(zip(names, steps, strict=True)) | {"stop_timeout_s": stop_timeout_s}
    fits = steps[0] + steps[1] + steps[2] + steps[3] < stop_timeout_s
    assert bool(refusals(lambda: loaded(tmp_path, drain=drain))) is not fits


def test_no_second_of_the_default_pace_holds_more_messages_than_the_broker_takes(
    tmp_path: Path,
) -> None:
    broker = loaded(tmp_path).settings.broker
    # A full bucket and what flows into it within the second (INC-061).
    assert broker.messages_burst + broker.messages_per_s <= PACING_PER_S_MAX

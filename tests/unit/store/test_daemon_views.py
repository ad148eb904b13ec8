"""What the published views say of strategies and of what left without the daemon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.core.test_emergency_events import CANCEL, ORDER
from tests.unit.store.shelf import Shelf
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.halts import Mode, Posture
from trader.core.ids import AccountId, StrategyName
from trader.core.strategy_events import StrategyFailed

ALPHA, BETA = StrategyName("alpha"), StrategyName("beta")
STARTED = ev.DaemonStarted("1", Mode.PAPER, AccountId("DU1"), (ALPHA, BETA))
ARMED = be.PostureChanged(Posture.ARMED, ())
HALTED = be.PostureChanged(Posture.HALTED, ("operator",))
POOR = be.StrategyHalted(ALPHA, BreakerName.PSR, "0.1", "at or below 0.2", "h", "d")
COUNT = "SELECT count(*) FROM v_strategies WHERE status = 'RUNNING'"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    one = Shelf()
    yield one
    one.db.close()


def status_of(shelf: Shelf, *events: ev.Event) -> dict[str, str]:
    for event in events:
        shelf.record(event)
    return {row["name"]: row["status"] for row in shelf.rows("v_strategies")}


def running(shelf: Shelf) -> int:
    ((count,),) = shelf.db.execute(COUNT).fetchall()
    return int(count)


def test_a_strategy_runs_once_its_daemon_may_trade(shelf: Shelf) -> None:
    assert status_of(shelf) == {}
    assert status_of(shelf, STARTED) == {"alpha": "HALTED", "beta": "HALTED"}
    assert status_of(shelf, ARMED) == {"alpha": "RUNNING", "beta": "RUNNING"}
    reduced = be.PostureChanged(Posture.REDUCE_ONLY, ("drift",))
    assert status_of(shelf, reduced) == {"alpha": "RUNNING", "beta": "RUNNING"}


def test_after_a_kill_none_runs(shelf: Shelf) -> None:
    """OPS-03: the query of the runbook gives 0."""
    status_of(shelf, STARTED, ARMED)
    assert running(shelf) == 2
    assert status_of(shelf, HALTED) == {"alpha": "HALTED", "beta": "HALTED"}
    assert running(shelf) == 0
    (row, _) = shelf.rows("v_strategies")
    assert row["reason"] == '["operator"]'
    assert status_of(shelf, ARMED) == {"alpha": "RUNNING", "beta": "RUNNING"}


def test_one_is_halted_by_its_own_breaker_and_outlives_a_restart_so(shelf: Shelf) -> None:
    assert status_of(shelf, STARTED, ARMED, POOR) == {"alpha": "HALTED", "beta": "RUNNING"}
    assert shelf.rows("v_strategies")[0]["reason"] == "psr 0.1"
    assert status_of(shelf, STARTED, ARMED) == {"alpha": "HALTED", "beta": "RUNNING"}
    released = be.StrategyReleased(ALPHA, "ops", "seen")
    assert status_of(shelf, released) == {"alpha": "RUNNING", "beta": "RUNNING"}


def test_one_that_failed_is_told_until_the_next_start(shelf: Shelf) -> None:
    failed = StrategyFailed(BETA, "KeyError: x")
    assert status_of(shelf, STARTED, ARMED, failed) == {"alpha": "RUNNING", "beta": "FAILED"}
    assert status_of(shelf, STARTED, ARMED) == {"alpha": "RUNNING", "beta": "RUNNING"}


def test_a_daemon_that_has_ended_or_only_begun_runs_none(shelf: Shelf) -> None:
    status_of(shelf, STARTED, ARMED, ev.DaemonStopped("SIGTERM", 0))
    assert running(shelf) == 0
    # What held before the start says nothing of the process that began with it.
    assert status_of(shelf, STARTED) == {"alpha": "HALTED", "beta": "HALTED"}


def test_a_strategy_that_is_not_configured_any_more_is_not_there(shelf: Shelf) -> None:
    only = ev.DaemonStarted("1", Mode.PAPER, AccountId("DU1"), (BETA,))
    assert status_of(shelf, STARTED, ARMED, only, ARMED) == {"beta": "RUNNING"}


def test_what_left_without_the_daemon_has_a_row_each(shelf: Shelf) -> None:
    shelf.record(ORDER)
    shelf.record(CANCEL)
    (order,) = shelf.rows("v_emergency_orders")
    assert (order["order_ref"], order["side"], order["quantity"]) == ("kill-abc123-1", "SELL", "10")
    (cancel,) = shelf.rows("v_emergency_cancels")
    assert (cancel["perm_id"], cancel["is_everything"], cancel["by"]) == (9001, 0, "desk")

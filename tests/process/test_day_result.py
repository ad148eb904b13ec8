"""Goal: a daemon that trades finds out when the broker's result of its day leaves its own.

Method: against the simulator, which reckons the result by itself from its own fills, prices and
commissions. Its frames (message 94) are then made wrong on their way out: by an amount, with the
marker that stands for "not known", and lost.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import Daemon, Json, until, world

SEED = 20260394
# Two readings, five seconds apart, and no more room than the spread of what is held.
CHANGES = {"reconcile.result_readings": 2, "reconcile.result_tolerance": 10}
UNSET = "1.7976931348623157E308"

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def seen(daemon: Daemon) -> Json:
    """Return what the daemon shows of the day's result."""
    status: Json = until("a status", daemon.status)
    result: Json = status["result"]
    return result


def await_verdict(daemon: Daemon, verdict: str) -> Json:
    """Wait until the comparison says this; returns what it shows."""

    def look() -> Json | None:
        shown = seen(daemon)
        return shown if shown["verdict"] == verdict else None

    return until(verdict, look)


def test_it_agrees_while_it_trades_and_a_wrong_result_is_found_and_halts_nothing(
    tmp_path: Path,
) -> None:
    """CAP-31."""
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(4)
        shown = await_verdict(daemon, "agrees")
        assert abs(Decimal(shown["difference"])) <= Decimal(shown["allowed"])
        assert shown["finding"] == ""
        # The broker began its day when the account did: here the two are the same number.
        assert abs(Decimal(shown["told_daily"]) - Decimal(shown["own_daily"])) < 300

        simulator.tell("/frame-edit", messages=["94"], add={"2": "100000"})
        shown = await_verdict(daemon, "differs")
        assert "at the broker and by" in shown["finding"]
        status: Json = until("a status", daemon.status)
        assert status["tickets"] == []
        assert "ticket" not in dict(status["causes"])
        pages = (tmp_path / "state" / "audit_logs" / "pages.jsonl").read_text()
        assert pages.count("the day's result differs") == 1

        simulator.tell("/frame-clear")
        shown = await_verdict(daemon, "agrees")
        assert shown["finding"] == ""


def test_a_result_that_is_unset_or_not_told_is_not_compared_and_never_zero(tmp_path: Path) -> None:
    """CAP-31: what is missing is shown as missing."""
    with world(tmp_path, SEED + 1, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/frame-edit", messages=["94"], set={"2": UNSET, "3": "NaN", "4": ""})
        daemon.start()
        daemon.await_armed()
        until("the reason", lambda: "no result of its day" in seen(daemon)["problem"])
        shown = seen(daemon)
        assert shown["verdict"] == "not compared"
        told = ("told_daily", "told_unrealized", "told_realized", "difference")
        assert [shown[name] for name in told] == [None] * 4

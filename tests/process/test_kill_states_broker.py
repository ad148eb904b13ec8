"""Goal: whatever state the broker's side is in, the kill switch ends flat or says exactly why not.

Method: link down, gateway mute, market closed, cancels rejected, and a position that changes
while it is being closed, each made by the simulator's control port and judged by its truth at
the end. What cannot be done now has an exit code of its own, and what was left standing is done
by the daemon once the link is back (OPS-01, INC-032, INC-068, INC-069).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import (
    PATIENCE_S,
    Daemon,
    Json,
    Simulator,
    environment,
    until,
    world,
)
from tests.process.recovery import recovery
from tests.process.test_kill_states import SLOW, account, assert_flat, in_the_middle
from tests.process.test_kill_switch import LIQUIDATE, crossings, kill_switch, positions, script
from trader.ops.standing_order import STANDING_FILE_NAME

SEED = 20240390
LATE_SEED = 20240381
WEEKEND = """\
name: weekend
why: The market is closed, and opens on Monday.
settings: {sessions: exchange, tick_interval_s: 30, positions: {AAPL: 100}}
start_at: "Sat 12:00 America/New_York"
steps:
- wait: 300h
"""
# From Saturday noon to Monday, half an hour after the open.
UNTIL_MONDAY_S = 46.0 * 3600

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def live(simulator: Simulator) -> list[Json]:
    """Return the orders that work at the broker."""
    return [row for row in simulator.truth()["orders"] if row["status"].endswith("ubmitted")]


def is_flat(simulator: Simulator) -> bool:
    """Tell whether the broker holds nothing and nothing works."""
    return not live(simulator) and not any(Decimal(p["quantity"]) for p in positions(simulator))


def left_standing(daemon: Daemon, *more: str) -> Json:
    """Press while there is no link; returns the account of it."""
    done = kill_switch(daemon, *LIQUIDATE, "--wait", "1.5", "--json", *more)
    assert done.returncode == 7, done
    assert "standing order" in done.stderr
    assert (daemon.state / STANDING_FILE_NAME).exists()
    return account(done)


def cut_off(simulator: Simulator) -> Callable[[], object]:
    """Take the gateway off the network; returns what brings it back."""
    simulator.tell("/listen", on=False)
    simulator.tell("/drop", how="rst")
    return lambda: simulator.tell("/listen", on=True)


def test_without_a_link_the_daemon_carries_it_on_when_it_is_back(tmp_path: Path) -> None:
    with world(tmp_path, SEED, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        bring_back = cut_off(simulator)
        daemon.await_cause("link")
        told = left_standing(daemon)
        assert (told["acted"], told["strategies_running"]) == ("daemon", 0)
        # Nobody resumes past it.
        assert "standing_order" in daemon.await_cause("standing_order")
        refused = daemon.verb("resume")
        assert not refused.is_done

        bring_back()
        until("flat", lambda: is_flat(simulator))
        until("it is done", lambda: not (daemon.state / STANDING_FILE_NAME).exists())
        assert_flat(simulator.truth())
        until(
            "it no longer stands",
            lambda: "standing_order" not in (daemon.causes() or {"standing_order": ""}),
        )


def test_a_mute_gateway_is_told_from_an_empty_account(tmp_path: Path) -> None:
    # And with the daemon dead as well, the next start carries it on.
    with world(tmp_path, SEED + 1, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.kill()
        simulator.tell("/mute", on=True)
        told = left_standing(daemon)
        assert told["acted"] == "alone"
        assert not told["report"]["is_verified"]
        assert any("no link to the broker" in text for text in told["report"]["problems"])

        simulator.tell("/mute", on=False)
        daemon.start()
        until("flat", lambda: is_flat(simulator))
        until("it is done", lambda: not (daemon.state / STANDING_FILE_NAME).exists())
        assert_flat(simulator.truth())


@pytest.mark.parametrize("is_alive", [True, False], ids=["daemon up", "daemon dead"])
def test_a_closed_market_is_not_flat_until_it_has_opened(tmp_path: Path, is_alive: bool) -> None:
    scenario = tmp_path / "weekend.yaml"
    scenario.write_text(WEEKEND)
    options = ("--scenario", str(scenario))
    with world(tmp_path, SEED + 2, options=options) as (simulator, daemon):
        daemon.start()
        until(
            "the baseline",
            lambda: "baseline_missing" not in (daemon.causes() or {"baseline_missing": ""}),
        )
        if not is_alive:
            daemon.kill()
        done = kill_switch(daemon, *LIQUIDATE, "--json")
        assert done.returncode == 5, done
        (order,) = live(simulator)
        assert (order["side"], order["quantity"], order["status"]) == (
            "SELL",
            "100",
            "PreSubmitted",
        )
        told = account(done)
        if is_alive:
            # The daemon has done it: nobody had to kill it for want of a quote.
            assert told["acted"] == "daemon", told
            assert daemon.causes(), "the daemon must not have been killed"
            assert not order["order_ref"].startswith("kill-")
            # For the open, if its hours hold the day of the daemon's own clock; the simulator's
            # Saturday is another one.
            waits = "SELL 100 AAPL: waits at the broker (PreSubmitted) for "
            assert any(line.startswith(waits) for line in told["details"]), told
        else:
            assert any("399" in text for text in told["report"]["waiting"]), told
            assert told["report"]["positions"] == ["AAPL 100"]

        simulator.tell("/advance", seconds=UNTIL_MONDAY_S)

        def is_flat_by_now() -> bool:
            # Nobody is subscribed: the market's prices after the open are made here.
            simulator.tell("/price", symbol="AAPL", price="38.00")
            return is_flat(simulator)

        until("flat", is_flat_by_now)
        assert not crossings(simulator.truth(), {"AAPL": 100})
        done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 0, done


def test_a_rejected_cancel_is_named_and_tried_again(tmp_path: Path) -> None:
    # Orders that rest for a minute: whatever is not cancelled stays.
    options = ("--fill-ms", "50000:60000")
    with world(tmp_path, SEED + 3, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        until("orders that rest", lambda: len(live(simulator)) >= 2)
        daemon.kill()
        text = "Error processing request: cancel refused"
        simulator.tell("/answer", message="cancelOrder", code=10148, text=text, count=None)
        words = ("--confirm", "HALT TRADING", "--cancel-orders", "--json")
        done = kill_switch(daemon, *words)
        assert done.returncode == 4, done
        remaining = account(done)["report"]["remaining_orders"]
        assert len(remaining) == len(live(simulator))
        assert all("10148" in row for row in remaining), remaining

        # The first few are refused, the next are not: it does not give up after one.
        simulator.tell("/intake-clear")
        count = len(live(simulator))
        simulator.tell("/answer", message="cancelOrder", code=10148, text=text, count=count)
        done = kill_switch(daemon, *words)
        assert done.returncode == 0, done
        assert not live(simulator)


def test_a_position_that_changes_under_it_is_never_flipped(tmp_path: Path) -> None:
    options = ("--fill-ms", "4000:6000", "--position", "AAPL:100", "--position", "IBM:50")
    start = {"AAPL": 100, "IBM": 50}
    with world(tmp_path, SEED + 4, options=options) as (simulator, daemon):
        daemon.start()
        until(
            "the baseline",
            lambda: "baseline_missing" not in (daemon.causes() or {"baseline_missing": ""}),
        )
        daemon.kill()
        with subprocess.Popen(
            script(daemon, *LIQUIDATE),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        ) as switch:
            until("a closing order", lambda: closing(simulator, "AAPL"))
            # Somebody closes by hand what is being closed already.
            simulator.tell("/manual-trade", symbol="AAPL", side="SELL", quantity="100")
            # And somebody sells part of what is to be closed next: it is read again.
            simulator.tell("/manual-trade", symbol="IBM", side="SELL", quantity="20")
            said = switch.communicate(timeout=PATIENCE_S * 2)[0]
        truth = simulator.truth()
        assert "somebody else traded it" in said
        assert "is taken back" in said
        assert not crossings(truth, start)
        sold = {
            row["symbol"]: row for row in truth["orders"] if row["order_ref"].startswith("kill-")
        }
        assert sold["AAPL"]["status"] == "Cancelled"
        assert sold["IBM"]["quantity"] == "30"
        assert len(closing(simulator, "AAPL")) == 1, "it was sold a second time"
        assert is_flat(simulator)
        # Flat by somebody else's hand: the broker shows it, and that is what counts.
        assert switch.returncode == 0, said


def test_positions_that_are_shown_late_are_closed_as_well(tmp_path: Path) -> None:
    # INC-032: the dead daemon's last fills are not in the positions yet when it looks.
    with world(tmp_path, LATE_SEED, options=SLOW) as (simulator, daemon):
        simulator.tell("/position-lag", seconds=4.5)
        in_the_middle(simulator, daemon)
        daemon.kill()
        with recovery("INC-032"):
            done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 0, done
        assert_flat(simulator.truth())


def closing(simulator: Simulator, symbol: str) -> list[Json]:
    """Return the closing orders of a symbol that the broker has taken."""
    orders = simulator.truth()["orders"]
    return [o for o in orders if o["order_ref"].startswith("kill-") and o["symbol"] == symbol]

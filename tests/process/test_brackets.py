"""Goal: no kill leaves an entry without its stop, or a leg twice (STR-04, INC-064, INC-146).

Method: a daemon is killed at each step of sending a bracket: between its promises, between promise
and write, and with one, two or all three messages on the wire. One as it ships takes over. What the
gateway keeps back is taken off, what it let go is linked again, and nothing is sent a second time.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.process.agreement import (
    Story,
    assert_agree,
    assert_witness_agrees,
    halt_and_compare,
    read_story,
    settled,
    without_emergency,
)
from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.orders_api import cancel, change
from tests.process.test_kill_switch import HALT, LIQUIDATE, crossings, kill_switch
from trader.core.brackets import Role
from trader.core.ids import OrderId
from trader.core.orders import Order, OrderState

SEED = 20260104
PRICE = 150.0
STRATEGY = {
    "name": "bracketing",
    "use": "tests.process.bracketing:Bracketing",
    "symbols": ["AAPL"],
    "parameters": {"count": 1},
}
RESTING = {
    "strategies": {
        "own": [{**STRATEGY, "parameters": {"count": 1, "entry_below": "0.01", "away": "0.02"}}]
    }
}
MANY = {
    "strategies": {
        "own": [
            {**STRATEGY, "parameters": {"count": 10_000, "away": "0.0005"}, "look_interval_s": 0.02}
        ]
    }
}
CHANGES = {"strategies": {"own": [STRATEGY]}}
SILENT = {"strategies": {"own": [{**STRATEGY, "parameters": {"count": 0}}]}}
PROTECTED = {
    Role.ENTRY: OrderState.FILLED,
    Role.TAKE_PROFIT: OrderState.WORKING,
    Role.STOP_LOSS: OrderState.WORKING,
}
PROFIT_TAKEN = {
    Role.ENTRY: OrderState.FILLED,
    Role.TAKE_PROFIT: OrderState.FILLED,
    Role.STOP_LOSS: OrderState.CANCELLED,
}
STOPPED = {
    Role.ENTRY: OrderState.FILLED,
    Role.TAKE_PROFIT: OrderState.CANCELLED,
    Role.STOP_LOSS: OrderState.FILLED,
}
WAITING = dict.fromkeys(Role, OrderState.WORKING)
GONE = dict.fromkeys(Role, OrderState.CANCELLED)
KILLS = int(os.environ.get("KILLS", "6"))
LIVE = ("PendingSubmit", "PreSubmitted", "Submitted")


def orders_at(simulator: Simulator) -> list[Json]:
    return [row for row in simulator.truth()["orders"] if row["order_ref"].startswith("T1-")]


def at_broker(simulator: Simulator, order_id: OrderId) -> Json:
    return next(row for row in orders_at(simulator) if row["order_id"] == order_id)


def working_at(simulator: Simulator) -> list[Json]:
    return [row for row in orders_at(simulator) if row["status"] in LIVE]


def members(story: Story) -> dict[Role, Order]:
    found = {}
    for order in story.book.orders.values():
        assert order.terms.bracket is not None, order
        found[order.terms.bracket.role] = order
    return found


def is_told(daemon: Daemon, states: dict[Role, OrderState]) -> bool:
    found = members(read_story(daemon.journal))
    return {role: order.state for role, order in found.items()} == states


@pytest.mark.process
@pytest.mark.slow
def test_a_bracket_fills_protects_and_is_closed_by_its_profit(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, PROTECTED))
        simulator.tell("/price", symbol="AAPL", price=str(PRICE * 1.03))
        until("its profit", lambda: is_told(daemon, PROFIT_TAKEN))
        story = halt_and_compare(simulator, daemon)
        assert story.book.position_of(members(story)[Role.ENTRY].terms.con_id) == 0
        assert working_at(simulator) == []


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["promise-1", "promise-2", "promise-3", "promised", "frames-0", "frames-1", "frames-2"]
)
def test_a_bracket_that_was_cut_short_leaves_nothing(tmp_path: Path, point: str) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start("tests.process.bracketing_daemon", {"BRACKET_POINT": point})
        assert daemon.ended() == -signal.SIGKILL
        frames = simulator.truth()["place_frames"]
        assert len(frames) == (int(point[-1]) if point.startswith("frames") else 0)
        # What it kept of its wish may be lost with it: it would wish for another one.
        daemon.changes = SILENT
        daemon.start()
        daemon.await_armed()

        def is_over() -> bool:
            orders = members(read_story(daemon.journal)).values()
            return all(order.is_final for order in orders)

        until("the end of all that was promised", is_over)
        story = halt_and_compare(simulator, daemon)
        assert working_at(simulator) == []
        assert {order.filled for order in members(story).values()} <= {0}
        sent_again = simulator.truth()["place_frames"][len(frames) :]
        assert not {row["order_ref"] for row in frames} & {row["order_ref"] for row in sent_again}


@pytest.mark.process
@pytest.mark.slow
def test_a_bracket_that_left_whole_is_linked_again(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start("tests.process.bracketing_daemon", {"BRACKET_POINT": "written"})
        assert daemon.ended() == -signal.SIGKILL
        for _ in range(3):
            daemon.start()
            daemon.await_armed()
            until("the bracket", lambda: is_told(daemon, PROTECTED))
            daemon.kill()
        assert len(simulator.truth()["place_frames"]) == 3
        daemon.start()
        daemon.await_armed()
        simulator.tell("/price", symbol="AAPL", price=str(PRICE * 0.97))
        until("its stop", lambda: is_told(daemon, STOPPED))
        story = halt_and_compare(simulator, daemon)
        assert story.book.position_of(members(story)[Role.ENTRY].terms.con_id) == 0
        assert working_at(simulator) == []
        assert len(simulator.truth()["place_frames"]) == 3


@pytest.mark.process
@pytest.mark.slow
def test_legs_are_changed_before_and_after_their_entry_fills(tmp_path: Path) -> None:
    """INC-134, INC-142: with the parent while it works, and always in their group."""
    with world(tmp_path, SEED, changes=RESTING) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        simulator.tell("/order-rules", refuses_gone_parent=True)
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, WAITING))
        found = members(read_story(daemon.journal))
        stop, profit = found[Role.STOP_LOSS].order_id, found[Role.TAKE_PROFIT].order_id
        assert change(daemon, "waiting", stop, stop_price="146.00").body["is_approved"]
        until("the stop as changed", lambda: at_broker(simulator, stop)["stop_price"] == "146")
        simulator.tell("/price", symbol="AAPL", price="148.40")
        until("the bracket", lambda: is_told(daemon, PROTECTED))
        assert change(daemon, "exit", profit, price="151.00").body["is_approved"]
        until("the profit as changed", lambda: at_broker(simulator, profit)["limit_price"] == "151")
        simulator.tell("/price", symbol="AAPL", price="145.90")
        until("its stop", lambda: is_told(daemon, STOPPED))
        halt_and_compare(simulator, daemon)


@pytest.mark.process
@pytest.mark.slow
def test_an_entry_that_is_cancelled_takes_its_legs_along(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=RESTING) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, WAITING))
        entry = members(read_story(daemon.journal))[Role.ENTRY].order_id
        assert cancel(daemon, "no-more", entry).body["is_approved"]
        until("the end of all three", lambda: is_told(daemon, GONE))
        halt_and_compare(simulator, daemon)


@pytest.mark.process
@pytest.mark.slow
def test_an_entry_whose_stop_the_broker_takes_away_is_cancelled(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=RESTING) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, WAITING))
        stop = members(read_story(daemon.journal))[Role.STOP_LOSS].order_id
        simulator.tell("/end-order", order_id=stop)
        until("the end of all three", lambda: is_told(daemon, GONE))
        story = halt_and_compare(simulator, daemon)
        assert story.kinds["CancelSent"] == 1


@pytest.mark.process
@pytest.mark.slow
def test_the_kill_switch_keeps_the_legs_and_then_closes_beside_nothing(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, PROTECTED))
        found = members(read_story(daemon.journal))
        done = kill_switch(daemon, *HALT, "--cancel-orders")
        assert "kept, protective" in done.stdout, done
        kept = {row["order_id"] for row in working_at(simulator)}
        assert kept == {found[role].order_id for role in (Role.TAKE_PROFIT, Role.STOP_LOSS)}
        done = kill_switch(daemon, *LIQUIDATE)
        assert "liquidate: done: flat" in done.stdout, done
        assert working_at(simulator) == []
        assert not crossings(simulator.truth())
        truth, status = settled(simulator, daemon)
        assert_agree(read_story(daemon.journal), truth, status)
        assert_witness_agrees(daemon.journal, truth)


# The entry fills while the first cancel is on its way: that is read when it is too late.
RACE = """\
name: entry-fills-before-its-cancel
why: A cancel and a fill of the same order meet.
settings: {fill_ms: [20, 20]}
steps:
- action: late
  with: {message: cancelOrder, seconds: 0.5}
- before: {message: cancelOrder}
  action: price
  with: {symbol: AAPL, price: 148.4}
"""


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("is_closed", [False, True], ids=["cancel", "liquidate"])
def test_an_entry_that_fills_under_the_kill_switch_is_protected_or_closed(
    tmp_path: Path, is_closed: bool
) -> None:
    """The daemon is dead: nobody but the kill switch knows that the three belong together."""
    race = tmp_path / "race.yaml"
    race.write_text(RACE)
    options = ("--scenario", str(race))
    with world(tmp_path, SEED, changes=RESTING, options=options) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, WAITING))
        found = members(read_story(daemon.journal))
        daemon.kill()
        done = kill_switch(daemon, *(LIQUIDATE if is_closed else (*HALT, "--cancel-orders")))
        truth = simulator.truth()
        assert at_broker(simulator, found[Role.ENTRY].order_id)["status"] == "Filled", done
        assert "left to its entry" in done.stdout, done
        held = {row["symbol"]: int(row["quantity"]) for row in truth["positions"]}
        if is_closed:
            assert done.returncode == 0, done
            assert not held.get("AAPL"), done
            assert working_at(simulator) == []
        else:
            # 3: what remains is protective.
            assert done.returncode == 3, done
            assert held["AAPL"] == 10
            kept = {row["order_id"] for row in working_at(simulator)}
            assert kept == {found[role].order_id for role in (Role.TAKE_PROFIT, Role.STOP_LOSS)}
        assert not crossings(truth)
        daemon.start()
        daemon.await_cause("halt_file")
        if not is_closed:
            # The next start has the three linked again, and closes beside nothing.
            until("the bracket", lambda: is_told(daemon, PROTECTED))
            assert kill_switch(daemon, *LIQUIDATE).returncode == 0
        truth, status = settled(simulator, daemon)
        assert_agree(read_story(daemon.journal), without_emergency(truth), status)


@pytest.mark.process
@pytest.mark.slow
def test_kills_at_any_moment_leave_no_bracket_in_pieces(tmp_path: Path) -> None:
    """Brackets one after another in a moving market, and a SIGKILL every second or so."""
    chance = random.Random(SEED)
    with world(tmp_path, SEED, changes=MANY) as (simulator, daemon):
        for _ in range(KILLS):
            daemon.start()
            daemon.await_armed()
            time.sleep(chance.uniform(0.2, 2.5))
            daemon.kill()
            assert_none_is_naked(simulator)
        daemon.start()
        daemon.await_armed()
        daemon.halt()
        done = kill_switch(daemon, *LIQUIDATE)
        assert "liquidate: done: flat" in done.stdout, done
        truth, status = settled(simulator, daemon)
        assert_agree(read_story(daemon.journal), truth, status)
        assert_witness_agrees(daemon.journal, truth)
        assert not crossings(truth)
        refs = Counter(row["order_ref"] for row in truth["place_frames"])
        assert max(refs.values()) == 1, refs
        closed = [row for row in orders_at(simulator) if row["status"] == "Filled"]
        assert len(closed) >= KILLS, "hardly a bracket was ever filled"


def assert_none_is_naked(simulator: Simulator) -> None:
    """Nobody steers now: what the broker may still buy has its stop at the broker as well."""
    rows = {row["order_ref"].split("-")[3]: row for row in orders_at(simulator)}
    for name, row in rows.items():
        if name.isdigit() and row["status"] in ("PreSubmitted", "Submitted"):
            assert f"{name}s" in rows, row
            assert rows[f"{name}s"]["status"] in LIVE, (row, rows[f"{name}s"])


@pytest.mark.process
@pytest.mark.slow
def test_legs_that_the_broker_fills_both_halt(tmp_path: Path) -> None:
    """Each leg fills before its group has heard of the other, so a position is opened anew."""
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        simulator.tell("/groups", block=False, race_ms=60_000)
        daemon.start()
        daemon.await_armed()
        until("the bracket", lambda: is_told(daemon, PROTECTED))
        # One right after the other: a moment later the daemon takes off what has nothing to close.
        simulator.tell("/price", symbol="AAPL", price=str(PRICE * 1.03))
        simulator.tell("/price", symbol="AAPL", price=str(PRICE * 0.97))
        daemon.await_cause("invariant")
        truth, status = settled(simulator, daemon, frozenset({"invariant"}))
        story = read_story(daemon.journal)
        assert_agree(story, truth, status)
        assert_witness_agrees(daemon.journal, truth)
        found = members(story)
        assert {order.state for order in found.values()} == {OrderState.FILLED}
        assert story.book.position_of(found[Role.ENTRY].terms.con_id) == -10

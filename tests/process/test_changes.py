"""Goal: a change of an order is applied once, as it was promised, or not at all.

Method: a simulator that holds the price, and a daemon that trades nothing by itself; a client
changes its orders over HTTP. The broker refuses, forgets or takes a change, and the daemon is
killed at chosen points around the promise. Afterwards the journal, the book and the simulator
hold the same terms, and the key that asked for it tells what became of it (INC-015, INC-029,
INC-134, INC-142).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import assert_terms_agree, assert_witness_agrees, read_story
from tests.process.crashing_daemon import AFTER_THE_WRITE, BEFORE_THE_PROMISE, BEFORE_THE_WRITE
from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.orders_api import ask, cancel, change, order, place
from trader.core.changes import ChangeState

SEED = 20240380
PRICE = Decimal(200)
LOW, HIGHER, THROUGH = "196.00", "197.00", "203.00"
# Momentum waits for a rise that never comes.
QUIET: Mapping[str, object] = {"strategies.momentum.entry_fraction": 0.9}

pytestmark = [pytest.mark.process, pytest.mark.slow]


@contextmanager
def at_work(folder: Path, *options: str) -> Iterator[tuple[Simulator, Daemon, int]]:
    """Give a simulator, a daemon, and the id of an order that rests below the market."""
    with world(folder, SEED, changes=QUIET, options=options) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the price", lambda: is_quoted(daemon))
        placed = place(daemon, "first", price=LOW)
        assert placed.body["is_approved"], placed
        until("it works", lambda: order(daemon, placed.order_id)["state"] == "WORKING")
        yield simulator, daemon, placed.order_id


def is_quoted(daemon: Daemon) -> bool:
    status = daemon.status() or {"quotes": []}
    return any(
        row["symbol"] == "AAPL" and row["bid"] and abs(Decimal(row["bid"]) - PRICE) < 1
        for row in status["quotes"]
    )


def real(simulator: Simulator, order_id: int) -> Json:
    (row,) = [one for one in simulator.truth()["orders"] if one["order_id"] == order_id]
    return dict(row)


def change_frames(simulator: Simulator, order_id: int) -> int:
    rows = simulator.truth()["place_frames"]
    return sum(1 for row in rows if row["modify"] and row["order_id"] == order_id)


def until_change(daemon: Daemon, order_id: int, *states: str) -> Json:
    """Wait until the last change of an order stands so."""

    def look() -> Json | None:
        row = order(daemon, order_id)
        return row if row["change_state"] in states else None

    return until(f"a change that is {' or '.join(states)}", look)


def compare(simulator: Simulator, daemon: Daemon) -> None:
    """Hold journal, book and simulator against each other, orders that work included."""
    story, truth = read_story(daemon.journal), simulator.truth()
    assert_terms_agree(story, truth)
    assert_witness_agrees(daemon.journal, truth)


# ---- what a user of the API sees


def test_a_change_is_applied_told_and_survives_a_restart(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon, order_id):
        said = change(daemon, "k1", order_id, price=HIGHER, quantity=6)
        assert (said.code, said.body["is_approved"], said.body["change_number"]) == (202, True, 1)
        row = until_change(daemon, order_id, "APPLIED")
        assert (Decimal(row["limit_price"]), Decimal(row["quantity"])) == (
            Decimal(HIGHER),
            Decimal(6),
        )
        assert real(simulator, order_id)["limit_price"] == "197"
        compare(simulator, daemon)
        daemon.kill()
        daemon.start()
        daemon.await_armed()
        again = change(daemon, "k1", order_id, price=HIGHER, quantity=6)
        assert again.verdict == said.verdict
        other = change(daemon, "k1", order_id, price=HIGHER, quantity=7)
        assert (other.code, other.body["code"]) == (409, "KEY_REUSED")
        # The change is still the broker's, and nothing of it went out again.
        assert change_frames(simulator, order_id) == 1
        row = order(daemon, order_id)
        assert (Decimal(row["limit_price"]), Decimal(row["quantity"])) == (
            Decimal(HIGHER),
            Decimal(6),
        )
        compare(simulator, daemon)
        ended = cancel(daemon, "k2", order_id)
        assert (ended.code, ended.body["text"]) == (202, "cancel sent")
        until("it is cancelled", lambda: order(daemon, order_id)["state"] == "CANCELLED")
        assert cancel(daemon, "k2", order_id).verdict == ended.verdict
        late = cancel(daemon, "k3", order_id)
        assert (late.code, late.body["code"]) == (409, "ORDER_NOT_WORKING")
        compare(simulator, daemon)


def test_what_cannot_be_is_refused_with_code_and_sentence(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon, order_id):
        refused = {
            "unknown": change(daemon, "unknown", 999_999, price=HIGHER),
            "same": change(daemon, "same", order_id, price=LOW),
            "stop": change(daemon, "stop", order_id, stop_price=LOW),
            "large": change(daemon, "large", order_id, quantity=100_000),
            "far": change(daemon, "far", order_id, price="250"),
        }
        found = {name: (one.code, one.body["code"]) for name, one in refused.items()}
        assert found == {
            "unknown": (404, "ORDER_UNKNOWN"),
            "same": (422, "CHANGE_INVALID"),
            "stop": (422, "CHANGE_INVALID"),
            "large": (202, "QUANTITY_MAX"),
            "far": (202, "PRICE_COLLAR"),
        }
        assert all(one.body["text"] for one in refused.values())
        daemon.halt()
        halted = change(daemon, "halted", order_id, quantity=4)
        assert (halted.code, halted.body["code"]) == (202, "HALTED")
        assert change_frames(simulator, order_id) == 0
        assert cancel(daemon, "end", order_id).body["is_approved"] is True
        until("it is cancelled", lambda: order(daemon, order_id)["state"] == "CANCELLED")
        compare(simulator, daemon)


def test_an_order_that_fills_through_a_change_is_counted_right(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon, order_id):
        assert change(daemon, "k1", order_id, price=THROUGH, quantity=9).body["is_approved"]
        until("it is filled", lambda: order(daemon, order_id)["state"] == "FILLED")
        row = order(daemon, order_id)
        assert (row["filled"], row["quantity"], row["change_state"]) == ("9", "9", "APPLIED")
        assert real(simulator, order_id)["filled"] == "9"
        late = change(daemon, "k2", order_id, price=HIGHER)
        assert (late.code, late.body["code"]) == (409, "ORDER_NOT_WORKING")
        compare(simulator, daemon)


# ---- what a broker does with a change


@pytest.mark.parametrize(
    "scenario",
    ["inc-015-change-refused-order-lives", "inc-134-a-change-names-an-order-that-is-gone"],
)
def test_a_refused_change_leaves_the_order_working(tmp_path: Path, scenario: str) -> None:
    """INC-015, INC-134."""
    with at_work(tmp_path, "--scenario", scenario) as (simulator, daemon, order_id):
        assert change(daemon, "k1", order_id, price=HIGHER).body["is_approved"]
        row = until_change(daemon, order_id, "DROPPED")
        assert (row["state"], Decimal(row["limit_price"])) == ("WORKING", Decimal(LOW))
        assert real(simulator, order_id)["status"] == "Submitted"
        compare(simulator, daemon)
        # The scenario refuses once; the order can be changed afterwards.
        assert change(daemon, "k2", order_id, price=HIGHER).body["change_number"] == 2
        until_change(daemon, order_id, "APPLIED")
        assert daemon.causes() == {}
        compare(simulator, daemon)


def test_a_change_sends_back_nothing_that_only_the_broker_says(tmp_path: Path) -> None:
    """INC-142."""
    scenario = "inc-142-what-a-change-must-not-touch"
    with at_work(tmp_path, "--scenario", scenario) as (simulator, daemon, order_id):
        assert change(daemon, "k1", order_id, price=HIGHER).body["is_approved"]
        until_change(daemon, order_id, "APPLIED")
        compare(simulator, daemon)


# ---- crashes

# Where the daemon dies, what the broker does with the message, what becomes of the change.
CASES: dict[str, tuple[str, Mapping[str, object] | None, ChangeState | None]] = {
    "not promised": (BEFORE_THE_PROMISE, None, None),
    "promised, nothing left": (BEFORE_THE_WRITE, None, ChangeState.DROPPED),
    "left and taken": (AFTER_THE_WRITE, None, ChangeState.APPLIED),
    "left, taken, unanswered": (AFTER_THE_WRITE, {"register": True}, ChangeState.APPLIED),
    "left and lost": (AFTER_THE_WRITE, {"register": False}, ChangeState.DROPPED),
}


@pytest.mark.parametrize(
    ("case", "price"),
    [*((case, HIGHER) for case in CASES), ("left and taken", THROUGH), ("not promised", THROUGH)],
)
def test_a_crash_beside_a_change_neither_loses_nor_repeats_it(
    tmp_path: Path, case: str, price: str
) -> None:
    point, swallow, end = CASES[case]
    with at_work(tmp_path) as (simulator, daemon, order_id):
        daemon.kill()
        daemon.start("tests.process.crashing_daemon", {"CRASH_POINT": point, "CRASH_AT": "1",
                                                       "CRASH_IN": "modify"})  # fmt: skip
        daemon.await_armed()
        if swallow:
            simulator.tell("/swallow", kind="placeOrder", count=1, **swallow)
        terms = {"price": price, "quantity": 6}
        assert (
            ask(daemon, "PATCH", f"/api/v1/orders/{order_id}", "k1", {"mode": "DEMO", **terms})
            is None
        )
        assert daemon.ended() == -signal.SIGKILL
        story = read_story(daemon.journal)
        assert story.changes[order_id] == (0 if end is None else 1)
        assert change_frames(simulator, order_id) == (1 if point == AFTER_THE_WRITE else 0)

        daemon.start()
        daemon.await_armed()
        if end is not None:
            row = until_change(daemon, order_id, str(end))
            is_new = end is ChangeState.APPLIED
            assert Decimal(row["limit_price"]) == Decimal(price if is_new else LOW)
        is_through = price == THROUGH and end is ChangeState.APPLIED
        if is_through:
            until("it is filled", lambda: order(daemon, order_id)["state"] == "FILLED")
        compare(simulator, daemon)
        # The key tells what became of it; the one that promised nothing makes the change now.
        again = change(daemon, "k1", order_id, **terms)
        assert (again.body["is_approved"], again.body["change_number"]) == (True, 1)
        if end is None:
            until_change(daemon, order_id, "APPLIED")
        else:
            assert again.body["change_state"] == str(end)
        frames = 0 if point == BEFORE_THE_WRITE else 1
        assert change_frames(simulator, order_id) == frames
        assert read_story(daemon.journal).changes[order_id] == 1
        if is_through or (end is None and price == THROUGH):
            until("it is filled", lambda: order(daemon, order_id)["state"] == "FILLED")
            assert (order(daemon, order_id)["filled"], real(simulator, order_id)["filled"]) == (
                "6", "6",
            )  # fmt: skip
        compare(simulator, daemon)

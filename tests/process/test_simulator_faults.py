"""Goal: whatever the broker's side does, the daemon stops while blind and comes back by itself.

Method: one fault at a time strikes a daemon in heavy order flow, through the simulator's control
port or by a signal to its process. From the moment the daemon has noticed until the fault is
taken back no order may be recorded as sent. Then it must arm itself without help, trade on, and
agree with the simulator on every order, execution, position and amount: nothing sent twice, no
order id used again, nothing left in between (INC-002, INC-003, INC-004, INC-006, INC-007).
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.process.agreement import Story, halt_and_compare
from tests.process.harness import Daemon, Simulator, until, world
from tests.process.recovery import recovery

SEED = 20240340
FROZEN_S = 20.0

pytestmark = [pytest.mark.process, pytest.mark.slow]


def orders_sent(journal: Path, since: datetime, before: datetime) -> int:
    """Count the orders recorded as sent in a window of time."""
    bounds = [round(at.timestamp() * 1e6) for at in (since, before)]
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM events WHERE kind = 'OrderSent' AND at_us BETWEEN ? AND ?"
        ((count,),) = db.execute(query, bounds)
    return int(count)


class Blind:
    """The windows of time in which the daemon knew that it could not see."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._windows: list[tuple[datetime, datetime]] = []

    @contextmanager
    def until_repaired(self, *causes: str) -> Iterator[None]:
        """Wait until one of the causes holds; the block repairs the fault when it ends."""
        self._daemon.await_cause(*causes)
        since = datetime.now(UTC)
        yield
        self._windows.append((since, datetime.now(UTC)))

    def assert_nothing_left(self) -> None:
        """Hold every window against the journal."""
        for since, before in self._windows:
            sent = orders_sent(self._daemon.journal, since, before)
            assert sent == 0, f"{sent} orders left between {since} and {before}, blind"


def recovered(simulator: Simulator, daemon: Daemon, blind: Blind | None = None) -> Story:
    """Wait until it trades again by itself, then bring it to rest and compare everything."""
    daemon.await_armed()
    daemon.await_orders(5)
    story = halt_and_compare(simulator, daemon)
    if blind is not None:
        blind.assert_nothing_left()
    return story


def trading(daemon: Daemon, orders: int = 8) -> Blind:
    """Start the daemon and wait until it trades."""
    daemon.start()
    daemon.await_armed()
    daemon.await_orders(orders)
    return Blind(daemon)


def connect_count(daemon: Daemon) -> int:
    """Return how often the daemon has connected."""
    return int(until("a status", daemon.status)["link"]["connect_count"])


def await_reconnect(daemon: Daemon, before: int) -> None:
    """Wait for a connection after the ``before``-th."""
    until("a new connection", lambda: connect_count(daemon) > before)


@pytest.mark.timeout(300)
def test_a_simulator_that_stops_and_comes_back_with_its_state(tmp_path: Path) -> None:
    with world(tmp_path, SEED, has_state=True) as (simulator, daemon):
        blind = trading(daemon)
        for _ in range(3):
            simulator.stop()
            with blind.until_repaired("link"):
                pass
            simulator.start()
            daemon.await_armed()
            daemon.await_orders(4)
        recovered(simulator, daemon, blind)


@pytest.mark.timeout(300)
def test_a_frozen_simulator_that_thaws(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 1) as (simulator, daemon):
        blind = trading(daemon)
        frozen_s = time.monotonic()
        simulator.send(signal.SIGSTOP)
        with blind.until_repaired("heartbeat", "link"):
            # The fault itself lasts this long.
            time.sleep(max(0.0, FROZEN_S - (time.monotonic() - frozen_s)))
        # What lay in the socket is read now, and the orders among it are executed late (INC-004).
        simulator.send(signal.SIGCONT)
        with recovery("INC-004"):
            recovered(simulator, daemon, blind)


@pytest.mark.timeout(300)
def test_a_muted_link_that_speaks_again(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 2) as (simulator, daemon):
        blind = trading(daemon)
        simulator.tell("/mute", on=True)
        with blind.until_repaired("heartbeat", "link"):
            daemon.await_cause("link")
        simulator.tell("/mute", on=False)
        recovered(simulator, daemon, blind)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["rst", "fin"])
def test_a_socket_dropped_in_the_middle_of_a_burst(tmp_path: Path, how: str) -> None:
    chance = random.Random(f"{SEED}/{how}")
    with world(tmp_path, SEED + 3, options=("--ack-ms", "1:60")) as (simulator, daemon):
        trading(daemon)
        for _ in range(5):
            before = connect_count(daemon)
            simulator.tell("/drop", how=how, after_frames=chance.randint(0, 150))
            await_reconnect(daemon, before)
            daemon.await_armed()
            daemon.await_orders(2)
        recovered(simulator, daemon)


@pytest.mark.timeout(300)
def test_a_gateway_restart_that_hands_out_lower_order_ids(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 4) as (simulator, daemon):
        blind = trading(daemon)
        for lower in (1, 5):
            before = connect_count(daemon)
            # Orders on their way are lost with the socket, as in the restart of 23:45.
            simulator.tell("/swallow", kind="placeOrder", count=2, register=False)
            until("2 lost orders", lambda: unanswered_frames(simulator) >= 2)
            simulator.tell("/restart", down_s=1.0, next_order_id={"7": lower})
            with blind.until_repaired("link", "not_reconciled"):
                pass
            await_reconnect(daemon, before)
            with recovery("INC-006"):
                daemon.await_armed()
                daemon.await_orders(4)
        story = recovered(simulator, daemon, blind)
        assert story.kinds["OrderProvenAbsent"] >= 4


def unanswered_frames(simulator: Simulator) -> int:
    """Count the orders that were received and that the broker does not know."""
    truth = simulator.truth()
    known = {row["order_id"] for row in truth["orders"]}
    return sum(frame["order_id"] not in known for frame in truth["place_frames"][-20:])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("delivers", [False, True], ids=["held back", "delivered all the same"])
def test_an_upstream_that_is_lost_and_restored(tmp_path: Path, delivers: bool) -> None:
    with world(tmp_path, SEED + 5, options=("--ack-ms", "1:60")) as (simulator, daemon):
        blind = trading(daemon)
        for data_lost in (True, False, True):
            simulator.tell("/upstream", up=False, deliver=delivers)
            with blind.until_repaired("upstream"):
                # The fault lasts for two heartbeats: the socket is well, and nothing follows.
                time.sleep(2.5)
            simulator.tell("/upstream", up=True, data_lost=data_lost)
            daemon.await_armed()
            daemon.await_orders(4)
        recovered(simulator, daemon, blind)


def answering_late(simulator: Simulator, daemon: Daemon) -> None:
    """Answer orders 3 s after they came, until the daemon has noticed."""
    simulator.tell("/ack", lo_ms=3000, hi_ms=3000)
    daemon.await_cause("not_reconciled")
    simulator.tell("/ack", lo_ms=1, hi_ms=5)


@pytest.mark.timeout(300)
def test_answers_that_come_after_the_deadline(tmp_path: Path) -> None:
    changes = {"reconcile.absence_s": 6.0, "broker.ack_deadline_s": 1}
    with world(tmp_path, SEED + 6, changes=changes) as (simulator, daemon):
        trading(daemon)
        answering_late(simulator, daemon)
        story = recovered(simulator, daemon)
        assert story.kinds["OrderUnanswered"] >= 1
        assert story.kinds["OrderProvenAbsent"] == 0


@pytest.mark.timeout(300)
def test_an_order_called_absent_too_early_that_then_fills(tmp_path: Path) -> None:
    # An impatient daemon may have sent another order in its place: only a person can tell.
    changes = {"reconcile.absence_s": 0.5, "broker.ack_deadline_s": 1}
    with world(tmp_path, SEED + 6, changes=changes) as (simulator, daemon):
        blind = trading(daemon)
        answering_late(simulator, daemon)
        with blind.until_repaired("invariant"):
            assert "proven absent and lives" in until("causes", daemon.causes)["invariant"]
            # The halt itself lasts this long.
            time.sleep(2)
        until("a resume", lambda: daemon.verb("resume").is_done)
        story = recovered(simulator, daemon, blind)
        assert story.kinds["OrderProvenAbsent"] >= 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("register", [True, False], ids=["registered", "lost"])
def test_some_orders_of_a_burst_that_are_never_answered(tmp_path: Path, register: bool) -> None:
    count = 3
    with world(tmp_path, SEED + 7) as (simulator, daemon):
        trading(daemon)
        for _ in range(2):
            daemon.await_armed()
            simulator.tell("/swallow", kind="placeOrder", count=count, register=register)
            daemon.await_orders(count)
        story = recovered(simulator, daemon)
        # A registered one fills, and only reqExecutions ever tells; it may do so in a timed run
        # before the deadline. A lost one always ends in the proof of its absence.
        assert story.kinds["OrderProvenAbsent"] == (0 if register else 2 * count)


@pytest.mark.timeout(300)
def test_trades_by_hand_are_booked(tmp_path: Path) -> None:
    """INC-049: an execution of an order that nobody here has sent counts as any other."""
    with world(tmp_path, SEED + 8) as (simulator, daemon):
        trading(daemon)
        made = []
        for symbol, side, quantity in (("AAPL", "BUY", 13), ("IBM", "BUY", 5), ("AAPL", "SELL", 4)):
            made.append(
                simulator.tell("/manual-trade", symbol=symbol, side=side, quantity=quantity)
            )
            daemon.await_orders(3)
        story = recovered(simulator, daemon)
        assert {row["exec_id"] for row in made} <= set(story.exec_ids)


@pytest.mark.timeout(300)
def test_messages_that_come_three_times(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 9) as (simulator, daemon):
        trading(daemon)
        simulator.tell("/duplicate", times=3)
        daemon.await_orders(10)
        # The start of a connection comes three times as well.
        before = connect_count(daemon)
        simulator.tell("/drop", how="rst")
        await_reconnect(daemon, before)
        recovered(simulator, daemon)

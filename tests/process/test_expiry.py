"""Goal: what adds risk cannot execute late, whoever is there to cancel it (INC-004, INC-082).

Method: a simulator that holds the price, a daemon whose policy lets entries expire, and a client
that places orders over HTTP. The broker lets one expire by itself; another is written to a gateway
that hangs, which takes it up when its time is over; a third is killed with its daemon.
"""

from __future__ import annotations

import copy
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.process.agreement import assert_terms_agree, assert_witness_agrees, read_story
from tests.process.harness import Daemon, Simulator, until, world
from tests.process.orders_api import order, place
from tests.process.test_changes import LOW, PRICE, QUIET, change_frames, is_quoted, real
from tests.targets import TARGETS

SEED = 20260082
EXPIRY_S = 10
# More than the market asks: it fills as soon as a broker reads it.
AT_ONCE = "202.00"

pytestmark = [pytest.mark.process, pytest.mark.slow]


@contextmanager
def at_work(folder: Path, **limits: object) -> Iterator[tuple[Simulator, Daemon]]:
    """Give a simulator, and a daemon whose entries expire."""
    targets = copy.deepcopy(TARGETS)
    targets["order"] |= {"entry_expiry_s": EXPIRY_S, **limits}
    (folder / "expiring.yaml").write_text(yaml.safe_dump(targets))
    changes: Mapping[str, object] = {**QUIET, "targets_file": "expiring.yaml"}
    with world(folder, SEED, changes=changes) as (simulator, daemon):
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        daemon.start()
        daemon.await_armed()
        until("the price", lambda: is_quoted(daemon))
        yield simulator, daemon


def cancels(daemon: Daemon) -> int:
    """Count the cancels that the daemon has sent."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        ((count,),) = db.execute("SELECT count(*) FROM events WHERE kind = 'CancelSent'")
    return int(count)


def compare(simulator: Simulator, daemon: Daemon) -> None:
    story, truth = read_story(daemon.journal), simulator.truth()
    assert_terms_agree(story, truth)
    assert_witness_agrees(daemon.journal, truth)


def test_the_broker_lets_an_entry_expire_by_itself(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon):
        before = datetime.now(UTC)
        placed = place(daemon, "first", price=LOW)
        assert placed.body["is_approved"], placed
        until("it works", lambda: order(daemon, placed.order_id)["state"] == "WORKING")
        assert real(simulator, placed.order_id)["tif"] == "GTD"
        compare(simulator, daemon)
        until("it is over", lambda: order(daemon, placed.order_id)["state"] == "CANCELLED", 40)
        assert datetime.now(UTC) - before >= timedelta(seconds=EXPIRY_S)
        assert cancels(daemon) == 0
        assert daemon.causes() == {}
        compare(simulator, daemon)


def test_an_order_that_a_hung_gateway_takes_up_late_never_executes(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon):
        simulator.send(signal.SIGSTOP)
        placed = place(daemon, "late", price=AT_ONCE)
        assert placed.body["is_approved"], placed
        until("nobody answers", lambda: order(daemon, placed.order_id)["state"] == "UNKNOWN")
        time.sleep(EXPIRY_S + 2)
        simulator.send(signal.SIGCONT)
        daemon.await_armed(60)
        assert order(daemon, placed.order_id)["state"] in ("CANCELLED", "REJECTED")
        assert simulator.truth()["executions"] == []
        compare(simulator, daemon)


def test_an_order_that_outlives_its_daemon_ends_all_the_same(tmp_path: Path) -> None:
    with at_work(tmp_path) as (simulator, daemon):
        placed = place(daemon, "alone", price=LOW)
        until("it works", lambda: order(daemon, placed.order_id)["state"] == "WORKING")
        daemon.kill()
        until("it is over", lambda: real(simulator, placed.order_id)["status"] == "Cancelled", 40)
        daemon.start()
        daemon.await_armed(60)
        assert order(daemon, placed.order_id)["state"] == "CANCELLED"
        assert change_frames(simulator, placed.order_id) == 0
        compare(simulator, daemon)


@pytest.mark.parametrize(("policy", "state"), [("cancel", "CANCELLED"), ("keep", "WORKING")])
def test_an_order_that_was_answered_late_goes_by_the_policy(
    tmp_path: Path, policy: str, state: str
) -> None:
    with at_work(tmp_path, entry_expiry_s=3600, late_orders=policy) as (simulator, daemon):
        simulator.send(signal.SIGSTOP)
        placed = place(daemon, "late", price=LOW)
        until("nobody answers", lambda: order(daemon, placed.order_id)["state"] == "UNKNOWN")
        simulator.send(signal.SIGCONT)
        daemon.await_armed(60)
        until(f"it is {state}", lambda: order(daemon, placed.order_id)["state"] == state)
        assert cancels(daemon) == (policy == "cancel")
        compare(simulator, daemon)

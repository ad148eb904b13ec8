"""Goal: the kill switch leaves nothing behind, whatever state the daemon and its disk are in.

Method: the script that operators run is started against a trading daemon that is healthy, hung,
dead or out of disk. What counts is the simulator's own truth at the end: no open order, no
position, and no execution that took one across zero. Each order that left without the daemon was
promised in ``state/emergency.jsonl``, and the next start of the daemon, halted, books what they
did and repeats nothing (OPS-01, INC-030, INC-032).
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import assert_agree, read_story, settled, without_emergency
from tests.process.harness import (
    PATIENCE_S,
    Daemon,
    Json,
    Simulator,
    environment,
    until,
    world,
)
from tests.process.test_full_disk import fill, is_full, small_disk
from tests.process.test_kill_switch import LIQUIDATE, crossings, kill_switch, script
from tests.process.test_sim_diff import sim_diff
from trader.core.ids import Lineage
from trader.ops.emergency_history import executions_of
from trader.ops.emergency_record import EMERGENCY_FILE_NAME, read_orders

SEED = 20240380
# Slow fills: at any instant there are working orders of both sides and partial fills.
SLOW = ("--fill-ms", "50:500")

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]
__all__ = ["small_disk"]


def in_the_middle(simulator: Simulator, daemon: Daemon) -> None:
    """Start the daemon and wait until it holds several things, two of which it is not selling."""
    daemon.start()
    daemon.await_armed()
    daemon.await_orders(5)
    until("positions", lambda: len(kept(simulator.truth())) > 1)


def kept(truth: Json) -> list[Json]:
    """Return the positions that no working order sells, so that they stay without anybody."""
    live = [row for row in truth["orders"] if row["status"].endswith("ubmitted")]
    sold = {row["symbol"] for row in live if row["side"] == "SELL"}
    held = [row for row in truth["positions"] if Decimal(row["quantity"])]
    return [row for row in held if row["symbol"] not in sold]


def account(done: subprocess.CompletedProcess[str]) -> Json:
    """Return the JSON object of a run."""
    try:
        found: Json = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"no JSON: {done}") from None
    return found


def assert_flat(truth: Json, start: Mapping[str, int] | None = None) -> None:
    """Hold the simulator's truth against the promise."""
    assert not [row for row in truth["orders"] if row["status"].endswith("ubmitted")]
    assert not [row for row in truth["positions"] if Decimal(row["quantity"])]
    assert not crossings(truth, start)


def assert_promised(daemon: Daemon, truth: Json) -> None:
    """Hold each emergency frame against its promise on disk."""
    promised = {row.order_ref: row for row in read_orders(daemon.state / EMERGENCY_FILE_NAME)}
    frames = [f for f in truth["place_frames"] if f["order_ref"].startswith("kill-")]
    assert frames, "nothing was closed without the daemon"
    assert len({frame["order_ref"] for frame in frames}) == len(frames), "sent twice"
    assert {frame["order_ref"] for frame in frames} <= set(promised)
    assert {frame["client_id"] for frame in frames} == {7}, "not with the daemon's own id"


def assert_known(simulator: Simulator, daemon: Daemon) -> None:
    """Hold the journal against what left without the daemon: each is known, and has its story."""
    orders = read_orders(daemon.state / EMERGENCY_FILE_NAME)
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        refs = [ref for (ref,) in db.execute("SELECT order_ref FROM v_emergency_orders")]
        running = "SELECT count(*) FROM v_strategies WHERE status = 'RUNNING'"
        ((count,),) = db.execute(running).fetchall()
    assert refs == [row.order_ref for row in orders]
    assert count == 0, "a strategy runs under a halt"
    code, said, complaint = sim_diff(
        daemon.journal, "--control", str(simulator.control_port), "--json"
    )
    assert code == 0, (said, complaint)
    kinds = [row["kind"] for row in json.loads(said)["notes"]]
    assert kinds.count("emergency_order") == len(orders)
    assert "foreign_order" not in kinds
    why = ["why", orders[0].order_ref, "--json", "--state", str(daemon.state)]
    done = subprocess.run(
        [sys.executable, "-m", "trader", *why], capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["emergency"]["order_ref"] == orders[0].order_ref
    assert told["filled"] == orders[0].quantity


def restarted_and_agrees(simulator: Simulator, daemon: Daemon) -> None:
    """Start the daemon again: it stays halted, books everything and sends nothing."""
    sent = len(simulator.truth()["place_frames"])
    daemon.start()
    daemon.await_cause("halt_file")
    truth, status = settled(simulator, daemon)
    story = read_story(daemon.journal)
    assert_agree(story, without_emergency(truth), status)
    assert_known(simulator, daemon)
    daemon.await_refusals(2)
    assert len(simulator.truth()["place_frames"]) == sent
    # The next order of the daemon must not take an id that the emergency has used.
    used = {row.order_id for row in read_orders(daemon.state / EMERGENCY_FILE_NAME)}
    daemon.resume()
    daemon.await_armed()
    daemon.await_orders(2)
    planned = read_story(daemon.journal).planned[len(story.planned) :]
    assert planned
    assert not used & {order_id for order_id, _ in planned}
    daemon.halt()


def test_a_healthy_daemon_does_it_itself(tmp_path: Path) -> None:
    with world(tmp_path, SEED, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        done = kill_switch(daemon, *LIQUIDATE, "--json")
        assert done.returncode == 0, done
        told = account(done)
        assert (told["acted"], told["code"], told["exit_code"]) == ("daemon", "done", 0)
        assert told["strategies_running"] == 0
        truth = simulator.truth()
        assert_flat(truth)
        assert not [f for f in truth["place_frames"] if f["order_ref"].startswith("kill-")]
        assert daemon.causes(), "the daemon must not have been killed"


def test_a_hung_daemon_is_killed_and_never_wakes_up_again(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 1, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.send(signal.SIGSTOP)
        done = kill_switch(daemon, *LIQUIDATE, "--json")
        assert done.returncode == 0, done
        told = account(done)
        assert daemon.process is not None
        assert (told["acted"], told["report"]["fenced_pid"]) == ("alone", daemon.process.pid)
        assert told["strategies_running"] == 0
        assert daemon.ended() == -signal.SIGKILL
        truth = simulator.truth()
        assert_flat(truth)
        assert_promised(daemon, truth)


def test_without_a_daemon_it_is_done_all_the_same(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 2, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.kill()
        done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 0, done
        assert "No daemon holds the lock." in done.stdout
        assert "strategies running: 0" in done.stdout
        truth = simulator.truth()
        assert_flat(truth)
        assert_promised(daemon, truth)
        # Written down for a start on another day, when the broker's lists no longer tell.
        lineage = Lineage(truth["place_frames"][-1]["order_ref"].split("-")[1])
        noted = executions_of(daemon.state / EMERGENCY_FILE_NAME, lineage)
        happened = {e["exec_id"] for e in truth["executions"]}
        assert noted
        assert {row.exec_id for row in noted} <= happened
        # Pressed again there is nothing left to do, and it says so.
        again = kill_switch(daemon, *LIQUIDATE)
        assert again.returncode == 0, again
        assert len(simulator.truth()["place_frames"]) == len(truth["place_frames"])
        restarted_and_agrees(simulator, daemon)


def test_what_protects_stays_until_positions_are_closed(tmp_path: Path) -> None:
    options = (*SLOW, "--position", "AAPL:100")
    with world(tmp_path, SEED + 3, options=options) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.halt()
        simulator.tell(
            "/manual-order", symbol="AAPL", side="SELL", quantity="50", type="STP", stop="1"
        )
        daemon.kill()
        done = kill_switch(daemon, "--confirm", "HALT TRADING", "--cancel-orders", "--json")
        assert done.returncode == 3, done
        report = account(done)["report"]
        assert any("entered by hand: SELL 50 AAPL STP" in text for text in report["kept"]), report
        live = [row for row in simulator.truth()["orders"] if row["status"].endswith("ubmitted")]
        assert [(row["symbol"], row["order_type"]) for row in live] == [("AAPL", "STP")]

        # To be flat takes the whole account's orders, and that is said before it is done.
        done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 4, done
        assert "--all takes everything off" in done.stdout
        assert not crossings(simulator.truth(), {"AAPL": 100})
        done = kill_switch(daemon, *LIQUIDATE, "--all")
        assert done.returncode == 0, done
        assert "protective stops and orders entered by hand included" in done.stdout
        assert_flat(simulator.truth(), {"AAPL": 100})


def test_a_full_disk_does_not_stop_an_exit(small_disk: Path, tmp_path: Path) -> None:
    with world(tmp_path, SEED + 4, options=("--fill-ms", "100:1000")) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        until("a halt for the journal", lambda: is_full(daemon, small_disk))
        fill(small_disk)
        done = kill_switch(daemon, *LIQUIDATE)
        assert done.returncode == 0, done
        assert "cannot write its journal" in done.stderr
        assert "Fenced: the daemon" in done.stdout
        assert "NOT WRITTEN DOWN" in done.stdout
        truth = simulator.truth()
        assert_flat(truth)

        fill(small_disk).unlink()
        daemon.ended()
        daemon.start()
        daemon.await_cause("halt_file")
        truth, status = settled(simulator, daemon)
        assert status["tally"]["executions"] == len(truth["executions"])
        daemon.await_refusals(2)
        assert len(simulator.truth()["place_frames"]) == len(truth["place_frames"])


def test_two_shells_at_once_are_one_liquidator(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 5, options=SLOW) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.send(signal.SIGSTOP)
        shells = [
            subprocess.Popen(
                script(daemon, *LIQUIDATE),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment(),
            )
            for _ in range(2)
        ]
        said = [shell.communicate(timeout=PATIENCE_S * 2)[0] for shell in shells]
        assert [shell.returncode for shell in shells] == [0, 0], said
        # Both may have found the daemon alive; neither takes the other for one.
        assert daemon.process is not None
        fenced = {line for text in said for line in text.splitlines() if "Fenced" in line}
        assert fenced == {f"Fenced: the daemon, process {daemon.process.pid}, was killed."}, said
        truth = simulator.truth()
        assert_flat(truth)
        frames = [f for f in truth["place_frames"] if f["order_ref"].startswith("kill-")]
        closed = [row for row in truth["executions"] if row["order_ref"].startswith("kill-")]
        sold = sum(Decimal(row["quantity"]) for row in closed)
        assert frames
        # Nobody sold what the other had sold: the closes are what was held, once.
        others = [row for row in truth["executions"] if row not in closed]
        held = sum(Decimal(row["quantity"]) * (1 if row["side"] == "BUY" else -1) for row in others)
        assert sold == held


def test_it_starts_with_a_bare_python_and_says_what_it_needs(tmp_path: Path) -> None:
    with world(tmp_path, SEED + 6) as (simulator, daemon):
        in_the_middle(simulator, daemon)
        daemon.kill()
        bare = Path(os.path.realpath(sys.executable))
        words = [str(bare), "-S", *script(daemon, *LIQUIDATE)[1:]]
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env={"LOGNAME": "desk"},
            timeout=PATIENCE_S * 2,
            check=False,
        )
        # With the project's environment beside it, it does everything; without, it says so.
        assert verdict_of(daemon)
        if done.returncode == 8:
            assert "there is no" in done.stderr
            assert "TWS" in done.stderr
        else:
            assert done.returncode == 0, done
            assert_flat(simulator.truth())


def verdict_of(daemon: Daemon) -> bool:
    """Tell whether the halt file halts."""
    record = json.loads((daemon.state / "HALT").read_text())
    return bool(record["active"])

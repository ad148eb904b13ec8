"""Goal: a daemon that is gone leaves nothing that adds risk, and a living one is left alone.

Method: a real sentinel watches a real daemon that trades at the simulator. The daemon is stopped,
killed, ended in order, loaded, or left alone; what counts is the simulator's own truth, the halt
on disk, and that a restarted daemon comes up halted and knows what happened (OPS-01, INC-030).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import assert_agree, read_story, settled, without_emergency
from tests.process.harness import PATIENCE_S, Daemon, Json, Simulator, environment, until, world
from tests.process.sentinels import QUICK, sentinel_of
from tests.process.test_kill_states import assert_flat, in_the_middle, verdict_of
from tests.process.test_kill_switch import HALT, positions, script
from tests.process.wedged_daemon import WEDGE
from trader.ops.standing_order import STANDING_FILE_NAME

SEED = 20240520
# What is acknowledged works for a minute: what is not cancelled stays.
RESTING = ("--fill-ms", "50000:60000")
SLOW = ("--fill-ms", "100:900")
FLATTEN = {**QUICK, "sentinel.must_flatten": True}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def live(simulator: Simulator) -> list[Json]:
    """Return the orders that work at the broker."""
    return [row for row in simulator.truth()["orders"] if row["status"].endswith("ubmitted")]


def pages(daemon: Daemon) -> list[str]:
    """Return the titles that were paged."""
    path = daemon.state / "audit_logs" / "pages.jsonl"
    return [json.loads(line)["title"] for line in path.read_text().splitlines()]


def command(daemon: Daemon, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the sentinel's command to its end."""
    words = [sys.executable, "-m", "trader", "sentinel", "--config", str(daemon.config), *more]
    return subprocess.run(
        words, capture_output=True, text=True, env=environment(), timeout=PATIENCE_S, check=False
    )


def comes_up_halted(simulator: Simulator, daemon: Daemon, *, has_ended: bool = True) -> None:
    """Start the daemon again: it is halted, agrees with the broker, and sends nothing.

    ``has_ended`` says that no order of anybody works any more.
    """
    sent = len(simulator.truth()["place_frames"])
    daemon.start()
    causes = daemon.await_cause("halt_file")
    assert "sentinel" in causes["halt_file"], causes
    if has_ended:
        truth, status = settled(simulator, daemon)
        assert_agree(read_story(daemon.journal), without_emergency(truth), status)
    daemon.await_refusals(2)
    assert len(simulator.truth()["place_frames"]) == sent
    until("no standing order", lambda: not (daemon.state / STANDING_FILE_NAME).exists())


def test_a_stopped_daemon_is_fenced_its_orders_cancelled_and_its_stop_left(
    tmp_path: Path,
) -> None:
    options = (*RESTING, "--position", "AAPL:100")
    with (
        world(tmp_path, SEED, changes=QUICK, options=options) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        daemon.start()
        daemon.await_armed()
        simulator.tell(
            "/manual-order", symbol="AAPL", side="SELL", quantity="100", type="STP", stop="1"
        )
        until("working orders", lambda: len(live(simulator)) >= 3)
        sentinel.start()
        sentinel.await_state("watching")
        daemon.send(signal.SIGSTOP)
        assert sentinel.await_state("suspect").state == "suspect"
        record = sentinel.await_state("done", "stuck")
        assert record.state == "done", record
        assert (record.condition, sentinel.actions) == ("stopped", 1)
        left = live(simulator)
        assert [(row["symbol"], row["order_type"]) for row in left] == [("AAPL", "STP")]
        assert daemon.ended() == -signal.SIGKILL
        assert verdict_of(daemon)
        assert {"sentinel acts", "sentinel: done"} <= set(pages(daemon))
        assert not [f for f in simulator.truth()["place_frames"] if f["client_id"] != 7]
        comes_up_halted(simulator, daemon, has_ended=False)
        sentinel.await_state("watching")
        assert sentinel.actions == 1
        assert live(simulator) == left


def test_a_wedged_loop_is_told_from_a_slow_one(tmp_path: Path) -> None:
    wedge = tmp_path / "wedge"
    # A slow loop stands still for longer than the first doubt takes, and for less than the act.
    changes = {**QUICK, "sentinel.silence_s": 9, "sentinel.open_risk_grace_s": 9}
    with (
        world(tmp_path, SEED + 9, changes=changes, options=SLOW) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        daemon.start("tests.process.wedged_daemon", {WEDGE: str(wedge)})
        daemon.await_armed()
        daemon.await_orders(3)
        sentinel.start()
        sentinel.await_state("watching")
        wedge.write_text("5")
        sentinel.await_state("suspect")
        sentinel.await_state("recovered", "watching")
        assert sentinel.actions == 0
        daemon.await_orders(3)
        wedge.write_text("3600")
        record = sentinel.await_state("done", "stuck")
        assert (record.state, sentinel.actions) == ("done", 1), record
        assert "runs and gives no sign of life" in sentinel.said("sentinel acts")[0]["reason"]
        assert daemon.ended() == -signal.SIGKILL
        assert not [row for row in live(simulator) if row["side"] == "BUY"]


def test_a_dead_daemon_with_positions_is_flattened_only_if_configured(tmp_path: Path) -> None:
    with (
        world(tmp_path, SEED + 1, changes=FLATTEN, options=SLOW) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        in_the_middle(simulator, daemon)
        sentinel.start()
        daemon.kill()
        record = sentinel.await_state("done", "stuck")
        assert (record.state, record.condition) == ("done", "dead"), record
        assert_flat(simulator.truth())
        comes_up_halted(simulator, daemon)


def test_an_open_position_stays_when_flattening_is_not_configured(tmp_path: Path) -> None:
    with (
        world(tmp_path, SEED + 2, changes=QUICK, options=SLOW) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        in_the_middle(simulator, daemon)
        # The strategy's own exits, which are left working, must not sell it all meanwhile.
        for symbol in {row["symbol"] for row in positions(simulator)}:
            simulator.tell("/halt", symbol=symbol)
        assert any(Decimal(row["quantity"]) for row in positions(simulator))
        sentinel.start()
        daemon.kill()
        assert sentinel.await_state("done", "stuck").state == "done"
        assert not [row for row in live(simulator) if row["side"] == "BUY"]
        assert not [f for f in simulator.truth()["place_frames"] if "kill-" in f["order_ref"]]
        assert any(Decimal(row["quantity"]) for row in positions(simulator))
        # Nothing more happens, however long nobody comes.
        time.sleep(6)
        assert (sentinel.actions, sentinel.await_state("done").state) == (1, "done")


def test_a_healthy_daemon_under_load_is_left_alone(tmp_path: Path) -> None:
    with (
        world(tmp_path, SEED + 3, changes=FLATTEN) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        daemon.start()
        daemon.await_armed()
        sentinel.start()
        busy = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"], env=environment())
            for _ in range(4)
        ]
        try:
            end_s = time.monotonic() + 20
            while time.monotonic() < end_s:
                daemon.await_orders(1)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        assert sentinel.actions == 0
        assert not verdict_of(daemon)
        assert daemon.await_armed()
        assert not [f for f in simulator.truth()["place_frames"] if "kill-" in f["order_ref"]]


def test_an_orderly_stop_is_no_alarm_until_its_grace_is_over(tmp_path: Path) -> None:
    changes = {**QUICK, "sentinel.open_risk_grace_s": 8}
    with (
        world(tmp_path, SEED + 4, changes=changes, options=RESTING) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        daemon.start()
        daemon.await_armed()
        until("working orders", lambda: len(live(simulator)) >= 2)
        sentinel.start()
        daemon.send(signal.SIGTERM)
        assert daemon.ended() == 3
        stopped_s = time.monotonic()
        time.sleep(5)
        assert (sentinel.actions, len(live(simulator)) > 1) == (0, True)
        record = sentinel.await_state("done", "stuck")
        assert (record.state, record.condition) == ("done", "ended")
        assert time.monotonic() - stopped_s > 7
        assert not live(simulator)
        comes_up_halted(simulator, daemon)


def test_sentinel_and_kill_switch_at_once_are_one_liquidator(tmp_path: Path) -> None:
    # Held by no strategy: what the daemon trades may just be sold when it is stopped.
    held = {"AAPL": 300, "IBM": 200}
    options = list(SLOW)
    for symbol, quantity in held.items():
        options += ["--position", f"{symbol}:{quantity}"]
    with (
        world(tmp_path, SEED + 5, changes=FLATTEN, options=tuple(options)) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        in_the_middle(simulator, daemon)
        sentinel.start()
        daemon.send(signal.SIGSTOP)
        sentinel.await_state("acting")
        words = (*HALT, "--cancel-orders", "--liquidate")
        done = subprocess.run(
            script(daemon, *words), capture_output=True, text=True, env=environment(),
            timeout=PATIENCE_S * 2, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        assert sentinel.await_state("done", "stuck").state == "done"
        truth = simulator.truth()
        assert_flat(truth, held)
        ends = sentinel.said("liquidator")
        fenced = [row for row in ends if "Fenced: the daemon" in row["line"]]
        assert len(fenced) + done.stdout.count("Fenced: the daemon") == 1
        frames = [f["order_ref"] for f in truth["place_frames"] if "kill-" in f["order_ref"]]
        assert frames
        assert len(set(frames)) == len(frames)


def test_a_sentinel_that_is_killed_in_the_middle_carries_on_without_doubling(
    tmp_path: Path,
) -> None:
    held = {"AAPL": 300, "IBM": 200, "GOOG": 100}
    options = ["--fill-ms", "400:1500"]
    for symbol, quantity in held.items():
        options += ["--position", f"{symbol}:{quantity}"]
    with (
        world(tmp_path, SEED + 6, changes=FLATTEN, options=tuple(options)) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        in_the_middle(simulator, daemon)
        sentinel.start()
        daemon.send(signal.SIGSTOP)

        def closing() -> bool:
            frames = simulator.truth()["place_frames"]
            return any(f["order_ref"].startswith("kill-") for f in frames)

        until("a closing order", closing)
        sentinel.kill()
        assert verdict_of(daemon)
        assert (daemon.state / STANDING_FILE_NAME).exists()
        sentinel.start()
        assert sentinel.await_state("done", "stuck").state == "done"
        truth = simulator.truth()
        assert_flat(truth, held)
        # And a third one finds it done.
        sentinel.kill()
        sentinel.start()
        time.sleep(5)
        assert sentinel.await_state("done").state == "done"
        assert sentinel.actions == 2
        comes_up_halted(simulator, daemon)


def test_without_a_link_it_stays_halted_and_tries_until_there_is_one(tmp_path: Path) -> None:
    with (
        world(tmp_path, SEED + 7, changes=FLATTEN, options=SLOW) as (simulator, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        in_the_middle(simulator, daemon)
        sentinel.start()
        simulator.tell("/listen", on=False)
        simulator.tell("/drop", how="rst")
        daemon.kill()
        sentinel.await_state("stuck")
        assert verdict_of(daemon)
        assert (daemon.state / STANDING_FILE_NAME).exists()
        assert "sentinel: NOT done" in pages(daemon)
        simulator.tell("/listen", on=True)
        sentinel.await_state("done")
        assert_flat(simulator.truth())
        assert not (daemon.state / STANDING_FILE_NAME).exists()


def test_only_one_sentinel_watches_and_it_says_how_it_is(tmp_path: Path) -> None:
    with (
        world(tmp_path, SEED + 8, changes=QUICK) as (_, daemon),
        sentinel_of(daemon) as sentinel,
    ):
        daemon.start()
        daemon.await_armed()
        sentinel.start()
        second = command(daemon)
        assert (second.returncode, "sentinel.lock" in second.stderr) == (5, True), second
        shown = command(daemon, "--show")
        assert shown.returncode == 0, shown
        assert "the sentinel lives\nwatching since" in shown.stdout
        assert sentinel.process is not None
        sentinel.process.send_signal(signal.SIGTERM)
        assert sentinel.process.wait(PATIENCE_S) == 0
        shown = command(daemon, "--show")
        assert (shown.returncode, "no sentinel is running" in shown.stdout) == (1, True)

"""Goal: a daemon that cannot write its journal sends nothing new, stays for its operator, heals.

Method: the state lies on a small file system of its own that a ballast file fills up while orders
flow. The daemon must halt for the journal's sake and stay up; no order leaves after that; cancels
still work and the broker confirms them, and the kill switch halts although nothing can be
written: it empties its file, and an empty one halts. With space again and a restart, what was not
written comes back from the broker and everything agrees (INC-028).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import HALTED_BY_US, Daemon, until, world
from tests.process.test_kill_switch import HALT, kill_switch

SEED = 20240360
SIZE_BYTES = 8 * 1024 * 1024
HALTED_S = 3.0

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of a few megabytes where the state will be."""
    place = tmp_path / "state"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError:
        problem = "there is no mount command"
    if problem:
        assert "TRADER_CI" not in os.environ, f"no file system could be mounted: {problem}"
        pytest.skip(f"mounting a small file system needs root and its rights: {problem}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take every byte that is left; what others free meanwhile is taken too."""
    ballast = place / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def is_full(daemon: Daemon, place: Path) -> bool:
    """Keep the disk full until the daemon has halted for its journal."""
    fill(place)
    return "journal" in (daemon.causes() or {})


@pytest.mark.timeout(300)
def test_a_full_disk_halts_and_a_restart_with_space_heals(small_disk: Path, tmp_path: Path) -> None:
    # Slow fills, so that orders are working when the disk is full.
    with world(tmp_path, SEED, options=("--fill-ms", "200:3000")) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(8)
        until("a halt for the journal", lambda: is_full(daemon, small_disk))
        status = until("a status", daemon.status)
        assert status["posture"] == "halted"
        assert status["journal"]["failure"]

        # It stays up, and nothing leaves: looked at for a while, because nothing is to happen.
        sent = len(simulator.truth()["place_frames"])
        end_s = time.monotonic() + HALTED_S
        while time.monotonic() < end_s:
            assert daemon.causes(), "it stopped answering"
            time.sleep(0.1)
        assert len(simulator.truth()["place_frames"]) == sent

        cancelled = daemon.verb("cancel-orders")
        assert cancelled.is_done, cancelled
        live = [row for row in simulator.truth()["orders"] if row["status"].endswith("ubmitted")]
        assert not live
        fill(small_disk)
        done = kill_switch(daemon, *HALT, "--reason", "full disk")
        assert done.returncode == 0, done
        assert "Confirmed by the daemon" in done.stdout
        assert "operator" in until("causes", daemon.causes)
        assert len(simulator.truth()["place_frames"]) == sent

        fill(small_disk).unlink()
        daemon.send(signal.SIGTERM)
        assert daemon.ended() in (0, 3)
        daemon.start()
        # The halt has outlived a disk that took nothing; the lost facts come back by themselves.
        assert "empty" in daemon.await_cause("halt_file")["halt_file"]
        until("reconciled", lambda: set(daemon.causes() or {"-": ""}) <= HALTED_BY_US)
        daemon.resume()
        daemon.await_armed()
        daemon.await_orders(4)
        story = halt_and_compare(simulator, daemon)
        print(f"{len(story.planned)} orders, {len(story.exec_ids)} executions")

"""Goal: `trader verify` says the truth about a daemon's journal while it runs and after it died.

Method: a daemon trades; the command looks at its journal and at a copy, while it writes. It is
killed with SIGKILL at seeded instants, and each time the command looks before the next start does:
the chain is whole, and no anchor knows more than the journal has. A look changes no byte. At the
end an event is cut off, and the anchors name it.
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import Daemon, world
from tests.unit.store.support import tampered

ROOT = Path(__file__).resolve().parents[2]
SEED = 20240322
KILLS = 4


def verify(daemon: Daemon, *words: str) -> tuple[int, dict[str, Any]]:
    command = ["-m", "trader", "verify", "--state", str(daemon.state), "--json", *words]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def files(daemon: Daemon) -> dict[str, bytes]:
    """Return what must not change; SQLite's own index of its log is no part of the journal."""
    return {
        path.name: path.read_bytes()
        for path in daemon.state.glob("journal.db*")
        if not path.name.endswith("-shm")
    }


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_journal_is_whole_while_it_is_written_and_after_every_kill(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with world(tmp_path, SEED, options=("--ack-ms", "1:80")) as (_, daemon):
        daemon.start()
        daemon.await_armed()
        for kill in range(KILLS):
            daemon.await_orders(1)
            code, live = verify(daemon)
            assert (code, live["findings"]) == (0, [])
            assert live["anchor_count"] > 0
            status = daemon.status()
            assert status is not None
            copy = tmp_path / f"copy-{kill}.db"
            uri = f"file:{daemon.journal}?mode=ro"
            with (
                closing(sqlite3.connect(uri, uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            shown = f"{status['journal']['durable_seq']}:{status['journal']['digest'][:16]}"
            code, copied = verify(daemon, "--journal", str(copy), "--anchor", shown)
            assert (code, copied["findings"], copied["anchor_count"]) == (0, [], 1)
            # Not waiting for a condition but choosing the instant of the kill.
            time.sleep(chance.uniform(0.0, 1.0))
            daemon.kill()
            before = files(daemon)
            code, dead = verify(daemon)
            assert (code, dead["findings"]) == (0, []), f"kill {kill}"
            assert dead["last_seq"] >= status["journal"]["durable_seq"]
            assert files(daemon) == before
            daemon.start()
            daemon.await_armed()
        daemon.send(signal.SIGTERM)
        daemon.ended()
        before = files(daemon)
        code, ended = verify(daemon)
        assert (code, ended["findings"]) == (0, [])
        assert ended["anchored_to"] == ended["last_seq"]
        assert files(daemon) == before
        assert ended["checkpoints"]
        tampered(daemon.journal, "DELETE FROM events WHERE seq = ?", ended["last_seq"])
        code, cut = verify(daemon)
        assert code == 1
        assert {"truncated"} == {finding["kind"] for finding in cut["findings"]}
        assert cut["findings"][0]["seq"] == ended["last_seq"]

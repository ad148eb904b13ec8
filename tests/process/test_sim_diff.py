"""Goal: `trader sim diff` says "agree" of a daemon that lost nothing, and names what was planted.

Method: a simulator and a daemon in heavy order flow; the daemon is killed at seeded instants and
starts again. At rest, with the journal in use, the command must agree and exit with 0. Then a
person trades while the daemon is down, and rows are taken out of copies of the journal: exit code
1 and the lines that belong to it, and no other (INC-018, INC-028, INC-029, S23).
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import (
    PATIENCE_S,
    ROOT,
    Daemon,
    Json,
    Simulator,
    environment,
    until,
    world,
)
from tests.unit.store.support import tamper
from trader.sim.oracle.journal import VERSION_MIN

SEED = 20240360
KILLS = 4

pytestmark = [pytest.mark.process, pytest.mark.slow]


def sim_diff(journal: Path, *words: str) -> tuple[int, str, str]:
    """Run `trader sim diff` as a person would; returns exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "trader", "sim", "diff", str(journal), *words],
        capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def findings(journal: Path, *words: str) -> tuple[int, Json]:
    """Run it for a machine."""
    code, said, complaint = sim_diff(journal, *words, "--json")
    assert not complaint, complaint
    verdict: Json = json.loads(said)
    return code, verdict


def kinds(verdict: Json) -> set[str]:
    return {row["kind"] for row in verdict["differences"]}


def about(verdict: Json, kind: str) -> list[str]:
    return [row["subject"] for row in verdict["differences"] if row["kind"] == kind]


@contextmanager
def at_rest(folder: Path, seed: int, kills: int) -> Iterator[tuple[Simulator, Daemon, str]]:
    """Give a halted daemon that has traded and was killed, and its simulator's control port."""
    chance = random.Random(seed)
    with world(folder, seed, options=("--ack-ms", "1:60")) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        for _ in range(kills):
            daemon.await_orders(4)
            # Not waiting for a condition but choosing the instant of the kill.
            time.sleep(chance.uniform(0.1, 1.0))
            daemon.kill()
            daemon.start()
            daemon.await_armed()
        daemon.await_orders(4)
        halt_and_compare(simulator, daemon)
        yield simulator, daemon, str(simulator.control_port)


@pytest.mark.timeout(300)
def test_it_agrees_over_kills_and_names_what_was_planted(tmp_path: Path) -> None:
    with at_rest(tmp_path, SEED, KILLS) as (simulator, daemon, port):
        code, verdict = findings(daemon.journal, "--control", port)
        assert (code, verdict["verdict"], verdict["differences"]) == (0, "agree", [])
        assert verdict["compared"]["orders"] > 4 * KILLS
        assert verdict["compared"]["executions"] > 4 * KILLS
        code, said, complaint = sim_diff(daemon.journal, "--control", port)
        assert (code, complaint) == (0, "")
        assert said.splitlines()[-1].startswith("agree: compared ")
        kept = tmp_path / "truth.json"
        kept.write_text(json.dumps(simulator.truth()))
        assert findings(daemon.journal, "--truth", str(kept))[0] == 0

        copies = Copies(daemon.journal, tmp_path)
        a_lost_execution(copies, port)
        a_lost_promise(copies, port)
        an_execution_written_twice(copies, port)
        a_journal_of_the_first_version(copies, port)

        corrected(simulator, 0)
        until(
            "the correction is booked", lambda: findings(daemon.journal, "--control", port)[0] == 0
        )

        daemon.kill()
        made = simulator.tell("/manual-trade", symbol="AAPL", side="BUY", quantity=13)
        revised = corrected(simulator, 1)
        code, verdict = findings(daemon.journal, "--control", port)
        assert code == 1
        assert kinds(verdict) == {"execution_missing", "execution_revision", "position", "cash"}
        assert about(verdict, "execution_missing") == [made["exec_id"]]
        assert about(verdict, "execution_revision") == [revised]
        # The daemon finds both by itself at its next start, and they agree again.
        daemon.start()
        until("they agree again", lambda: findings(daemon.journal, "--control", port)[0] == 0)


def corrected(simulator: Simulator, place: int) -> str:
    """Have the broker correct the price of an execution; returns the new id."""
    row = simulator.truth()["executions"][place]
    price = f"{Decimal(row['price']) + 1}"
    said = simulator.tell(
        "/exec-correction", exec_id=row["exec_id"], price=price, quantity=row["quantity"]
    )
    return str(said["exec_id"])


class Copies:
    """Copies of a journal in use, each to be spoilt in its own way."""

    def __init__(self, journal: Path, folder: Path) -> None:
        self._journal, self._folder, self._count = journal, folder, 0

    def spoilt(self, *statements: str) -> Path:
        """Return a copy in which these statements were run."""
        self._count += 1
        path = self._folder / f"copy-{self._count}.db"
        with (
            closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(path, isolation_level=None)) as target,
        ):
            source.backup(target)
            for statement in statements:
                tamper(target, statement)
        return path


def a_lost_execution(copies: Copies, port: str) -> None:
    """Take the last execution of an order of the daemon's out of a copy."""
    path = copies.spoilt(
        "CREATE TABLE told AS SELECT seq, exec_id FROM v_executions_latest "
        "WHERE our_order_id IS NOT NULL ORDER BY seq DESC LIMIT 1",
        "DELETE FROM events WHERE seq = (SELECT seq FROM told)",
    )
    with closing(sqlite3.connect(path)) as db:
        ((exec_id,),) = db.execute("SELECT exec_id FROM told").fetchall()
    code, verdict = findings(path, "--control", port)
    assert code == 1
    assert about(verdict, "execution_missing") == [exec_id]
    # Without it the order is not filled, and neither position nor cash come out.
    assert kinds(verdict) == {
        "journal_gap", "order_state", "execution_missing", "position", "cash",
    }  # fmt: skip


def a_lost_promise(copies: Copies, port: str) -> None:
    """Take the promise of an order that was filled out of a copy."""
    path = copies.spoilt(
        "CREATE TABLE told AS SELECT seq, order_id FROM v_orders WHERE state = 'FILLED' LIMIT 1",
        "DELETE FROM events WHERE seq = (SELECT seq FROM told)",
    )
    with closing(sqlite3.connect(path)) as db:
        ((order_id,),) = db.execute("SELECT order_id FROM told").fetchall()
    code, verdict = findings(path, "--control", port)
    assert code == 1
    assert about(verdict, "order_unrecorded") == [f"client 7 order {order_id}"]
    assert kinds(verdict) == {"journal_gap", "order_unrecorded"}


def an_execution_written_twice(copies: Copies, port: str) -> None:
    """Write an execution a second time at the end of a copy."""
    path = copies.spoilt(
        "INSERT INTO events SELECT (SELECT max(seq) + 1 FROM events), at_us, kind, version, "
        "payload, digest FROM events WHERE kind = 'ExecutionSeen' LIMIT 1"
    )
    code, verdict = findings(path, "--control", port)
    assert (code, kinds(verdict)) == (1, {"execution_twice"})


def a_journal_of_the_first_version(copies: Copies, port: str) -> None:
    """Say of a copy that it is from before the views."""
    path = copies.spoilt("PRAGMA user_version = 1")
    code, said, complaint = sim_diff(path, "--control", port)
    assert (code, said) == (2, "")
    assert f"has version 1; allowed: {VERSION_MIN} or later" in complaint
    assert len(complaint.splitlines()) == 1

"""Goal: an execution that no version could read is booked the day after, once, by its own id.

Method: the simulated gateway writes executions in a layout of its own. The daemon halts and keeps
them; it is killed and started again. Then the gateway has forgotten them, as it does overnight,
and a daemon that knows the layout has them read again by the commands of the runbook, killed in
the middle. The simulator's own books say what is really held (EVT-12, EVT-01, INC-113).
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.process import orders_api
from tests.process.agreement import families
from tests.process.harness import PATIENCE_S, ROOT, Daemon, Json, environment, until, world
from trader.ops.control_client import Reply, ask_verb
from trader.store.quarantine import LetterRow, letters_in

SEED = 20260419
# The strategy must leave the account alone: only the test trades.
CHANGES = {"strategies.momentum.symbols": ["AAPL"], "strategies.momentum.entry_fraction": 0.9}
UPGRADED = "tests.process.upgraded_daemon"

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(400)]


def quarantine(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``trader quarantine`` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "trader", "quarantine", *words, "--state", str(daemon.state)],
        capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT, env=environment(),
        check=False,
    )  # fmt: skip


def letters(daemon: Daemon) -> list[LetterRow]:
    """Return the open letters of executions, as the journal tells them."""
    rows, _ = letters_in(daemon.journal)
    return [row for row in rows if row.is_open and row.message_id == 11]


def retry(daemon: Daemon, key: str) -> Reply:
    """Ask the daemon itself: a shell's command takes seconds on a busy machine."""
    endpoint = until("the control port", daemon.endpoint)
    asked = {"reason": "upgraded", "by": "process test", "letter": key}
    return ask_verb(endpoint, "retry-letter", asked, timeout_s=PATIENCE_S, monotonic=time.monotonic)


def counted(daemon: Daemon, kind: str) -> int:
    """Return how many events of a kind are on disk."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM events WHERE kind = ?"
        return int(db.execute(query, (kind,)).fetchone()[0])


def executed(daemon: Daemon) -> list[Json]:
    """Return every execution that the journal holds."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM v_executions ORDER BY seq")]


def reconciled(daemon: Daemon, look: Callable[[], bool]) -> None:
    """Reconcile until something is so."""

    def asked() -> bool:
        daemon.verb("reconcile")
        return look()

    until("a reconciliation that finds it", asked)


def has_position_ticket(daemon: Daemon) -> bool:
    status = until("a status", daemon.status)
    return any("-position-" in name for name, _ in status["tickets"])


def test_an_unreadable_execution_is_booked_the_day_after_once_and_a_kill_costs_nothing(
    tmp_path: Path,
) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        simulator.tell(
            "/frame-edit", messages=["execDetails"], append={"side": "X"}, name="new layout"
        )
        placed = orders_api.place(daemon, "bought", quantity=6, type="MARKET")
        assert placed.body["is_approved"], placed.body
        daemon.await_cause("decode_error")
        until("it filled", lambda: filled(simulator.truth()) == 6)
        until("all of it is kept", lambda: kept(daemon) == 6)
        daemon.kill()

        # What was kept is on disk, and the halt with it; no list that repeats it adds a letter.
        before = letters(daemon)
        daemon.start()
        daemon.await_cause("decode_error")
        until("the list of executions came again", lambda: came_again(daemon))
        assert [row.key for row in letters(daemon)] == [row.key for row in before]
        assert executed(daemon) == []
        key = before[0].key
        listed = json.loads(quarantine(daemon, "list", "--json").stdout)["letters"]
        assert key in [row["key"] for row in listed]
        shown = quarantine(daemon, "show", key)
        assert "BOTX" in shown.stdout
        early = quarantine(daemon, "retry", key, "--reason", "hoped")
        assert early.returncode == 1
        assert "cannot read it either" in early.stderr
        daemon.kill()

        # A night passes: the gateway tells of no execution of yesterday any more.
        simulator.tell("/frame-clear", name="new layout")
        simulator.tell("/frame-drop", messages=["execDetails"], name="yesterday")
        daemon.start(UPGRADED, {"KILL_AFTER": "ExecutionSeen"})
        reconciled(daemon, lambda: has_position_ticket(daemon))
        cut_off = quarantine(daemon, "retry", key, "--reason", "upgraded")
        assert cut_off.returncode == 1
        assert daemon.ended() == -signal.SIGKILL
        # Booked, and the letter does not know it.
        assert len(executed(daemon)) == 1
        assert key in [row.key for row in letters(daemon)]
        daemon.start(UPGRADED)
        daemon.await_cause("decode_error")
        until("reconciled", lambda: has_compared(daemon))
        for row in before:
            for _ in range(2):
                # While commissions come, the broker is asked again.
                until("it is ended", partial(is_ended, daemon, row.key))
        assert letters(daemon) == []
        assert "in the book already" in quarantine(daemon, "show", key).stdout

        truth = simulator.truth()
        rows = executed(daemon)
        assert families(row["exec_id"] for row in rows) == families(
            row["exec_id"] for row in truth["executions"]
        )
        assert sum(Decimal(row["quantity"]) for row in rows) == 6
        prices = {row["exec_id"]: Decimal(str(row["price"])) for row in truth["executions"]}
        assert all(Decimal(row["price"]) == prices[row["exec_id"]] for row in rows)
        assert not has_position_ticket(daemon)
        held = until("a status", daemon.status)["positions"]
        assert [Decimal(row["quantity"]) for row in held] == [6]


def is_ended(daemon: Daemon, key: str) -> bool:
    return retry(daemon, key).is_done


def filled(truth: Json) -> int:
    return int(sum(Decimal(row["quantity"]) for row in truth["executions"]))


def kept(daemon: Daemon) -> int:
    """Return how many shares the letters hold, by the place of the quantity in message 11."""
    return int(sum(Decimal(row.fields[19]) for row in letters(daemon)))


def came_again(daemon: Daemon) -> bool:
    return any(row.count > 1 for row in letters(daemon))


def has_compared(daemon: Daemon) -> bool:
    run = until("a status", daemon.status)["reconcile"]
    return bool(run is not None and not run["problem"])


def test_a_flood_of_broken_frames_costs_neither_the_journal_nor_the_loop(tmp_path: Path) -> None:
    """Cut, shuffled and invented frames by the thousand; a fill among them is a fill."""
    with world(tmp_path, SEED + 1, changes=CHANGES) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        chance = random.Random(SEED)
        quiet = counted(daemon, "MessageQuarantined") + counted(daemon, "MessageRepeated")
        assert quiet == 0
        sent = 0
        for number in range(700):
            simulator.tell("/send-frame", fields=broken_frame(chance, number))
            sent += 1
        simulator.tell("/duplicate", times=100)
        for number in range(40):
            simulator.tell("/send-frame", fields=broken_frame(chance, number))
            sent += 100
        simulator.tell("/duplicate", times=1)
        simulator.tell("/manual-trade", symbol="IBM", side="BUY", quantity="3")
        until("the trade among them is told", lambda: executed(daemon))

        def is_through() -> bool:
            told = until("a status", daemon.status)["quarantine"]["broken"]
            return bool(sum(count for _, count in told) >= sent)

        until("all of them came", is_through)
        status = until("a status", daemon.status)
        seen = status["quarantine"]
        assert 0 < seen["open_count"] <= 250
        assert all(count > 0 for _, count in seen["not_kept"])
        assert "decode_error" in dict(status["causes"])
        kinds = ("MessageQuarantined", "MessageRepeated", "MessageNotKept")
        rows = {kind: counted(daemon, kind) for kind in kinds}
        assert rows["MessageQuarantined"] == seen["open_count"]
        # Each of them, and each message id, has a row for every doubling and no more.
        assert rows["MessageRepeated"] <= seen["open_count"] * 13, rows
        assert rows["MessageNotKept"] <= 8 * 13, rows
        assert counted(daemon, "HaltRaised") <= 3
        assert status["loop_lag_s"] < 1
        # A broker that is heard is a broker that is there: the heartbeat was never lost.
        assert status["link"]["is_connected"]


def broken_frame(chance: random.Random, number: int) -> list[str]:
    """Return a frame that no version can read, of one of the messages that matter."""
    kind = chance.choice((3, 5, 11, 11, 61, 63, 93, 101))
    fields = [str(kind), *(chance.choice(("", "x", str(number), "é")) for _ in range(3))]
    return [*fields, f"{chance.random():.6f}"]

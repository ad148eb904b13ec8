"""Goal: a person can decide a ticket from the shell, from finding it to a clean account.

Method: an account of the simulator comes to hold shares that no execution explains. The ticket is
listed, shown, let wait (the daemon then takes exits alone), booked and flattened with the commands
of the runbook; the simulator's own books say what is really held (OPS-06, INC-032).
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import PATIENCE_S, ROOT, Daemon, Json, environment, until, world

SEED = 20260411
# The strategy must leave the account alone: only the test moves anything.
CHANGES = {"strategies.momentum.symbols": ["AAPL"], "strategies.momentum.entry_fraction": 0.9}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def tickets(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``trader tickets`` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "trader", "tickets", *words, "--state", str(daemon.state)],
        capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT, env=environment(),
        check=False,
    )  # fmt: skip


def listed(daemon: Daemon) -> list[Json]:
    """Return the open tickets, as the journal tells them."""
    rows: list[Json] = json.loads(tickets(daemon, "list", "--json").stdout)
    return [row for row in rows if row["closed"] is None]


def await_ticket(daemon: Daemon) -> Json:
    """Reconcile until a ticket is open; returns it."""

    def look() -> Json | None:
        daemon.verb("reconcile")
        rows = listed(daemon)
        return rows[0] if rows else None

    found: Json = until("a ticket", look)
    return found


def posture(daemon: Daemon) -> str:
    """Return what the daemon may do now."""
    return str(until("a status", daemon.status)["posture"])


def test_a_ticket_is_found_let_wait_booked_and_the_next_one_flattened(tmp_path: Path) -> None:
    with world(tmp_path, SEED, changes=CHANGES) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        simulator.tell("/endow", symbol="IBM", quantity="10")
        name = await_ticket(daemon)["ticket_id"]
        assert posture(daemon) == "halted"
        shown = tickets(daemon, "show", name)
        assert shown.returncode == 0
        assert "kind          position" in shown.stdout
        for word in ("adopt", "book", "ignore-until", "flatten", "trader reconcile replay"):
            assert f"{word} " in shown.stdout

        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        waits = tickets(daemon, "ignore-until", name, later, "--reason", "asked the broker")
        assert (waits.returncode, waits.stderr) == (0, "")
        until("exits alone", lambda: posture(daemon) == "reduce_only")
        daemon.kill()
        (row,) = listed(daemon)
        assert row["state"] == "ignored"
        daemon.start()
        until("exits alone again", lambda: posture(daemon) == "reduce_only")

        few = tickets(daemon, "book", name, "--quantity", "4", "--price", "0", "--reason", "gift")
        assert few.returncode == 1
        assert "allowed is --quantity 10" in few.stderr
        whole = tickets(
            daemon, "book", name, "--quantity", "10", "--price", "0", "--reason", "gift"
        )
        assert (whole.returncode, whole.stderr) == (0, "")
        again = tickets(
            daemon, "book", name, "--quantity", "10", "--price", "0", "--reason", "gift"
        )
        assert again.returncode == 1
        assert "no open ticket" in again.stderr
        daemon.await_armed()

        simulator.tell("/endow", symbol="IBM", quantity="5")
        name = await_ticket(daemon)["ticket_id"]
        flat = tickets(daemon, "flatten", name, "--reason", "not ours")
        assert (flat.returncode, flat.stderr) == (0, ""), flat.stderr
        assert "IBM: flat" in flat.stdout
        again = tickets(daemon, "flatten", name, "--reason", "not ours")
        assert again.returncode == 1
        assert len(simulator.truth()["place_frames"]) == 1
        daemon.resume()
        status = daemon.await_armed()
        assert listed(daemon) == []
        assert [row for row in status["positions"] if Decimal(row["quantity"])] == []


def is_closed(daemon: Daemon) -> bool:
    """Tell whether the end of a ticket is on disk."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM events WHERE kind = 'TicketClosed'"
        return bool(db.execute(query).fetchone()[0])


def test_a_kill_in_the_middle_of_a_flattening_sells_nothing_twice(tmp_path: Path) -> None:
    """The ticket is closed, the book right, the halt stands; what is left is closed once."""
    with world(tmp_path, SEED + 1, changes=CHANGES) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        simulator.tell("/endow", symbol="IBM", quantity="10")
        name = await_ticket(daemon)["ticket_id"]
        words = [sys.executable, "-m", "trader", "tickets", "flatten", name, "--reason", "x"]
        asking = subprocess.Popen(
            [*words, "--state", str(daemon.state)], cwd=ROOT, env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until("the ticket is closed", lambda: is_closed(daemon))
            daemon.kill()
        finally:
            asking.wait(PATIENCE_S)
        daemon.start()
        daemon.await_cause("operator")
        again = tickets(daemon, "flatten", name, "--reason", "x")
        assert again.returncode == 1
        assert "no open ticket" in again.stderr

        def is_flat() -> bool:
            return daemon.verb("liquidate").is_done

        until("flat", is_flat)
        (row,) = (one for one in simulator.truth()["positions"] if one["symbol"] == "IBM")
        assert Decimal(row["quantity"]) == 0
        sold = [one for one in simulator.truth()["executions"] if one["symbol"] == "IBM"]
        assert sum(Decimal(one["quantity"]) for one in sold) == 10
        assert listed(daemon) == []

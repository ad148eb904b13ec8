"""Goal: what the broker said of the account outlives the process, and is old afterwards.

Method: a daemon that has recorded the account's values is killed with SIGKILL; the simulator is
stopped, so that nobody tells them anew; the next daemon shows the old ones with their age and
refuses what needs them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import Daemon, Json, until, world

SEED = 20260291

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def rows_of(daemon: Daemon) -> int:
    """Count the rows of values that are on disk."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as journal:
        query = "SELECT count(*) FROM events WHERE kind = 'AccountTold'"
        ((count,),) = journal.execute(query).fetchall()
    return int(count)


def told(daemon: Daemon, source: str) -> Json:
    """Wait until the account's values are shown from this source; returns them."""

    def look() -> Json | None:
        status = daemon.status()
        found: Json | None = None if status is None else status["told_account"]
        return found if found is not None and found["source"] == source else None

    return until(f"values by the {source}", look)


def test_killed_and_started_without_a_broker_it_shows_old_values_and_counts_with_none(
    tmp_path: Path,
) -> None:
    """CAP-29."""
    with world(tmp_path, SEED, has_state=True) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        fresh = told(daemon, "broker")
        assert fresh["is_usable"] is True
        until("a row of values on disk", lambda: rows_of(daemon))
        daemon.kill()
        simulator.stop()

        daemon.start()
        old = told(daemon, "journal")
        assert old["is_usable"] is False
        assert old["age_s"] > 0
        assert Decimal(old["net_liquidation"]) > 0
        assert (old["currency"], old["account_type"]) == (fresh["currency"], fresh["account_type"])
        status: Json = until("a status", daemon.status)
        assert status["posture"] != "armed"
        assert any("account" in text for text in status["inputs_missing"]), status["inputs_missing"]

        simulator.start()
        again = told(daemon, "broker")
        assert again["is_usable"] is True

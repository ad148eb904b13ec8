"""The production SQLite on the simulated disk: what it calls committed survives a power cut."""

from __future__ import annotations

import random
import sqlite3

import pytest

from tests.simulation.disk import Disk
from tests.simulation.run import Child, Wish
from tests.simulation.vfs import SimulatedVfs

COMMITS = 20


def committed_after(cuts: int, synchronous: str, *, has_power: bool) -> str:
    """Return, for each of some crashes after the last commit, how many rows are found."""
    host = [Disk(random.Random(1))]
    SimulatedVfs(lambda: host[0], lambda: 0, lambda line: None).install()
    db = sqlite3.connect("journal.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("CREATE TABLE rows (x)")
    for number in range(COMMITS):
        db.execute("INSERT INTO rows VALUES (?)", (number,))
    found = []
    running = host[0]
    for _ in range(cuts):
        host[0] = running.after_crash(has_power=has_power)
        after = sqlite3.connect("journal.db")
        try:
            ((count,),) = after.execute("SELECT count(*) FROM rows").fetchall()
        except sqlite3.DatabaseError:
            count = -1
        after.close()
        found.append(count)
    return " ".join(map(str, found))


@pytest.mark.parametrize(
    ("synchronous", "has_power", "loses"),
    [("FULL", True, False), ("FULL", False, False), ("OFF", True, False), ("OFF", False, True)],
)
def test_a_commit_survives_what_its_sync_says_it_survives(
    wish: Wish, synchronous: str, has_power: bool, loses: bool
) -> None:
    def say() -> str:
        return committed_after(30, synchronous, has_power=has_power)

    said, status = Child(say).said()
    assert status == 0
    counts = [int(word) for word in said.split()]
    assert len(counts) == 30
    assert any(count < COMMITS for count in counts) is loses

"""Goal: an upgrade that is killed leaves the journal old or new, never in between, and never alone.

Method: a child opens a journal of the first version, as a start of the daemon does, and is killed
with SIGKILL: while its copy is being written, seen from outside, and inside the transaction, just
before each of a few of its statements. Afterwards the journal must hold every event at version 1 or
at the latest, a copy that has the final name must equal what was there, and the next start must
bring the upgrade to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.support import strategy_note
from tests.unit.store.test_upgrade import ROWS, old_journal, told, upgraded
from trader.store import connection, reconstruct
from trader.store.chain import RECONSTRUCT
from trader.store.rows import row_of
from trader.store.schema import LATEST, upgrade_from
from trader.store.upgrade import copies_of, verify
from trader.store.verify import verified

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
STEPS = len(upgrade_from(1))
REBUILDING = upgrade_from(1).index(RECONSTRUCT) + 1
EVERYTHING = "SELECT seq, at_us, kind, version, payload FROM events ORDER BY seq"

pytestmark = [pytest.mark.process, pytest.mark.slow]


def child(path: Path, dies_before: int) -> None:
    """Upgrade; with a number, die by SIGKILL before that statement of the upgrade."""
    fetched, steps = connection.fetched, upgrade_from(1)
    whole = reconstruct.reconstruct

    async def killing(db: Any, sql: str, *values: object) -> Any:
        if dies_before and sql == steps[dies_before - 1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return await fetched(db, sql, *values)

    async def dying(db: Any, now_utc: Any) -> None:
        # With every digest written and nothing committed.
        await whole(db, now_utc)
        if dies_before and steps[dies_before - 1] == RECONSTRUCT:
            os.kill(os.getpid(), signal.SIGKILL)

    connection.fetched = killing
    reconstruct.reconstruct = dying
    asyncio.run(upgraded(path))


def started(path: Path, dies_before: int = 0) -> subprocess.Popen[bytes]:
    words = ["-m", "tests.process.test_upgrade", str(path), str(dies_before)]
    return subprocess.Popen([sys.executable, *words], cwd=ROOT)


def killed_on_sight_of(draft: Path, path: Path) -> int:
    """Kill a child as soon as a part of its copy is there; returns how it ended."""
    with started(path) as process:
        end_s = time.monotonic() + PATIENCE_S
        while not (draft.exists() and draft.stat().st_size > 1_000_000):
            assert process.poll() is None, "it ended before its copy was seen"
            assert time.monotonic() < end_s, "no copy in time"
            time.sleep(0.001)
        process.kill()
    return process.returncode


async def finished(path: Path, events: list[tuple[object, ...]]) -> None:
    """Start again; the upgrade comes to its end and nothing is lost."""
    await upgraded(path)
    assert told(path, "PRAGMA user_version") == [(LATEST,)]
    assert told(path, EVERYTHING) == events
    verdict = await asyncio.to_thread(verified, path)
    assert verdict.is_whole, verdict.findings
    assert verdict.reconstructed_to == len(events)
    assert not path.with_name("journal.db.copying").exists()
    newest = copies_of(path)[0]
    assert told(newest, "PRAGMA user_version") == [(1,)]
    assert told(newest, EVERYTHING) == events


async def test_killed_while_the_copy_is_written(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # Long enough to be seen: some 80 MB.
        rows = (row_of(strategy_note(seq, "y" * 20_000)) for seq in range(ROWS + 1, ROWS + 4_001))
        db.execute("BEGIN")
        db.executemany("INSERT INTO events VALUES (?,?,?,?,?)", rows)
        db.execute("COMMIT")
    events = told(path, EVERYTHING)
    draft = path.with_name("journal.db.copying")
    assert killed_on_sight_of(draft, path) == -signal.SIGKILL
    assert draft.name in os.listdir(tmp_path)
    assert copies_of(path) == ()
    assert told(path, "PRAGMA user_version") == [(1,)]
    assert told(path, EVERYTHING) == events
    await finished(path, events)


@pytest.mark.parametrize("step", [2, 3, REBUILDING, STEPS - 1, STEPS])
async def test_killed_inside_the_transaction(tmp_path: Path, step: int) -> None:
    path = old_journal(tmp_path / "journal.db")
    events = told(path, EVERYTHING)
    with started(path, step) as process:
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    # The copy was there before the first change.
    (copy,) = copies_of(path)
    assert told(path, "PRAGMA user_version") == [(1,)]
    assert told(path, "SELECT name FROM sqlite_schema WHERE name = 'v_orders'") == []
    assert told(path, EVERYTHING) == events
    verify(path, copy)
    await finished(path, events)


if __name__ == "__main__":
    child(Path(sys.argv[1]), int(sys.argv[2]))

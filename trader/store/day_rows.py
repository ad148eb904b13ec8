"""What the journal's rows hold since a moment: counts by kind, and which executions.

Read beside the writer. Times of rows may step back with the wall clock, so where to begin is
looked for by halves and then taken generously; what is counted on top does no harm.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import aiosqlite

from trader.core.ids import ExecFamily, ExecId, exec_family
from trader.core.moments import microseconds_of
from trader.store.connection import fetched
from trader.store.onlooker import beside_the_writer, describe
from trader.store.rows import JournalUnusable

# What the wall clock and the broker's may be apart, and then some.
_MARGIN = timedelta(hours=24)
_ROWS_A_STEP = 5_000
_AT = "SELECT seq, at_us FROM events WHERE seq >= ? ORDER BY seq LIMIT 1"
_COUNTS = "SELECT kind, count(*) FROM events WHERE seq BETWEEN ? AND ? GROUP BY kind"
_EXECUTIONS = (
    "SELECT CASE WHEN json_valid(payload) THEN payload ->> '$.execution.exec_id' END FROM events "
    "WHERE seq BETWEEN ? AND ? AND kind = 'ExecutionSeen'"
)


@dataclass(frozen=True, slots=True)
class DayRows:
    """Rows by kind since about a moment, and the executions among them."""

    row_count: int
    counts: dict[str, int]
    executions: frozenset[ExecFamily]


async def day_rows(path: Path, since_utc: datetime) -> DayRows:
    """Read what was recorded since a moment; raises JournalUnusable."""
    try:
        async with beside_the_writer(path) as db:
            ((last,),) = await fetched(db, "SELECT max(seq) FROM events")
            first = await _first_since(db, microseconds_of(since_utc - _MARGIN), last or 0)
            return await _read(db, first, last or 0)
    except (sqlite3.Error, ValueError) as error:
        raise JournalUnusable(f"{path}: {describe(error)}") from error


async def _first_since(db: aiosqlite.Connection, since_us: int, last: int) -> int:
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        rows = await fetched(db, _AT, middle)
        if rows and rows[0][1] < since_us:
            low = int(rows[0][0]) + 1
        else:
            high = middle
    return low


async def _read(db: aiosqlite.Connection, first: int, last: int) -> DayRows:
    counts: dict[str, int] = {}
    executions: dict[ExecFamily, None] = {}
    for begin in range(first, last + 1, _ROWS_A_STEP):
        end = min(begin + _ROWS_A_STEP - 1, last)
        for kind, count in await fetched(db, _COUNTS, begin, end):
            name = kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)
            counts[name] = counts.get(name, 0) + count
        for (exec_id,) in await fetched(db, _EXECUTIONS, begin, end):
            if isinstance(exec_id, bytes):
                executions[exec_family(ExecId(exec_id.decode()))[0]] = None
    return DayRows(last, counts, frozenset(executions))

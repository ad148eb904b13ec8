"""The rows since a moment are counted, however often the wall clock was set meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.core.factories import executed
from tests.unit.store.support import START, running, strategy_note, tampered
from trader.core import events as ev
from trader.core.ids import Seq
from trader.store.day_rows import day_rows
from trader.store.rows import JournalUnusable

DAY = timedelta(hours=24)
# Two rows a day for eight days, the odd ones executions.
ROWS = 16


async def write(path: Path) -> None:
    async with running(path) as journal:
        for seq in range(1, ROWS + 1):
            event: ev.Event = strategy_note(seq).event
            if seq % 2:
                event = executed(1, f"e{seq}.01.01")
            journal.append(ev.Recorded(Seq(seq), START + DAY * ((seq - 1) // 2), event))
        await journal.durable(Seq(ROWS))


async def test_rows_are_counted_by_kind_from_a_day_before_the_moment_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await write(path)
    rows = await day_rows(path, START + DAY * 6)
    # Those of the days 5, 6 and 7: a margin for clocks that do not agree.
    assert rows.counts == {"ExecutionSeen": 3, "StrategyCheckpointed": 3}
    assert rows.executions == {"e11.01", "e13.01", "e15.01"}
    assert rows.row_count == ROWS


@pytest.mark.parametrize("since", [START - DAY * 400, START + DAY])
async def test_a_moment_before_the_journal_counts_all(tmp_path: Path, since: datetime) -> None:
    path = tmp_path / "journal.db"
    await write(path)
    rows = await day_rows(path, since)
    assert sum(rows.counts.values()) == ROWS


async def test_a_moment_after_the_journal_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await write(path)
    rows = await day_rows(path, START + DAY * 400)
    assert (rows.counts, rows.executions, rows.row_count) == ({}, frozenset(), ROWS)


async def test_rows_that_hold_nonsense_are_counted_and_name_no_execution(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await write(path)
    tampered(path, "UPDATE events SET payload = 'no json' WHERE seq = 15")
    tampered(path, "UPDATE events SET kind = CAST(x'ff' AS TEXT) WHERE seq = 16")
    rows = await day_rows(path, START + DAY * 8)
    assert (sum(rows.counts.values()), rows.executions) == (2, frozenset())


async def test_an_empty_journal_has_none_and_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path):
        pass
    assert (await day_rows(path, START)).row_count == 0
    with pytest.raises(JournalUnusable, match="there is no journal"):
        await day_rows(tmp_path / "gone.db", START)

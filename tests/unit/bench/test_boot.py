"""A start does not grow with history; `BENCH_EVENTS=5000000` measures what is promised."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trader.bench.boot import TAIL, boot_seconds, main
from trader.bench.history import History, make_journal
from trader.store import connection

ORDERS = 2_000


def test_ten_times_the_history_makes_no_start_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is read as a whole is bounded by its size: here neither is.
    monkeypatch.setattr(connection, "CHECKED_BYTES_MAX", 4096)
    young, old = tmp_path / "young.db", tmp_path / "old.db"
    make_journal(young, History(20_000, ORDERS, TAIL))
    make_journal(old, History(200_000, ORDERS, TAIL))
    short, long = boot_seconds(young, 5), boot_seconds(old, 5)
    assert (short.events, long.events) == (20_000, 200_000)
    assert long.cpu_s < 1.5 * short.cpu_s


@pytest.mark.skipif("BENCH_EVENTS" not in os.environ, reason="takes minutes: set BENCH_EVENTS")
def test_a_start_behind_years_of_events_takes_two_seconds(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    make_journal(journal, History(int(os.environ["BENCH_EVENTS"]), 20_000, TAIL))
    assert boot_seconds(journal).cpu_s <= 2.0


def test_the_command_prints_both_starts_and_refuses_what_it_cannot_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--orders", "100", "--events", "1000"]) == 2
    assert "above" in capsys.readouterr().err
    assert main(["--orders", "10", "--events", "5000", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["events"] for row in told["starts"]] == [2180, 5000]

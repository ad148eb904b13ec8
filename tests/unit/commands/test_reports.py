"""`trader reports` lists what is there, offline, and its exit code is the gate's."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.core.factories import a_book, a_snapshot
from trader.cli import main
from trader.core.checkpoint import state_of
from trader.core.halts import Mode
from trader.core.reports.content import Content, ReportStatus, Stamp
from trader.core.reports.runtime import runtime_content
from trader.core.reports.snapshot import snapshot_content
from trader.core.reports.table import REPORTS, TERMS, ReportName, Terms
from trader.core.snapshots import BrokerSnapshot
from trader.ops.clock import SystemClock
from trader.ops.report_files import ReportFiles

CONTENT = runtime_content(state_of(a_book()))


def write(
    state: Path,
    name: ReportName,
    status: ReportStatus = ReportStatus.OK,
    age_s: float = 1.0,
    content: Content = CONTENT,
) -> None:
    at_utc = SystemClock().utc() - timedelta(seconds=age_s)
    stamp = Stamp(
        report=name, status=status, reasons=("why",) if status != "ok" else (), as_of_utc=at_utc,
        written_utc=at_utc, age_s_max=TERMS[name].age_s_max, account="DUSIM1", mode=Mode.DEMO,
        evidence="simulator", lineage="abc123", seq=1, version="1", git_sha="",
    )  # fmt: skip
    ReportFiles(state).write_now(TERMS[name], stamp, content)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for terms in REPORTS:
        write(tmp_path, terms.name)
    return tmp_path


def reports(state: Path, *words: str) -> int:
    return main(["reports", "--state", str(state), *words])


def test_reports_that_are_all_of_now_and_good_pass(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reports(state, "--strict") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "8 of 8 pass; evidence: simulator"
    assert [line.split()[-1] for line in lines[1:-1]] == ["pass"] * 8


@pytest.mark.parametrize("terms", REPORTS)
def test_one_that_is_missing_fails_all(
    state: Path, capsys: pytest.CaptureFixture[str], terms: Terms
) -> None:
    (state / terms.path).unlink()
    assert reports(state) == 1
    assert "FAIL: missing" in capsys.readouterr().out


def test_a_stale_one_fails_and_says_by_how_much(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, ReportName.RECONCILIATION, age_s=36_100)
    assert reports(state) == 1
    shown = capsys.readouterr().out
    assert "10.0 h" in shown
    assert "FAIL: stale: 36100 s old, allowed 600 s" in shown


def test_only_strictly_a_lack_of_data_fails(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, ReportName.SANITY, ReportStatus.INSUFFICIENT)
    assert reports(state) == 0
    assert reports(state, "--strict") == 1
    assert "FAIL: its status is insufficient_data" in capsys.readouterr().out


def test_as_json_every_report_says_whether_it_passed(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, ReportName.INTEGRITY, ReportStatus.FAIL)
    assert reports(state, "--json") == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == 8
    assert rows["event_store"]["has_passed"] is False
    assert rows["event_store"]["reasons"] == ["why"]
    assert rows["parity"]["has_passed"] is True


def test_a_state_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reports(tmp_path / "nowhere") == 1
    assert "there is no state here" in capsys.readouterr().err


def a_snapshot_of(days: int) -> BrokerSnapshot:
    at_utc = SystemClock().utc() - timedelta(days=days)
    return a_snapshot(finished_utc=at_utc, cash={"USD": 1000 - days})


def test_a_series_comes_out_of_the_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for days in (100, 8, 1, 0):
        write(tmp_path, ReportName.SNAPSHOT, content=snapshot_content(a_snapshot_of(days), None, 0))
    assert reports(tmp_path, "--series", "cash.USD") == 0
    values = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert values == ["900", "992", "999", "1000"]
    # More than a week old, only the last of each day is kept; a day of many counts once.
    assert len(list((tmp_path / "reports/exchange_snapshots/full").iterdir())) == 2
    assert reports(tmp_path, "--series", "cash.USD", "--daily", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["points"]) == 4


def test_a_figure_that_nobody_told_is_no_series(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reports(state, "--series", "nonsense") == 1
    assert "no snapshot" in capsys.readouterr().err

"""A report is replaced as a whole, its history is pruned, and only what it says itself is read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trader.core.halts import Mode
from trader.core.reports.content import Content, ReportStatus, Stamp
from trader.core.reports.integrity import IntegrityReport
from trader.core.reports.ledger import SanityReport, WriterReport
from trader.core.reports.parity import ParityReport
from trader.core.reports.reconciliation import ReconciliationReport
from trader.core.reports.runtime import RuntimeState
from trader.core.reports.snapshot import SnapshotReport
from trader.core.reports.table import TERMS, Keep, ReportName
from trader.engine.risk.risk_report import RiskReport
from trader.ops.report_files import ReportFiles, ReportUnwritten, body_of, found_in, history_in

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
TERMS_OF = replace(TERMS[ReportName.PARITY], keeps=(Keep("reports/parity/days", 7),))
STAMP = Stamp(
    report="parity", status=ReportStatus.OK, reasons=("a reason",), as_of_utc=NOW,
    written_utc=NOW, age_s_max=600.0, account="DU1", mode=Mode.PAPER, evidence="paper",
    lineage="abc123", seq=7, version="1", git_sha="",
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    finished_utc: datetime
    amount: Decimal
    counts: dict[str, int]


BODY = Body(NOW, Decimal("1.50"), {"b": 2})
CONTENT = Content(ReportStatus.OK, (), BODY, copies=("reports/parity/days/20261122.json",))


def test_it_is_there_with_its_copy_and_reads_back(tmp_path: Path) -> None:
    ReportFiles(tmp_path).write_now(TERMS_OF, STAMP, CONTENT)
    path = tmp_path / TERMS_OF.path
    body = body_of(path)
    assert body is not None
    assert (body["amount"], body["counts"], body["schema"]) == ("1.50", {"b": 2}, 1)
    assert (body["lineage"], body["seq"], body["evidence"]) == ("abc123", 7, "paper")
    assert body["as_of_utc"].endswith("Z")
    assert (tmp_path / "reports/parity/days/20261122.json").read_bytes() == path.read_bytes()
    found = found_in(path)
    assert (found.status, found.as_of_utc, found.problem) == (ReportStatus.OK, NOW, "")
    assert (found.evidence, found.reasons) == ("paper", ("a reason",))
    assert [item.name for item in path.parent.iterdir() if item.name.startswith(".")] == []


async def test_beside_the_loop_it_is_the_same(tmp_path: Path) -> None:
    await ReportFiles(tmp_path).write(TERMS_OF, STAMP, CONTENT)
    assert found_in(tmp_path / TERMS_OF.path).problem == ""


def test_a_write_that_fails_leaves_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, path = ReportFiles(tmp_path), tmp_path / TERMS_OF.path
    files.write_now(TERMS_OF, STAMP, CONTENT)
    before = path.read_bytes()

    def broken(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(ReportUnwritten, match=r"20261122\.json: No space left on device"):
        files.write_now(TERMS_OF, replace(STAMP, seq=8), CONTENT)
    assert path.read_bytes() == before


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")
    with pytest.raises(ReportUnwritten, match="reports/parity"):
        ReportFiles(tmp_path).write_now(TERMS_OF, STAMP, CONTENT)


def test_old_copies_go_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "reports/parity/days"
    folder.mkdir(parents=True)
    for days in (1, 7, 8, 400):
        (folder / f"{NOW - timedelta(days=days):%Y%m%d}.json").write_text("{}")
    (folder / "by-hand.json").write_text("{}")
    ReportFiles(tmp_path).write_now(TERMS_OF, STAMP, CONTENT)
    assert sorted(path.name for path in folder.iterdir()) == [
        "20261115.json", "20261121.json", "20261122.json", "by-hand.json",
    ]  # fmt: skip
    ReportFiles(tmp_path, {"reports/parity/days": 3}).write_now(TERMS_OF, STAMP, CONTENT)
    assert sorted(path.name for path in folder.iterdir()) == [
        "20261121.json", "20261122.json", "by-hand.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "missing"),
        ("", "cannot be read"),
        ("[]", "cannot be read: not an object"),
        ("[" * 100_000, "cannot be read"),
        ('{"schema": 2}', "its schema is 2, this program knows 1"),
        ('{"schema": 1, "status": "fine"}', "its status is 'fine'"),
        ('{"schema": 1, "status": "ok"}', "cannot be read: 'as_of_utc'"),
        ('{"schema": 1, "status": "ok", "as_of_utc": "soon"}', "cannot be read"),
        ('{"schema": 1, "status": "ok", "as_of_utc": "2026-11-22T15:00:00"}', "has no zone"),
    ],
)
def test_what_is_no_report_of_ours_has_a_problem(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    path = tmp_path / "latest.json"
    if text is not None:
        path.write_text(text)
    found = found_in(path)
    assert found.status is None
    assert problem in found.problem


def test_a_file_that_cannot_be_opened_has_a_problem(tmp_path: Path) -> None:
    assert found_in(tmp_path).problem == "cannot be read: Is a directory"


def test_a_history_is_read_and_what_is_none_is_counted(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    files.write_now(TERMS_OF, STAMP, CONTENT)
    folder = tmp_path / "reports/parity/days"
    (folder / "20261120.json").write_text("torn {")
    (folder / "20261121.json").write_text(json.dumps({"schema": 1}))
    bodies, bad = history_in(folder, tmp_path / "nowhere")
    assert ([body["seq"] for body in bodies], bad) == ([7], 2)


@pytest.mark.parametrize(
    "body",
    [
        IntegrityReport, ParityReport, ReconciliationReport, RiskReport, RuntimeState,
        SanityReport, SnapshotReport, WriterReport,
    ],
)  # fmt: skip
def test_no_body_hides_a_part_of_the_head(body: type) -> None:
    assert set(body.__dataclass_fields__) & set(Stamp.__dataclass_fields__) == set()  # type: ignore[attr-defined]

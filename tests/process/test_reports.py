"""Goal: the reports of a real daemon are there, of now, and say what its journal says.

Method: a daemon trades against the simulator until every report has data; each file is held
against the journal and the simulator's truth. A row is altered under the running daemon, and
`trader reports` tells it after the next start. The daemon is stopped; a day later, as the times in
the files say, everything is stale.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import Daemon, until, world
from tests.unit.store.support import shell, tampered
from trader.core.reports.table import REPORTS, TERMS, ReportName

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261122
FILES = {terms.name: terms.path for terms in REPORTS}


def reports(daemon: Daemon, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return what `trader reports` says, and its exit code."""
    command = ["-m", "trader", "reports", "--state", str(daemon.state), "--json", *words]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, {row["name"]: row for row in json.loads(done.stdout)}


def body(daemon: Daemon, name: ReportName) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((daemon.state / FILES[name]).read_text())
    return found


def statuses(daemon: Daemon) -> dict[str, str]:
    return {name: row["status"] for name, row in reports(daemon)[1].items()}


def pages(daemon: Daemon) -> list[str]:
    path = daemon.state / "audit_logs" / "pages.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["title"] for line in lines]


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_reports_of_a_day_agree_with_the_journal_and_a_stopped_daemon_has_none_of_now(
    tmp_path: Path,
) -> None:
    with world(tmp_path, SEED) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        until("every report", lambda: "" not in statuses(daemon).values())
        # What lacked data at the start is looked at again soon.
        wanted = {"ops_db": "pass", "parity": "ok"}
        until("data", lambda: wanted.items() <= statuses(daemon).items(), 90)
        _, listed = reports(daemon)
        bad = {name: row for name, row in listed.items() if not row["has_passed"]}
        assert set(bad) <= {"portfolio_risk"}, bad
        assert {row["evidence"] for row in listed.values()} == {"simulator"}
        status = until("a status", daemon.status)
        shown = {row["name"]: row for row in status["reports"]}
        assert not any(row["is_stale"] or row["problem"] for row in shown.values()), shown
        assert "reports are not written" not in pages(daemon)

        daemon.halt()
        daemon.send(signal.SIGTERM)
        assert daemon.ended() in (0, 3)
        agree(daemon, simulator.account)

        # The times in the files are what counts, so a day without the daemon is told by them.
        age_by_a_day(daemon)
        code, listed = reports(daemon)
        assert code == 1
        judged = {name for name, row in listed.items() if row["problem"].startswith("stale")}
        assert judged == {terms.name.value for terms in REPORTS if terms.age_s_max is not None}

        # A row that somebody altered while it was down: the sweep begins at the first event.
        (daemon.state / FILES[ReportName.INTEGRITY]).unlink()
        tampered(daemon.journal, "UPDATE events SET payload = replace(payload, ':', ': ') "
                 "WHERE seq = 3")  # fmt: skip
        daemon.start()
        until("a failure", lambda: statuses(daemon)["event_store"] == "fail")
        found = body(daemon, ReportName.INTEGRITY)["findings"]
        assert [(row["kind"], row["seq"]) for row in found] == [("altered", 3)]
        assert "the journal is not what was written" in pages(daemon)
        assert reports(daemon)[0] == 1


def agree(daemon: Daemon, account: str) -> None:
    """Hold each file against the journal at rest."""
    ((last,),) = shell(daemon.journal, "SELECT max(seq) FROM events")
    ((executions,),) = shell(
        daemon.journal, "SELECT count(*) FROM events WHERE kind = 'ExecutionSeen'"
    )
    ((run,),) = shell(
        daemon.journal,
        "SELECT json_extract(payload, '$.run_id') FROM events WHERE kind = 'ReconcileFinished' "
        "ORDER BY seq DESC LIMIT 1",
    )
    ((checkpoint,),) = shell(daemon.journal, "SELECT max(seq) FROM checkpoints")
    ((lineage,),) = shell(
        daemon.journal,
        "SELECT json_extract(payload, '$.lineage') FROM events WHERE kind = 'JournalOpened'",
    )
    for name in ReportName:
        found = body(daemon, name)
        assert (found["lineage"], found["account"], found["schema"]) == (lineage, account, 1)
        assert (found["mode"], found["evidence"]) == ("demo", "simulator")
        assert 0 < found["seq"] <= last
        assert len(found["git_sha"]) == 40
    # The last reconciliation and the last checkpoint are those of the way down.
    assert body(daemon, ReportName.RECONCILIATION)["run_id"] == run
    state = body(daemon, ReportName.RUNTIME)
    assert state["checkpoint_seq"] == checkpoint
    assert state["counts"]["fills"] == executions
    assert "never read back" in state["note"]
    sanity = body(daemon, ReportName.SANITY)
    assert 0 < sanity["broker_executions"] <= sanity["fill_rows"] <= executions
    assert sanity["missing_count"] == 0
    integrity = body(daemon, ReportName.INTEGRITY)
    assert integrity["finding_count"] == 0
    named = (integrity["last_seq"],)
    assert shell(daemon.journal, "SELECT count(*) FROM events WHERE seq = ?", *named) == [(1,)]
    today = datetime.now(UTC)
    days = {f"{today - timedelta(days=back):%Y%m%d}" for back in (0, 1)}
    folder = daemon.state / "reports" / "event_store"
    dated = {path.stem.removeprefix("integrity_") for path in folder.glob("integrity_2*.json")}
    assert dated
    assert dated <= days
    for history in TERMS[ReportName.SNAPSHOT].keeps:
        assert list((daemon.state / history.folder).glob("*.json"))


def age_by_a_day(daemon: Daemon) -> None:
    for path in FILES.values():
        file = daemon.state / path
        found = json.loads(file.read_text())
        as_of_utc = datetime.fromisoformat(found["as_of_utc"]) - timedelta(days=1)
        file.write_text(json.dumps(found | {"as_of_utc": as_of_utc.isoformat()}))

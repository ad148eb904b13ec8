"""What each reconciliation saw and decided, one folder a run, for whoever asks later.

The record of a run is also in the journal; this copy is for reading. Only the newest are kept.
"""

import json
import shutil
from pathlib import Path

import structlog

from trader.engine.reconciler import RunRecord
from trader.engine.status import Status
from trader.ops.status_json import plain

# The last status of a daemon that went down in order.
LAST_STATUS_FILE_NAME = "last_status.json"

log = structlog.get_logger(__name__)


class RunArchive:
    """Writes ``<folder>/<run_id>/run.json``."""

    def __init__(self, folder: Path, keep_max: int = 500) -> None:
        self._folder = folder
        self._keep_max = keep_max

    def write(self, record: RunRecord) -> None:
        """Write one record; a full disk is logged and stops nothing, the journal has it."""
        run_folder = self._folder / record.finished.run_id
        try:
            run_folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(_readable(record), indent=1, sort_keys=True)
            (run_folder / "run.json").write_text(text + "\n", encoding="utf-8")
            self._prune()
        except OSError as error:
            log.warning("run record not written", run=record.finished.run_id, problem=str(error))

    def _prune(self) -> None:
        runs = sorted(path for path in self._folder.iterdir() if path.is_dir())
        for path in runs[: -self._keep_max]:
            shutil.rmtree(path, ignore_errors=True)


def write_status(path: Path, status: Status) -> None:
    """Write a status beside the journal, for whoever asks after the daemon has gone."""
    try:
        path.write_text(json.dumps(plain(status)) + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("last status not written", problem=str(error))


def _readable(record: RunRecord) -> dict[str, object]:
    snapshot = record.snapshot
    return {
        "finished": plain(record.finished),
        "drifts": [
            {
                "kind": drift.kind.value,
                "key": drift.key,
                "expected": drift.expected,
                "observed": drift.observed,
                "repairs": [type(event).__name__ for event in drift.repair],
            }
            for drift in record.drifts
        ],
        "tickets": [plain(row) for row in record.plan.tickets] if record.plan else [],
        "snapshot": None
        if snapshot is None
        else {
            "account": snapshot.account,
            "started_utc": plain(snapshot.started_utc),
            "finished_utc": plain(snapshot.finished_utc),
            "window_utc": plain(snapshot.window_utc),
            "open_orders": [plain(row) for row in snapshot.open_orders],
            "completed_orders": [plain(row) for row in snapshot.completed_orders],
            "executions": [plain(row) for row in snapshot.executions],
            "commissions": [plain(row) for row in snapshot.commissions],
            "positions": [plain(row) for row in snapshot.positions],
            "cash": {key: plain(value) for key, value in snapshot.cash.items()},
        },
    }

"""What each reconciliation was asked, saw and decided: one folder a run, exactly as it was.

The journal holds what a run recorded and how it ended. This holds the rest, so that
:mod:`trader.store.replay` can ask the same question again. How long a run is kept, the settings
say (``retention.runs_days``).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import structlog

from trader.core.comparison import RunRecord
from trader.core.ids import RunId
from trader.store.codec import Misfit, decoder, encoder
from trader.store.rows import JournalUnusable

log = structlog.get_logger(__name__)

# Below the state directory.
RUNS_FOLDER = Path("results") / "runs"
RUN_FILE_NAME = "run.json"
_FORMAT = 1
LATEST = "latest"


class RunUnusable(JournalUnusable):
    """The record of a run is not there, or is not what we write."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run and the program that it was a run of."""

    format: int
    trader: str
    run: RunRecord


class RunArchive:
    """Writes ``<folder>/<run_id>/run.json``."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self._version = version

    def write(self, record: RunRecord) -> None:
        """Write one record; a full disk is logged and stops nothing, the journal has its end."""
        run_folder = self._folder / record.finished.run_id
        text = encoder(StoredRun)(StoredRun(_FORMAT, self._version, record))
        try:
            run_folder.mkdir(parents=True, exist_ok=True)
            (run_folder / RUN_FILE_NAME).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            log.warning("run record not written", run=record.finished.run_id, problem=str(error))


def stored_run(folder: Path, name: str) -> StoredRun:
    """Return the record of a run by its id, or of the latest; raises RunUnusable."""
    path = folder / _known(folder, name) / RUN_FILE_NAME
    try:
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise RunUnusable(f"{path}: not a record of a run in format {_FORMAT}")
        stored: StoredRun = decoder(StoredRun)(data)
    except OSError as error:
        raise RunUnusable(f"{path}: {error.strerror}") from error
    except Misfit as misfit:
        raise RunUnusable(f"{path}: field {misfit.field}: {misfit.problem}") from misfit
    except (ValueError, RecursionError) as error:
        raise RunUnusable(f"{path}: not JSON ({error})") from error
    return stored


def _known(folder: Path, name: str) -> RunId:
    runs = [path.name for path in _folders(folder)]
    if name == LATEST and runs:
        return RunId(runs[-1])
    if name not in runs:
        known = f"{runs[0]} to {runs[-1]}" if runs else "none"
        raise RunUnusable(f"no run {name!r} in {folder}; there are {known}")
    return RunId(name)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []

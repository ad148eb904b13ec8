"""The places where old files pile up, and the removal of what is due, a few at a time.

Only names of ours are touched, and only full files: what is being written has another name.
Journal, archives and the anchors of the chain are no class here and are never removed. A removal is
one step for each file; killed in between, the next look goes on.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from trader.core.retention import Kept, Term, due

log = structlog.get_logger(__name__)

# At one look: a place is looked at every few minutes, and fills more slowly than that.
REMOVED_MAX = 50
_TAIL_BYTES = 256 * 1024
_STAMP = "%Y%m%dT%H%M%S"
# Folders of reconciliations, and full files.
RUN_NAMES = r"(?P<stamp>[0-9]{8}T[0-9]{6})Z-.+"


def full_names(stem: str) -> str:
    """Return the form of the names that full files of a log have."""
    return re.escape(stem) + r"-[0-9]{6,}\.jsonl"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and the names of one class in it; ``form`` may hold the moment as ``stamp``."""

    name: str
    folder: Path
    form: str
    term: Term


@dataclass(frozen=True, slots=True)
class Swept:
    """What a look at a place did: how many went, how many are due still, what was in the way."""

    removed_count: int = 0
    due_count: int = 0
    problem: str = ""


def sweep(place: Place, now_utc: datetime, delivered_seq: int | None) -> Swept:
    """Remove a few of what is due; for a thread of its own, because a disk may hang."""
    try:
        kept = _kept(place, now_utc - timedelta(days=place.term.days))
        names = due(kept, place.term, now_utc, delivered_seq)
    except OSError as error:
        return Swept(problem=f"{place.folder}: {error.strerror or error}")
    removed, problem = 0, ""
    for name in names[:REMOVED_MAX]:
        try:
            _remove(place.folder / name)
            removed += 1
        except OSError as error:
            problem = problem or f"{place.folder / name}: {error.strerror or error}"
    if removed:
        log.info("old files removed", place=place.name, count=removed, last=names[removed - 1])
    return Swept(removed, len(names) - removed, problem)


def _kept(place: Place, before_utc: datetime) -> Sequence[Kept]:
    """Return what is there; what is in a file of events is looked up only where it is old."""
    form = re.compile(place.form, re.ASCII)
    try:
        with os.scandir(place.folder) as entries:
            named = [(entry, form.fullmatch(entry.name)) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    found = []
    for entry, match in named:
        if match is None or entry.is_symlink():
            continue
        at_utc = _stamped(match)
        if at_utc is None and "stamp" in match.groupdict():
            continue
        if at_utc is None:
            at_utc = datetime.fromtimestamp(entry.stat().st_mtime, UTC)
        is_asked = place.term.holds_events and at_utc < before_utc
        last_seq = _last_seq(Path(entry.path)) if is_asked else None
        size = 0 if place.term.bytes_max is None else entry.stat().st_size
        found.append(Kept(entry.name, at_utc, last_seq, size))
    return found


def _stamped(match: re.Match[str]) -> datetime | None:
    try:
        return datetime.strptime(match["stamp"], _STAMP).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def _last_seq(path: Path) -> int | None:
    """Return the number of the last event in a file of a stream, None where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _TAIL_BYTES, 0))
            lines = file.read().split(b"\n")
        seq = json.loads(lines[-2])["seq"]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    return seq if isinstance(seq, int) else None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""The files of the reports: each is replaced as a whole, so whoever reads one reads all of it.

They are not synced. A sync would hold up the journal's own, which an order waits for; and of a
report that a power cut has torn nothing is lost that is not written anew a few minutes later.
Until then it cannot be read, and what cannot be read counts as missing.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from trader.core.reports.content import SCHEMA, Content, ReportStatus, Stamp
from trader.core.reports.freshness import Found
from trader.core.reports.table import Keep, Terms, expired
from trader.ops.status_json import plain
from trader.ports import WorldError

log = structlog.get_logger(__name__)

_STATUSES = {status.value: status for status in ReportStatus}


class ReportUnwritten(WorldError):
    """A report could not be written; the message names the file."""


class ReportFiles:
    """Writes reports below one state directory, and removes what is older than it is kept."""

    def __init__(self, state_dir: Path, days_of: Mapping[str, int] | None = None) -> None:
        """``days_of`` says by folder how long dated files are kept, before the table does."""
        self._state_dir = state_dir
        self._days_of = days_of or {}

    async def write(self, terms: Terms, stamp: Stamp, content: Content) -> None:
        """Write one report beside the loop; raises ReportUnwritten."""
        await asyncio.to_thread(self.write_now, terms, stamp, content)

    def write_now(self, terms: Terms, stamp: Stamp, content: Content) -> None:
        """Write one report and its copies; raises ReportUnwritten."""
        body = plain(stamp), plain(content.body)
        assert isinstance(body[0], dict)
        assert isinstance(body[1], dict)
        assert not body[0].keys() & body[1].keys(), "the body hides a part of the head"
        text = json.dumps(body[0] | body[1], indent=1, allow_nan=False) + "\n"
        path = self._state_dir / terms.path
        try:
            # The newest last: where it stands, its copies do too.
            for name in (*content.copies, terms.path):
                path = self._state_dir / name
                replace_unsynced(path, text)
        except OSError as error:
            raise ReportUnwritten(f"{path}: {error.strerror or error}") from error
        for keep in terms.keeps:
            self._prune(keep, stamp.written_utc)

    def _prune(self, keep: Keep, now_utc: datetime) -> None:
        folder = self._state_dir / keep.folder
        try:
            names = [path.name for path in folder.iterdir()]
            days = self._days_of.get(keep.folder, keep.days)
            for name in expired(names, days, now_utc.date()):
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("old reports stay", folder=str(folder), problem=str(error))


def replace_unsynced(path: Path, text: str) -> None:
    """Replace a file as a whole, making its folder; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # One daemon writes below a state directory, so one name for what is not whole yet is enough.
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def body_of(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None where there is none; raises OSError and ValueError."""
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except RecursionError as error:
        raise ValueError("brackets without end") from error
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def found_in(path: Path) -> Found:
    """Return what the head of a report says; a file that is no report of ours has a problem."""
    try:
        body = body_of(path)
        if body is None:
            return _without("missing")
        if body.get("schema") != SCHEMA:
            return _without(f"its schema is {body.get('schema')!r}, this program knows {SCHEMA}")
        status = _STATUSES.get(str(body.get("status")))
        if status is None:
            return _without(f"its status is {body.get('status')!r}")
        as_of_utc = datetime.fromisoformat(str(body["as_of_utc"]))
        if as_of_utc.tzinfo is None:
            return _without("its time has no zone")
    except OSError as error:
        return _without(f"cannot be read: {error.strerror or error}")
    except (ValueError, KeyError) as error:
        return _without(f"cannot be read: {error}")
    reasons = body.get("reasons")
    return Found(
        status=status,
        as_of_utc=as_of_utc,
        evidence=str(body.get("evidence", "")),
        reasons=tuple(map(str, reasons)) if isinstance(reasons, list) else (),
    )


def _without(problem: str) -> Found:
    return Found(None, None, problem=problem)


def history_in(*folders: Path) -> tuple[list[Mapping[str, Any]], int]:
    """Return every report of the folders, and how many files were none."""
    bodies: list[Mapping[str, Any]] = []
    bad = 0
    for folder in folders:
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            try:
                body = body_of(path)
            except (OSError, ValueError):
                body = None
            if body is not None and body.get("schema") == SCHEMA and "finished_utc" in body:
                bodies.append(body)
            else:
                bad += 1
    return bodies, bad

"""Every letter of a journal's quarantine, open ones first, read while the daemon runs or not."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Row

from trader.core.quarantine import verbs_for
from trader.store.onlooker import one_moment


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter as the journal tells it; what has not happened is None or empty."""

    key: str
    message_id: int
    server_version: int
    fields: tuple[str, ...]
    is_truncated: bool
    error: str
    count: int
    first_utc: datetime
    last_utc: datetime
    tried_utc: datetime | None = None
    tried_outcome: str = ""
    tried_by: str = ""
    ended_utc: datetime | None = None
    ended_as: str = ""
    ended_by: str = ""
    ended_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has ended it yet."""
        return self.ended_utc is None

    @property
    def verbs(self) -> dict[str, str]:
        """Return the verbs that fit it, with what each would do; none once it is over."""
        return verbs_for(self.message_id, is_truncated=self.is_truncated) if self.is_open else {}


@dataclass(frozen=True, slots=True)
class NotKeptRow:
    """How many messages of an id there was no room for, at least, by the last word on it."""

    message_id: int
    count: int
    last_utc: datetime


def letters_in(path: Path) -> tuple[tuple[LetterRow, ...], tuple[NotKeptRow, ...]]:
    """Return open letters, then ended ones, newest first, and what was not kept.

    Raises JournalUnusable.
    """
    with one_moment(path) as db:
        db.row_factory = Row
        named = "SELECT count(*) FROM sqlite_schema WHERE name = 'dead_letters'"
        if not db.execute(named).fetchone()[0]:
            # A journal that no daemon of this version has opened yet has none.
            return (), ()
        rows = [_row(row) for row in db.execute("SELECT * FROM dead_letters ORDER BY seq DESC")]
        lost = {
            row["message_id"]: NotKeptRow(row["message_id"], row["count"], _time(row["at"]))
            for row in db.execute("SELECT * FROM dead_letters_not_kept ORDER BY seq")
        }
    newest_first = tuple(sorted(rows, key=lambda row: not row.is_open))
    return newest_first, tuple(lost[key] for key in sorted(lost))


def _row(row: Row) -> LetterRow:
    return LetterRow(
        key=row["key"],
        message_id=row["message_id"],
        server_version=row["server_version"],
        fields=tuple(json.loads(row["fields"])),
        is_truncated=bool(row["is_truncated"]),
        error=row["error"],
        count=row["count"],
        first_utc=_time(row["at"]),
        last_utc=_time(row["last_at"]),
        tried_utc=_time(row["tried_at"]) if row["tried_at"] else None,
        tried_outcome=row["tried_outcome"] or "",
        tried_by=row["tried_by"] or "",
        ended_utc=_time(row["ended_at"]) if row["ended_at"] else None,
        ended_as=row["ended_as"] or "",
        ended_by=row["ended_by"] or "",
        ended_reason=row["ended_reason"] or "",
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

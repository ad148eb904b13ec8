"""Every ticket of a journal, open ones first, read while the daemon runs or not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Row

from trader.core.ids import ConId
from trader.core.ticketing import TicketVerb, verbs_for
from trader.store.archives import history


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One ticket as the journal tells it; what has not happened is None or empty."""

    ticket_id: str
    kind: str
    con_id: ConId | None
    text: str
    run_id: str
    opened_utc: datetime
    closed_utc: datetime | None = None
    closed_by: str = ""
    closed_reason: str = ""
    was_booked: bool = False
    ignored_until_utc: datetime | None = None
    ignored_by: str = ""
    ignored_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has closed it yet."""
        return self.closed_utc is None

    @property
    def verbs(self) -> dict[TicketVerb, str]:
        """Return the verbs that fit it, with what each would do; none once it is closed."""
        return verbs_for(self.kind, self.con_id) if self.is_open else {}

    def is_ignored(self, now_utc: datetime) -> bool:
        """Tell whether it waits, as far as the journal tells."""
        return self.ignored_until_utc is not None and now_utc < self.ignored_until_utc


def tickets_in(path: Path) -> tuple[TicketRow, ...]:
    """Return the open tickets, then the closed ones, newest first; raises JournalUnusable."""
    with history(path) as db:
        db.row_factory = Row
        rows = [_row(row) for row in db.execute("SELECT * FROM v_tickets ORDER BY seq DESC")]
    return tuple(sorted(rows, key=lambda row: not row.is_open))


def _row(row: Row) -> TicketRow:
    # A journal that no daemon of this version has opened yet has fewer columns, and no such words.
    told = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row gives values
    return TicketRow(
        ticket_id=told["ticket_id"],
        kind=told["kind"],
        con_id=None if told["con_id"] is None else ConId(told["con_id"]),
        text=told["text"],
        run_id=told["run_id"],
        opened_utc=_time(told["at"]),
        closed_utc=_time(told.get("closed_at") or told["at"]) if told["closed_seq"] else None,
        closed_by=told["closed_by"] or "",
        closed_reason=told["closed_reason"] or "",
        was_booked=bool(told.get("booked_as")),
        ignored_until_utc=_time(told["ignored_until"]) if told.get("ignored_until") else None,
        ignored_by=told.get("ignored_by") or "",
        ignored_reason=told.get("ignored_reason") or "",
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

"""For how long an open ticket may wait without halting: until a time, and never longer.

A clock that is set back must not lengthen it: before its beginning, or before what was recorded
since, it is over. While one process runs the time that passes counts as well, whatever the clock
says (:mod:`trader.engine.ignored`), and what was over once stays over (``TicketCounted``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trader.core.ids import TicketId
from trader.core.ticket_events import TicketIgnored

IGNORED_MAX = timedelta(days=7)
# A clock that is disciplined steps by less; this is also all that a step back can win.
_STEP_MAX = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A ticket that a person lets wait; by whom and why, since when and until when."""

    ticket_id: TicketId
    since_utc: datetime
    until_utc: datetime
    reason: str
    by: str

    def holds(self, now_utc: datetime, recorded_utc: datetime | None = None) -> bool:
        """Tell whether it still waits; ``recorded_utc`` is when something was last recorded."""
        latest = max(self.since_utc, recorded_utc or self.since_utc)
        return latest - _STEP_MAX <= now_utc < self.until_utc


def ignored_from(event: TicketIgnored, at_utc: datetime) -> Ignored:
    """Return what an event grants; whatever it says, never more than allowed."""
    until_utc = min(event.until_utc, at_utc + IGNORED_MAX)
    return Ignored(event.ticket_id, at_utc, until_utc, event.reason, event.by)


def until_in(text: str, now_utc: datetime) -> datetime | str:
    """Return the time that a text names, in UTC, or say what is wrong and allowed."""
    example = f"{now_utc + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    allowed = (
        f"allowed is a time with its zone, later than now ({now_utc:%Y-%m-%dT%H:%M:%SZ}) and at "
        f"most {IGNORED_MAX.days} days ahead, such as {example}"
    )
    try:
        until = datetime.fromisoformat(text)
        if until.utcoffset() is None:
            return f"the time {text!r} has no zone; {allowed}"
        until_utc = until.astimezone(UTC)
    except (ValueError, OverflowError):
        return f"{text!r} is no time; {allowed}"
    if not now_utc < until_utc <= now_utc + IGNORED_MAX:
        return f"the time is {until_utc:%Y-%m-%dT%H:%M:%SZ}; {allowed}"
    return until_utc

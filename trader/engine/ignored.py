"""The open tickets that a person lets wait: they restrict to exits until a time, and do not halt.

How long is decided twice, and the shorter counts: by the clock, as it was granted and against what
was recorded since, and by the time that has passed since this process first looked.
"""

from trader.core import events as ev
from trader.core.ids import TicketId
from trader.core.ignoring import Ignored
from trader.core.ticket_events import TicketCounted
from trader.engine.ledger import Ledger
from trader.ports import Clock, Pager

# By what name they restrict.
_NAME = "ignored_ticket"


class IgnoredTickets:
    """Which tickets wait now; the guard asks."""

    def __init__(self, ledger: Ledger, clock: Clock, pager: Pager) -> None:
        self._ledger = ledger
        self._book = ledger.book
        self._clock = clock
        self._pager = pager
        # By what was granted: when it ends, however the clock is set; monotonic.
        self._ends_s: dict[Ignored, float] = {}

    def holds(self, ticket_id: TicketId) -> bool:
        """Tell whether a ticket waits at this moment."""
        row = self._book.ignored.get(ticket_id)
        if row is None:
            return False
        now_utc, now_s = self._clock.utc(), self._clock.monotonic()
        last = self._book.last_reconcile
        if not row.holds(now_utc, last[0] if last is not None else None):
            return False
        ends_s = self._ends_s.get(row)
        if ends_s is None:
            ends_s = self._ends_s[row] = now_s + (row.until_utc - now_utc).total_seconds()
        return now_s < ends_s

    def counting(self) -> tuple[TicketId, ...]:
        """Return the open tickets that halt."""
        if not self._book.ignored:
            return tuple(self._book.tickets)
        return tuple(key for key in self._book.tickets if not self.holds(key))

    def restrictions(self) -> dict[str, str]:
        """Say which tickets restrict; empty when none does."""
        rows = [row for key, row in self._book.ignored.items() if self.holds(key)]
        if not rows:
            return {}
        told = (f"{row.ticket_id} until {row.until_utc:%Y-%m-%d %H:%M:%S} UTC" for row in rows)
        return {_NAME: ", ".join(told)}

    def waits(self, ticket: ev.TicketOpened) -> str:
        """Say of a ticket that it waits, and until when; empty when it counts."""
        row = self._book.ignored.get(ticket.ticket_id)
        if row is None or not self.holds(ticket.ticket_id):
            return ""
        return f" (ignored until {row.until_utc:%Y-%m-%d %H:%M:%S} UTC by {row.by})"

    def look(self) -> None:
        """Record and page what has ended: for good, whatever the clock says later."""
        for ticket_id, row in tuple(self._book.ignored.items()):
            if not self.holds(ticket_id):
                reason = f"was ignored until {row.until_utc:%Y-%m-%d %H:%M:%S} UTC by {row.by}"
                self._ledger.record(TicketCounted(ticket_id, reason))
                self._pager.page("critical", f"ticket {ticket_id} halts again", reason)
        self._ends_s = {row: at for row, at in self._ends_s.items() if row in self._rows()}

    def _rows(self) -> tuple[Ignored, ...]:
        return tuple(self._book.ignored.values())

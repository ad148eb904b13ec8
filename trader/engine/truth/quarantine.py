"""Broken messages as they come: halt, then keep what came, each at a bounded cost.

The halt is recorded first. A process that is killed between the two has halted, and the message
is lost as all of them were before there was a quarantine; the other way round it would start
again as if nothing had been lost.
"""

import structlog

from trader.core.halts import HaltCause
from trader.core.quarantine import BrokenMessage, Sorter, message_words
from trader.core.quarantine_events import MessageQuarantined
from trader.core.words import words
from trader.engine.guard import Guard
from trader.engine.ledger import Ledger

log = structlog.get_logger(__name__)


class QuarantineLog:
    """Takes broken messages from the inbox; it waits for nothing and catches nothing.

    A message that was read and whose content then fails is another matter: that is our bug, the
    book is not to be trusted after it, and the daemon ends.
    """

    def __init__(self, ledger: Ledger, guard: Guard) -> None:
        self._ledger = ledger
        self._guard = guard
        self._sorter = Sorter()
        # Of this process, by message id.
        self.broken_counts: dict[int, int] = {}

    def take(self, message: BrokenMessage) -> None:
        """Halt for a message that could not be read, and record what is kept of it."""
        number, book = message.message_id, self._ledger.book
        self.broken_counts[number] = self.broken_counts.get(number, 0) + 1
        # Each message asks for the halt, so that none of them falls into a resume. The reason
        # that stands is not changed: thousands a second would be a row each.
        own = f"letter {message.key}: {message_words(number)}: {message.error}"
        reason = book.halts.get(HaltCause.DECODE_ERROR, own)
        self._guard.latch(HaltCause.DECODE_ERROR, reason, by="ibkr")
        event = self._sorter.event_for(book.quarantine, message)
        if event is None:
            return
        self._ledger.record(event)
        if isinstance(event, MessageQuarantined):
            log.error("message quarantined", letter=event.key, id=number, error=event.error)
        else:
            log.warning("broken messages", id=number, what=words(event))

"""The only writer of the book and of the journal.

Our promises are durable before they leave; the broker's facts are applied at once and durable
soon. A lost tail of facts is recovered from the broker by execution id; a lost promise could not
be.
"""

import asyncio
from collections.abc import Callable

import structlog

from trader.core.book import Book
from trader.core.checkpoint import BookState, state_of
from trader.core.events import Event, IntentReviewed, ModifyPlanned, OrderPlanned, Recorded
from trader.core.frozen import maker
from trader.core.ids import Seq
from trader.ports import ChainHead, Clock, Journal, JournalFailed

log = structlog.get_logger(__name__)

Observer = Callable[[Recorded], None]
_made = maker(Recorded)
# What may not exist in memory alone: everything that lets an order or its change leave.
_PROMISES = (IntentReviewed, OrderPlanned, ModifyPlanned)


class Ledger:
    """Records events: check, apply to the book, queue for the journal, tell the observers."""

    def __init__(self, book: Book, journal: Journal, clock: Clock) -> None:
        self.book = book
        self._journal = journal
        self._clock = clock
        self._observers: list[Observer] = []
        self._refused: str | None = None
        # Told of each checkpoint once it is durable.
        self.on_checkpoint: Callable[[BookState], None] = _tell_nobody

    @property
    def seq(self) -> Seq:
        """Return the sequence number of the last event."""
        return self.book.seq

    @property
    def head(self) -> ChainHead:
        """Return the end of what is durable, as evidence."""
        return self._journal.head

    @property
    def failure(self) -> str | None:
        """Say why nothing can be made durable any more, or None."""
        return self._journal.failure or self._refused

    def observe(self, observer: Observer) -> None:
        """Have every recorded event shown to ``observer``, after the book has it."""
        self._observers.append(observer)

    def record(self, event: Event) -> Seq:
        """Apply and queue an event; synchronous.

        With a failed journal a promise raises JournalFailed and nothing has changed, while a
        fact still moves the book: what the broker did is true whether we can write or not.
        A journal that fails in this very call has not got the promise, and the book has it.
        """
        failure = self.failure
        if failure is not None and isinstance(event, _PROMISES):
            raise JournalFailed(failure)
        recorded = _made(Seq(self.book.seq + 1), self._clock.utc(), event)
        self._apply(recorded)
        if failure is None:
            self._append(recorded)
        for observer in self._observers:
            observer(recorded)
        return recorded.seq

    def _apply(self, recorded: Recorded) -> None:
        is_applied = False
        try:
            self.book.apply(recorded)
            is_applied = True
        finally:
            if not is_applied:
                # Part of the event may be in the book, and none of it in the journal: nothing
                # that the book says from here on may be promised or saved.
                kind = type(recorded.event).__name__
                self._refused = f"the book refused event {recorded.seq}, {kind}"

    def _append(self, recorded: Recorded) -> None:
        try:
            self._journal.append(recorded)
        except JournalFailed as error:
            if isinstance(recorded.event, _PROMISES):
                raise
            log.error("event not written", seq=recorded.seq, problem=str(error))

    def note(self, fact: Event) -> Seq | None:
        """Record a fact unless the book holds it already."""
        return self.record(fact) if self.book.is_news(fact) else None

    async def durable(self, seq: Seq) -> None:
        """Return once ``seq`` survives a power cut; raises JournalFailed."""
        self._raise_failure()
        await self._journal.durable(seq)

    async def made_durable(self, deadline_s: float) -> str | None:
        """Wait until all that is recorded survives a power cut; returns why it does not, or None.

        ``deadline_s`` is monotonic; what is not on disk by then may yet come to be.
        """
        try:
            async with asyncio.timeout(max(deadline_s - self._clock.monotonic(), 0.0)):
                self._raise_failure()
                await self._journal.durable(self.seq)
        except JournalFailed as error:
            return str(error)
        except TimeoutError:
            return "the disk did not answer before the deadline"
        return None

    async def checkpoint(self) -> None:
        """Save the whole book, durably; raises JournalFailed."""
        self._raise_failure()
        state = state_of(self.book)
        await self._journal.save_checkpoint(state)
        self.on_checkpoint(state)

    def _raise_failure(self) -> None:
        # What was recorded after the failure never reached the journal, so it cannot be asked.
        failure = self.failure
        if failure is not None:
            raise JournalFailed(failure)


def _tell_nobody(state: BookState) -> None:
    """Stand in until somebody wants to know of checkpoints."""

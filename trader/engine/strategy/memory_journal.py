"""A journal that keeps nothing: for a book of which nothing may outlive the process."""

from trader.core.checkpoint import BookState
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.ports import ChainHead


class MemoryJournal:
    """Implements ``ports.Journal``: everything counts as durable at once."""

    failure: str | None = None

    def __init__(self) -> None:
        self._seq = Seq(0)

    @property
    def durable_seq(self) -> Seq:
        """Return the last event."""
        return self._seq

    @property
    def head(self) -> ChainHead:
        """Return the last event; there is no chain."""
        return ChainHead(self._seq, "")

    def append(self, recorded: Recorded) -> None:
        """Take an event."""
        self._seq = recorded.seq

    async def durable(self, seq: Seq) -> None:
        """Return at once."""

    async def save_checkpoint(self, state: BookState) -> None:
        """Save nothing."""

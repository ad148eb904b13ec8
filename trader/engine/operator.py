"""What an operator may ask of the running daemon, whoever carries the question."""

from dataclasses import dataclass
from typing import Protocol

from trader.core.ticketing import Stated


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of an operator's action, in words that need no second look.

    ``details`` are the lines behind it: what is missing, what was cancelled, what is left.
    """

    is_done: bool
    text: str
    details: tuple[str, ...] = ()
    # What a program may decide by: done, protected, remains, waiting, refused, no_link, journal.
    code: str = ""


class TicketVerbs(Protocol):
    """What an operator does about an open ticket; each closes it or leaves it open, and says so."""

    async def adopt(self, *, ticket: str, reason: str, by: str) -> Answer:
        """Close a ticket by accepting what the broker says now about its difference."""

    async def book(self, *, ticket: str, stated: Stated, reason: str, by: str) -> Answer:
        """Close a ticket by booking what has happened, if that explains the whole difference."""

    async def ignore(self, *, ticket: str, until: str, reason: str, by: str) -> Answer:
        """Let a ticket restrict to exits in place of halting, until a time (ISO 8601)."""

    async def flatten(self, *, ticket: str, reason: str, by: str) -> Answer:
        """Adopt a position's ticket, then close what the broker holds of its instrument."""


class LetterVerbs(Protocol):
    """What an operator does about a letter of the quarantine: a message that was not readable."""

    async def retry(self, *, letter: str, reason: str, by: str) -> Answer:
        """Read a letter again; what it says is booked if that is right once and late."""

    async def dismiss(self, *, letter: str, reason: str, by: str) -> Answer:
        """End a letter; nothing of it is taken in."""


class OperatorDesk(Protocol):
    """The operator's verbs."""

    @property
    def letters(self) -> LetterVerbs:
        """Return those that are about a letter of the quarantine."""

    @property
    def tickets(self) -> TicketVerbs:
        """Return those that are about a ticket."""

    def halt(self, *, reason: str, by: str) -> Answer:
        """Halt now, synchronously; no order leaves after this has returned."""

    async def resume(self, *, reason: str, by: str) -> Answer:
        """Clear the latched causes if reconciliation is clean and nothing else objects."""

    async def cancel_orders(
        self, *, by: str, keeps_exits: bool = False, is_everything: bool = False
    ) -> Answer:
        """Cancel every working order of ours and wait, bounded, until the broker confirms.

        With ``keeps_exits`` those that can only shrink a position stay; with ``is_everything``
        everybody's orders go, protective ones included.
        """

    async def liquidate(self, *, by: str, is_everything: bool = False) -> Answer:
        """Close every managed position through the operator's lane, never crossing zero.

        With ``is_everything`` everybody's orders and unmanaged positions go as well.
        """

    async def reduce(self, *, reason: str, by: str) -> Answer:
        """Carry out the plan of reductions as of now: a round of exits, none across zero."""

    async def reconcile(self, *, by: str) -> Answer:
        """Run a reconciliation now."""

    async def baseline(self, *, by: str) -> Answer:
        """Accept the broker's holdings as the starting point, at the first start only."""

    async def reset(self, *, breaker: str, reason: str, by: str) -> Answer:
        """Close a tripped breaker whose reading is good again."""

    async def review(self, *, action: str, verdict: str, reason: str, by: str) -> Answer:
        """Record whether an automatic risk action was right; ``verdict`` is true or false."""

    async def override(self, *, breaker: str, minutes: int, reason: str, by: str) -> Answer:
        """Let a breaker not count for 1 to 15 minutes; it ends by itself."""

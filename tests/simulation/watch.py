"""What is remembered of a seed for its judgement: what left, what halts, what filled late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal


class Violation(AssertionError):
    """A rule that must hold was broken; ``rule`` names it for machines."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Sent:
    """One placeOrder message as it left the daemon."""

    at_s: float
    order_id: int


@dataclass(frozen=True, slots=True)
class LateFill:
    """A fill of an order that the broker had ended ``over_s`` before."""

    at_s: float
    over_s: float
    client_id: int
    order_id: int
    symbol: str
    is_buy: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ByHand:
    """An order that a person has entered at the terminal, beside the daemon."""

    symbol: str
    is_buy: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Promise:
    """A cancel that the daemon has taken on; ``start`` tells which life of it has."""

    at_s: float
    order_id: int
    start: int


@dataclass(slots=True)
class Watch:
    """What the oracle remembers of what it saw."""

    now_s: Callable[[], float]
    # Since when nothing may leave: a halt was confirmed, and nobody has cleared it since.
    halted_from_s: float | None = None
    resumes: int = 0
    # Which moves and differences there were, of all lives.
    reached: Counter[str] = field(default_factory=Counter)
    sent: list[Sent] = field(default_factory=list)
    by_hand: list[ByHand] = field(default_factory=list)
    sent_while_halted: list[Sent] = field(default_factory=list)
    # What left though the daemon had seen the signal to end.
    sent_while_draining: list[Sent] = field(default_factory=list)
    cancels_promised: list[Promise] = field(default_factory=list)
    # By order id, when the last cancel of it left.
    cancels_left_s: dict[int, float] = field(default_factory=dict)
    # The title of each page.
    pages: Counter[str] = field(default_factory=Counter)
    # What strategies stopped by: those that are drawn never fail by themselves.
    stopped: list[str] = field(default_factory=list)
    late_fills: list[LateFill] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    # Each reconciliation as it was archived.
    runs: list[str] = field(default_factory=list)
    # Of the question that waits for its answer: what stood then, and how many had left.
    _stood_from_s: float | None = None
    _sent_before: int = 0

    def left(self, order_id: int, *, is_draining: bool = False) -> None:
        """Note an order that left."""
        one = Sent(self.now_s(), order_id)
        self.sent.append(one)
        if is_draining:
            self.sent_while_draining.append(one)
        if self.halted_from_s is not None:
            self.sent_while_halted.append(one)

    def paged(self, title: str, text: str) -> None:
        """Note that a person was called."""
        self.pages[title] += 1
        if title.startswith("strategy ") and title.endswith(" stopped"):
            self.stopped.append(f"{title}: {text}")

    def halted(self) -> None:
        """Note that a halt was confirmed."""
        if self.halted_from_s is None:
            self.halted_from_s = self.now_s()

    def resuming(self) -> None:
        """Note that the operator asks for the end of whatever halt there is."""
        self.resumes += 1
        self._stood_from_s, self._sent_before = self.halted_from_s, len(self.sent)
        self.halted_from_s = None

    def refused(self) -> None:
        """Note that this was refused: the halt stands, and has stood while it was asked."""
        if self._stood_from_s is None:
            return
        self.sent_while_halted += [
            one for one in self.sent[self._sent_before :] if one not in self.sent_while_halted
        ]
        self.halted_from_s = self._stood_from_s

    def filling_late(self, fill: LateFill) -> None:
        """Note that an order fills of which it was told that it is over."""
        self.late_fills.append(fill)

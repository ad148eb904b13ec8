"""What was done automatically against risk, and what a person found when reviewing it (BRK-19).

A downgraded intent, a breaker that keeps new risk out, one that halts or kills, a halted strategy,
a reduction that nobody asked for: each waits for a review that says whether it was right. What was
wrong counts against the month's budget of false positives. The number of an action is that of its
event in the journal.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trader.core import breaker_events as be
from trader.core.ids import Seq
from trader.core.reduction_events import POLICY, ReductionOrdered

# The review of an intent downgrades with this code.
DOWNGRADED = "CONCENTRATION_HOLD"
# Long enough for the month's budget and the one before.
_KEPT = timedelta(days=62)


class RiskActionKind(StrEnum):
    """What was done, mildest first."""

    # A wish to buy was held back; the same strategy and instrument count once a day.
    DOWNGRADE = "downgrade"
    SCALE = "scale"
    SHADOW = "shadow"
    STRATEGY = "strategy"
    # Part of what is held was sold or bought back, as the policy says.
    REDUCTION = "reduction"
    HALT = "halt"
    KILL = "kill"


# These stop what was wanted: somebody looks at once.
CRITICAL = frozenset(
    {
        RiskActionKind.STRATEGY,
        RiskActionKind.REDUCTION,
        RiskActionKind.HALT,
        RiskActionKind.KILL,
    }
)
# By what a breaker does, as its trip is recorded.
KINDS = {
    "scale": RiskActionKind.SCALE,
    "reduce_only": RiskActionKind.SHADOW,
    "halt": RiskActionKind.HALT,
    "kill": RiskActionKind.KILL,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person found; ``is_right`` is false where there was nothing to act against."""

    is_right: bool
    by: str
    reason: str
    at_utc: datetime


@dataclass(frozen=True, slots=True)
class RiskAction:
    """One automatic action."""

    number: Seq
    at_utc: datetime
    kind: RiskActionKind
    # Of the breaker, or whose wish it was.
    name: str
    text: str
    outcome: Outcome | None = None

    @property
    def is_critical(self) -> bool:
        """Tell whether somebody has to look at once."""
        return self.kind in CRITICAL


class RiskActions:
    """The actions of the last two months; part of the book and changed by its fold alone."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[RiskAction] = ()) -> None:
        self._rows = {row.number: row for row in rows}

    def add(self, row: RiskAction) -> None:
        """Note an action; a downgrade of the same thing on the same day is the same one."""
        if row.kind is RiskActionKind.DOWNGRADE and any(
            known.kind is row.kind
            and known.name == row.name
            and known.at_utc.date() == row.at_utc.date()
            for known in self._rows.values()
        ):
            return
        self._rows[row.number] = row
        oldest = row.at_utc - _KEPT
        if next(iter(self._rows.values())).at_utc < oldest:
            self._rows = {key: one for key, one in self._rows.items() if one.at_utc >= oldest}

    def take(
        self, event: be.BreakerEvent, number: Seq, at_utc: datetime, goes_on: Collection[str]
    ) -> None:
        """Take in what a breaker did, unless it goes on with it, or what a person found."""
        match event:
            case be.BreakerTripped(name=name, inputs=inputs, action=action):
                if name not in goes_on:
                    self.add(RiskAction(number, at_utc, KINDS[action], str(name), inputs))
            case be.StrategyHalted(strategy=strategy, name=name, inputs=inputs):
                whose = f"{name}:{strategy}"
                self.add(RiskAction(number, at_utc, RiskActionKind.STRATEGY, whose, inputs))
            case ReductionOrdered(orders=orders, reason=reason, by=by):
                if by == POLICY:
                    text = f"{', '.join(row.words for row in orders)}: {reason}"
                    kind = RiskActionKind.REDUCTION
                    self.add(RiskAction(number, at_utc, kind, "reduction", text))
            case be.ActionReviewed():
                found = Outcome(event.is_right, event.by, event.reason, at_utc)
                self.review(event.action, found)
            case _:
                pass

    def review(self, number: Seq, outcome: Outcome) -> None:
        """Note what a person found; a later word replaces the one before."""
        known = self._rows.get(number)
        if known is not None:
            self._rows[number] = replace(known, outcome=outcome)

    def get(self, number: Seq) -> RiskAction | None:
        """Return an action, or None where it is none or long ago."""
        return self._rows.get(number)

    def rows(self) -> tuple[RiskAction, ...]:
        """Return every action that is remembered, oldest first."""
        return tuple(self._rows.values())

    def waiting(self) -> tuple[RiskAction, ...]:
        """Return what nobody has reviewed, oldest first."""
        return tuple(row for row in self._rows.values() if row.outcome is None)

    def false_in(self, month: str) -> int:
        """Count the actions of a month (YYYY-MM, UTC) that were found wrong."""
        return sum(
            row.outcome is not None and not row.outcome.is_right
            for row in self._rows.values()
            if f"{row.at_utc:%Y-%m}" == month
        )

    def __eq__(self, other: object) -> bool:
        """Tell whether the other remembers the same."""
        return isinstance(other, RiskActions) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

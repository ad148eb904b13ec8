"""A pair from its first leg to its last, and which of its legs is broken; pure.

A pair is long one share and short another. It is opened leg by leg, so a refusal, half a fill or a
restart can leave one leg alone, and one leg alone is a bet that nobody made. The rule: what is
not complete within ``complete_s`` of the decision, and what was complete and is no more, is closed.
What is there is read from positions and working orders; only what was wanted is remembered.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from trader.core.amounts import ZERO
from trader.strategies.single import Numbers

_Positive = Annotated[FiniteFloat, Field(gt=0)]
_Shares = Annotated[Decimal, Field(gt=-(10**9), lt=10**9, allow_inf_nan=False)]


class Phase(StrEnum):
    """How far a pair has come."""

    FLAT = "flat"
    OPENING = "opening"  # its orders may fill
    OPEN = "open"  # both legs are there, as they were wanted
    CLOSING = "closing"  # whatever is left of it goes


# An absent pair is a bug. FLAT to CLOSING: something is held that belongs to no pair it knows.
PHASES: frozenset[tuple[Phase, Phase]] = frozenset({
    (Phase.FLAT, Phase.OPENING),
    (Phase.FLAT, Phase.CLOSING),
    (Phase.OPENING, Phase.OPEN),
    (Phase.OPENING, Phase.CLOSING),
    (Phase.OPEN, Phase.CLOSING),
    (Phase.CLOSING, Phase.FLAT),
})  # fmt: skip


class Pair(BaseModel):
    """What was decided at the entry, and holds until the exit: nothing of it is fitted anew.

    ``direction`` is 1 for long the first leg and short the second. The spread is first leg -
    intercept - hedge_ratio * second leg, in the price's units, and ``deviation`` its unit of z.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Literal[1, -1]
    hedge_ratio: _Positive
    intercept: FiniteFloat
    deviation: _Positive
    entry_spread: FiniteFloat
    # Signed shares of both legs.
    first: _Shares
    second: _Shares
    began_utc: AwareDatetime

    @model_validator(mode="after")
    def _hedged(self) -> "Pair":
        if not self.first * self.direction > 0 > self.second * self.direction:
            raise ValueError(f"legs {self.first} and {self.second} are no pair of {self.direction}")
        return self

    @property
    def legs(self) -> tuple[Decimal, Decimal]:
        """Return the signed shares of both legs."""
        return self.first, self.second

    def z(self, first: float, second: float) -> float:
        """Return the spread at two prices, in deviations."""
        return (first - self.intercept - self.hedge_ratio * second) / self.deviation


class PairKept(BaseModel):
    """Everything that is kept of a pair; raises ValueError where it contradicts itself."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase = Phase.FLAT
    pair: Pair | None = None
    reason: Annotated[str, Field(max_length=500)] = ""
    # When it last wished for an entry, and for an exit of each leg.
    acted_utc: AwareDatetime | None = None
    exited_utc: tuple[AwareDatetime | None, AwareDatetime | None] = (None, None)
    # After an exit the spread has to come back before it counts again.
    is_armed: bool = True
    signals: Numbers = {}
    indicators: Numbers = {}

    @model_validator(mode="after")
    def _agrees(self) -> "PairKept":
        if (self.pair is None) != (self.phase is Phase.FLAT) and self.phase is not Phase.CLOSING:
            raise ValueError(f"phase {self.phase} does not go with pair {self.pair}")
        return self


@dataclass(frozen=True, slots=True)
class Legs:
    """What is there of both legs: held, and what may still fill; signed shares."""

    held: tuple[Decimal, Decimal]
    working: tuple[Decimal, Decimal]

    @property
    def is_nothing(self) -> bool:
        """Tell whether nothing is held and nothing can come."""
        return not any((*self.held, *self.working))


def next_phase(
    phase: Phase, pair: Pair | None, legs: Legs, *, waited_s: float, complete_s: float
) -> tuple[Phase, str]:
    """Return where a pair stands, and why if it has to be closed.

    ``waited_s`` is how long ago its entry was decided.
    """
    if phase is Phase.CLOSING:
        return (Phase.FLAT, "") if legs.is_nothing else (phase, "")
    if pair is None:
        return (phase, "") if legs.is_nothing else (Phase.CLOSING, f"of no pair: {_told(legs)}")
    if legs.held == pair.legs and not any(legs.working):
        return Phase.OPEN, ""
    told = f"{_told(legs)}, wanted {pair.first} and {pair.second}"
    if phase is Phase.OPEN:
        return Phase.CLOSING, f"broken: {told}"
    if any(_is_beyond(held, leg) for held, leg in zip(legs.held, pair.legs, strict=True)):
        return Phase.CLOSING, f"not as wanted: {told}"
    # A clock that was set back says nothing of how long it has been.
    if not 0 <= waited_s <= complete_s:
        return Phase.CLOSING, f"not complete within {complete_s:g} s: {told}"
    return phase, ""


def next_leg(pair: Pair, legs: Legs) -> int | None:
    """Return which leg to send now, 0 or 1; the short one first, for it can be refused.

    None while an order works, or when both are there. A leg that has filled in part and works no
    more is not sent again: time runs out, and it is closed.
    """
    order = (1, 0) if pair.direction > 0 else (0, 1)
    for index in order:
        if legs.working[index] != ZERO:
            return None
        if legs.held[index] != pair.legs[index]:
            return index if legs.held[index] == ZERO else None
    return None


def _is_beyond(held: Decimal, leg: Decimal) -> bool:
    return held * leg < 0 or abs(held) > abs(leg)


def _told(legs: Legs) -> str:
    return (
        f"held {legs.held[0]} and {legs.held[1]}, working {legs.working[0]} and {legs.working[1]}"
    )

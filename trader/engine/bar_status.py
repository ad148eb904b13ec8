"""What is shown of the bars that are kept."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class BarRow:
    """The bars of one instrument and size.

    ``held`` of ``wanted`` are there, ``part`` of them not whole, ``told`` by the broker. Of the
    session so far, as far as it is kept, ``received`` of ``expected`` are there and whole.
    """

    symbol: str
    size_s: int
    wanted: int
    held: int
    part: int
    told: int
    expected: int
    received: int
    # From 0 to 1; None while nothing is expected yet.
    share: Decimal | None
    is_warm: bool
    newest_utc: datetime | None
    problem: str
    # Why new risk of the strategies that look at them waits; empty while it does not.
    hold: str = ""

    def held_back(self, hold: str) -> "BarRow":
        """Return the same with a reason why new risk waits."""
        return replace(self, hold=hold)

"""What strategies have done where nothing is sent, for the status."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """The compartment of a shadow: a book of its own, of which nothing is real.

    ``decisions`` are counted since the process began; ``place`` is the file that has them.
    """

    # Beside strategies that trade, or in their place.
    is_beside: bool
    strategies: tuple[str, ...]
    problem: str
    decisions: tuple[tuple[str, int], ...]
    working_count: int
    positions: tuple[tuple[str, Decimal], ...]
    value: Decimal | None
    began_with: Decimal
    place: str

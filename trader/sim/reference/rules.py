"""Market rules: by how much a price may move, by price band (message 93).

A rule is a list of bands; a band holds from its low edge up to the next. Rules 26 and 67 are as a
real gateway showed them; the other numbers are of use within the simulator alone.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Band:
    """From a low edge on, prices are multiples of the increment."""

    low_edge: Decimal
    increment: Decimal


def _rule(*bands: tuple[str, str]) -> tuple[Band, ...]:
    return tuple(Band(Decimal(edge), Decimal(step)) for edge, step in bands)


# Beyond this a remainder has more digits than decimals compute with; nothing trades there.
_LIMIT = Decimal(10) ** 15

STOCK, SUB_DOLLAR, EQUITY_FUTURE, VOLATILITY_FUTURE, STOCK_BANDED = 26, 32, 67, 84, 1905
OPTION, OPTION_NICKEL = 110, 109
CURRENCY, CURRENCY_YEN = 239, 240
EUROPE, PENCE = 1903, 1904
CRYPTO_QUARTER = 2446

RULES: Mapping[int, tuple[Band, ...]] = MappingProxyType(
    {
        STOCK: _rule(("0", "0.01")),
        STOCK_BANDED: _rule(("0", "0.01"), ("20", "0.02"), ("50", "0.05"), ("100", "0.1")),
        SUB_DOLLAR: _rule(("0", "0.0001"), ("1", "0.01")),
        EQUITY_FUTURE: _rule(("0", "0.25")),
        VOLATILITY_FUTURE: _rule(("0", "0.05")),
        OPTION_NICKEL: _rule(("0", "0.05"), ("3", "0.1")),
        OPTION: _rule(("0", "0.01"), ("3", "0.05")),
        CURRENCY: _rule(("0", "0.00005")),
        CURRENCY_YEN: _rule(("0", "0.005")),
        EUROPE: _rule(("0", "0.001"), ("10", "0.005"), ("20", "0.01"), ("50", "0.05")),
        PENCE: _rule(("0", "0.05"), ("100", "0.1"), ("200", "0.2"), ("500", "0.5")),
        CRYPTO_QUARTER: _rule(("0", "0.25")),
    }
)


def increments(rule_id: int) -> list[tuple[Decimal, Decimal]] | None:
    """Return low edge and increment of each band, None for an unknown rule."""
    bands = RULES.get(rule_id)
    return None if bands is None else [(band.low_edge, band.increment) for band in bands]


def increment(rule_id: int, price: Decimal) -> Decimal:
    """Return the increment at a price; a negative price (of a spread) counts as positive.

    Raises KeyError for an unknown rule.
    """
    bands = RULES[rule_id]
    place = bisect_right(bands, abs(price), key=lambda band: band.low_edge)
    return bands[max(place - 1, 0)].increment


def conforms(rule_id: int, price: Decimal) -> bool:
    """Return whether a price is one the rule allows (else error 110)."""
    return is_multiple(price, increment(rule_id, price))


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Return whether a price or size is a multiple of a step; nothing astronomic is."""
    return abs(value) < _LIMIT and value % step == 0


def finest(rule_id: int) -> Decimal:
    """Return the smallest increment of a rule: the minTick of contract details."""
    return min(band.increment for band in RULES[rule_id])

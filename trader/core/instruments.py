"""What can be traded, as the broker describes it: identity, price grid, size grid, multiplier."""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.calendar import ContractHours
from trader.core.ids import ConId


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """What the configuration asks for; the broker's answer is an :class:`Instrument`."""

    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    currency: str = "USD"
    primary_exchange: str = ""
    is_tradeable: bool = True
    # What the assets file says of it, where it says anything: the broker must say the same.
    multiplier: Decimal | None = None
    min_tick: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceBand:
    """From ``low_edge`` upwards prices move in steps of ``increment`` (marketRule, message 93)."""

    low_edge: Decimal
    increment: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract as the broker describes it (contractDetails, message 10)."""

    con_id: ConId
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    multiplier: Decimal
    bands: tuple[PriceBand, ...]
    size_increment: Decimal
    # Quotes and orders may be in hundredths of the currency in which positions are kept (INC-101).
    # Only the wire knows: every price in here is in the currency.
    price_magnifier: int
    is_tradeable: bool = True
    # When it trades; None where the broker's text cannot be read.
    hours: ContractHours | None = None
    # Where a stock is listed: SMART alone does not say whose calendar it keeps.
    primary_exchange: str = ""
    # In which way the broker describes it otherwise than the assets file; empty when in none.
    mismatch: str = ""

    @property
    def finest_tick(self) -> Decimal:
        """Return the smallest price increment of any band (minTick, message 10)."""
        return min(band.increment for band in self.bands)

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the price increment that holds at ``price``."""
        increment = self.bands[0].increment
        for band in self.bands:
            if price >= band.low_edge:
                increment = band.increment
        return increment


def mismatch_of(spec: InstrumentSpec, instrument: Instrument) -> str:
    """Say in what the broker describes an instrument otherwise than the assets file, or nothing.

    A multiplier that is not the one that sizes were reckoned with is the costliest of surprises.
    """
    pairs = (
        ("currency", spec.currency, instrument.currency),
        ("multiplier", spec.multiplier, instrument.multiplier),
        ("min_tick", spec.min_tick, instrument.finest_tick),
    )
    return "; ".join(
        f"{name} is {told}, the assets file says {written}"
        for name, written, told in pairs
        if written is not None and written != told
    )

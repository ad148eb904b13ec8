"""What a trade costs: modelled on the commission schedules that IBKR publishes for US clients.

The numbers are those of the published price lists, put down here as named tables; exchange,
clearing and regulatory fees of the tiered schedule are rounded constants, because the real ones
differ from fill to fill. A charge is in the instrument's currency. A minimum belongs to the order,
not to the fill: the first fill pays it, later ones pay only what exceeds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO

NO_LIMIT = Decimal("Infinity")


class Schedule(StrEnum):
    """The two price lists a client can choose from."""

    FIXED = "fixed"
    TIERED = "tiered"


@dataclass(frozen=True, slots=True)
class Tier:
    """A rate for what a month's volume exceeds the tier before by, up to `volume`."""

    volume: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Traded:
    """What an order has traded: units and money, magnifier and multiplier applied."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO


def _tiers(*rows: tuple[str, str]) -> tuple[Tier, ...]:
    return tuple(Tier(Decimal(volume), Decimal(rate)) for volume, rate in rows)


# US shares, fixed: one rate a share, everything included.
SHARE_FIXED = Decimal("0.005")
SHARE_FIXED_MIN = Decimal(1)
# US shares, tiered: by shares a month.
SHARE_TIERS = _tiers(
    ("300000", "0.0035"), ("3000000", "0.0020"), ("20000000", "0.0015"),
    ("100000000", "0.0010"), ("Infinity", "0.0005"),
)  # fmt: skip
SHARE_TIERED_MIN = Decimal("0.35")
# Both: never more than this share of the trade's value.
SHARE_VALUE_MAX = Decimal("0.01")
# Fees on top of the tiered rate, a share: taking liquidity at an exchange, clearing.
EXCHANGE_FEE, CLEARING_FEE = Decimal("0.0030"), Decimal("0.0002")

# US options: a contract's rate depends on its premium; up to 10,000 contracts a month.
OPTION_PREMIUMS = ((Decimal("0.05"), Decimal("0.25")), (Decimal("0.10"), Decimal("0.50")))
OPTION_RATE = Decimal("0.65")
# Tiered, from a premium of 0.10 up: by contracts a month.
OPTION_TIERS = _tiers(
    ("10000", "0.65"), ("50000", "0.50"), ("100000", "0.25"), ("Infinity", "0.15")
)
OPTION_MIN = Decimal(1)

# US futures, a contract with exchange and regulatory fees: micro contracts by trading class.
FUTURE_MICRO = ("MES", "MNQ", "M2K", "MYM", "MCL", "MGC", "VXM")
FUTURE_MICRO_RATE = Decimal("0.62")
FUTURE_RATE = Decimal("2.25")
FUTURE_MICRO_TIERS = _tiers(
    ("1000", "0.62"), ("10000", "0.57"), ("20000", "0.52"), ("Infinity", "0.47")
)
FUTURE_TIERS = _tiers(("1000", "2.25"), ("10000", "2.05"), ("20000", "1.85"), ("Infinity", "1.65"))

# Spot currencies: 0.20 of a basis point of the trade's value.
CURRENCY_RATE, CURRENCY_MIN = Decimal("0.00002"), Decimal(2)
# Crypto at Paxos: a share of the value, and a minimum that is never above 1% of it.
CRYPTO_RATE, CRYPTO_MIN, CRYPTO_MIN_SHARE = Decimal("0.0018"), Decimal("1.75"), Decimal("0.01")


def order_charge(
    schedule: Schedule, item: Instrument, traded: Traded, month: Decimal = ZERO
) -> Decimal:
    """Return what an order has cost once it has traded so much.

    `month` is the volume of the same kind that the account traded this month before the order; the
    tiered schedule charges each tier for what falls into it.
    """
    if not traded.quantity:
        return ZERO
    is_tiered = schedule is Schedule.TIERED
    match item.sec_type:
        case "OPT" | "FOP":
            return max(_options(item, traded, month, is_tiered=is_tiered), OPTION_MIN)
        case "FUT":
            return _futures(item, traded, month, is_tiered=is_tiered)
        case "CASH":
            return max(CURRENCY_RATE * traded.value, CURRENCY_MIN)
        case "CRYPTO":
            lowest = min(CRYPTO_MIN, CRYPTO_MIN_SHARE * traded.value)
            return max(CRYPTO_RATE * traded.value, lowest)
    highest = SHARE_VALUE_MAX * abs(traded.value)
    if not is_tiered:
        return min(max(SHARE_FIXED * traded.quantity, SHARE_FIXED_MIN), highest)
    own = max(_by_tiers(SHARE_TIERS, month, traded.quantity), SHARE_TIERED_MIN)
    return min(own, highest) + (EXCHANGE_FEE + CLEARING_FEE) * traded.quantity


def charge_range(
    schedule: Schedule, item: Instrument, traded: Traded, month: Decimal = ZERO
) -> tuple[Decimal, Decimal]:
    """Return the least and the most that an order of this size may cost, as a what-if shows it.

    The fixed schedule knows it exactly; tiered, an order that adds liquidity pays no exchange fee.
    """
    most = order_charge(schedule, item, traded, month)
    if schedule is Schedule.FIXED or item.sec_type not in ("STK", "ETF"):
        return most, most
    return most - EXCHANGE_FEE * traded.quantity, most


def _options(item: Instrument, traded: Traded, month: Decimal, *, is_tiered: bool) -> Decimal:
    premium = abs(traded.value) / (traded.quantity * item.multiplier)
    for below, rate in OPTION_PREMIUMS:
        if premium < below:
            return rate * traded.quantity
    if is_tiered:
        return _by_tiers(OPTION_TIERS, month, traded.quantity)
    return OPTION_RATE * traded.quantity


def _futures(item: Instrument, traded: Traded, month: Decimal, *, is_tiered: bool) -> Decimal:
    is_micro = item.trading_class in FUTURE_MICRO or item.symbol in FUTURE_MICRO
    if is_tiered:
        tiers = FUTURE_MICRO_TIERS if is_micro else FUTURE_TIERS
        return _by_tiers(tiers, month, traded.quantity)
    return (FUTURE_MICRO_RATE if is_micro else FUTURE_RATE) * traded.quantity


def _by_tiers(tiers: Sequence[Tier], before: Decimal, quantity: Decimal) -> Decimal:
    total, low = ZERO, ZERO
    for tier in tiers:
        share = min(before + quantity, tier.volume) - max(before, low)
        if share > 0:
            total += share * tier.rate
        low = tier.volume
    return total

"""How large what is held is against the account: one number per limit, and who exceeds it.

The review looks at what an order would make of the account; this looks at what the market has
made of it by itself. Both count with the lower of our value of the account and the broker's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.ids import ConId
from trader.core.policy import AccountType, RegimeLimits, gross_most
from trader.core.valuation import Valuation


class Level(StrEnum):
    """How one instrument's share of the account stands to its limits."""

    OK = "ok"
    # Beyond the share from which an order that adds to it is held back.
    HOLD = "hold"
    # Beyond what the regime allows one instrument.
    BOX = "box"


@dataclass(frozen=True, slots=True)
class Concentration:
    """One holding: its signed value in the account's currency, and its share of the account.

    The share is never negative; None where the account is worth nothing.
    """

    con_id: ConId
    symbol: str
    value: Decimal
    share: Decimal | None
    level: Level


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that may be held, in the account's currency: all sides, net, one instrument."""

    gross: Decimal
    net: Decimal
    box: Decimal


def counted_equity(valuation: Valuation, told: Decimal | None) -> Decimal:
    """Return the lower of our value of the account and the broker's, where it has told one."""
    return valuation.nav if told is None else min(valuation.nav, told)


def bounds_of(limits: RegimeLimits, account_type: AccountType, equity: Decimal) -> Bounds:
    """Return what the limits come to; an account that is worth nothing may hold nothing."""
    base = max(equity, ZERO)
    gross = gross_most(limits, account_type) * base
    return Bounds(gross=gross, net=limits.net_max * base, box=limits.box_max * base)


def concentrations(
    valuation: Valuation,
    symbols: Mapping[ConId, str],
    equity: Decimal,
    *,
    hold: Decimal,
    box: Decimal,
) -> tuple[Concentration, ...]:
    """Return each holding's share of the account, the largest first."""
    rows = []
    for con_id, value in valuation.notionals.items():
        if value == ZERO:
            continue
        share = abs(value) / equity if equity > ZERO else None
        level = _level(abs(value), max(equity, ZERO), hold, box)
        rows.append(Concentration(con_id, symbols.get(con_id, str(con_id)), value, share, level))
    return tuple(sorted(rows, key=lambda row: (-abs(row.value), row.con_id)))


def _level(value: Decimal, base: Decimal, hold: Decimal, box: Decimal) -> Level:
    # As products, like the review: a share that was rounded could pass where an order does not.
    if value > box * base:
        return Level.BOX
    return Level.HOLD if value > hold * base else Level.OK

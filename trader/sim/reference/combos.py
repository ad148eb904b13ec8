"""Combinations: one instrument made from its legs, and what each leg counts for.

A combination is quoted per unit of its largest multiplier, as an option spread is quoted per share
and a covered call per share of the hundred; so its price is the sum of its legs' prices, each times
its weight. On a real gateway all combinations of a currency share one contract id; here each
has its own, from its legs, so that books and positions can tell them apart.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.model.instruments import Instrument, Leg
from trader.sim.reference import venues

BASE_ID, COUNT = 600_000_000, 90_000_000
LEGS_MAX = 6
RATIO_MAX = 10_000
_TICK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Part:
    """A leg with its instrument and its weight in the price, negative when it is sold."""

    leg: Leg
    instrument: Instrument
    weight: Decimal


def flaw(legs: Sequence[Leg], items: Sequence[Instrument | None]) -> str | None:
    """Return what is wrong with legs, naming field, value and what is allowed; None if nothing."""
    if not 1 <= len(legs) <= LEGS_MAX:
        return f"combo legs: {len(legs)} is not allowed; allowed: 1 to {LEGS_MAX}"
    for leg, item in zip(legs, items, strict=True):
        if item is None:
            return f"combo leg conId: {leg.con_id} is not known; allowed: a contract id"
        if item.legs or item.sec_type == "IND":
            return f"combo leg conId: {leg.con_id} is a {item.sec_type}; allowed: what trades"
        if not 1 <= leg.ratio <= RATIO_MAX:
            return f"combo leg ratio: {leg.ratio} is not allowed; allowed: 1 to {RATIO_MAX}"
        if leg.action not in ("BUY", "SELL", "SSHORT"):
            return f"combo leg action: {leg.action!r} is not allowed; allowed: BUY, SELL, SSHORT"
    if len({item.currency for item in items if item is not None}) > 1:
        return "combo legs: several currencies are not allowed; allowed: one"
    return None


def make(
    symbol: str, exchange: str, legs: Sequence[Leg], items: Sequence[Instrument]
) -> Instrument:
    """Return the combination of legs without a flaw."""
    text = ";".join(f"{leg.con_id}/{leg.ratio}/{leg.action}" for leg in legs)
    first, route = items[0], exchange or "SMART"
    names = ",".join(dict.fromkeys(item.symbol for item in items))
    return Instrument(
        BASE_ID + zlib.crc32(text.encode()) % COUNT, symbol or names, "BAG", route,
        first.currency, "COMB", f"{names} combination", tick=_TICK, local_name=symbol or names,
        multiplier=max(item.multiplier for item in items), route=route, exchanges=(route,),
        stock_type="", calendar=first.calendar, time_zone=first.time_zone,
        order_types=venues.order_types("BAG"), size_suggested=Decimal(1), legs=tuple(legs),
    )  # fmt: skip


def parts(combo: Instrument, items: Sequence[Instrument]) -> list[Part]:
    """Return the legs with their weights; items are the legs' instruments in order."""
    return [
        Part(
            leg,
            item,
            (1 if leg.action == "BUY" else -1) * leg.ratio * item.multiplier / combo.multiplier,
        )
        for leg, item in zip(combo.legs, items, strict=True)
    ]

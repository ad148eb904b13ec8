"""What the account is worth, from what is held and what it costs now: a pure sum, in one currency.

A holding without a mark or without a rate makes the value incomplete, and an incomplete value
releases no new risk: it is named, never taken for zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.positions import Position


@dataclass(frozen=True, slots=True)
class Valuation:
    """The account at one instant, in its own currency; notionals are signed."""

    nav: Decimal
    gross: Decimal
    net: Decimal
    cash: Mapping[str, Decimal]
    notionals: Mapping[ConId, Decimal]
    gross_by_class: Mapping[str, Decimal]
    # What one unit of a currency is worth in the account's own.
    rates: Mapping[str, Decimal]
    # Holdings without a mark and currencies without a rate, in words.
    missing: tuple[str, ...]
    # Monotonic seconds of the oldest price in it.
    as_of_s: float

    def of(self, con_id: ConId) -> Decimal:
        """Return the signed value of a holding; 0 when nothing is held."""
        return self.notionals.get(con_id, ZERO)


def valued(
    positions: Mapping[ConId, Position],
    marks: Mapping[ConId, Decimal | None],
    instruments: Mapping[ConId, Instrument],
    cash: Mapping[str, Decimal],
    *,
    rates: Mapping[str, Decimal],
    as_of_s: float,
) -> Valuation:
    """Add up what is held; ``rates`` holds the account's own currency at 1.

    Positions that are flat need neither mark nor rate.
    """
    notionals: dict[ConId, Decimal] = {}
    by_class: dict[str, Decimal] = {}
    missing: list[str] = []
    for con_id, position in positions.items():
        if position.quantity == ZERO:
            continue
        value = _notional(position, marks.get(con_id), instruments.get(con_id), rates)
        if isinstance(value, str):
            missing.append(f"{position.symbol} ({con_id}): {value}")
            continue
        notionals[con_id] = value
        sec_type = instruments[con_id].sec_type
        by_class[sec_type] = by_class.get(sec_type, ZERO) + abs(value)
    money = ZERO
    for currency, amount in cash.items():
        rate = rates.get(currency)
        if rate is None and amount != ZERO:
            missing.append(f"{currency}: no rate")
        money += amount * (rate or ZERO)
    net = sum(notionals.values(), start=ZERO)
    return Valuation(
        nav=money + net,
        gross=sum(by_class.values(), start=ZERO),
        net=net,
        cash=dict(cash),
        notionals=notionals,
        gross_by_class=by_class,
        rates=dict(rates),
        missing=tuple(missing),
        as_of_s=as_of_s,
    )


def _notional(
    position: Position,
    mark: Decimal | None,
    instrument: Instrument | None,
    rates: Mapping[str, Decimal],
) -> Decimal | str:
    """Return a holding's value, or why there is none."""
    if instrument is None:
        return "not a configured instrument"
    if mark is None or decimal_from(mark) is None or mark < ZERO:
        return "no mark"
    rate = rates.get(instrument.currency)
    if rate is None:
        return f"no rate for {instrument.currency}"
    return position.quantity * mark * instrument.multiplier * rate

"""What the account is worth, from what is held and what it costs now: a pure sum, in one currency.

A holding without a mark or without a rate makes the value incomplete, and an incomplete value
releases no new risk: it is named, never taken for zero.
"""

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Worth:
    """What one holding is worth in the account's currency, signed; ``problem`` says why not."""

    con_id: ConId
    sec_type: str
    value: Decimal
    problem: str = ""


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
    worths = [
        worth(position, marks.get(con_id), instruments.get(con_id), rates)
        for con_id, position in positions.items()
        if position.quantity != ZERO
    ]
    return added_up(worths, cash, rates=rates, as_of_s=as_of_s)


def added_up(
    worths: Iterable[Worth],
    cash: Mapping[str, Decimal],
    *,
    rates: Mapping[str, Decimal],
    as_of_s: float,
) -> Valuation:
    """Add up holdings that are valued already, and cash."""
    notionals: dict[ConId, Decimal] = {}
    by_class: dict[str, Decimal] = {}
    missing: list[str] = []
    net = money = ZERO
    for row in worths:
        if row.problem:
            missing.append(row.problem)
            continue
        notionals[row.con_id] = row.value
        net += row.value
        by_class[row.sec_type] = by_class.get(row.sec_type, ZERO) + abs(row.value)
    for currency, amount in cash.items():
        rate = rates.get(currency)
        if rate is None and amount != ZERO:
            missing.append(f"{currency}: no rate")
        money += amount * (rate or ZERO)
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


def worth(
    position: Position,
    mark: Decimal | None,
    instrument: Instrument | None,
    rates: Mapping[str, Decimal],
) -> Worth:
    """Value one holding at its mark, or say why it cannot be."""
    problem, value = "", ZERO
    rate = None if instrument is None else rates.get(instrument.currency)
    if instrument is None:
        problem = "not a configured instrument"
    elif mark is None or decimal_from(mark) is None or mark < ZERO:
        problem = "no mark"
    elif rate is None:
        problem = f"no rate for {instrument.currency}"
    else:
        value = position.quantity * mark * instrument.multiplier * rate
    name = f"{position.symbol} ({position.con_id}): {problem}" if problem else ""
    return Worth(position.con_id, instrument.sec_type if instrument else "", value, name)

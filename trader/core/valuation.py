"""What the account is worth, from what is held and what it costs now: a pure sum, in one currency.

A holding without a mark or without a rate makes the value incomplete, and an incomplete value
releases no new risk: it is named, never taken for zero. Whose word each mark is goes with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.ids import ConId
from trader.core.marks import Mark
from trader.core.positions import Position

# Nothing was paid for these: what is owned of them is the result since they were opened.
_ON_MARGIN = frozenset({"FUT", "CFD"})
# The two legs of a currency trade are cash, and counted there.
_IS_CASH = "CASH"


@dataclass(frozen=True, slots=True)
class Valuation:
    """The account at one instant, in its own currency; notionals are signed.

    ``nav`` has what is owned. The notional of a future or a contract for difference is exposure
    alone, and its open result is owned.
    """

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
    # Monotonic seconds at which it was made; each mark was within its own budget then.
    as_of_s: float
    marks: Mapping[ConId, Mark] = field(default_factory=dict)

    @property
    def oldest_s(self) -> float:
        """Return when the oldest price in it was heard, in monotonic seconds."""
        return min((row.at_s for row in self.marks.values()), default=self.as_of_s)

    def of(self, con_id: ConId) -> Decimal:
        """Return the signed value of a holding; 0 when nothing is held."""
        return self.notionals.get(con_id, ZERO)


@dataclass(frozen=True, slots=True)
class Worth:
    """What one holding is worth in the account's currency, signed; ``problem`` says why not.

    ``value`` is its exposure, ``owned`` its part of the account's value.
    """

    con_id: ConId
    value: Decimal = ZERO
    owned: Decimal = ZERO
    mark: Mark | None = None
    problem: str = ""


def valued(
    positions: Mapping[ConId, Position],
    marks: Mapping[ConId, Mark | str],
    cash: Mapping[str, Decimal],
    *,
    rates: Mapping[str, Decimal],
    as_of_s: float,
) -> Valuation:
    """Add up what is held; ``rates`` holds the account's own currency at 1.

    A mark is a text where there is none: why. Positions that are flat need neither mark nor rate.
    """
    worths = [
        worth(position, marks.get(con_id, "no mark"), rates)
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
    marks: dict[ConId, Mark] = {}
    by_class: dict[str, Decimal] = {}
    missing: list[str] = []
    net = owned = money = ZERO
    for row in worths:
        if row.mark is None:
            missing.append(row.problem)
            continue
        notionals[row.con_id], marks[row.con_id] = row.value, row.mark
        net += row.value
        sec_type = row.mark.sec_type
        owned += row.owned
        by_class[sec_type] = by_class.get(sec_type, ZERO) + abs(row.value)
    for currency, amount in cash.items():
        rate = rates.get(currency)
        if rate is None and amount != ZERO:
            missing.append(f"{currency}: no rate")
        money += amount * (rate or ZERO)
    return Valuation(
        nav=money + owned,
        gross=sum(by_class.values(), start=ZERO),
        net=net,
        cash=dict(cash),
        notionals=notionals,
        gross_by_class=by_class,
        rates=dict(rates),
        missing=tuple(missing),
        as_of_s=as_of_s,
        marks=marks,
    )


def worth(position: Position, mark: Mark | str, rates: Mapping[str, Decimal]) -> Worth:
    """Value one holding at its mark, or say why it cannot be."""
    name = f"{position.symbol} ({position.con_id})"
    if isinstance(mark, str):
        return Worth(position.con_id, problem=f"{name}: {mark}")
    rate = rates.get(mark.currency)
    if rate is None:
        return Worth(position.con_id, problem=f"{name}: no rate for {mark.currency}")
    value = position.quantity * mark.unit_value * rate
    owned = value
    if mark.sec_type in _ON_MARGIN:
        # The average price is per unit of the price, whatever the multiplier (INC-088).
        owned -= position.quantity * position.average_price * position.multiplier * rate
    elif mark.sec_type == _IS_CASH:
        owned = ZERO
    return Worth(position.con_id, value, owned, mark)

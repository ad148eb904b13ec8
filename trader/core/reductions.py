"""Which orders would bring an account back inside its limits: a plan, and nothing is sent.

When the regime turns rougher, or a limit is lowered, what is held may exceed what may be held. The
policy of the plan:

1. An instrument beyond its own limit comes down to it.
2. If the net exposure is still too large, the larger side gives, each holding in proportion.
3. If the gross exposure is still too large, everything gives, each holding in proportion.
4. Every order is a whole number of size increments and never more than is held, so that nothing
   crosses zero. Shares of an increment that this leaves open are taken where they cost least; what
   is too much is given back, coarsest increment first. No order can be an increment smaller.

Without increments no other choice would sell less in all, and with them a plan is larger by some
increments at most. Its order of execution: what is furthest beyond its own limit, then the larger
side, then the largest order. A holding below one increment cannot be sold; a limit that it keeps
exceeded is named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.core.amounts import ZERO
from trader.core.exposures import Bounds
from trader.core.flatten import close_side
from trader.core.ids import ConId
from trader.core.positions import Position
from trader.core.reduction_events import Excess, Reduction
from trader.core.valuation import Valuation

GROSS, NET, BOX = "gross", "net", "box"
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exceeded, the orders that would end it, and what they would leave exceeded."""

    excesses: tuple[Excess, ...] = ()
    orders: tuple[Reduction, ...] = ()
    remains: tuple[Excess, ...] = ()

    @property
    def value(self) -> Decimal:
        """Return what all orders come to, in the account's currency."""
        return sum((row.value for row in self.orders), start=ZERO)


def planned(
    valuation: Valuation | None,
    positions: Mapping[ConId, Position],
    bounds: Bounds | None,
    increments: Mapping[ConId, Decimal],
) -> Plan | str:
    """Return the plan, empty when nothing is exceeded, or in words why none can be made.

    ``increments`` holds the smallest size of each instrument's orders; where it is silent it is 1.
    """
    problem = _problem(valuation)
    if problem or valuation is None:
        return problem
    if bounds is None:
        return "the limits are not known"
    rows = _rows(valuation, positions, increments)
    excesses = _exceeded(rows, bounds)
    if not excesses:
        return Plan()
    _take_in_proportion(rows, bounds)
    _take_until_inside(rows, bounds)
    _give_back(rows, bounds)
    return Plan(excesses, _orders(rows, excesses), _exceeded(rows, bounds))


def excesses_after(
    orders: Iterable[Reduction],
    valuation: Valuation,
    positions: Mapping[ConId, Position],
    bounds: Bounds,
) -> tuple[Excess, ...] | None:
    """Return what is exceeded once these orders have filled; None where one would cross zero."""
    rows = {row.con_id: row for row in _rows(valuation, positions, {})}
    for order in orders:
        row = rows.get(order.con_id)
        if row is None or order.quantity > row.left or order.side is not close_side(row.held):
            return None
        row.left -= order.quantity
    return _exceeded(list(rows.values()), bounds)


def _problem(valuation: Valuation | None) -> str:
    if valuation is None:
        return "existing holdings have not been accepted"
    return "; ".join(valuation.missing)


@dataclass(slots=True)
class _Row:
    """One holding while the plan is made; ``left`` is how much of it stays, without its sign."""

    con_id: ConId
    symbol: str
    held: Decimal
    # What one unit counts, and on which side: a price below zero turns a long into a short side.
    unit: Decimal
    sign: int
    increment: Decimal
    left: Decimal

    @property
    def value(self) -> Decimal:
        return self.left * self.unit

    @property
    def step(self) -> Decimal:
        """Return what one increment is worth."""
        return self.increment * self.unit

    @property
    def taken(self) -> Decimal:
        return abs(self.held) - self.left

    @property
    def sellable(self) -> Decimal:
        return self.left - self.left % self.increment

    def portion(self, value: Decimal, rounding: str = ROUND_CEILING) -> Decimal:
        """Return how much of it comes to at least this value, and never more than there is."""
        count = (value / self.step).to_integral_value(rounding)
        return min(count * self.increment, self.sellable)


def _rows(
    valuation: Valuation, positions: Mapping[ConId, Position], increments: Mapping[ConId, Decimal]
) -> list[_Row]:
    rows = []
    for con_id in sorted(valuation.marks):
        position, mark = positions.get(con_id), valuation.marks[con_id]
        unit = mark.unit_value * valuation.rates[mark.currency]
        if position is None or position.quantity == ZERO or unit == ZERO:
            continue
        rows.append(
            _Row(
                con_id=con_id,
                symbol=position.symbol,
                held=position.quantity,
                unit=abs(unit),
                sign=1 if position.quantity * unit > ZERO else -1,
                increment=increments.get(con_id, _ONE),
                left=abs(position.quantity),
            )
        )
    return rows


def _gross(rows: Iterable[_Row]) -> Decimal:
    return sum((row.value for row in rows), start=ZERO)


def _net(rows: Iterable[_Row]) -> Decimal:
    return sum((row.sign * row.value for row in rows), start=ZERO)


def _exceeded(rows: list[_Row], bounds: Bounds) -> tuple[Excess, ...]:
    """Return the limits that are exceeded, the largest excess first."""
    found = [
        Excess(BOX, row.con_id, row.symbol, row.value, bounds.box)
        for row in rows
        if row.value > bounds.box
    ]
    gross, net = _gross(rows), _net(rows)
    if gross > bounds.gross:
        found.append(Excess(GROSS, None, "", gross, bounds.gross))
    if abs(net) > bounds.net:
        found.append(Excess(NET, None, "", net, bounds.net))
    return tuple(sorted(found, key=lambda row: (-row.over, row.limit, row.con_id or 0)))


def _take_in_proportion(rows: list[_Row], bounds: Bounds) -> None:
    """Take off what the three steps of the policy ask for, in the increments that fit in it."""
    wanted = {row.con_id: min(row.value, bounds.box) for row in rows}
    net = sum((row.sign * wanted[row.con_id] for row in rows), start=ZERO)
    if abs(net) > bounds.net:
        larger = [row.con_id for row in rows if row.sign * net > ZERO]
        total = sum((wanted[con_id] for con_id in larger), start=ZERO)
        for con_id in larger:
            wanted[con_id] *= (total - (abs(net) - bounds.net)) / total
    gross = sum(wanted.values(), start=ZERO)
    if gross > bounds.gross:
        for con_id in wanted:
            wanted[con_id] *= bounds.gross / gross
    for row in rows:
        if wanted[row.con_id] < row.value:
            row.left -= row.portion(row.value - wanted[row.con_id], ROUND_FLOOR)


def _take_until_inside(rows: list[_Row], bounds: Bounds) -> None:
    """Take off what rounding left open, a limit at a time."""
    while True:
        gifts = (_gift(rows, excess, bounds) for excess in _exceeded(rows, bounds))
        found = next((gift for gift in gifts if gift is not None), None)
        if found is None:
            return
        # At least one increment goes each time, so this ends.
        row, quantity = found
        row.left -= quantity


def _gift(rows: list[_Row], excess: Excess, bounds: Bounds) -> tuple[_Row, Decimal] | None:
    """Return what gives for a limit at the least cost, and how much of it; None if nothing can."""
    net = _net(rows)
    able = [row for row in rows if row.sellable > ZERO]
    if excess.limit == BOX:
        able = [row for row in able if row.con_id == excess.con_id]
    if excess.limit == NET:
        able = [row for row in able if row.sign * net > ZERO]
    gifts = [(row, row.portion(excess.over)) for row in able]

    def cost(gift: tuple[_Row, Decimal]) -> tuple[bool, Decimal, ConId]:
        row, quantity = gift
        value = quantity * row.unit
        too_little = value < excess.over
        # What one side gives can leave the other too large: that has to be taken off as well.
        uneven = max(abs(net - row.sign * value) - bounds.net, ZERO)
        return too_little, -value if too_little else value + uneven, row.con_id

    return min(gifts, key=cost, default=None)


def _give_back(rows: list[_Row], bounds: Bounds) -> None:
    """Undo what was taken too much, coarsest increment first, while every limit holds."""
    coarsest = sorted(rows, key=lambda row: (-row.step, row.con_id))
    has_changed = True
    while has_changed:
        has_changed = False
        for row in coarsest:
            room = min(
                bounds.box - row.value,
                bounds.gross - _gross(rows),
                bounds.net - row.sign * _net(rows),
            )
            back = min(max(room, ZERO) // row.step * row.increment, row.taken)
            if back > ZERO:
                row.left += back
                has_changed = True


def _orders(rows: list[_Row], excesses: tuple[Excess, ...]) -> tuple[Reduction, ...]:
    over = {row.con_id: row.over for row in excesses if row.con_id is not None}
    net = sum((row.sign * abs(row.held) * row.unit for row in rows), start=ZERO)
    given = sorted(
        (row for row in rows if row.taken > ZERO),
        key=lambda row: (
            -over.get(row.con_id, ZERO),
            row.sign * net <= ZERO,
            -row.taken * row.unit,
            row.con_id,
        ),
    )
    return tuple(
        Reduction(
            con_id=row.con_id,
            symbol=row.symbol,
            side=close_side(row.held),
            quantity=row.taken,
            held=row.held,
            value=row.taken * row.unit,
        )
        for row in given
    )

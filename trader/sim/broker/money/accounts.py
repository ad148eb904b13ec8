"""An account: cash by currency, positions, what has not settled yet.

Cash moves only by executions and their commissions, by what is paid in or out, and by what the
broker does to a position (dividends, expiry); a position only by executions and by the broker. So
cash + cost of positions is conserved but for commissions and realized results, at all times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trader.sim.broker.money.commissions import Schedule
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side


class Kind(StrEnum):
    """What an account may owe: nothing, by Regulation T, or by the risk of the portfolio."""

    CASH = "cash"
    MARGIN = "margin"
    PORTFOLIO = "portfolio"


_FINE = Decimal("0.00000001")


def unit_value(item: Instrument) -> Decimal:
    """Return what one unit is worth in its currency at a quoted price of 1."""
    return item.multiplier / item.price_magnifier if item.price_magnifier != 1 else item.multiplier


def is_paid_in_full(item: Instrument) -> bool:
    """Return whether a buyer pays the price: a future moves no cash when it is opened."""
    return item.sec_type != "FUT"


@dataclass(slots=True)
class Position:
    """What the account holds of one instrument; short is negative.

    The average cost is that of one unit in the instrument's currency: it includes the multiplier
    and commissions, as the broker shows it. Results are in the same currency. A currency pair's
    position is virtual: the money itself is in the balances.
    """

    instrument: Instrument
    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    realized: Decimal = ZERO
    # For the result of the day: what it was worth when the day began, None if it was not held,
    # and the money that trades have moved since.
    day_value: Decimal | None = None
    day_flow: Decimal = ZERO
    # Of a future: what the open contracts were traded at, signed; cash takes the difference.
    open_value: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Money of a sale that the account may not spend before a day (a date as ISO text)."""

    day: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class SavedAccount:
    """An account as it survives the process; `cash` is that of the base currency."""

    name: str
    cash: Decimal
    positions: tuple[Position, ...]
    kind: Kind = Kind.MARGIN
    base: str = "USD"
    schedule: Schedule = Schedule.FIXED
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    unsettled: tuple[Unsettled, ...] = ()
    # Volume of the month by kind of instrument, and the month (`2026-03`) it belongs to.
    volumes: Mapping[str, Decimal] = field(default_factory=dict)
    month: str = ""
    # Option contract id -> how many the holder wants to exercise tonight.
    exercises: Mapping[str, Decimal] = field(default_factory=dict)
    # Equity with loan value when the day began.
    day_equity: Decimal | None = None


class Account:
    """Cash and positions of one account."""

    def __init__(
        self,
        name: str,
        cash: Decimal,
        *,
        kind: Kind = Kind.MARGIN,
        base: str = "USD",
        schedule: Schedule = Schedule.FIXED,
    ) -> None:
        self.name, self.kind, self.base, self.schedule = name, kind, base, schedule
        self.balances: dict[str, Decimal] = {base: cash}
        self.positions: dict[int, Position] = {}
        self.unsettled: list[Unsettled] = []
        self.volumes: dict[str, Decimal] = {}
        self.month = ""
        self.exercises: dict[int, Decimal] = {}
        self.day_equity: Decimal | None = None

    @property
    def cash(self) -> Decimal:
        """Return the balance of the base currency."""
        return self.balances[self.base]

    def saved(self) -> SavedAccount:
        """Return what must survive the process."""
        return SavedAccount(
            self.name, self.cash, tuple(self.positions.values()), self.kind, self.base,
            self.schedule, dict(self.balances), tuple(self.unsettled), dict(self.volumes),
            self.month, {str(key): value for key, value in self.exercises.items()},
            self.day_equity,
        )  # fmt: skip

    def restore(self, saved: SavedAccount) -> None:
        """Be what was saved."""
        self.name, self.kind, self.base = saved.name, saved.kind, saved.base
        self.schedule, self.month = saved.schedule, saved.month
        self.balances = {**saved.balances, saved.base: saved.cash}
        self.positions = {entry.instrument.con_id: entry for entry in saved.positions}
        self.unsettled, self.volumes = list(saved.unsettled), dict(saved.volumes)
        self.exercises = {int(key): value for key, value in saved.exercises.items()}
        self.day_equity = saved.day_equity

    # -- cash -------------------------------------------------------------------------------------

    def balance(self, currency: str) -> Decimal:
        """Return the cash of a currency, settled or not."""
        return self.balances.get(currency, ZERO)

    def move(self, currency: str, amount: Decimal) -> None:
        """Add to the cash of a currency; a negative amount takes away."""
        self.balances[currency] = self.balances.get(currency, ZERO) + amount

    def settled(self, currency: str) -> Decimal:
        """Return the cash of a currency that is the account's own by now."""
        if not self.unsettled:
            return self.balance(currency)
        waiting = sum((u.amount for u in self.unsettled if u.currency == currency), ZERO)
        return self.balance(currency) - waiting

    def settle(self, today: str) -> None:
        """Let everything settle that was due by a day (ISO text)."""
        if self.unsettled:
            self.unsettled = [entry for entry in self.unsettled if entry.day > today]

    # -- positions --------------------------------------------------------------------------------

    def position(self, item: Instrument) -> Position:
        """Return the position record, made when first asked for."""
        found = self.positions.get(item.con_id)
        if found is None:
            found = self.positions[item.con_id] = Position(item)
        return found

    def quantity(self, item: Instrument) -> Decimal:
        """Return what is held, zero for nothing."""
        found = self.positions.get(item.con_id)
        return found.quantity if found else ZERO

    def held(self) -> list[Position]:
        """Return the positions that are not flat."""
        return [entry for entry in self.positions.values() if entry.quantity]

    def apply(
        self, item: Instrument, side: Side, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> Decimal | None:
        """Book one execution; return the realized result, None when it only opened.

        A currency pair moves two balances, and the pair's position is virtual.
        """
        entry = self.position(item)
        signed = quantity * side.sign
        each = price * unit_value(item)
        before = entry.quantity
        realized = _turn_over(entry, signed, each, commission)
        self._pay(entry, before, signed, each, commission)
        return realized

    def take_back(
        self,
        item: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        *,
        commission: Decimal,
        realized: Decimal | None,
    ) -> None:
        """Undo one execution that realized so much, before its correction is booked."""
        entry = self.position(item)
        signed = quantity * side.sign
        each = price * unit_value(item)
        before = entry.quantity
        if realized is None:
            _shut(entry, signed, each, commission)
        else:
            through = min(abs(signed), abs(before)) if before * signed > 0 else ZERO
            closed = (abs(signed) - through) or abs(signed)
            _reopen(entry, signed, each + (realized + commission) / (closed * side.sign))
            entry.realized -= realized
        self._pay(entry, before, -signed, each, -commission)

    def _pay(
        self, entry: Position, before: Decimal, signed: Decimal, each: Decimal, commission: Decimal
    ) -> None:
        """Move the cash of a trade that has just changed a position's quantity."""
        item, paid = entry.instrument, -signed * each - commission
        entry.day_flow += paid
        if not is_paid_in_full(item):
            opened = _opened_value(entry, before, signed, each)
            paid += opened - entry.open_value
            entry.open_value = opened
        self.move(item.currency, paid)
        if item.sec_type == "CASH":
            self.move(item.symbol, signed)


def _opened_value(entry: Position, before: Decimal, signed: Decimal, each: Decimal) -> Decimal:
    """Return what the open contracts were traded at, after a trade."""
    if before * signed >= 0:
        return entry.open_value + signed * each
    if abs(signed) > abs(before):
        return entry.quantity * each
    # Rounded once, so that cash stays a sum of plain decimals.
    return (entry.open_value * entry.quantity / before).quantize(_FINE)


def _turn_over(
    entry: Position, signed: Decimal, each: Decimal, commission: Decimal
) -> Decimal | None:
    """Change quantity and average cost by a trade at a unit cost; return what it realized."""
    held = entry.quantity
    if held * signed >= 0:
        # A short sale brings in its price less the commission.
        spent = entry.average_cost * held + each * signed + commission
        entry.quantity = held + signed
        entry.average_cost = spent / entry.quantity
        return None
    closed = min(abs(signed), abs(held))
    direction = 1 if held > 0 else -1
    realized = (each - entry.average_cost) * closed * direction - commission
    entry.realized += realized
    entry.quantity = held + signed
    if not entry.quantity:
        entry.average_cost = ZERO
    elif abs(signed) > closed:
        entry.average_cost = each
    return realized


def _shut(entry: Position, signed: Decimal, each: Decimal, commission: Decimal) -> None:
    """Take an opening trade out of quantity and average cost."""
    left = entry.quantity - signed
    if left * signed > 0:
        entry.average_cost = (
            entry.average_cost * entry.quantity - each * signed - commission
        ) / left
    elif left:
        # What it opened has been closed since: what is over now stands at the trade's price.
        entry.average_cost = each
    else:
        entry.average_cost = ZERO
    entry.quantity = left


def _reopen(entry: Position, signed: Decimal, cost_before: Decimal) -> None:
    """Put back what a closing trade closed, at the average cost from before it."""
    left = entry.quantity - signed
    if entry.quantity * signed < 0:
        spent = entry.average_cost * entry.quantity - cost_before * signed
        entry.average_cost = spent / left
    elif left:
        entry.average_cost = cost_before
    entry.quantity = left

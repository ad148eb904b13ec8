"""Corporate actions: what a split, a dividend or a new name does to every holder (INC-138).

None of them is an execution: clients see position rows and cash, and find out.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from trader.sim.broker.money.accounts import Account, Position
from trader.sim.broker.money.house import House
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Split:
    """So many new shares for each old one; cash for what is left of a share."""

    ratio: Decimal
    # The price of a new share at which fractions are paid out.
    price: Decimal
    # The shares may come back under another contract id.
    becomes: Instrument | None = None

    def __post_init__(self) -> None:
        for name, value in (("ratio", self.ratio), ("price", self.price)):
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{name}: {value} is not allowed; allowed: above 0")


def split(house: House, item: Instrument, terms: Split) -> list[Position]:
    """Split (or merge) the shares of every holder; return the positions as they are now."""
    moved = []
    for account, old in _holders(house, item):
        becomes = terms.becomes
        entry = old if becomes is None else _rename(house, account, old, becomes)
        entry.quantity *= terms.ratio
        entry.average_cost /= terms.ratio
        whole = entry.quantity.quantize(ONE, ROUND_DOWN)
        fraction = entry.quantity - whole
        if fraction:
            side = Side.SELL if fraction > 0 else Side.BUY
            account.apply(entry.instrument, side, abs(fraction), terms.price, ZERO)
        house.tell_position(account, entry)
        moved.append(entry)
    return moved


def dividend(house: House, item: Instrument, amount: Decimal) -> list[Account]:
    """Pay an amount a share to every holder; who is short pays it. Return the accounts."""
    if not (amount.is_finite() and amount > 0):
        raise ValueError(f"amount: {amount} is not allowed; allowed: above 0")
    paid = []
    for account, entry in _holders(house, item):
        entry.day_flow += entry.quantity * amount
        house.move_cash(account, item.currency, entry.quantity * amount)
        paid.append(account)
    return paid


def rename(house: House, item: Instrument, becomes: Instrument) -> list[Position]:
    """Turn every holder's position into one of another instrument; return the new ones."""
    moved = []
    for account, entry in _holders(house, item):
        new = _rename(house, account, entry, becomes)
        house.tell_position(account, new)
        moved.append(new)
    return moved


def _holders(house: House, item: Instrument) -> list[tuple[Account, Position]]:
    return [
        (account, account.positions[item.con_id])
        for account in house.accounts.values()
        if account.quantity(item)
    ]


def _rename(house: House, account: Account, entry: Position, becomes: Instrument) -> Position:
    """Move all that a position is to another instrument; the old one is told as flat."""
    if becomes.con_id == entry.instrument.con_id or account.quantity(becomes):
        name = becomes.local_symbol
        raise ValueError(f"becomes: {name} is not allowed; allowed: one that is not held")
    new = replace(entry, instrument=becomes)
    account.positions[becomes.con_id] = new
    entry.quantity = entry.average_cost = entry.realized = entry.open_value = ZERO
    entry.day_value, entry.day_flow = ZERO, ZERO
    house.tell_position(account, entry)
    return new

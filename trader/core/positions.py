"""One number per instrument: the signed position, its average price and its realised result.

There is never a long and a short row of the same instrument (INC-056), and the average is our
own, from executions: the broker's includes multiplier and commission (INC-088).
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.frozen import replace
from trader.core.ids import ConId


@dataclass(frozen=True, slots=True)
class Position:
    """A signed quantity, its average price per unit and the realised P&L before commission."""

    con_id: ConId
    symbol: str
    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    realized: Decimal = ZERO
    multiplier: Decimal = Decimal(1)

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return the open result at the price ``mark``."""
        return (mark - self.average_price) * self.quantity * self.multiplier


def traded(position: Position, signed_quantity: Decimal, price: Decimal) -> Position:
    """Return the position after a trade; a trade through zero closes first, then opens."""
    held = position.quantity
    after = held + signed_quantity
    if held == ZERO or (held > ZERO) == (signed_quantity > ZERO):
        cost = position.average_price * abs(held) + price * abs(signed_quantity)
        average = cost / abs(after) if after != ZERO else ZERO
        realized = position.realized
    else:
        closed = min(abs(held), abs(signed_quantity))
        gain = (price - position.average_price) * (1 if held > ZERO else -1)
        realized = position.realized + gain * closed * position.multiplier
        crossed = after != ZERO and (after > ZERO) != (held > ZERO)
        average = price if crossed else position.average_price
        if after == ZERO:
            average = ZERO
    return Position(
        con_id=position.con_id,
        symbol=position.symbol,
        quantity=after,
        average_price=average,
        realized=realized,
        multiplier=position.multiplier,
    )


def adjusted(position: Position, quantity: Decimal, average_price: Decimal) -> Position:
    """Return the position at the broker's quantity; what we did not hold has cost its price."""
    if position.quantity == ZERO or position.quantity * quantity < ZERO:
        position = replace(position, average_price=average_price)
    return replace(position, quantity=quantity)

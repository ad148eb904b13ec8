"""What an emergency cancels, what it leaves, and how much it may close; shared by everyone.

The daemon's own liquidation, the kill switch without a daemon and the sentinel all decide here.
Two rules hold whatever the broker's lists say (INC-032, INC-069): what stays working can only
shrink a position and never take it across zero, and a close is never larger than what is held
minus what other orders may still take off it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.ids import ClientId, ConId, OrderId, OrderRef, PermId
from trader.core.intents import Side

# Every order type that rests until the price goes against the position: the protection itself.
_STOPS = ("STP", "TRAIL", "STP LMT", "TRAIL LIMIT", "STP PRT", "STPLMT", "TRAILLMT")
# A close that wants more than this many looks at one instrument wants a person.
_UNIT = Decimal(1)


@dataclass(frozen=True, slots=True)
class Resting:
    """One order that may still trade, as an emergency must know it."""

    con_id: ConId
    symbol: str
    side: Side
    remaining: Decimal
    order_type: str
    client_id: ClientId
    order_id: OrderId
    perm_id: PermId
    order_ref: OrderRef = OrderRef("")
    status: str = ""

    @property
    def is_stop(self) -> bool:
        """Tell whether it protects a position."""
        return self.order_type.upper() in _STOPS

    @property
    def words(self) -> str:
        """Name it for a person: whose, what, how much."""
        whose = f"client {self.client_id} order {self.order_id}"
        if self.client_id == 0:
            whose = f"order {self.perm_id} entered by hand"
        status = f" ({self.status})" if self.status else ""
        what = f"{self.side} {self.remaining} {self.symbol} {self.order_type}"
        return f"{whose}: {what}{status}"


@dataclass(frozen=True, slots=True)
class Cancels:
    """The orders of one look, sorted: to cancel, to leave as protection, out of our reach.

    ``foreign_risk`` is the part of the unreachable ones that adds risk or would cross zero.
    """

    cancel: tuple[Resting, ...]
    keep: tuple[Resting, ...]
    foreign: tuple[Resting, ...]
    foreign_risk: tuple[Resting, ...]


def sort_orders(
    orders: Iterable[Resting],
    positions: Mapping[ConId, Decimal],
    own: frozenset[ClientId],
    *,
    keeps_exits: bool,
) -> Cancels:
    """Sort what works at the broker; ``own`` are the clients whose orders we can cancel by id.

    With ``keeps_exits`` our own exits stay, stops before all others, as long as everything that
    could take the position off together cannot cross zero. Exits of strangers count first: they
    stay whatever we decide.
    """
    cancel: list[Resting] = []
    keep: list[Resting] = []
    foreign: list[Resting] = []
    foreign_risk: list[Resting] = []
    room: dict[ConId, Decimal] = {}
    for order in sorted(orders, key=lambda row: _rank(row, own)):
        held = positions.get(order.con_id, ZERO)
        left = room.setdefault(order.con_id, abs(held))
        is_exit = held * order.side.sign < ZERO and ZERO < order.remaining <= left
        is_own = order.client_id in own
        if is_exit and (keeps_exits or not is_own):
            room[order.con_id] = left - order.remaining
        if not is_own:
            foreign.append(order)
            if not is_exit:
                foreign_risk.append(order)
        elif is_exit and keeps_exits:
            keep.append(order)
        else:
            cancel.append(order)
    return Cancels(tuple(cancel), tuple(keep), tuple(foreign), tuple(foreign_risk))


def _rank(order: Resting, own: frozenset[ClientId]) -> tuple[bool, bool, int, int, int]:
    # The permanent id at the end: the oldest order first, and the same answer for any shuffling.
    place = (order.perm_id, order.client_id, order.order_id)
    return (order.client_id in own, not order.is_stop, *place)


def exits_working(orders: Iterable[Resting], con_id: ConId, held: Decimal) -> Decimal:
    """Return what working orders, whoever owns them, may still take off a position."""
    return sum(
        (row.remaining for row in orders if row.con_id == con_id and row.side.sign * held < ZERO),
        start=ZERO,
    )


def close_side(held: Decimal) -> Side:
    """Return the side that shrinks a position."""
    assert held != ZERO, "a flat position needs no close"
    return Side.SELL if held > ZERO else Side.BUY


def close_quantity(held: Decimal, exits: Decimal, increment: Decimal = _UNIT) -> Decimal:
    """Return how much may be closed now: zero or more, on the size grid, never across zero.

    ``exits`` is what is on its way out already; a part below ``increment`` stays, because the
    broker refuses orders for it (10243).
    """
    assert increment > ZERO, f"size increment {increment}"
    free = max(abs(held) - max(exits, ZERO), ZERO)
    return free - free % increment

"""What an emergency cancels, what it leaves, and how much it may close; shared by everyone.

The daemon's own liquidation, the kill switch without a daemon and the sentinel all decide here.
Two rules hold whatever the broker's lists say (INC-032, INC-069): what stays working can only
shrink a position and never take it across zero, and a close is never larger than what is held
minus what other orders may still take off it.

A third is of brackets (INC-064): a leg is not cancelled beside its entry. The broker ends it with
the entry; and if the entry fills before its cancel arrives, the leg protects what that brought.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import (
    PROFIT_MARK,
    STOP_MARK,
    ClientId,
    ConId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    entry_in,
    intent_id_in,
    leg_id,
)
from trader.core.instruments import Instrument
from trader.core.intents import Side
from trader.core.market import Quote

# Every order type that rests until the price goes against the position: the protection itself.
_STOPS = ("STP", "TRAIL", "STP LMT", "TRAIL LIMIT", "STP PRT", "STPLMT", "TRAILLMT")
# A close that wants more than this many looks at one instrument wants a person.
_UNIT = Decimal(1)
# A side that was told longer ago may be long gone: the broker knows the market better.
_ONE_SIDED_S = 60.0


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
    # The order that holds it back until it fills, by its id for the same client; 0 for none.
    parent_id: OrderId = OrderId(0)

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
    ``waiting`` are legs of brackets whose entry goes, or has just ended: they go with it, or
    protect what it has brought. The next look knows which.
    """

    cancel: tuple[Resting, ...]
    keep: tuple[Resting, ...]
    foreign: tuple[Resting, ...]
    foreign_risk: tuple[Resting, ...]
    waiting: tuple[Resting, ...] = ()


def sort_orders(
    orders: Iterable[Resting],
    positions: Mapping[ConId, Decimal],
    own: frozenset[ClientId],
    *,
    keeps_exits: bool,
    leaves_legs: bool = False,
    late: Collection[ConId] = (),
) -> Cancels:
    """Sort what works at the broker; ``own`` are the clients whose orders we can cancel by id.

    With ``keeps_exits`` our own exits stay, stops before all others, as long as everything that
    could take the position off together cannot cross zero. Exits of strangers count first: they
    stay whatever we decide. Beside a stop that stays, the profit of the same bracket stays as well:
    the two are one group, of which one fills, and a broker may end both when one is cancelled.

    With ``leaves_legs`` the legs of an entry that goes are left to it, and those of instruments in
    ``late`` as well: there something has just filled or ended, and the positions may not show it.
    """
    waiting: list[Resting] = []
    if leaves_legs:
        rows: tuple[Resting, ...] = tuple(orders)
        rest: list[Resting] = []
        entries = _opening(rows, positions, own, keeps_exits=keeps_exits)
        for row in rows:
            is_waiting = row.client_id in own and _is_held_back(row, entries, late)
            (waiting if is_waiting else rest).append(row)
        orders = rest
    cancel: list[Resting] = []
    keep: list[Resting] = []
    foreign: list[Resting] = []
    foreign_risk: list[Resting] = []
    room: dict[ConId, Decimal] = {}
    covered: dict[IntentId | None, None] = {}
    for order in sorted(orders, key=lambda row: _rank(row, own)):
        held = positions.get(order.con_id, ZERO)
        left = room.setdefault(order.con_id, abs(held))
        is_exit = held * order.side.sign < ZERO and ZERO < order.remaining <= left
        is_own = order.client_id in own
        if is_exit and (keeps_exits or not is_own) and not _is_covered(order, covered):
            room[order.con_id] = left - order.remaining
        if not is_own:
            foreign.append(order)
            if not is_exit:
                foreign_risk.append(order)
        elif _is_covered(order, covered):
            keep.append(order)
        elif is_exit and keeps_exits:
            keep.append(order)
            covered[intent_id_in(order.order_ref)] = None
        else:
            cancel.append(order)
    waiting.sort(key=lambda row: _rank(row, own))
    return Cancels(tuple(cancel), tuple(keep), tuple(foreign), tuple(foreign_risk), tuple(waiting))


def _opening(
    orders: Iterable[Resting],
    positions: Mapping[ConId, Decimal],
    own: frozenset[ClientId],
    *,
    keeps_exits: bool,
) -> tuple[dict[IntentId, None], dict[tuple[ClientId, OrderId], None]]:
    """Return what will be cancelled as an entry, by its intent and by its id.

    One that could count as an exit of what is held may stay: its legs get no grace for it.
    """
    return _named(
        row
        for row in orders
        if row.client_id in own
        and (positions.get(row.con_id, ZERO) * row.side.sign >= ZERO or not keeps_exits)
    )


def _named(
    orders: Iterable[Resting],
) -> tuple[dict[IntentId, None], dict[tuple[ClientId, OrderId], None]]:
    """Return the names by which legs tell their entry: of its intent, and of its id."""
    intents: dict[IntentId, None] = {}
    ids: dict[tuple[ClientId, OrderId], None] = {}
    for row in orders:
        if (intent := intent_id_in(row.order_ref)) is not None:
            intents[intent] = None
        if row.order_id:
            ids[row.client_id, row.order_id] = None
    return intents, ids


def _is_held_back(
    order: Resting,
    entries: tuple[dict[IntentId, None], dict[tuple[ClientId, OrderId], None]],
    late: Collection[ConId] = (),
) -> bool:
    """Tell whether it is a leg whose entry goes, or may have filled a moment ago.

    Our reference names the entry; without one, or with one that came back altered (INC-096), the
    broker's own word of the parent does.
    """
    intents, ids = entries
    entry = entry_in(order.order_ref)
    if entry is None and not order.parent_id:
        return False
    is_listed = entry in intents or (order.client_id, order.parent_id) in ids
    return is_listed or order.con_id in late


def _is_covered(order: Resting, kept: Mapping[IntentId | None, None]) -> bool:
    """Tell whether it is the profit of a bracket whose stop stays."""
    intent = intent_id_in(order.order_ref)
    if intent is None or not intent.endswith(PROFIT_MARK):
        return False
    return leg_id(IntentId(intent.removesuffix(PROFIT_MARK)), STOP_MARK) in kept


def _rank(order: Resting, own: frozenset[ClientId]) -> tuple[bool, bool, int, int, int]:
    # The permanent id at the end: the oldest order first, and the same answer for any shuffling.
    place = (order.perm_id, order.client_id, order.order_id)
    return (order.client_id in own, not order.is_stop, *place)


def without_held_back(
    orders: Iterable[Resting], untouched: Iterable[Resting], own: frozenset[ClientId]
) -> list[Resting]:
    """Leave out the legs of our entries of which nothing has filled: they close what those bring.

    Whenever such an entry fills, what is held grows by as much as its legs may then take off.
    """
    entries = _named(row for row in untouched if row.client_id in own)
    return [row for row in orders if row.client_id not in own or not _is_held_back(row, entries)]


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


def close_limit(
    quote: Quote | None, side: Side, instrument: Instrument, now_s: float, give_away: Decimal
) -> Decimal | None:
    """Return the limit of a close in a market of one side, or None for a market order.

    Where both sides stand, or none, or nobody knows how old the one is, the broker does best: it
    holds a market order until the open. With one side alone a market order could trade at any
    price, so the close gives away ``give_away`` of that side and no more.
    """
    if quote is None or quote.received_s is None or not instrument.bands:
        return None
    if not 0 <= now_s - quote.received_s <= _ONE_SIDED_S or quote.is_halted:
        return None
    sides = [decimal_from(price) for price in (quote.bid, quote.ask) if price is not None]
    if len(sides) != 1 or sides[0] is None or sides[0] <= ZERO:
        return None
    wanted = sides[0] * (1 + side.sign * give_away)
    tick = instrument.tick_at(wanted)
    # Towards the side, so that never more is given away; and on the grid.
    steps = wanted / tick
    limit = tick * steps.to_integral_value(ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)
    # The side is off the grid, and no step lies between it and what may be given away.
    is_behind = (limit - sides[0]) * side.sign < ZERO
    return None if is_behind else limit


def close_quantity(held: Decimal, exits: Decimal, increment: Decimal = _UNIT) -> Decimal:
    """Return how much may be closed now: zero or more, on the size grid, never across zero.

    ``exits`` is what is on its way out already; a part below ``increment`` stays, because the
    broker refuses orders for it (10243).
    """
    assert increment > ZERO, f"size increment {increment}"
    free = max(abs(held) - max(exits, ZERO), ZERO)
    return free - free % increment

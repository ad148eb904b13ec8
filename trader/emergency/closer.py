"""Close one instrument: look, decide, promise, send, and look again until it is flat or stuck.

The decisions are :mod:`trader.core.closing`; here are the looks and the one order at a time. An
order counts as dead only by the broker's own word (a cancel confirmed, a refusal); without an
answer it may live, and nothing follows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.closing import Closing, ClosingOrder, Flat, Send, Sight, Stop, Wait, next_step
from trader.core.events import Evidence
from trader.core.executions import Execution, newest
from trader.core.flatten import Resting, exits_working, without_held_back
from trader.core.ids import ConId, ExecFamily, ExecId, OrderId, PermId, exec_family
from trader.core.instruments import Instrument
from trader.core.snapshots import OpenOrderRow
from trader.emergency.line import Line
from trader.emergency.memory import Memory
from trader.emergency.settings import EmergencySettings
from trader.ibkr.emergency import Look
from trader.ports import Clock, SendUncertain

# The order is held until the market opens, or was put off to it (INC-082).
_HELD_CODES = (399, 404)
_ENDED = ("Cancelled", "ApiCancelled")


class Ending(StrEnum):
    """How a close ended."""

    FLAT = "flat"
    WAITS = "waits"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Closed:
    """The result for one instrument."""

    ending: Ending
    text: str


@dataclass(slots=True)
class _Order:
    """Our closing order at the broker."""

    terms: ClosingOrder
    is_uncertain: bool = False
    is_cancel_sent: bool = False


class Closer:
    """Closes one instrument on one line."""

    def __init__(
        self, line: Line, instrument: Instrument, *, settings: EmergencySettings, memory: Memory,
        clock: Clock, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._line = line
        self._instrument = instrument
        self._settings = settings
        self._bounds = settings.bounds
        self._memory = memory
        self._clock = clock
        self._say = say
        # What was executed before the first reading; corrected, it is still nothing new (INC-048).
        self._known: frozenset[ExecFamily] = frozenset()
        self._noted: dict[ExecId, None] = {}
        self._order: _Order | None = None
        self._sent = 0

    @property
    def _con_id(self) -> ConId:
        return self._instrument.con_id

    async def run(self) -> Closed:
        """Close it; raises LinkDown or SnapshotUnavailable when the link does not carry it."""
        look = await self._line.look()
        start = position_in(look, self._con_id)
        self._known = self._families()
        bounds, end_s = self._bounds, self._clock.monotonic() + self._bounds.close_s
        pause_s = bounds.quiet_s
        while True:
            await self._clock.sleep(pause_s)
            pause_s = bounds.poll_s
            look = await self._line.look()
            closing = Closing(start, self._moved(), self._sent)
            step = next_step(closing, self._sight(look))
            match step:
                case Flat():
                    return Closed(Ending.FLAT, self._story(start))
                case Stop(reason=reason, must_cancel=must_cancel):
                    if must_cancel:
                        await self._take_back()
                    return Closed(Ending.STOPPED, f"{self._name(look)}: {reason}")
                case Wait(reason=reason):
                    ended = self._given_up(look, reason, is_late=self._clock.monotonic() > end_s)
                    if ended is not None:
                        return ended
                    if not self._sent:
                        # Nothing of ours is out: what moved before is simply a new start.
                        start = position_in(look, self._con_id)
                        self._known = self._families()
                case Send():
                    self._send(step, position_in(look, self._con_id))

    # ---- looking

    def _sight(self, look: Look) -> Sight:
        held = position_in(look, self._con_id)
        others = [row for row in self._line.resting(look) if not self._is_mine(row)]
        # Beside an entry that cannot be cancelled its legs would keep in what is held already.
        untouched = self._line.untouched(look)
        others = without_held_back(others, untouched, self._settings.own)
        closing = self._still_working()
        over = self._line.settling.left(self._con_id, self._line.ears.executions)
        return Sight(
            position=held,
            exits=exits_working(others, self._con_id, held),
            closing=closing,
            settling=exits_working(over, self._con_id, held),
            is_settling=bool(over),
            increment=self._instrument.size_increment,
            foreign=self._foreign(),
            is_fresh=bool(self._line.fresh(look, self._con_id)),
        )

    def _is_mine(self, row: Resting | OpenOrderRow | Execution) -> bool:
        # By its id: the reference may come back altered or empty (INC-096).
        order = self._order
        mine = None if order is None else (order.terms.client_id, order.terms.order_id)
        return (row.client_id, row.order_id) == mine

    def _news(self) -> list[Execution]:
        """Return what was executed since the first reading, each in its last revision."""
        rows = self._line.ears.executions.values()
        told = newest(row for row in rows if row.con_id == self._con_id)
        return [row for family, row in told.items() if family not in self._known]

    def _families(self) -> frozenset[ExecFamily]:
        return frozenset(exec_family(exec_id)[0] for exec_id in self._line.ears.executions)

    def _moved(self) -> Decimal:
        ours = [row for row in self._news() if row.client_id in self._settings.own]
        for row in ours:
            if row.exec_id not in self._noted:
                self._noted[row.exec_id] = None
                self._memory.note_execution(self._named(row))
        return sum((row.signed_quantity for row in ours), start=ZERO)

    def _named(self, row: Execution) -> Execution:
        """Return an execution with the reference by which the next start knows it."""
        order = self._order
        is_mine = order is not None and self._is_mine(row)
        return replace(row, order_ref=order.terms.order_ref) if order and is_mine else row

    def _foreign(self) -> str:
        rows = [row for row in self._news() if row.client_id not in self._settings.own]
        return "; ".join(
            f"client {row.client_id}: {row.side} {row.quantity} ({row.exec_id})" for row in rows
        )

    def _still_working(self) -> Decimal:
        """Return what our order may still trade; zero only with proof of its end."""
        order = self._order
        if order is None:
            return ZERO
        terms = order.terms
        filled = sum(
            (row.quantity for row in self._news() if self._is_mine(row)),
            start=ZERO,
        )
        status = self._line.ears.statuses.get(terms.order_id)
        is_dead = status is not None and status.status in _ENDED
        if filled >= terms.quantity or is_dead or self._refusal():
            self._line.settling.ended(_resting(terms), terms.quantity, self._clock.monotonic())
            self._order = None
            return ZERO
        return terms.quantity - filled

    def _refusal(self) -> str:
        """Return the broker's refusal of our order, or nothing."""
        order = self._order
        errors = self._line.ears.errors.get(order.terms.order_id, []) if order else []
        status = self._line.ears.statuses.get(order.terms.order_id) if order else None
        works = status is not None and status.status in ("PreSubmitted", "Submitted")
        for error in errors:
            if error.evidence is Evidence.REJECTS_NEW and not works:
                text = f"{error.code} {error.text}"
                self._say(f"{self._instrument.symbol}: refused by the broker: {text}")
                return text
        return ""

    # ---- acting

    def _send(self, step: Send, held: Decimal) -> None:
        broker = self._line.broker
        terms = ClosingOrder(
            order_id=broker.allocate_order_id(),
            client_id=self._line.client_id,
            order_ref=self._memory.next_ref(),
            account=self._settings.account,
            instrument=self._instrument,
            side=step.side,
            quantity=step.quantity,
            held=held,
        )
        self._memory.promise(terms)
        self._order = _Order(terms)
        self._sent += 1
        what = f"{terms.side} {terms.quantity} {self._instrument.symbol}"
        self._say(f"closing: {what} of {held} held, order {terms.order_id} {terms.order_ref}")
        try:
            broker.close(terms)
        except SendUncertain:
            # Some of it may have left: it counts as working until the broker says otherwise.
            self._order.is_uncertain = True

    def _given_up(self, look: Look, reason: str, *, is_late: bool) -> Closed | None:
        """Say how a wait ends: the broker holds the order for the open, or time is over."""
        name = self._name(look)
        if self._order is not None:
            terms = self._order.terms
            held_back = self._held_back(terms.order_id)
            what = f"{name}: order {terms.order_id} {terms.side} {terms.quantity}"
            if held_back:
                return Closed(Ending.WAITS, f"{what} waits: {held_back}")
            if not is_late:
                return None
            is_listed = any(map(self._is_mine, look.open_orders))
            if is_listed:
                return Closed(Ending.WAITS, f"{what} works and has not filled")
            return Closed(Ending.STOPPED, f"{what} has no answer: nothing more is sent")
        return Closed(Ending.STOPPED, f"{name}: {reason}") if is_late else None

    def _held_back(self, order_id: OrderId) -> str:
        status = self._line.ears.statuses.get(order_id)
        if status is None or status.status != "PreSubmitted":
            return ""
        for error in self._line.ears.errors.get(order_id, []):
            if error.code in _HELD_CODES:
                return f"{error.code} {error.text}"
        return ""

    async def _take_back(self) -> None:
        """Cancel our own order: whoever trades beside us may have made it cross zero."""
        if self._still_working() <= ZERO or self._order is None:
            return
        terms = self._order.terms
        self._say(f"{terms.instrument.symbol}: our closing order {terms.order_id} is taken back")
        self._line.broker.cancel(terms.order_id)
        end_s = self._clock.monotonic() + self._bounds.cancel_again_s
        while self._still_working() > ZERO and self._clock.monotonic() < end_s:
            await self._clock.sleep(self._bounds.poll_s)

    # ---- words

    def _name(self, look: Look) -> str:
        return f"{self._instrument.symbol} {position_in(look, self._con_id)}"

    def _story(self, start: Decimal) -> str:
        if not self._sent:
            return f"{self._instrument.symbol}: was flat"
        return f"{self._instrument.symbol}: {start} closed with {self._sent} order(s)"


def _resting(terms: ClosingOrder) -> Resting:
    return Resting(
        con_id=terms.instrument.con_id,
        symbol=terms.instrument.symbol,
        side=terms.side,
        remaining=terms.quantity,
        order_type="MKT",
        client_id=terms.client_id,
        order_id=terms.order_id,
        perm_id=PermId(0),
        order_ref=terms.order_ref,
    )


def position_in(look: Look, con_id: ConId) -> Decimal:
    """Return what the broker holds of an instrument; absent means flat (INC-009)."""
    return next((row.quantity for row in look.positions if row.con_id == con_id), ZERO)

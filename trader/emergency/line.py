"""One connection of an emergency, and everything heard on it.

A connection counts only when the broker behind the gateway is proven: a gateway that is cut off
answers from its memory and sends our orders whenever it comes back (INC-002, INC-132).
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import ExecutionSeen, OrderErrorSeen, OrderStatusSeen
from trader.core.executions import Execution
from trader.core.flatten import Resting
from trader.core.halts import Lane
from trader.core.ids import ClientId, ConId, ExecId, OrderId, PermId
from trader.core.snapshots import OpenOrderRow
from trader.emergency.pace import Pace
from trader.emergency.settings import EmergencySettings
from trader.emergency.settling import Settling
from trader.ibkr.emergency import EmergencyBroker, Look
from trader.ports import BrokerMessage, Clock, ConnectRefused, LinkDown, LinkWord

_CANCEL_WAIT_S = 5.0
_OVER = ("Filled", "Cancelled", "ApiCancelled")


@dataclass(slots=True)
class Ears:
    """What the broker said without being asked, and beside its lists."""

    statuses: dict[OrderId, OrderStatusSeen] = field(default_factory=dict)
    remaining: dict[PermId, Decimal] = field(default_factory=dict)
    errors: dict[OrderId, list[OrderErrorSeen]] = field(default_factory=dict)
    # Never forgotten: the broker's list begins anew at its midnight.
    executions: dict[ExecId, Execution] = field(default_factory=dict)
    is_upstream_up: bool | None = None
    last_problem: str = ""


class Line:
    """One client id's connection."""

    def __init__(
        self, settings: EmergencySettings, client_id: ClientId, clock: Clock,
        settling: Settling | None = None,
    ) -> None:  # fmt: skip
        self.client_id = client_id
        self.ears = Ears()
        # Of the whole run: an order that was over when a link broke may have filled as well.
        self.settling = settling or Settling(settings.bounds.ended_s)
        self._settings = settings
        self._clock = clock
        self._pace = Pace(clock, settings.messages_per_s, settings.messages_burst)
        self.broker = EmergencyBroker(
            settings.broker(client_id), clock=clock, pacer=self._pace, sink=self._hear
        )

    @property
    def is_up(self) -> bool:
        """Tell whether the connection stands and the broker behind it is not known to be lost."""
        return self.broker.is_connected and self.ears.is_upstream_up is not False

    async def open(self, order_id_high: OrderId) -> None:
        """Connect and have the upstream proven; raises ConnectRefused or LinkDown."""
        self.ears.is_upstream_up, self.ears.last_problem = None, ""
        facts = await self.broker.connect(order_id_high)
        problem = self._settings.account_problem(facts.accounts)
        if problem is not None:
            self.close()
            raise ConnectRefused("account", problem)
        end_s = self._clock.monotonic() + self._settings.bounds.proof_s
        while not self._has_spoken() and self._clock.monotonic() < end_s:
            await self._clock.sleep(0.05)
        if self.ears.is_upstream_up is not True:
            said = self.ears.last_problem or "no data farm answered"
            self.close()
            raise LinkDown(f"the gateway answers, the broker behind it is not proven: {said}")

    def _has_spoken(self) -> bool:
        return self.ears.is_upstream_up is not None

    def close(self) -> None:
        """Drop the connection."""
        self.broker.disconnect()

    async def cancel(self, order_id: OrderId) -> None:
        """Write a cancel, no faster than the broker reads (INC-061); raises LinkDown."""
        await self._pace.take(Lane.CANCEL, self._clock.monotonic() + _CANCEL_WAIT_S)
        self.broker.cancel(order_id)

    async def look(self) -> Look:
        """Ask for everything; raises SnapshotUnavailable or LinkDown: then nothing is proven."""
        began_s = self._clock.monotonic()
        look = await self.broker.look()
        for execution in look.executions:
            self.ears.executions[execution.exec_id] = execution
        if not self.is_up:
            raise LinkDown(f"the upstream was lost: {self.ears.last_problem}")
        sizes = {
            (row.perm_id, row.client_id, row.order_id): row.quantity for row in look.open_orders
        }
        self.settling.looked(
            ((row, sizes[row.perm_id, row.client_id, row.order_id]) for row in self.resting(look)),
            began_s=began_s,
            now_s=self._clock.monotonic(),
        )
        return look

    def fresh(self, look: Look, con_id: ConId | None = None) -> list[Execution]:
        """Return the executions that are too young for the positions to show them for certain."""
        settle_s = self._settings.bounds.settle_s
        return [
            row
            for row in self.ears.executions.values()
            if con_id in (None, row.con_id)
            and row.time_utc is not None
            and (look.server_utc - row.time_utc).total_seconds() < settle_s
        ]

    def resting(self, look: Look) -> list[Resting]:
        """Return what works, with what it may still trade; its whole size where nobody said."""
        rows = [row for row in look.open_orders if row.status not in _OVER]
        found = [(row, self._resting(row)) for row in rows]
        # One without a size works as well: it is for an amount of cash.
        return [told for row, told in found if told.remaining > ZERO or row.quantity == ZERO]

    def untouched(self, look: Look) -> list[Resting]:
        """Return what works and has filled nothing: by what is left of it and by all executions."""
        filled = {(row.client_id, row.order_id) for row in self.ears.executions.values()}
        sizes = {
            (row.perm_id, row.client_id, row.order_id): row.quantity for row in look.open_orders
        }
        return [
            row
            for row in self.resting(look)
            if (row.client_id, row.order_id) not in filled
            and row.remaining == sizes[row.perm_id, row.client_id, row.order_id] > ZERO
        ]

    def _resting(self, row: OpenOrderRow) -> Resting:
        return Resting(
            con_id=row.con_id,
            symbol=row.symbol,
            side=row.side,
            remaining=min(self.ears.remaining.get(row.perm_id, row.quantity), row.quantity),
            order_type=row.order_type,
            client_id=row.client_id,
            order_id=row.order_id,
            perm_id=row.perm_id,
            order_ref=row.order_ref,
            status=row.status,
            parent_id=row.parent_id,
        )

    def _hear(self, message: BrokerMessage) -> None:
        ears = self.ears
        match message:
            case ExecutionSeen(execution=execution):
                ears.executions[execution.exec_id] = execution
            case OrderStatusSeen():
                if message.client_id == self.client_id:
                    ears.statuses[message.order_id] = message
                if message.perm_id:
                    ears.remaining[message.perm_id] = message.remaining
            case OrderErrorSeen():
                # The broker's texts have line ends (399); an account of the run has lines.
                told = replace(message, text=" ".join(message.text.split()))
                ears.errors.setdefault(message.order_id, []).append(told)
            case LinkWord(axis="upstream"):
                ears.is_upstream_up = message.is_up
                ears.last_problem = "" if message.is_up else f"{message.code} {message.text}"
            case LinkWord() if not message.is_up:
                ears.last_problem = f"{message.code} {message.text}".strip()
            case _:
                pass

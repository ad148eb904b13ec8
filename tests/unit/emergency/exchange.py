"""A small broker behind a real socket: positions, orders and fills in the hands of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.unit.ibkr.fake_gateway import Gateway, HandClock, contract_details, gateway, open_order
from trader.core.ids import AccountId, ClientId, ConId, OrderId
from trader.core.instruments import InstrumentSpec
from trader.emergency.line import Line
from trader.emergency.memory import Memory
from trader.emergency.settings import Bounds, EmergencySettings

AAPL, IBM = ConId(265598), ConId(8314)
SYMBOLS = {AAPL: "AAPL", IBM: "IBM"}
FAST = Bounds(
    locked_s=0.3, proof_s=0.5, cancel_s=1.0, cancel_again_s=0.2, close_s=1.0, quiet_s=0.02,
    poll_s=0.02, settle_s=0.0, ended_s=0.05, promise_s=0.1, retry_s_min=0.05, retry_s_max=0.1,
)  # fmt: skip
FARM_UP = "4|2|-1|2104|Market data farm connection is OK:usfarm|"


@dataclass
class Resting:
    """An order at this broker."""

    order_id: int
    client_id: int
    con_id: ConId
    side: str
    quantity: int
    kind: str = "LMT"
    ref: str = ""
    perm_id: int = 0
    status: str = "Submitted"
    # Held back by the broker until that one fills, and gone with it.
    parent: int = 0


@dataclass
class Exchange:
    """What the broker knows, and how it answers."""

    served: Gateway
    positions: dict[ConId, int] = field(default_factory=dict)
    orders: list[Resting] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)
    on_place: Callable[[Resting], None] | None = None
    cancels_refused: int = 0
    shown: dict[ConId, int] | None = None
    unknown: tuple[ConId, ...] = ()
    # Fills whatever a cancel is about to reach, before it does.
    fills_first: int = 0
    # Whether a child is ended with its parent.
    takes_children: bool = True

    def __post_init__(self) -> None:
        self.served.replies |= {
            "71": lambda f: ["15|1|DU1", "9|1|1", FARM_UP],
            "16": lambda f: [*self._listed(), "53|1"],
            "7": lambda f: [*(row.replace("REQ", f[2]) for row in self.executions), f"55|1|{f[2]}"],
            "61": lambda f: [*self._held(), "62|1"],
            "49": lambda f: [f"49|1|{int(datetime.now(UTC).timestamp())}"],
            "9": self._details,
            "3": self._placed,
            "4": self._cancelled,
            "58": lambda f: self._all_cancelled(),
        }

    def frames(self, message_id: str) -> list[list[str]]:
        """Return what came of one message."""
        return self.served.of_kind(message_id)

    def fill(self, order: Resting, quantity: int | None = None) -> None:
        """Fill an order and tell it."""
        done = order.quantity if quantity is None else quantity
        sign = 1 if order.side == "BUY" else -1
        self.positions[order.con_id] = self.positions.get(order.con_id, 0) + sign * done
        order.quantity -= done
        if order.quantity == 0 and order in self.orders:
            self.orders.remove(order)
        self.executed(order.con_id, order.side, done, order.client_id, order.order_id, order.ref)

    def executed(
        self, con_id: ConId, side: str, quantity: int, client_id: int, order_id: int = 0,
        ref: str = "", *, at: str = "20200413-15:27:04", is_told: bool = True,
    ) -> None:  # fmt: skip
        """Tell an execution, live and in every list from now on."""
        number = len(self.executions) + 1
        word = "BOT" if side == "BUY" else "SLD"
        row = (
            f"11|REQ|{order_id}|{con_id}|{SYMBOLS[con_id]}|STK||0.0|||ISLAND|USD|{SYMBOLS[con_id]}"
            f"|NMS|0000e0d5.67fe667b.{number:02d}.01|{at}|DU1|ISLAND|{word}|{quantity}"
            f"|190.10|{900000 + order_id}|{client_id}|0|{quantity}|190.10|{ref}||||2|0"
        )
        self.executions.append(row)
        if is_told:
            self.served.say(row.replace("REQ", "-1"))

    def _listed(self) -> list[str]:
        rows = []
        for order in self.orders:
            order.perm_id = order.perm_id or 900000 + order.order_id
            rows.append(
                open_order(
                    orderId=str(order.order_id), clientId=str(order.client_id),
                    conId=str(order.con_id), symbol=SYMBOLS[order.con_id], action=order.side,
                    totalQuantity=str(order.quantity), orderType=order.kind,
                    permId=str(order.perm_id), orderRef=order.ref, status=order.status,
                    parentId=str(order.parent),
                )
            )  # fmt: skip
            rows.append(self._status(order, order.status))
        return rows

    def _status(self, order: Resting, status: str) -> str:
        perm_id = order.perm_id or 900000 + order.order_id
        return (
            f"3|{order.order_id}|{status}|0|{order.quantity}|0|{perm_id}|0|0|{order.client_id}||0"
        )

    def _held(self) -> list[str]:
        held = self.positions if self.shown is None else self.shown
        return [
            f"61|3|DU1|{con_id}|{SYMBOLS[con_id]}|STK||0.0||||USD|{SYMBOLS[con_id]}|NMS|{held_of}|1"
            for con_id, held_of in held.items()
            if held_of
        ]

    def _details(self, fields: list[str]) -> list[str]:
        con_id = ConId(int(fields[3]))
        if con_id in self.unknown:
            return [f"4|2|{fields[2]}|200|No security definition has been found|"]
        row = contract_details(fields[2], conId=str(con_id), symbol=SYMBOLS[con_id])
        return [row, f"52|1|{fields[2]}"]

    def _placed(self, fields: list[str]) -> list[str]:
        # placeOrder (message 3): id, contract of twelve fields, two ids, action, size, type ...
        at = fields.index("SELL") if "SELL" in fields else fields.index("BUY")
        ref = next(field for field in fields if field.startswith("kill-"))
        order = Resting(
            int(fields[1]), self._client(), ConId(int(fields[2])), fields[at], int(fields[at + 1]),
            fields[at + 2], ref,
        )  # fmt: skip
        self.orders.append(order)
        if self.on_place is not None:
            self.on_place(order)
        else:
            asyncio.get_running_loop().call_later(0.01, self.fill, order)
        return []

    def _client(self) -> int:
        return int(self.frames("71")[-1][2])

    def _cancelled(self, fields: list[str]) -> list[str]:
        order_id = int(fields[2])
        if self.cancels_refused:
            self.cancels_refused -= 1
            return [f"4|2|{order_id}|10148|OrderId {order_id} cannot be cancelled|"]
        mine = [o for o in self.orders if o.order_id == order_id and o.client_id == self._client()]
        if not mine:
            return [f"4|2|{order_id}|10147|OrderId {order_id} not found|"]
        if self.fills_first:
            self.fills_first -= 1
            self.fill(mine[0])
            return [f"4|2|{order_id}|10148|OrderId {order_id} cannot be cancelled, state: Filled|"]
        self.orders.remove(mine[0])
        gone = mine
        if self.takes_children and mine[0].kind != "STP":
            gone = mine + [o for o in self.orders if o.parent == order_id]
            self.orders = [o for o in self.orders if o.parent != order_id]
        return [self._status(order, "Cancelled") for order in gone]

    def _all_cancelled(self) -> list[str]:
        gone, self.orders = self.orders, []
        return [self._status(order, "Cancelled") for order in gone]


def settings_for(port: int, bounds: Bounds = FAST) -> EmergencySettings:
    """Return settings of a paper account that manages AAPL and IBM."""
    return EmergencySettings(
        mode="paper",
        account=AccountId("DU1"),
        host="127.0.0.1",
        port=port,
        client_id=ClientId(7),
        emergency_client_id=ClientId(1007),
        zone="UTC",
        lineage="abc123",
        instruments=(InstrumentSpec("AAPL"), InstrumentSpec("IBM")),
        messages_per_s=1000.0,
        messages_burst=1000.0,
        bounds=bounds,
    )


@dataclass
class Scene:
    """A broker, the settings that lead to it, and a state directory."""

    exchange: Exchange
    settings: EmergencySettings
    state: Path
    clock: HandClock
    said: list[str]

    def memory(self) -> Memory:
        """Return the file of promises."""
        return Memory(
            self.state, "abc123", by="desk", utc=self.clock.utc, complain=self.said.append
        )

    def quick(self, **changes: float) -> EmergencySettings:
        """Return the settings with other bounds."""
        return replace(self.settings, bounds=replace(FAST, **changes))


@asynccontextmanager
async def scene(state: Path) -> AsyncIterator[Scene]:
    """Run a broker."""
    async with gateway() as served:
        exchange = Exchange(served)
        yield Scene(exchange, settings_for(served.port), state, HandClock(), [])


@asynccontextmanager
async def on_line(state: Path, client_id: int = 7) -> AsyncIterator[tuple[Scene, Line]]:
    """Run a broker and one line to it."""
    async with scene(state) as found:
        line = Line(found.settings, ClientId(client_id), found.clock)
        try:
            await line.open(OrderId(0))
            yield found, line
        finally:
            line.close()


def held(exchange: Exchange, con_id: ConId) -> Decimal:
    """Return what the broker holds."""
    return Decimal(exchange.positions.get(con_id, 0))

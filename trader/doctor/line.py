"""One API session of the doctor's own, under a client id of its own: it asks, and never orders."""

import asyncio
from collections.abc import Callable, Sequence

from trader.core.ids import ConId, OrderId
from trader.core.instruments import InstrumentSpec
from trader.core.snapshots import BrokerSnapshot
from trader.doctor.gateway import Line
from trader.emergency.pace import Pace
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.settings import BrokerSettings
from trader.ports import (
    BrokerMessage,
    Clock,
    DataProblem,
    LinkFacts,
    LinkWord,
    QuoteTick,
    ServerTime,
    WorldError,
)

# Far below what the broker allows, so that whoever else is connected has the most of it.
_MESSAGES_PER_S = 10.0
_BURST = 10.0
_NO_CONTRACT = 200
# Of data: a remark behind which quotes come all the same.
_REMARKS = frozenset({10167})


class Session:
    """What one connection says; everything it heard stays after the end."""

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        pace = Pace(clock, _MESSAGES_PER_S, _BURST)
        self._broker = IbkrBroker(settings, clock=clock, pacer=pace, sink=self._hear)
        self._changed = asyncio.Event()
        self._lines: dict[ConId, Line] = {}
        self.farms: dict[str, str] = {}
        self.is_upstream_up: bool | None = None
        self.is_read_only: bool | None = None

    async def open(self) -> LinkFacts:
        """Connect; raises ConnectRefused."""
        return await self._broker.connect(OrderId(0))

    def close(self) -> None:
        """End the connection; lines and subscriptions end with it."""
        self._broker.disconnect()

    async def upstream(self, wait_s: float) -> None:
        """Wait until the gateway has said whether the broker is behind it."""
        await self._until(lambda: self.is_upstream_up is not None, wait_s)

    async def time(self) -> ServerTime:
        """Ask for the broker's time; raises WorldError."""
        return await self._broker.heartbeat()

    async def snapshot(self) -> BrokerSnapshot:
        """Ask for all that a reconciliation asks for; raises SnapshotUnavailable."""
        return await self._broker.snapshot()

    async def quotes(self, specs: Sequence[InstrumentSpec], wait_s: float) -> list[Line]:
        """Ask for quotes of each, and hear what kind they are."""
        found = []
        for spec in specs:
            line = Line(spec.symbol)
            found.append(line)
            try:
                instrument = await self._broker.resolve(spec)
                self._lines[instrument.con_id] = line
                await self._broker.subscribe(instrument)
            except WorldError as error:
                line.problems.append((_NO_CONTRACT, str(error)))
        await self._until(lambda: all(map(_has_spoken, found)), wait_s)
        return found

    async def _until(self, is_so: Callable[[], bool], wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _hear(self, message: BrokerMessage) -> None:
        match message:
            case LinkWord(axis="upstream"):
                self.is_upstream_up = message.is_up
            case LinkWord(axis="farm"):
                self.farms[message.text] = message.state
            case LinkWord(axis="read_only"):
                self.is_read_only = not message.is_up
            case DataProblem():
                self._line(message.con_id).problems.append((message.code, message.text))
            case QuoteTick(field="data_type", value=value) if value is not None:
                self._line(message.con_id).data_type = int(value)
            case QuoteTick(field="bid" | "ask" | "last", value=value) if value is not None:
                self._line(message.con_id).is_priced = True
            case _:
                return
        self._changed.set()

    def _line(self, con_id: ConId) -> Line:
        return self._lines.setdefault(con_id, Line(str(con_id)))


def _has_spoken(line: Line) -> bool:
    is_refused = any(code not in _REMARKS for code, _ in line.problems)
    return is_refused or (line.data_type is not None and line.is_priced)

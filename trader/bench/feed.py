"""How the daemon takes a flood of prices: `scripts/bench feed --seconds 30`.

A feeder process is the gateway: it speaks the wire protocol over TCP, takes 100 subscriptions and
sends prices at a steady rate, and now and then thousands at once. This process decodes them with
the daemon's own adapter (ib_async's messages), keeps them in its hub with every rule for quotes on,
and five strategies look at what changed. Measured are how late the loop is, how old a price is when
a strategy sees it, whether the last price of every instrument is the one that was sent last, and
memory. Absolute times are this machine's; run it twice before you believe one.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import uvloop

from trader.bench.tally import Tally
from trader.core.calendar import SessionNow
from trader.core.ids import AccountId, ClientId, ConId, OrderId
from trader.core.instruments import Instrument
from trader.core.policy import PricePolicy
from trader.engine.beliefs import Beliefs
from trader.engine.hub import MarketHub
from trader.engine.pacer import LanePacer
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.settings import BrokerSettings
from trader.market_data import plausibility_limits
from trader.ops.clock import SystemClock
from trader.ops.logs import configure_logs
from trader.ports import BrokerMessage, QuoteTick

_ACCOUNT = "DU0000001"
_VERSION = b"178"
_BEAT_S = 0.01
_LAG_S = 0.002
# How often a strategy looks at most, and which of the instruments each watches: all.
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: prices a second for so long, and so many at once every few seconds."""

    instruments: int = 100
    strategies: int = 5
    per_s: int = 2_000
    burst: int = 10_000
    burst_every_s: float = 2.0
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Flood:
    """What was measured; times in milliseconds, memory in KiB."""

    ticks: int
    ticks_per_s: float
    cpu_share: float
    us_per_tick: float
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    delay_p50_ms: float
    delay_p95_ms: float
    delay_p99_ms: float
    looks: int
    stale_latest: int
    memory_kib_begin: int
    memory_kib_end: int


def price_of(place: int, number: int) -> str:
    """Return the price of the number-th tick of an instrument; each differs from the one before."""
    cents = 10_000 + 100 * place + number % 50
    return f"{cents / 100:.2f}"


def frames(place: int, request_id: int, number: int) -> bytes:
    """Return a bid and an ask as the wire has them."""
    out = b""
    for tick_type, shift in ((1, number), (2, number + 1)):
        out += _frame("1", "6", str(request_id), str(tick_type), price_of(place, shift), "3", "0")
    return out


def _frame(*fields: str) -> bytes:
    payload = "\0".join(fields).encode() + b"\0"
    return len(payload).to_bytes(4, "big") + payload


# ---- the feeder


def feed(listening: socket.socket, load: Load) -> None:
    """Be the gateway of one client until everything has been sent."""
    link, _ = listening.accept()
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = _requests(link, load.instruments)
    sent = [0] * load.instruments
    for place, request_id in enumerate(requests):
        link.sendall(_frame("58", "1", str(request_id), "1"))
        link.sendall(frames(place, request_id, 0))
    began_s, count = time.monotonic(), 0
    burst_s = began_s + load.burst_every_s
    while (now_s := time.monotonic()) < began_s + load.seconds:
        due = int((now_s - began_s) * load.per_s)
        batch = max(due - count, 0)
        count += batch
        if now_s >= burst_s:
            burst_s += load.burst_every_s
            batch += load.burst
        link.sendall(b"".join(_batch(requests, sent, batch // 2)))
        time.sleep(_BEAT_S)
    # The last of all: afterwards nothing changes any more.
    link.sendall(b"".join(_batch(requests, sent, load.instruments)))
    link.sendall(_frame("4", "2", "-1", "2104", "END:" + ",".join(map(str, sent)), ""))
    link.recv(1)


def _batch(requests: list[int], sent: list[int], count: int) -> Iterator[bytes]:
    first = sum(sent)
    for step in range(count):
        place = (first + step) % len(requests)
        sent[place] += 1
        yield frames(place, requests[place], sent[place])


def _requests(link: socket.socket, count: int) -> list[int]:
    """Shake hands, and return the ids of the subscriptions."""
    buffer, found = bytearray(), list[int]()
    is_greeted = False
    while len(found) < count:
        data = link.recv(65_536)
        if not data:
            raise ConnectionError("the client left")
        buffer += data
        if not is_greeted:
            size = int.from_bytes(buffer[4:8], "big")
            del buffer[: 8 + size]
            is_greeted = True
            link.sendall(_frame(_VERSION.decode(), "20260101 10:00:00 UTC"))
        while len(buffer) >= 4 and len(buffer) >= 4 + int.from_bytes(buffer[:4], "big"):
            size = int.from_bytes(buffer[:4], "big")
            fields = bytes(buffer[4 : 4 + size]).split(b"\0")
            del buffer[: 4 + size]
            if fields[0] == b"71":
                link.sendall(_frame("15", "1", _ACCOUNT) + _frame("9", "1", "1"))
            elif fields[0] == b"1":
                found.append(int(fields[2]))
    return found


@contextmanager
def feeder(load: Load) -> Iterator[int]:
    """Run the feeder as a process of its own; give its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    pid = os.fork()
    if pid == 0:
        try:
            feed(listening, load)
        finally:
            os._exit(0)
    port = int(listening.getsockname()[1])
    listening.close()
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


# ---- the daemon's side


class LookingStrategy:
    """Looks at every quote that changed, as a strategy does, and keeps how old it was."""

    def __init__(self, hub: MarketHub, con_ids: Sequence[ConId], clock: SystemClock) -> None:
        self._hub = hub
        self._con_ids = con_ids
        self._clock = clock
        self._wake = asyncio.Event()
        self._seen_s: dict[ConId, float] = {}
        self.delays = Tally()
        self.looks = 0
        hub.wake_on(con_ids, self._wake)

    async def run(self) -> None:
        """Look whenever something changed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            quotes, now_s = self._hub.quotes, self._clock.monotonic()
            for con_id in self._con_ids:
                quote = quotes.get(con_id)
                at_s = None if quote is None else quote.received_s
                if at_s is not None and self._seen_s.get(con_id) != at_s:
                    self._seen_s[con_id] = at_s
                    self.delays.add(now_s - at_s)
            self.looks += 1
            await self._clock.sleep(_LOOK_S)


class _Sink:
    """What the adapter tells: prices go to the hub as the inbox lets them."""

    def __init__(self) -> None:
        self.hub: MarketHub | None = None
        self.ended = asyncio.Event()
        self.sent: list[int] = []

    def put(self, message: BrokerMessage) -> None:
        """Take a message."""
        if isinstance(message, QuoteTick):
            assert self.hub is not None, "a price before there is a hub"
            self.hub.on_tick(message)
        elif getattr(message, "axis", "") == "farm":
            text = str(getattr(message, "text", ""))
            self.sent = [int(part) for part in text.rpartition("END:")[2].split(",")]
            self.ended.set()


async def _flooded(port: int, load: Load) -> Flood:
    clock, sink = SystemClock(), _Sink()
    hub = sink.hub = MarketHub(clock)
    session = SessionNow(clock.utc(), is_regular=True, is_closed=False, until_utc=None)
    hub.beliefs = Beliefs(
        clock, plausibility_limits(PricePolicy()), lambda _con_id: session, lambda *_: None
    )
    settings = BrokerSettings("127.0.0.1", port, ClientId(7), AccountId(_ACCOUNT))
    broker = IbkrBroker(settings, clock=clock, pacer=LanePacer(clock, 1e6, 1e6), sink=sink.put)
    await broker.connect(OrderId(0))
    con_ids = [ConId(1_000 + place) for place in range(load.instruments)]
    strategies = [LookingStrategy(hub, con_ids, clock) for _ in range(load.strategies)]
    lags, delays = Tally(), Tally()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run(), name=f"strategy {n}") for n, one in
                 enumerate(strategies)]  # fmt: skip
        tasks.append(group.create_task(_measure_lag(clock, lags), name="lag"))
        for con_id in con_ids:
            hub.add(instrument(con_id))
            hub.subscribed(con_id)
            await broker.subscribe(hub.instruments[con_id])
        await clock.sleep(load.seconds / 3)
        memory, began_s, cpu_s = _memory_kib(), time.monotonic(), time.process_time()
        ticks = hub.tick_count
        await sink.ended.wait()
        ticks, seconds = hub.tick_count - ticks, time.monotonic() - began_s
        cpu_s = time.process_time() - cpu_s
        await clock.sleep(0.1)
        for task in tasks:
            task.cancel()
    broker.disconnect()
    for one in strategies:
        delays.add_all(one.delays)
    return Flood(
        ticks=ticks,
        ticks_per_s=ticks / seconds,
        cpu_share=cpu_s / seconds,
        us_per_tick=1e6 * cpu_s / ticks,
        lag_p50_ms=1_000 * lags.at(50),
        lag_p99_ms=1_000 * lags.at(99),
        lag_max_ms=1_000 * lags.longest_s,
        delay_p50_ms=1_000 * delays.at(50),
        delay_p95_ms=1_000 * delays.at(95),
        delay_p99_ms=1_000 * delays.at(99),
        looks=sum(one.looks for one in strategies),
        stale_latest=_stale(hub, con_ids, sink.sent),
        memory_kib_begin=memory,
        memory_kib_end=_memory_kib(),
    )


def instrument(con_id: ConId) -> Instrument:
    """Return a stock of that number."""
    return Instrument(
        con_id=con_id,
        symbol=f"S{con_id}",
        sec_type="STK",
        exchange="SMART",
        currency="USD",
        multiplier=Decimal(1),
        bands=(),
        size_increment=Decimal(1),
        price_magnifier=1,
    )


def _stale(hub: MarketHub, con_ids: Sequence[ConId], sent: Sequence[int]) -> int:
    """Count the sides whose price is not the one that was sent last."""
    wrong = 0
    for place, (con_id, number) in enumerate(zip(con_ids, sent, strict=True)):
        quote = hub.quotes[con_id]
        wrong += quote.bid != Decimal(price_of(place, number))
        wrong += quote.ask != Decimal(price_of(place, number + 1))
    return wrong


async def _measure_lag(clock: SystemClock, lags: Tally) -> None:
    """Note how late the loop is, also for those who would have come while it was busy."""
    while True:
        before_s = clock.monotonic()
        await clock.sleep(_LAG_S)
        late_s = max(clock.monotonic() - before_s - _LAG_S, 0.0)
        lags.add(late_s)
        while (late_s := late_s - _LAG_S) > 0:
            lags.add(late_s)


def _memory_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def flood(load: Load) -> Flood:
    """Measure one flood."""
    with feeder(load) as port, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_flooded(port, load))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a price was lost."""
    usual = Load()
    parser = argparse.ArgumentParser(prog="bench feed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--instruments", type=int, default=usual.instruments)
    parser.add_argument("--strategies", type=int, default=usual.strategies)
    parser.add_argument("--per-s", type=int, default=usual.per_s, help="prices a second")
    parser.add_argument("--burst", type=int, default=usual.burst, help="prices at once")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    if given.seconds < 1 or given.instruments < 1 or given.per_s < 1 or given.strategies < 1:
        print("bench feed: every number must be at least 1", file=sys.stderr)
        return 2
    configure_logs("error", "json")
    load = Load(
        given.instruments, given.strategies, given.per_s, given.burst, seconds=given.seconds
    )
    found = flood(load)
    if given.json:
        print(json.dumps(asdict(found), indent=1))
    else:
        for name, value in asdict(found).items():
            print(f"{name:20} {value:14,.3f}" if isinstance(value, float) else
                  f"{name:20} {value:14,}")  # fmt: skip
    return 1 if found.stale_latest else 0


if __name__ == "__main__":
    sys.exit(main())

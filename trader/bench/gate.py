"""What the gate costs beside the review, before a book of 50 positions and 200 working orders.

One submission runs through the real gateway, guard, book and halt file, with a journal that
accepts at once and a broker that takes every order: neither disk nor socket is in the figures.
Each submission is taken apart: its review, what the ledger needs to record its three events
(reviewed, planned, sent) in the book and to tell their observers, and the rest, the gate's own.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import ParamSpec, TypeVar, cast
from unittest.mock import patch

from trader.bench.review import (
    BENCH_POLICY,
    ORDERS,
    POSITIONS,
    aged_book,
    bench_instrument,
    bench_intent,
    bench_reading,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.breaker_events import EquityMarked
from trader.core.checkpoint import BookState
from trader.core.halts import HaltCause, Mode, Restraint
from trader.core.ids import ClientId, ConId, OrderId, Seq
from trader.core.market import Quote
from trader.core.policy import SessionPolicy, TradingHours, WhatIf
from trader.core.risk import ApprovedOrder
from trader.engine.guard import Guard, GuardLimits
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.orders import gateway as gate
from trader.engine.orders.gateway import GatewaySettings, OrderGateway
from trader.engine.outcomes import OutcomeKind
from trader.engine.pacer import LanePacer
from trader.engine.services import Services
from trader.engine.sessions import Sessions, SessionSettings
from trader.engine.supervisor import Supervisor
from trader.engine.valuer import Valuer
from trader.ops.clock import SystemClock
from trader.ops.halt_file import HaltFile, HaltFileControl
from trader.ports import Broker, ChainHead, ServerTime

P = ParamSpec("P")
T = TypeVar("T")

_ENDLESS = 1e9
_POLICY = replace(
    BENCH_POLICY,
    # The benchmark runs at any hour, and has no broker to ask about margin.
    session=SessionPolicy(TradingHours.ALWAYS),
    exposure=replace(BENCH_POLICY.exposure, what_if=WhatIf.NEVER),
)


@dataclass(frozen=True, slots=True)
class GateSeconds:
    """What each submission took, in seconds: its review, the ledger's part, and the gate's own."""

    review: tuple[float, ...]
    ledger: tuple[float, ...]
    own: tuple[float, ...]


class _Nowhere:
    """A journal that holds everything durable at once; it keeps nothing."""

    failure: str | None = None
    durable_seq = Seq(0)
    head = ChainHead(Seq(0), "")

    def append(self, recorded: ev.Recorded) -> None:
        """Take an event."""

    async def durable(self, seq: Seq) -> None:
        """Say that it is on disk."""

    async def save_checkpoint(self, state: BookState) -> None:
        """Take a checkpoint."""


class _Taker:
    """The part of a broker that a submission needs: it takes every order and says nothing."""

    client_id = ClientId(7)
    is_connected = True

    def __init__(self, high: OrderId) -> None:
        self._high = high

    def allocate_order_id(self) -> OrderId:
        """Return the next id."""
        self._high = OrderId(self._high + 1)
        return self._high

    def place(self, order: ApprovedOrder) -> None:
        """Take an order."""

    def place_bracket(self, orders: tuple[ApprovedOrder, ...]) -> None:
        """Take a bracket."""


class _NoPager:
    def page(self, severity: str, title: str, text: str) -> None:
        """Tell nobody."""


def gate_seconds(count: int, folder: Path, history: int = 0) -> GateSeconds:
    """Time ``count`` submissions, each by itself; ``folder`` takes the halt file.

    ``history`` orders were planned and cancelled before those that work now.
    """
    assert count >= 1, f"count {count}"
    return asyncio.run(_measured(count, folder, history))


async def _measured(count: int, folder: Path, history: int) -> GateSeconds:
    book, clock = aged_book(history), SystemClock()
    ledger = Ledger(book, _Nowhere(), clock)
    services = _services(ledger, clock, folder)
    gateway = OrderGateway(services, settings=GatewaySettings(60.0, _POLICY))
    ledger.observe(services.valuer.on_recorded)
    ledger.observe(gateway.on_recorded)
    first = history + ORDERS + 1
    reviews: list[float] = []
    parts: list[float] = []
    totals: list[float] = []
    with _timed(gate, "review", reviews), _timed(ledger, "record", parts):
        for number in range(first, first + count):
            intent = bench_intent(number, ConId(1 + number % POSITIONS), Decimal(98))
            already = len(parts)
            started_s = time.perf_counter()
            outcome = await gateway.submit(intent)
            totals.append(time.perf_counter() - started_s)
            assert outcome.kind is OutcomeKind.SENT, outcome
            parts[already:] = [sum(parts[already:])]
            # The next one meets as many working orders as this one did.
            _end(book, ledger, OrderId(number), parts)
    own = tuple(
        total - review - part for total, review, part in zip(totals, reviews, parts, strict=True)
    )
    return GateSeconds(tuple(reviews), tuple(parts), own)


def _end(book: Book, ledger: Ledger, order_id: OrderId, parts: list[float]) -> None:
    kept = len(parts)
    ledger.record(ev.OrderErrorSeen(order_id, 202, "", ev.Evidence.CONFIRMS_CANCEL))
    ledger.record(ev.OrderSettled(order_id, Decimal(0), "bench"))
    del parts[kept:]
    assert len(book.live_orders) == ORDERS, "the benchmark's orders do not work"


@contextmanager
def _timed(owner: object, name: str, into: list[float]) -> Iterator[None]:
    """Have a function of a module or an object note how long each of its calls takes."""

    def noting(function: Callable[P, T]) -> Callable[P, T]:
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            started_s = time.perf_counter()
            result = function(*args, **kwargs)
            into.append(time.perf_counter() - started_s)
            return result

        return timed

    with patch.object(owner, name, noting(getattr(owner, name))):
        yield


def _services(ledger: Ledger, clock: SystemClock, folder: Path) -> Services:
    book, pager, hub = ledger.book, _NoPager(), MarketHub(clock)
    halt_file = folder / "HALT"
    reading = HaltFile(halt_file).reading()
    seen = reading.reason if reading.is_active else ""
    HaltFileControl(halt_file, clock).release("bench", "bench", seen)
    guard = Guard(
        ledger=ledger,
        clock=clock,
        kill_switch=HaltFile(halt_file),
        pager=pager,
        mode=Mode.PAPER,
        limits=GuardLimits(_ENDLESS, _ENDLESS),
    )
    _arm(guard, ledger, clock)
    sessions = Sessions(hub, clock, SessionSettings(UTC))
    exposure = _POLICY.exposure
    valuer = Valuer(book, hub, clock, sessions=sessions, currency="USD", exposure=exposure)
    now_s = clock.monotonic()
    for con_id in book.positions:
        hub.add(bench_instrument(con_id))
        hub.quotes[con_id] = Quote(
            con_id, Decimal("99.99"), Decimal("100.01"), data_type=1, received_s=now_s
        )
    valuer.on_account(replace(bench_reading(), as_of_s=now_s))
    valuer.refresh()
    ledger.record(EquityMarked(sessions.day(), Decimal(1_050_000)))
    return Services(
        clock=clock,
        supervisor=Supervisor(clock),
        ledger=ledger,
        guard=guard,
        hub=hub,
        valuer=valuer,
        sessions=sessions,
        broker=cast(Broker, _Taker(book.order_id_high)),
        pacer=LanePacer(clock, _ENDLESS, _ENDLESS),
        pager=pager,
    )


def _arm(guard: Guard, ledger: Ledger, clock: SystemClock) -> None:
    for cause in tuple(ledger.book.halts):
        ledger.record(ev.HaltCleared(cause, "bench", "bench"))
    for level in (
        HaltCause.STARTING,
        HaltCause.LINK,
        HaltCause.UPSTREAM,
        HaltCause.NOT_RECONCILED,
    ):
        guard.clear_level(level)
    guard.on_compared()
    # The daemon's breakers answer with what they worked out before.
    nothing = Restraint()
    guard.restraint = lambda: nothing
    guard.on_heartbeat(ServerTime(clock.utc(), 0.0))

"""A recorded market made by hand, and a strategy that decides by nothing but what it is shown."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from trader.core.bars import Bar
from trader.core.executions import Execution
from trader.core.ids import ConId
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import Side
from trader.core.market import Quote, fault
from trader.core.moments import microseconds_of
from trader.engine.market.recording import (
    Ended,
    Head,
    MarketEvent,
    MarketFact,
    clock_line,
    fact_line,
)
from trader.engine.strategy.runner import RunnerSettings
from trader.ports import QuoteTick
from trader.strategies.base import Context, OrderUpdate, Strategy, Wish
from trader.strategies.own import OwnStrategy, Parameters
from trader.wiring import Deployment

CON = ConId(265598)
T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
T0_S = 700.0
AAPL = Instrument(
    CON, "AAPL", "STK", "SMART", "USD", Decimal(1), (PriceBand(Decimal(0), Decimal("0.01")),),
    Decimal(1), 1,
)  # fmt: skip


def head(run: str = "run1", part: int = 1) -> Head:
    return Head(run, part, "0.1.0", "paper", (AAPL,))


def event(after_s: float, fact: MarketFact, base_s: float = T0_S) -> MarketEvent:
    at_us = microseconds_of(T0 + timedelta(seconds=after_s))
    return MarketEvent(at_us, base_s + after_s, fact)


def tick(after_s: float, field: str, value: str, base_s: float = T0_S) -> MarketEvent:
    made = QuoteTick(CON, field, Decimal(value), base_s + after_s)
    return event(after_s, made, base_s)


def quote(after_s: float, bid: str, ask: str, base_s: float = T0_S) -> list[MarketEvent]:
    rows = (
        ("data_type", "1"),
        ("bid", bid),
        ("bid_size", "500"),
        ("ask", ask),
        ("ask_size", "500"),
    )
    return [tick(after_s, field, value, base_s) for field, value in rows]


def a_day(begin_s: float = 0.0, base_s: float = T0_S, run: str = "run1") -> list[MarketEvent]:
    """Return a market that rises and falls for a minute, a quote each half second."""
    found = [event(begin_s, head(run), base_s)]
    for step in range(120):
        price = Decimal(100) + Decimal(abs(30 - step % 60)) / 20
        at_s = begin_s + 0.1 + step / 2
        found += quote(at_s, str(price), str(price + Decimal("0.02")), base_s)
    return [*found, event(begin_s + 61, Ended(), base_s)]


def written(path: Path, events: Iterable[MarketEvent]) -> Path:
    """Write events as a part of a record."""
    rows = list(events)
    first = rows[0]
    origin_us = round(first.at_s * 1e6)
    lines = [clock_line(T0 + timedelta(microseconds=first.at_us - microseconds_of(T0)), first.at_s)]
    lines += [fact_line(row.fact, row.at_s, origin_us) for row in rows]
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    path.write_bytes(packer.compress("".join(lines).encode()) + packer.flush())
    return path


class Swinger(OwnStrategy[Parameters]):
    """Buys ten when it falls through 100.50, sells them when it rises through 101."""

    def __init__(
        self, name: str = "swinger", symbols: tuple[str, ...] = ("AAPL",), fails_at: int = 0
    ) -> None:
        super().__init__(name, symbols, Parameters())
        self.looks = 0
        self.fills: list[Execution] = []
        self.updates: list[OrderUpdate] = []
        self.seen_bars: list[Bar] = []
        self.times: list[tuple[datetime, float]] = []
        self.fails_at = fails_at

    def on_start(self, context: Context) -> None:
        self.times.append((context.now_utc, context.now_s))

    def on_quote(self, quote: Quote, context: Context) -> None:
        self.looks += 1
        self.times.append((context.now_utc, context.now_s))
        if self.looks == self.fails_at:
            raise ZeroDivisionError("planted")
        con_id, shown = quote.con_id, quote
        if fault(shown, context.now_s, 5.0) or shown.mid is None or context.working(con_id) != 0:
            return
        held = context.position(con_id)
        if held == 0 and shown.mid < Decimal("100.50"):
            context.submit(Wish(con_id, Side.BUY, Decimal(10), reason=f"low {shown.mid}"))
        if held > 0 and shown.mid > Decimal(101):
            wish = Wish(con_id, Side.SELL, held, is_reduce_only=True, reason=f"high {shown.mid}")
            context.submit(wish)

    def on_fill(self, execution: Execution, context: Context) -> None:
        self.fills.append(execution)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        self.updates.append(update)

    def on_bar(self, bar: Bar, context: Context) -> None:
        assert context.bars(bar.con_id)[-1] == bar
        self.seen_bars.append(bar)


def deployed(strategy: Strategy) -> tuple[Deployment, ...]:
    return (Deployment(strategy, RunnerSettings(0.1, 30.0)),)


def given(events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
    return iter(list(events))

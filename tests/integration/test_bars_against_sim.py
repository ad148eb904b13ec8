"""Bars of ours, five-second bars and history of the simulator tell of the same seconds the same.

Goal: what a strategy decides on is what the broker would have told it. Method: the real keeper on
the real adapter over a real socket, beside a second client that asks the simulator for its own
real-time bars; one simulator for each test, ticking once a second, with the seed 1. Then what
goes wrong is made to: a link that is cut, history that is refused or never ends, yesterday's tick.

Where they must differ: a price takes a moment from there to here, so at the start of each interval
the one before still holds here. Our open is their close before, and is in our high and low.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from ib_async import IB
from ib_async.contract import Contract

from tests.integration.simulator import Controlled, simulated
from tests.unit.engine.world import UTC_DAYS, MemoryJournal, Pages, Switch
from tests.unit.ibkr.fake_gateway import CLIENT, OpenPacer
from trader.core.bars import Bar, BarSource, BarSpec
from trader.core.book import Book
from trader.core.halts import HaltCause, Mode
from trader.core.ids import ConId, OrderId
from trader.core.instruments import InstrumentSpec
from trader.core.market import Quote
from trader.engine.bar_status import BarRow
from trader.engine.guard import Guard, GuardLimits
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.services import Services
from trader.engine.sessions import Sessions
from trader.engine.supervisor import Supervisor
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.settings import BrokerSettings
from trader.ops.clock import SystemClock
from trader.ports import BrokerMessage, DataProblem, HistoryRefused, LinkWord, QuoteTick

AAPL = InstrumentSpec("AAPL", primary_exchange="NASDAQ")
VIX = InstrumentSpec("VIX", sec_type="IND", exchange="CBOE", is_tradeable=False)
FIVES = BarSpec(5, 24)


class Stage(Controlled):
    """A keeper on the real adapter, and the simulator with its control port."""

    def __init__(self, announced: dict[str, Any], http: aiohttp.ClientSession) -> None:
        super().__init__(announced, http)
        self.clock = SystemClock()
        self.hub = MarketHub(self.clock)
        ledger = Ledger(Book(), MemoryJournal(), self.clock)
        self.supervisor = Supervisor(self.clock)
        pages = Pages()
        self.guard = Guard(
            ledger=ledger,
            clock=self.clock,
            kill_switch=Switch(),
            pager=pages,
            mode=Mode.DRY_RUN,
            limits=GuardLimits(1e6, 1e6, ""),
        )
        settings = BrokerSettings(
            host="127.0.0.1", port=self.port, client_id=CLIENT, history_deadline_s=1.0,
            reconnect_gap_s=0.05,
        )  # fmt: skip
        pacer = OpenPacer()
        self.broker = IbkrBroker(settings, clock=self.clock, pacer=pacer, sink=self.take)
        unused: Any = None
        self.services = Services(
            clock=self.clock,
            supervisor=self.supervisor,
            ledger=ledger,
            guard=self.guard,
            hub=self.hub,
            valuer=unused,
            sessions=Sessions(self.hub, self.clock, UTC_DAYS),
            broker=self.broker,
            pacer=pacer,
            pager=pages,
        )
        self.made: list[Bar] = []

    def _hear(self, bar: Bar) -> None:
        # What the broker tells of an interval that we did not see whole is not of our making.
        if bar.source is BarSource.TICKS:
            self.made.append(bar)

    def take(self, message: BrokerMessage) -> None:
        """Do what the inbox does with what is no order."""
        match message:
            case QuoteTick():
                self.hub.on_tick(message)
            case DataProblem():
                self.hub.on_problem(message)
            case LinkWord():
                self.guard.on_link(message)
            case _:
                pass

    def keep(self, *symbols: str, spec: BarSpec = FIVES) -> BarKeeper:
        """Start a keeper."""
        wanted = dict.fromkeys(symbols, (spec,))
        keeper = BarKeeper(self.services, wanted, random.Random(1))
        keeper.follow(self._hear)
        keeper.start()
        return keeper

    async def connect(self) -> None:
        """Do what the link watch does."""
        async with asyncio.timeout(10):
            await self.broker.connect(OrderId(0))
            await self.broker.heartbeat()
        self.guard.clear_level(HaltCause.LINK)
        self.hub.forget_quotes()

    async def subscribe(self, spec: InstrumentSpec) -> ConId:
        """Ask for quotes."""
        instrument = await self.broker.resolve(spec)
        self.hub.add(instrument)
        await self.broker.subscribe(instrument)
        return instrument.con_id

    async def until(self, is_true: Callable[[], object], limit_s: float = 45.0) -> None:
        """Wait for what the simulator will say."""
        async with asyncio.timeout(limit_s):
            while not is_true():  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    options = getattr(request, "param", [])
    async with simulated(Stage, tick_interval_s=1, limit_s=120, options=options) as made:
        await made.connect()
        yield made
        await made.supervisor.stop()
        made.broker.disconnect()


def row_of(keeper: BarKeeper, symbol: str) -> BarRow:
    """Return what is shown of a symbol's only series."""
    return next(row for row in keeper.status() if row.symbol == symbol)


def contract_of(con_id: ConId) -> Contract:
    """Name a stock to the simulator as another client does."""
    return Contract(conId=con_id, symbol="AAPL", secType="STK", exchange="SMART", currency="USD")


def near(one: Decimal, other: Decimal) -> bool:
    """Tell whether two prices are the same but for what a float loses."""
    return abs(one - other) < Decimal("1e-6")


async def test_our_bars_real_time_bars_and_history_agree(stage: Stage) -> None:
    keeper = stage.keep("AAPL")
    con_id = await stage.subscribe(AAPL)
    other = IB()
    await other.connectAsync("127.0.0.1", stage.port, clientId=99)
    contract = contract_of(con_id)
    theirs = other.reqRealTimeBars(contract, 5, "MIDPOINT", useRTH=False)
    try:
        await stage.until(lambda: len(stage.made) >= 5)
        live = stage.made[:5]
        await stage.until(lambda: theirs and theirs[-1].time >= live[-1].start_utc)
        # What ended less than two seconds ago may still change, and is not told.
        await asyncio.sleep(2.5)
        instrument = stage.hub.instruments[con_id]
        told = {bar.start_utc: bar for bar in await stage.broker.history(instrument, 5, 12)}
        streamed = {bar.time.astimezone(UTC): bar for bar in theirs}
    finally:
        other.disconnect()

    compared = 0
    for before, bar in pairwise(live):
        assert bar.start_utc == before.end_utc
        past, stream, earlier = told[bar.start_utc], streamed[bar.start_utc], told[before.start_utc]
        # The simulator's two ways are one: what it streams is what it tells afterwards.
        for name in ("high", "low", "close"):
            assert near(getattr(past, name), Decimal(repr(getattr(stream, name))))
        assert near(past.open, Decimal(repr(stream.open_)))
        # Ours end where theirs end, and begin where theirs ended before.
        assert bar.close == past.close
        assert bar.open == earlier.close
        # What held for the moment until the first tick arrived is in them, and nothing else.
        assert bar.high == max(past.high, earlier.close)
        assert bar.low == min(past.low, earlier.close)
        compared += 1
    assert compared == 4
    # Something moved, so that all of this says something.
    assert len({bar.close for bar in live}) > 1
    # What the beginning cut off was told by the simulator meanwhile.
    await stage.until(lambda: row_of(keeper, "AAPL").is_warm)


async def test_a_link_cut_in_the_middle_of_a_bar_leaves_a_gap_that_history_fills(
    stage: Stage,
) -> None:
    keeper = stage.keep("AAPL")
    con_id = await stage.subscribe(AAPL)
    await stage.until(lambda: len(stage.made) >= 2)
    cut_utc = stage.clock.utc()
    stage.broker.disconnect()
    await asyncio.sleep(6)
    told = len(stage.made)
    await stage.connect()
    back_utc = stage.clock.utc()
    await stage.subscribe(AAPL)
    await stage.until(lambda: len(stage.made) >= told + 2)

    def touched() -> list[Bar]:
        bars = keeper.bars(con_id, 5)
        return [bar for bar in bars if bar.end_utc > cut_utc and bar.start_utc < back_utc]

    def is_filled() -> bool:
        return {bar.source for bar in touched()} == {BarSource.HISTORY} and len(touched()) >= 2

    # All that the cut touched, as the broker knows it, once it has settled.
    await stage.until(is_filled, 60)
    bars = keeper.bars(con_id, 5)
    for one, after in pairwise(bars):
        assert after.start_utc == one.end_utc
    assert all(bar.is_whole for bar in bars)
    # Nobody was told of what was not watched, and of everything else in its order.
    starts = [bar.start_utc for bar in stage.made]
    assert starts == sorted(set(starts))
    assert not {bar.start_utc for bar in touched()} & set(starts)


async def test_history_that_is_refused_for_pacing_is_left_alone_for_minutes(stage: Stage) -> None:
    instrument = await stage.broker.resolve(AAPL)
    other = IB()
    await other.connectAsync("127.0.0.1", stage.port, clientId=99)
    contract = contract_of(instrument.con_id)
    try:
        # Somebody else of the same user has used up what is allowed of this contract.
        for number in range(8):
            ask: Any = other.client.reqHistoricalData
            terms: tuple[Any, ...] = (f"{60 + number} S", "5 secs", "MIDPOINT", False, 2, False, [])
            ask(900 + number, contract, "", *terms)
        await asyncio.sleep(0.2)
        keeper = stage.keep("AAPL")
        await stage.subscribe(AAPL)
        await stage.until(lambda: "162" in row_of(keeper, "AAPL").problem)
        assert row_of(keeper, "AAPL").problem.startswith("pacing: error 162")
        await stage.until(lambda: stage.made)
    finally:
        other.disconnect()

    # Live bars go on, and it is not asked for again at once.
    assert not row_of(keeper, "AAPL").is_warm
    assert row_of(keeper, "AAPL").told == 0


async def test_history_that_never_ends_leaves_a_series_without_and_others_with_bars(
    stage: Stage,
) -> None:
    await stage.tell("hold", message_ids=[17], on=True)
    keeper = stage.keep("AAPL")
    con_id = await stage.subscribe(AAPL)
    await stage.until(lambda: "no answer" in row_of(keeper, "AAPL").problem)
    # The link is as well as ever, and live bars are made.
    await stage.broker.heartbeat()
    await stage.until(lambda: stage.made)
    assert {bar.source for bar in keeper.bars(con_id, 5)} == {BarSource.TICKS}
    with pytest.raises(HistoryRefused, match="no answer"):
        await stage.broker.history(stage.hub.instruments[con_id], 60, 10)
    # What was kept back comes late, and is for nobody.
    before = keeper.bars(con_id, 5)
    await stage.tell("hold", message_ids=[17], on=False)
    await stage.broker.heartbeat()
    assert keeper.bars(con_id, 5)[: len(before)] == before


# An index moves seldom: a day of it passes in a few minutes.
@pytest.mark.parametrize("stage", [["--speed", "100"]], indirect=True)
async def test_yesterdays_first_tick_of_an_index_is_in_no_bar(stage: Stage) -> None:
    await stage.tell("stale-first-tick", symbol="VIX")
    keeper = stage.keep("VIX")
    lasts: list[Decimal] = []

    def note(quote: Quote, tick: QuoteTick) -> None:
        if tick.field == "last" and tick.value is not None:
            lasts.append(tick.value)

    stage.hub.follow(note)
    con_id = await stage.subscribe(VIX)
    await stage.until(lambda: len(stage.made) >= 2)

    stale, rest = lasts[0], set(lasts[1:])
    assert stale not in rest, "the simulator told no price of yesterday"
    live = [bar for bar in keeper.bars(con_id, 5) if bar.source is BarSource.TICKS]
    assert live
    for bar in (*live, *stage.made):
        assert {bar.open, bar.high, bar.low, bar.close} <= rest

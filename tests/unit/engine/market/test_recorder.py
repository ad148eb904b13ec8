"""The recorder writes what the hub hears, in order; what it cannot write is told, and no more."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from decimal import Decimal

from tests.unit.engine.world import CON, World, an_instrument
from trader.core.bars import Bar, BarSource, BarSpec
from trader.core.halts import Lane
from trader.core.history_pacing import HistoryAnswer
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.engine.hub import Forgotten
from trader.engine.market import recorder as recorder_module
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.market.recorder import Recorder
from trader.engine.market.recording import Ended, Head, Lost, MarketEvent, MarketFact, events_in
from trader.ports import DataProblem, LinkWord, QuoteTick, SinkFailed

OTHER = ConId(555)


class MemorySink:
    """A sink that keeps its parts; ``problem`` makes it fail, ``hangs`` makes it never answer."""

    def __init__(self) -> None:
        self.parts: list[list[str]] = []
        self.problem = ""
        self.is_over = False
        self.hangs: asyncio.Event | None = None
        self.byte_count = 0

    @property
    def place(self) -> str:
        return f"part {len(self.parts)}" if self.parts else ""

    def is_full(self, at_utc: datetime) -> bool:
        return self.is_over

    async def write(self, at_utc: datetime, lines: bytes, *, is_first: bool) -> None:
        if self.hangs is not None:
            await self.hangs.wait()
        if self.problem:
            raise SinkFailed(self.problem)
        if is_first:
            self.parts.append([])
        self.parts[-1] += lines.decode().splitlines()
        self.byte_count += len(lines)

    def events(self, part: int = -1) -> list[MarketEvent]:
        return list(events_in(self.parts[part]))

    def facts(self, part: int = -1) -> list[MarketFact]:
        return [event.fact for event in self.events(part)]


class Site:
    def __init__(self) -> None:
        self.world = World()
        self.hub = self.world.hub
        self.sink = MemorySink()
        self.bars = BarKeeper(self.world.services, {"AAA": (BarSpec(5, 3),)}, random.Random(1))
        self.recorder = Recorder(
            self.world.services, self.sink, random.Random(1), "0.1.0", self.bars
        )
        self.recorder.start()

    def tick(self, price: str, field: str = "bid") -> QuoteTick:
        at_s = self.world.clock.monotonic()
        tick = QuoteTick(CON, field, Decimal(price), round(at_s, 6))
        self.hub.on_tick(tick)
        return tick


async def test_ticks_and_all_that_is_no_tick_are_written_in_their_order_within_a_second() -> None:
    site = Site()
    first = site.tick("10")
    site.hub.add(an_instrument(con_id=OTHER))
    word = LinkWord("farm", is_up=False, code=2103, text="usfarm")
    site.world.guard.on_link(word)
    second = site.tick("10.01", "ask")
    problem = DataProblem(CON, 354, "not subscribed")
    site.hub.on_problem(problem)
    site.hub.remove(OTHER)
    site.hub.forget_quotes()
    await asyncio.sleep(0.99)
    head, *rest = site.sink.facts()
    assert isinstance(head, Head)
    assert head.part == 1
    assert rest == [
        first,
        an_instrument(con_id=OTHER),
        word,
        second,
        problem,
        Forgotten(OTHER),
        Forgotten(None),
    ]
    assert site.recorder.status().row_count == 7
    assert site.recorder.status().place == "part 1"
    await site.world.supervisor.stop()


async def test_a_part_begins_with_all_that_stands_and_with_nothing_that_is_in_it_as_well() -> None:
    site = Site()
    site.tick("10")
    site.tick("10.02", "ask")
    site.tick("1", "data_type")
    site.tick("1", "halted")
    site.world.guard.on_link(LinkWord("upstream", is_up=False, code=1100, text="lost"))
    site.sink.is_over = True
    await asyncio.sleep(0.5)
    site.sink.is_over = False
    later = site.tick("10.01")
    await asyncio.sleep(1)
    head, *rest = site.sink.facts(1)
    assert isinstance(head, Head)
    assert head.part == 2
    assert head.run == site.sink.facts(0)[0].run  # type: ignore[union-attr]
    assert [row.symbol for row in head.instruments] == ["AAA"]
    found = {(row.field, row.value) for row in head.ticks}
    one = Decimal(1)
    assert found >= {
        ("bid", Decimal(10)),
        ("ask", Decimal("10.02")),
        ("data_type", one),
        ("halted", one),
    }
    assert head.words == (LinkWord("upstream", is_up=False, code=1100, text="lost"),)
    assert rest == [later]
    await site.world.supervisor.stop()


async def test_history_is_written_and_a_part_begins_with_the_bars_that_are_held() -> None:
    site = Site()
    start_utc = site.world.clock.utc() - timedelta(seconds=15)
    prices = (Decimal(50),) * 4
    found = tuple(
        Bar(CON, start_utc + n * timedelta(seconds=5), 5, *prices, BarSource.HISTORY)
        for n in range(3)
    )

    async def history(*_: object) -> tuple[Bar, ...]:
        return found

    site.world.broker.on_history = history
    site.world.broker.heard_s = site.world.clock.monotonic()
    site.bars.start()
    await asyncio.sleep(2)
    (answer,) = (fact for fact in site.sink.facts() if isinstance(fact, HistoryAnswer))
    assert (answer.con_id, answer.size_s, answer.count, answer.bars) == (CON, 5, 3, found)
    assert not answer.is_standing

    site.sink.is_over = True
    site.tick("10")
    await asyncio.sleep(0.5)
    site.sink.is_over = False
    site.tick("11")
    await asyncio.sleep(0.5)
    head, standing, *_ = site.sink.facts(1)
    assert isinstance(head, Head)
    assert isinstance(standing, HistoryAnswer)
    assert (standing.bars, standing.is_standing) == (site.bars.bars(CON, 5), True)
    # A row that only repeats is none that came.
    assert site.recorder.status().row_count == 3
    await site.world.supervisor.stop()


async def test_a_disk_that_takes_nothing_is_told_once_and_what_follows_begins_anew() -> None:
    site = Site()
    site.tick("10")
    await asyncio.sleep(0.5)
    site.sink.problem = "no room"
    site.tick("11")
    await asyncio.sleep(30)
    status = site.recorder.status()
    assert (status.state, status.problem, status.lost_count) == ("failing", "no room", 1)
    assert site.world.pager.sent == [("warning", "the market is not recorded", "no room")]
    # Trading does not notice: the gate has no cause for it.
    assert site.world.guard.refusal(Lane.NEW) is None
    site.sink.problem = ""
    site.tick("12")
    await asyncio.sleep(61)
    assert site.recorder.status().state == "running"
    head, lost, *rest = site.sink.facts(1)
    assert isinstance(head, Head)
    assert isinstance(lost, Lost)
    assert lost.count == site.recorder.status().lost_count > 0
    assert all(not isinstance(row, Lost) for row in rest)
    await site.world.supervisor.stop()


async def test_memory_is_bounded_while_a_disk_hangs_and_the_end_does_not_wait_for_it() -> None:
    site = Site()
    site.sink.hangs = asyncio.Event()
    site.tick("10")
    await asyncio.sleep(1)
    extra = 5
    for _ in range(recorder_module._ROWS_MAX + extra):
        site.hub.on_tick(QuoteTick(CON, "bid", Decimal(10), 1.0))
    assert site.recorder.status().lost_count == extra
    began_s = site.world.clock.monotonic()
    await site.recorder.finish()
    assert site.world.clock.monotonic() - began_s < 3
    assert site.recorder.status().state == "ended"
    await site.world.supervisor.stop()


async def test_an_orderly_end_is_written_with_what_came_last() -> None:
    site = Site()
    tick = site.tick("10")
    await site.recorder.finish()
    assert site.sink.facts()[1:] == [tick, Ended()]
    await site.world.supervisor.stop()


async def test_a_quiet_market_is_told_from_nobody_listening() -> None:
    site = Site()
    await asyncio.sleep(60)
    clocks = [line for part in site.sink.parts for line in part if line.startswith('["clock"')]
    assert 5 <= len(clocks) <= 8
    await site.world.supervisor.stop()


async def test_a_recorder_that_breaks_ends_alone_and_somebody_is_told() -> None:
    site = Site()
    instrument = an_instrument(con_id=OTHER, multiplier=Decimal(2))
    site.recorder._put(Instrument)  # type: ignore[arg-type]
    await asyncio.sleep(1)
    assert site.recorder.status().state == "ended"
    assert site.world.pager.titles() == ["the market is not recorded"]
    site.hub.add(instrument)
    site.world.guard.on_link(LinkWord("upstream", is_up=True, code=1102, text=""))
    assert not site.world.supervisor.root_ended.done()
    await site.world.supervisor.stop()

"""Bars end by the clock, are told once and whole, and lack nothing that the broker can tell.

Goal: a strategy never sees a bar of a time in which nobody knew the price. Method: the engine in
virtual time; quotes come, stop, come from another day, and the broker's history is there, slow,
refused or never ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.engine.world import CON, OTHER_CON, START_S, T0, World, an_instrument
from trader.core.bars import Bar, BarSource, BarSpec, start_of
from trader.core.calendar import ContractHours, Span
from trader.core.history_pacing import HistoryAnswer, HistoryTrouble
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.engine.bar_status import BarRow
from trader.engine.market.bar_keeper import LOOK_S, BarKeeper, bars_wanted
from trader.ports import HistoryRefused, LinkDown, LinkWord, QuoteTick, WorldError
from trader.strategies.own import OwnStrategy, Parameters

OPEN = Span(T0 - timedelta(hours=1), T0 + timedelta(hours=6))
HOURS = ContractHours((OPEN,), (OPEN,), Span(T0 - timedelta(days=1), T0 + timedelta(days=2)), UTC)
FIVES = BarSpec(5, 12)
MINUTES = BarSpec(60, 5)


class Play:
    """A keeper at work on an armed engine, with a broker that knows all prices."""

    def __init__(self, *specs: BarSpec, **changes: Any) -> None:
        self.world = World()
        self.clock = self.world.clock
        instrument = an_instrument(hours=HOURS, **changes)
        self.world.hub.instruments.clear()
        self.world.hub.add(instrument)
        self.world.hub.forget_quotes()
        self.keeper = BarKeeper(self.world.services, {"AAA": specs or (FIVES,)}, random.Random(1))
        self.heard: list[tuple[Bar, float]] = []
        # Those that the broker told of, soon enough to be told.
        self.late: list[tuple[Bar, float]] = []
        self.keeper.follow(self._hear)
        self.is_heard = True
        # A quote that is told again every second, though nothing has changed.
        self.is_fed = False
        # What the broker knows and how long it takes; an error is what it says instead.
        self.word: Exception | None = None
        self.answer_s = 0.1
        self.world.broker.on_history = self.history

    def _hear(self, bar: Bar) -> None:
        told = self.heard if bar.source is BarSource.TICKS else self.late
        told.append((bar, self.clock.monotonic()))

    async def history(self, instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        """Answer as the broker does: with the last bars that have ended, all at a price of 50."""
        await asyncio.sleep(self.answer_s)
        if self.word is not None:
            raise self.word
        last = start_of(self.clock.utc(), size_s)
        price = Decimal(50)
        return [
            Bar(instrument.con_id, last - timedelta(seconds=n * size_s), size_s,
                price, price, price, price, BarSource.HISTORY)
            for n in range(count, 0, -1)
        ]  # fmt: skip

    def tick(self, field: str, value: object, con_id: ConId = CON) -> None:
        """Have the broker say a field of the quote."""
        number = None if value is None else Decimal(str(value))
        self.world.hub.on_tick(QuoteTick(con_id, field, number, self.clock.monotonic()))

    def quote(self, bid: object, ask: object) -> None:
        """Have the broker say a whole quote."""
        self.tick("data_type", 1)
        self.tick("bid", bid)
        self.tick("ask", ask)

    async def run(self, seconds: float) -> None:
        """Let time pass with heartbeats, in short steps."""
        end_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end_s:
            if self.is_heard:
                self.world.broker.heard_s = self.clock.monotonic()
            if self.is_fed:
                self.tick("bid", "99.99")
            await asyncio.sleep(min(1.0, end_s - self.clock.monotonic()))

    async def begin(self) -> None:
        """Start the tasks, and have a good quote of 100, two seconds later."""
        self.world.broker.heard_s = self.clock.monotonic()
        self.keeper.start()
        await self.run(2)
        self.quote("99.99", "100.01")

    def bars(self, size_s: int = 5) -> tuple[Bar, ...]:
        return self.keeper.bars(CON, size_s)

    def row(self) -> BarRow:
        (row,) = self.keeper.status()
        return row

    def lose_link(self) -> None:
        self.world.broker.is_connected = False
        self.world.guard.on_link(LinkWord("socket", is_up=False, code=0, text="cut"))

    def restore_link(self) -> None:
        self.world.broker.is_connected = True
        for cause in self.world.guard.causes():
            self.world.guard.clear_level(cause)
        self.world.hub.forget_quotes()


async def test_bars_are_told_within_a_second_of_their_end_once_and_in_order() -> None:
    play = Play(FIVES, MINUTES)
    await play.begin()
    play.is_fed = True
    await play.run(190)

    fives = [(bar, at) for bar, at in play.heard if bar.size_s == 5]
    minutes = [bar for bar, _ in play.heard if bar.size_s == 60]
    assert len(fives) == 37
    assert len(minutes) == 2
    for bar, told_s in play.heard:
        late_s = (T0 + timedelta(seconds=told_s - START_S) - bar.end_utc).total_seconds()
        assert 0 <= late_s <= LOOK_S
        assert bar.is_whole
        assert bar.source is BarSource.TICKS
        assert bar.close == 100
    for (bar, _), (after, _) in pairwise(fives):
        assert after.start_utc == bar.end_utc


async def test_a_tick_is_in_the_bar_of_its_time() -> None:
    play = Play()
    await play.begin()
    await play.run(6)
    play.quote(101, 103)
    await play.run(1)
    play.quote(100, 102)
    await play.run(4)

    ((bar, _),) = play.heard
    assert [int(one) for one in (bar.open, bar.high, bar.low, bar.close)] == [100, 102, 100, 101]


async def test_of_the_past_only_what_has_just_ended_is_told() -> None:
    play = Play()
    await play.begin()
    await play.run(1)

    assert len(play.bars()) == 12
    assert {bar.source for bar in play.bars()} == {BarSource.HISTORY}
    assert play.heard == []
    assert [bar for bar, _ in play.late] == [play.bars()[-1]]
    assert play.row().is_warm
    await play.run(120)
    assert {bar.source for bar in play.bars()} == {BarSource.TICKS}
    assert len(play.bars()) == 12


async def test_the_first_bar_that_was_cut_off_is_the_brokers_soon_and_is_not_told() -> None:
    play = Play(MINUTES)
    await play.begin()
    play.is_fed = True
    await play.run(100)

    first = next(bar for bar in play.bars(60) if bar.start_utc == T0)
    assert first.source is BarSource.HISTORY
    assert first.is_whole
    assert first.close == 50
    assert play.heard == []
    await play.run(30)
    assert [bar.start_utc for bar, _ in play.heard] == [T0 + timedelta(minutes=1)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("bid", None), ("ask", -1), ("ask", "99"), ("halted", 1), ("data_type", 3), ("ask", "NaN")],
)
async def test_no_bar_is_made_of_a_quote_that_is_not_good(field: str, value: object) -> None:
    play = Play()
    play.word = WorldError("nothing")
    await play.begin()
    await play.run(11)
    told = len(play.heard)
    play.tick(field, value)
    await play.run(30)

    assert len(play.heard) <= told
    # The one in which it happened is there with its label, and none after it.
    assert play.bars()[-1].start_utc <= T0 + timedelta(seconds=15)
    play.quote("99.99", "100.01")
    play.tick("halted", 0)
    await play.run(20)
    assert len(play.heard) >= told + 2


async def test_a_quiet_quote_makes_flat_bars_and_a_dead_one_none() -> None:
    play = Play()
    await play.begin()
    await play.run(50)
    assert len(play.heard) == 9
    await play.run(100)

    # A minute without a word of it, and it may be dead.
    assert play.heard[-1][0].end_utc <= T0 + timedelta(seconds=61)


async def test_a_link_that_is_cut_ends_all_knowledge_and_the_gap_is_filled_afterwards() -> None:
    play = Play(MINUTES)
    await play.begin()
    play.is_fed = True
    await play.run(200)
    told = [bar.start_utc for bar, _ in play.heard]
    play.lose_link()
    play.is_fed = False
    await play.run(100)
    assert len(play.heard) == len(told)
    play.restore_link()
    play.quote("99.99", "100.01")
    play.is_fed = True
    await play.run(130)

    found = {(bar.start_utc - T0) // timedelta(minutes=1): bar for bar in play.bars(60)}
    # Cut in the middle of the third, back a little after the fifth had begun.
    assert [str(found[n].source) for n in (2, 3, 4, 5, 6)] == [
        "ticks", "history", "history", "history", "ticks",
    ]  # fmt: skip
    assert all(bar.is_whole for bar in found.values())
    assert [bar.start_utc for bar, _ in play.heard][len(told) :] == [T0 + timedelta(minutes=6)]
    # What the link's return cut off is told as soon as the broker knows it.
    late, told_s = play.late[-1]
    assert late.start_utc == T0 + timedelta(minutes=5)
    assert play.heard[-1][1] - 60 < told_s < play.heard[-1][1] - 30
    minutes = [(bar.start_utc - T0) // timedelta(minutes=1) for bar, _ in play.late]
    # The one before the beginning, the one that it cut off, and the two of the outage that had
    # just ended when the broker told of them.
    assert minutes == [-1, 0, 4, 5]
    assert play.row().expected == play.row().received


async def test_an_old_quote_says_nothing_after_a_link_that_was_lost() -> None:
    """It is there until the instruments are subscribed anew, and looks young."""
    play = Play()
    await play.begin()
    await play.run(7)
    play.lose_link()
    await play.run(8)
    play.world.broker.is_connected = True
    for cause in play.world.guard.causes():
        play.world.guard.clear_level(cause)
    told = len(play.heard)
    await play.run(30)

    assert len(play.heard) == told
    assert all(
        bar.source is BarSource.HISTORY
        for bar in play.bars()[-3:]
        if bar.start_utc > T0 + timedelta(seconds=10)
    )


async def test_a_broker_that_falls_silent_is_found_out_and_what_it_hid_is_no_whole_bar() -> None:
    play = Play()
    await play.begin()
    await play.run(30)
    play.word = WorldError("no answer")
    play.is_heard = False
    silent_utc = play.clock.utc()
    await play.run(20)

    ours = [bar for bar in play.bars() if bar.source is BarSource.TICKS]
    assert any(bar.is_whole for bar in ours)
    assert all(bar.is_whole for bar in ours[1:] if bar.end_utc < silent_utc)
    assert not any(bar.is_whole for bar in ours if bar.end_utc > silent_utc)
    play.word, play.is_heard = None, True
    await play.run(1)
    play.quote("99.99", "100.01")
    play.is_fed = True
    await play.run(90)
    assert all(bar.is_whole for bar in play.bars())


async def test_a_gap_outside_of_the_session_is_nobodys_gap() -> None:
    play = Play()
    shut = ContractHours((), (), HOURS.known, UTC)
    await play.begin()
    play.world.hub.add(an_instrument(hours=shut))
    await play.run(60)
    asked = len(play.world.broker.history_asked)
    play.tick("bid", None)
    await play.run(60)
    play.quote("99.99", "100.01")
    await play.run(60)

    assert len(play.world.broker.history_asked) == asked
    assert play.row().expected == 0
    view = play.keeper.view(CON, 5)
    assert (view.share, view.unknown) == (None, "")


# ---- yesterday


async def test_yesterdays_first_tick_is_no_price_of_an_index() -> None:
    play = Play(sec_type="IND")
    await play.begin()
    play.tick("data_type", 1)
    play.tick("last", "90")
    await play.run(12)
    assert play.heard == []
    play.tick("last", "100")
    await play.run(20)

    assert {bar.low for bar, _ in play.heard} == {Decimal(100)}


async def test_the_first_value_of_a_session_is_yesterdays_though_the_subscription_is_old() -> None:
    play = Play(sec_type="IND")
    opens = Span(T0 + timedelta(seconds=60), T0 + timedelta(hours=6))
    hours = ContractHours((opens,), (opens,), HOURS.known, UTC)
    play.world.hub.add(an_instrument(hours=hours, sec_type="IND"))
    await play.begin()
    play.tick("last", "90")
    await play.run(5)
    play.tick("last", "90")
    await play.run(57)
    assert play.heard == []
    play.tick("last", "90")
    await play.run(6)
    assert play.heard == []
    play.tick("last", "100")
    await play.run(12)
    assert {bar.low for bar, _ in play.heard} == {Decimal(100)}


async def test_after_a_new_subscription_the_first_value_is_passed_over_again() -> None:
    play = Play(sec_type="IND")
    await play.begin()
    for value in (99, 100):
        play.tick("last", value)
    await play.run(11)
    assert play.heard
    play.world.hub.forget_quotes()
    play.tick("data_type", 1)
    play.tick("last", "90")
    await play.run(11)
    play.tick("last", "100")
    await play.run(11)
    assert {bar.low for bar, _ in play.heard} == {Decimal(100)}
    assert not any(bar.low == 90 for bar in play.bars())


# ---- history that is not there


@pytest.mark.parametrize(
    "word",
    [
        HistoryRefused(HistoryTrouble.PACING, "pacing violation"),
        HistoryRefused(HistoryTrouble.NO_PERMISSION, "not subscribed"),
        HistoryRefused(HistoryTrouble.NO_DATA, "returned no data"),
        LinkDown("lost"),
        WorldError("no room for a request"),
    ],
)
async def test_refused_history_is_asked_for_again_later_and_live_bars_go_on(
    word: Exception,
) -> None:
    play = Play()
    play.word = word
    await play.begin()
    await play.run(600)

    asked = len(play.world.broker.history_asked)
    assert 1 <= asked <= 12
    assert str(word) in play.row().problem
    assert len(play.heard) >= 10
    play.word = None
    play.quote("99.99", "100.01")
    await play.run(4_000)
    assert len(play.world.broker.history_asked) > asked
    assert play.row().problem == ""


async def test_history_that_never_ends_keeps_nobody_else_waiting() -> None:
    play = Play()
    other = an_instrument(con_id=OTHER_CON, symbol="BBB", hours=HOURS)
    play.keeper = BarKeeper(
        play.world.services, {"AAA": (FIVES,), "BBB": (FIVES,)}, random.Random(1)
    )
    play.world.hub.add(other)

    async def answer(instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        if instrument.con_id == CON:
            await asyncio.sleep(3_600)
        return await play.history(instrument, size_s, count)

    play.world.broker.on_history = answer
    await play.begin()
    await play.run(20)
    by_symbol = {row.symbol: row for row in play.keeper.status()}

    assert by_symbol["BBB"].is_warm
    assert not by_symbol["AAA"].is_warm
    # Its live bars are made all the same.
    assert by_symbol["AAA"].held == 4


async def test_without_a_link_nothing_is_asked_for() -> None:
    play = Play()
    play.lose_link()
    await play.begin()
    await play.run(60)

    assert play.world.broker.history_asked == []
    assert play.bars() == ()


# ---- what is shown, what is kept


async def test_completeness_is_the_share_of_the_session() -> None:
    play = Play()
    await play.begin()
    play.is_fed = True
    await play.run(60)
    assert play.keeper.view(CON, 5).share == 1
    play.is_fed = False
    play.word = HistoryRefused(HistoryTrouble.PACING, "pacing violation")
    play.tick("bid", None)
    await play.run(30)
    play.quote("99.99", "100.01")
    await play.run(20)

    view, row = play.keeper.view(CON, 5), play.row()
    assert view.share is not None
    assert view.share == row.share
    assert view.share < Decimal("0.7")
    assert view.text == f"AAA 5 s: {row.received} of {row.expected}"
    assert not view.unknown
    assert not row.is_warm
    # The one in which it went and the one in which it came back.
    assert row.part == 2


async def test_what_is_not_known_is_said_and_never_guessed() -> None:
    play = Play()
    keeper = play.keeper
    assert "keeps" in keeper.view(CON, 5).unknown
    play.word = HistoryRefused(HistoryTrouble.PACING, "pacing violation")
    await play.begin()
    assert keeper.view(CON, 5).unknown == "pacing: pacing violation"
    assert "keeps" in keeper.view(CON, 60).unknown
    assert "keeps" in keeper.view(OTHER_CON, 5).unknown
    # Who has watched all that it wants itself needs nobody to tell of it.
    play.is_fed = True
    await play.run(75)
    assert play.row().is_warm
    assert not keeper.view(CON, 5).unknown
    assert keeper.view(CON, 5).share == 1
    # Nobody has counted for minutes: what was counted then says nothing of now.
    await play.world.services.supervisor.stop("bars")
    await play.run(121)
    assert "lately" in keeper.view(CON, 5).unknown


async def test_hours_that_have_run_out_say_nothing_of_what_is_missing() -> None:
    """DAT-05: nothing is expected of a day that nobody has told of, and a hole is none then."""
    play = Play()
    await play.begin()
    past = Span(OPEN.start_utc - timedelta(days=7), OPEN.end_utc - timedelta(days=7))
    known = Span(T0 - timedelta(days=8), T0 - timedelta(days=1))
    play.world.hub.add(an_instrument(hours=ContractHours((past,), (past,), known, UTC)))
    await play.run(10)
    assert "hours" in play.keeper.view(CON, 5).unknown


async def test_bars_without_hours_are_not_known() -> None:
    play = Play()
    await play.begin()
    play.world.hub.add(an_instrument(hours=None))
    await play.run(10)
    assert "hours" in play.keeper.view(CON, 5).unknown


async def test_a_symbol_that_the_broker_has_not_described_is_shown_too() -> None:
    play = Play()
    keeper = BarKeeper(play.world.services, {"ZZZ": (FIVES,)}, random.Random(1))
    (row,) = keeper.status()

    assert (row.symbol, row.held, row.is_warm) == ("ZZZ", 0, False)
    assert "described" in row.problem


async def test_an_instrument_that_is_gone_is_forgotten() -> None:
    play = Play()
    await play.begin()
    await play.run(10)
    assert play.bars()
    play.world.hub.remove(CON)
    await play.run(1)

    assert play.bars() == ()


async def test_where_nobody_wants_bars_nothing_runs() -> None:
    play = Play()
    keeper = BarKeeper(play.world.services, {}, random.Random(1))
    keeper.start()
    await play.run(5)

    assert play.world.supervisor.ages_s() == ()
    assert keeper.status() == ()
    assert keeper.bars(CON, 5) == ()


async def test_what_is_kept_is_bounded_however_long_it_goes_on() -> None:
    play = Play(BarSpec(5, 20))
    play.world.broker.heard_s = play.clock.monotonic()
    play.quote("99.99", "100.01")
    play.keeper.look()
    loop: Any = asyncio.get_running_loop()
    for number in range(100_000):
        loop.jump(0.2)
        play.world.broker.heard_s = play.clock.monotonic()
        play.tick("bid", f"99.{number % 90 + 10}")
        if number % 5 == 0:
            play.keeper.look()
    held = play.keeper.bars(CON, 5)

    assert len(held) == 20
    assert len(play.heard) == 100_000 * 0.2 // 5 - 1
    assert all(bar.is_whole for bar in held)


class Wanting(OwnStrategy[Parameters]):
    """A strategy that wants bars."""

    def __init__(self, spec: BarSpec | None, *symbols: str) -> None:
        self._spec, self._symbols = spec, symbols

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    @property
    def bar_spec(self) -> BarSpec | None:
        return self._spec


def test_what_strategies_want_is_gathered_by_symbol_and_size() -> None:
    strategies = (
        Wanting(BarSpec(60, 10), "AAA", "BBB"),
        Wanting(BarSpec(60, 30), "AAA"),
        Wanting(BarSpec(5, 7), "AAA"),
        Wanting(None, "CCC"),
    )

    assert bars_wanted(strategies) == {
        "AAA": (BarSpec(5, 7), BarSpec(60, 30)),
        "BBB": (BarSpec(60, 10),),
    }
    assert bars_wanted([]) == {}


async def test_between_the_bid_and_the_ask_of_one_batch_is_no_price() -> None:
    """A spread that opens moves one side after the other, and its middle nowhere."""
    play = Play()
    await play.begin()
    await play.run(4)
    for bid, ask in (("99.00", "101.00"), ("99.99", "100.01"), ("102", "104"), ("99.99", "100.01")):
        play.tick("bid", bid)
        play.tick("ask", ask)
        await play.run(0.5)
    await play.run(5)

    (bar, _), *_ = play.heard
    assert bar.is_whole
    assert [str(one) for one in (bar.low, bar.high)] == ["100.00", "103"]


async def test_the_hours_that_are_told_anew_count() -> None:
    play = Play()
    play.world.hub.add(an_instrument(hours=None))
    await play.begin()
    await play.run(60)
    assert play.row().expected == 0
    play.world.hub.add(replace(an_instrument(), hours=HOURS))
    await play.run(10)

    assert play.row().expected > 5
    assert play.row().newest_utc is not None


# ---- the past as it was recorded


async def test_an_answer_that_was_recorded_is_taken_in_as_if_it_had_been_asked_for() -> None:
    live = Play()
    told: list[HistoryAnswer] = []
    live.keeper.heard = told.append
    await live.begin()
    await live.run(1)
    (answer,) = told
    assert (answer.con_id, answer.size_s, answer.count) == (CON, 5, 12)
    assert answer.bars == live.bars()

    again = Play()
    again.world.broker.heard_s = again.clock.monotonic()
    again.keeper.start(is_asking=False)
    # It is there before the first look at the instrument.
    again.keeper.play(answer)
    assert again.bars() == answer.bars
    assert [bar for bar, _ in again.late] == [answer.bars[-1]]
    again.keeper.play(replace(answer, con_id=OTHER_CON))
    again.keeper.play(replace(answer, size_s=60))
    await again.run(100)
    assert again.world.broker.history_asked == []
    assert (again.row().told, again.row().problem) == (12, "")
    refused = replace(answer, bars=(), trouble=HistoryTrouble.PACING, text="too often")
    again.keeper.play(refused)
    assert again.row().problem == "too often"


async def test_what_stands_is_held_and_told_to_nobody() -> None:
    live = Play()
    await live.begin()
    live.is_fed = True
    await live.run(30)
    (standing,) = live.keeper.standing()
    assert (standing.bars, standing.is_standing) == (live.bars(), True)

    again = Play()
    again.keeper.play(standing)
    assert again.bars() == live.bars()
    assert (again.heard, again.late) == ([], [])


async def test_another_process_knew_no_bars_and_an_old_record_never_tells_of_any() -> None:
    play = Play()
    await play.begin()
    await play.run(10)
    assert play.bars()
    play.keeper.forget(has_history=False)
    assert play.bars() == ()
    await play.world.services.supervisor.stop("bars-history-1", "bars-history-2", "bars-history-3")
    await play.run(10)
    assert play.keeper.view(CON, 5).unknown == ""

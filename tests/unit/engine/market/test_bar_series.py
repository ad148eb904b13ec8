"""A series holds few bars, in order, and knows what it lacks; no answer is waited for twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.world import CON, T0
from trader.core.bars import Bar, BarSource, BarSpec
from trader.core.calendar import Span
from trader.engine.market.bar_series import SETTLE_S, BarSeries

DAY = Span(T0 - timedelta(hours=1), T0 + timedelta(hours=6))


def at(seconds: float) -> datetime:
    """Return a moment, so many seconds after the first."""
    return T0 + timedelta(seconds=seconds)


def told(start_s: float, price: int = 10, size_s: int = 5) -> Bar:
    """Return a bar as the broker tells it."""
    value = Decimal(price)
    return Bar(CON, at(start_s), size_s, value, value, value, value, BarSource.HISTORY)


class Play:
    """A series that is shown a steady price, except where it is said to be gone."""

    def __init__(self, count: int = 10, begin_s: float = 0.0) -> None:
        self.series = BarSeries(CON, BarSpec(5, count), at(begin_s))
        self.now_s = begin_s
        self.made: list[Bar] = []

    def until(self, end_s: float, price: int | None = 10) -> None:
        """Let time pass, a second at a time."""
        while self.now_s <= end_s:
            value = None if price is None else Decimal(price)
            bar = self.series.take(value, at(self.now_s))
            if bar is not None:
                self.made.append(bar)
            self.now_s += 1
        self.look()

    def look(self) -> None:
        """Inspect the series now."""
        self.series.inspect(at(self.now_s), (DAY,), DAY.start_utc)

    def starts(self) -> list[float]:
        """Return where its bars begin."""
        return [(bar.start_utc - T0).total_seconds() for bar in self.series.bars]


def test_a_new_series_asks_for_all_that_is_wanted() -> None:
    play = Play(count=30)

    assert play.series.to_ask == 30
    assert not play.series.is_warm


def test_bars_follow_what_the_broker_told_and_old_ones_go() -> None:
    play = Play(count=4)
    play.series.told([told(n) for n in (-20, -15, -10, -5)], at(0), at(0))
    assert play.series.is_warm
    play.until(12)

    assert play.starts() == [-10, -5, 0, 5]
    assert [bar.source for bar in play.series.bars] == ["history", "history", "ticks", "ticks"]
    assert play.series.is_warm


def test_the_interval_that_a_beginning_cut_is_asked_for_once_it_has_settled() -> None:
    play = Play(begin_s=2)
    play.series.told([told(-10), told(-5)], at(2), at(2))
    play.until(10)
    assert play.series.to_ask == 0
    assert [bar.is_whole for bar in play.series.bars] == [True, True, False, True]
    play.until(5 + SETTLE_S + 1)
    assert play.series.to_ask >= 2

    play.series.told([told(0, 11), told(5, 99)], at(16), at(17))
    play.look()
    assert play.series.to_ask == 0
    # The part is filled, and the whole one is as it was made.
    assert [bar.close for bar in play.series.bars][1:4] == [10, 11, 10]
    assert all(bar.is_whole for bar in play.series.bars)


def test_a_gap_is_asked_for_once_it_has_settled_and_once_only() -> None:
    play = Play(count=20)
    play.series.told([told(-5)], at(0), at(0))
    play.until(20)
    play.series.told((), at(20), at(20))
    play.until(29, price=None)
    play.until(37)
    # From 20 to 30 there was nothing: the second of them may still change at the broker.
    assert play.series.to_ask == 0
    play.until(40)
    # 2 are missing; with what ends meanwhile, and one to be sure.
    assert play.series.to_ask >= 2
    assert play.series.completeness.received < play.series.completeness.expected

    # The broker has one of them, and nothing for the other.
    play.series.told([told(20)], at(41), at(42))
    play.until(60)
    assert play.series.to_ask == 0
    assert 20 in play.starts()
    assert 25 not in play.starts()
    assert play.series.completeness.expected - play.series.completeness.received == 1


def test_while_prices_are_gone_nothing_is_asked_for() -> None:
    """One question for each interval would use up what the broker allows for all of them."""
    play = Play(count=20)
    play.series.told([told(-10), told(-5)], at(0), at(0))
    play.until(20)
    for _ in range(20):
        play.until(play.now_s + 5, price=None)
        assert play.series.to_ask == 0
    play.until(play.now_s + 20)
    assert play.series.to_ask == 20


def test_an_answer_that_waited_too_long_for_its_turn_is_asked_for_again_whole() -> None:
    play = Play(count=20)
    play.series.told([told(-5)], at(0), at(0))
    play.until(24)
    play.series.told((), at(24), at(24))
    play.until(33, price=None)
    play.until(50)
    assert 0 < play.series.to_ask < 20
    # It left a minute later, and brought the bars of that minute.
    play.series.told([told(60)], at(50), at(110))
    assert play.series.to_ask == 20
    play.series.told([told(n) for n in range(0, 100, 5)], at(110), at(200))
    assert play.series.to_ask == 0


def test_a_subscription_that_began_anew_is_filled_outside_of_sessions_too() -> None:
    play = Play(count=20)
    play.series.told([told(-5)], at(0), at(0))
    play.until(30)
    play.series.told((), at(30), at(30))
    play.until(42, price=None)
    play.series.renewed(at(42))
    play.until(56)
    play.series.inspect(at(56), (), DAY.start_utc)

    assert play.series.to_ask >= 3


def test_what_ended_while_nobody_was_heard_is_not_whole_any_more() -> None:
    play = Play(count=20)
    play.series.told([told(-5)], at(0), at(0))
    play.until(42)
    play.series.told((), at(42), at(42))
    play.series.doubt(at(23))

    assert [bar.is_whole for bar in play.series.bars if bar.start_utc >= at(20)] == [False] * 4
    assert all(bar.is_whole for bar in play.series.bars if bar.start_utc < at(20))
    play.until(57)
    # They are asked for, the one under way included.
    assert play.series.to_ask >= 5
    assert not next(bar for bar in play.made if bar.start_utc == at(40)).is_whole


def test_a_bar_that_the_broker_told_before_its_end_here_is_one_bar() -> None:
    play = Play()
    play.until(4)
    play.series.told([told(0, 99), told(5, 99)], at(4), at(4))
    play.until(11)

    assert play.starts() == [0, 5]
    assert [bar.source for bar in play.series.bars] == ["ticks", "ticks"]


def test_a_clock_that_was_set_back_shows() -> None:
    play = Play()
    play.until(20)
    play.series.take(Decimal(10), at(-40))

    assert play.series.behind_s == pytest.approx(60)


def test_completeness_counts_from_what_was_told_within_the_day() -> None:
    play = Play(count=50)
    day_start = at(-20)
    play.series.told([told(n) for n in (-40, -20, -15, -5)], at(0), at(0))
    play.until(25)
    play.series.inspect(at(25), (DAY,), day_start)

    # From -20 until 15 there should be seven; -10 is missing.
    assert (play.series.completeness.expected, play.series.completeness.received) == (7, 6)
    assert play.series.completeness.from_ticks == 3


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.integers(1, 40)),
            st.tuples(st.just("gone"), st.integers(1, 40)),
            st.tuples(st.just("told"), st.integers(1, 30)),
            st.tuples(st.just("doubt"), st.integers(0, 30)),
            st.tuples(st.just("renewed"), st.just(0)),
        ),
        max_size=25,
    ),
    count=st.integers(1, 12),
)
def test_whatever_happens_bars_are_few_in_order_and_whole_ones_stay(
    steps: list[tuple[str, int]], count: int
) -> None:
    play = Play(count=count)
    kept: dict[datetime, Bar] = {}
    for name, number in steps:
        if name in ("pass", "gone"):
            play.until(play.now_s + number, price=number if name == "pass" else None)
        elif name == "told":
            first = int(play.now_s) // 5 * 5 - 5 * number
            answer = [told(first + 5 * n, 77) for n in range(number)]
            play.series.told(answer, at(play.now_s), at(play.now_s))
        elif name == "doubt":
            play.series.doubt(at(play.now_s - number))
            kept.clear()
        else:
            play.series.renewed(at(play.now_s))
        bars = play.series.bars
        assert len(bars) <= count
        assert [bar.start_utc for bar in bars] == sorted({bar.start_utc for bar in bars})
        now = {bar.start_utc: bar for bar in bars}
        for start, bar in kept.items():
            assert now.get(start, bar) == bar
        kept = {k: v for k, v in now.items() if v.is_whole and v.source is BarSource.TICKS}
        assert 0 <= play.series.to_ask <= count
        assert play.series.part == sum(not bar.is_whole for bar in bars)
        assert play.series.told_count == sum(bar.source is BarSource.HISTORY for bar in bars)
    assert [bar.start_utc for bar in play.made] == sorted({bar.start_utc for bar in play.made})


@given(gone=st.lists(st.integers(0, 60), max_size=8, unique=True), delay_s=st.integers(0, 9))
def test_every_gap_is_filled_by_one_that_has_all(gone: list[int], delay_s: int) -> None:
    """An answer with everything leaves nothing missing, however late it comes within reason."""
    play = Play(count=60)
    play.series.told([told(-5)], at(0), at(0))
    for second in range(62):
        play.series.take(None if second in gone else Decimal(10), at(second))
    play.now_s = 62
    for _ in range(6):
        play.look()
        if play.series.to_ask:
            last = int(play.now_s) // 5 * 5
            answer = [told(last - 5 * n) for n in range(play.series.to_ask, 0, -1)]
            play.series.told(answer, at(play.now_s - delay_s), at(play.now_s))
        play.until(play.now_s + 10)
    play.look()
    assert play.series.to_ask == 0
    assert play.series.completeness.received == play.series.completeness.expected
    assert replace(play.series.bars[-1]).is_whole


def test_a_bar_is_shown_once_in_order_and_the_brokers_only_while_it_has_just_ended() -> None:
    series = BarSeries(CON, BarSpec(60, 3), T0)
    minutes = [told(60 * number, size_s=60) for number in range(4)]
    assert not series.shown(minutes[0], at(59)), "it has not ended"
    assert series.shown(minutes[0], at(60))
    assert not series.shown(minutes[0], at(61)), "shown before"
    assert not series.shown(minutes[1], at(150)), "too late to act on"
    assert series.shown(minutes[1], at(149))
    ours = replace(minutes[3], source=BarSource.TICKS)
    assert not series.shown(replace(ours, is_whole=False), at(240))
    assert series.shown(ours, at(300)), "ours comes when it comes"
    assert not series.shown(minutes[2], at(181)), "a later one was shown"
    fives = BarSeries(CON, BarSpec(5, 3), T0)
    assert not fives.shown(told(0), at(10)), "the next one has ended"

"""The feed gives the hub what was recorded, and says of each moment whether there was a link."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.replay.records import AAPL, CON, T0, T0_S, a_day, event, given, head, quote, tick
from trader.core.halts import HaltCause
from trader.engine.hub import Forgotten, MarketHub
from trader.engine.market.recording import Lost, MarketEvent
from trader.ports import DataProblem, LinkWord
from trader.replay.feed import ReplayClock, ReplayFeed


class At:
    """A feed with its hub, moved by hand."""

    def __init__(self, events: list[MarketEvent]) -> None:
        self.feed = ReplayFeed(given(events))
        self.now_s = self.feed.start_s
        self.clock = ReplayClock(lambda: self.now_s, self.feed)
        self.hub = self.feed.hub = MarketHub(self.clock)

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            due_s = self.feed.due_s()
            assert due_s is not None
            self.now_s = max(self.now_s, due_s)
            self.feed.deliver()


def test_a_quote_is_what_it_was_and_as_old_as_it_was() -> None:
    at = At([event(0, head()), *quote(2, "99", "101")])
    at.step()
    assert at.hub.instruments == {CON: AAPL}
    at.step(5)
    found = at.hub.quotes[CON]
    assert (found.bid, found.ask, found.received_s) == (Decimal(99), Decimal(101), T0_S + 2)
    assert at.clock.utc() == T0 + timedelta(seconds=2)
    assert at.feed.due_s() is None


def test_words_of_the_link_say_whether_orders_could_have_left() -> None:
    at = At([
        event(0, head()),
        event(1, LinkWord("upstream", is_up=False, code=1100, text="lost")),
        event(2, LinkWord("upstream", is_up=True, code=1102, text="")),
        event(3, LinkWord("socket", is_up=False, code=0, text="gone")),
        event(4, Forgotten(None)),
        event(5, LinkWord("farm", is_up=False, code=2103, text="usfarm")),
    ])  # fmt: skip
    at.step()
    assert at.feed.is_up()
    at.step()
    assert at.feed.restraint().causes == {HaltCause.UPSTREAM: "1100 lost"}
    at.step()
    assert at.feed.is_up()
    at.step()
    assert at.feed.restraint().causes == {HaltCause.LINK: "0 gone"}
    at.step(2)
    assert at.feed.is_up()


def test_problems_and_what_went_are_handed_on_and_losses_are_counted() -> None:
    problem = DataProblem(CON, 354, "no")
    at = At([event(0, head()), *quote(1, "9", "10"), event(2, problem), event(3, Lost(7, "full")),
             event(4, Forgotten(CON))])  # fmt: skip
    at.step(7)
    assert at.hub.problems == {CON: "354 no"}
    at.step(2)
    assert at.hub.instruments == {}
    assert (at.feed.lost_count, at.feed.tick_count, at.feed.event_count) == (7, 5, 9)


def test_the_next_part_of_the_same_process_repeats_nothing() -> None:
    again = head(part=2)
    stale = tick(0, "bid", "1").fact
    again = type(again)(again.run, 2, "", "", again.instruments, (stale,))  # type: ignore[arg-type]
    at = At([event(0, head()), *quote(1, "99", "101"), event(2, again), tick(3, "bid", "98")])
    at.step(7)
    assert at.hub.quotes[CON].bid == Decimal(99)
    at.step()
    assert at.hub.tick_count == 6


def test_behind_lost_rows_all_counts_that_a_part_begins_with() -> None:
    """The disk took nothing for a while: the link went down in it, and a price moved."""
    down = LinkWord("upstream", is_up=False, code=1100, text="lost")
    ticks = tuple(row.fact for row in quote(4, "89", "91"))
    again = replace(head(part=2), words=(down,), ticks=ticks)  # type: ignore[arg-type]
    at = At([event(0, head()), *quote(1, "99", "101"), event(5, again), event(5, Lost(7, "full")),
             tick(6, "bid", "90")])  # fmt: skip
    at.step(7)
    assert at.feed.is_up()
    at.step()
    assert at.feed.restraint().causes == {HaltCause.UPSTREAM: "1100 lost"}
    found = at.hub.quotes[CON]
    assert (found.bid, found.ask, found.received_s) == (Decimal(89), Decimal(91), T0_S + 4)


def test_what_was_lost_within_a_part_comes_with_the_next_one() -> None:
    """More came than memory holds: no part begins behind it at once."""
    up = LinkWord("upstream", is_up=True, code=1102, text="")
    down = LinkWord("upstream", is_up=False, code=1100, text="lost")
    again = replace(head(part=2), words=(up,))
    at = At([event(0, head()), event(1, down), event(2, Lost(7, "more than memory holds")),
             event(3, again), event(4, replace(head(part=3), words=(down,)))])  # fmt: skip
    at.step(3)
    assert not at.feed.is_up()
    at.step()
    assert at.feed.is_up()
    # And that one is repeated by nobody.
    at.step()
    assert at.feed.is_up()


def test_between_two_processes_there_was_nobody_and_time_goes_on_by_the_wall() -> None:
    """The machine was started anew: its monotonic clock began again."""
    later = [event(300, head("run2"), 5.0 - 300), *quote(301, "98", "99", 5.0 - 300)]
    at = At([event(0, head()), *quote(1, "99", "101"), *later])
    at.step(6)
    assert at.feed.restraint().causes == {HaltCause.LINK: "nothing was recorded for 299.0 s"}
    assert at.feed.due_s() == T0_S + 300
    at.step()
    assert at.feed.is_up()
    assert at.hub.quotes == {}
    at.step(5)
    assert at.hub.quotes[CON].received_s == T0_S + 301
    assert at.clock.utc() == T0 + timedelta(seconds=301)


def test_an_empty_record_is_refused() -> None:
    with pytest.raises(ValueError, match="no event"):
        ReplayFeed(given([]))


def test_the_times_of_a_day_never_step_back() -> None:
    at, seen = At([*a_day(), *a_day(3_000.0, 50.0, "run2")]), []
    while at.feed.due_s() is not None:
        at.step()
        seen.append((at.now_s, at.clock.utc()))
    assert seen == sorted(seen)

"""Hands recorded events to a hub, and says what time it is by them.

The record's monotonic clock is the replay's; where another process went on with the record, the
wall says how long nobody listened. Before what was not recorded the link counts as down, as it
does at each word of a lost link, until quotes are asked for anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from trader.core.frozen import replace
from trader.core.halts import HaltCause, Restraint
from trader.core.history_pacing import HistoryAnswer
from trader.core.moments import moment_of
from trader.engine.hub import Forgotten, MarketHub
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.market.recording import Ended, Head, Lost, MarketEvent
from trader.ports import DataProblem, LinkWord, QuoteTick

_US = 1_000_000


class ReplayFeed:
    """Implements the loop's feed over the events of a record, and the clock's wall time."""

    def __init__(self, events: Iterator[MarketEvent]) -> None:
        self._events = events
        self._next = next(events, None)
        if self._next is None:
            raise ValueError("the record holds no event")
        self.start_s = self._next.at_s
        self._run = self._next.fact.run if isinstance(self._next.fact, Head) else ""
        self._is_new_run = True
        # From the record's monotonic clock to the replay's.
        self._offset_s = 0.0
        self._last_us, self._last_s = self._next.at_us, self._next.at_s
        self._down: dict[HaltCause, str] = {}
        # Whether what this part begins with counts: nothing was before it, or rows are missing.
        self._must_stand = False
        # Whether rows are missing, and no part has begun since.
        self._is_lacking = False
        # The head that was handed over just now; None behind anything else.
        self._begun: Head | None = None
        self.has_history = True
        self.hub: MarketHub | None = None
        self.bars: BarKeeper | None = None
        self.ended: asyncio.Future[None] | None = None
        self.event_count = self.tick_count = self.lost_count = 0

    # ---- the feed

    def due_s(self) -> float | None:
        """Return when the next event is due."""
        return None if self._next is None else self._next.at_s + self._offset_s

    def deliver(self) -> None:
        """Hand the next event over, and look at the one behind it."""
        event = self._next
        assert event is not None, "delivered beyond the end"
        self.event_count += 1
        self._last_us, self._last_s = event.at_us, event.at_s + self._offset_s
        self._take(event)
        self._next = next(self._events, None)
        self._look_ahead()
        if self._next is None and self.ended is not None:
            self.ended.set_result(None)

    def _look_ahead(self) -> None:
        found = self._next
        if found is None or not isinstance(found.fact, Head) or found.fact.run == self._run:
            return
        self._run = found.fact.run
        gap_s = max((found.at_us - self._last_us) / _US, 0.0)
        self._offset_s = self._last_s + gap_s - found.at_s
        self._is_new_run = True
        self._down[HaltCause.LINK] = f"nothing was recorded for {gap_s:.1f} s"

    def _take(self, event: MarketEvent) -> None:
        hub, fact = self.hub, event.fact
        assert hub is not None, "a feed without its hub"
        begun, self._begun = self._begun, None
        match fact:
            case QuoteTick():
                self._tick(hub, fact)
            case LinkWord():
                self._word(fact)
            case DataProblem():
                hub.on_problem(fact)
            case Forgotten(con_id=None):
                hub.forget_quotes()
                self._down.clear()
            case Forgotten(con_id=con_id):
                assert con_id is not None, "told apart above"
                hub.remove(con_id)
            case HistoryAnswer():
                self._history(fact)
            case Lost():
                self.lost_count += fact.count
                # What was told meanwhile is in what the part begins with, or else the next one.
                self._is_lacking = begun is None
                if begun is not None and not self._must_stand:
                    self._stand(hub, begun)
            case Head():
                self._head(hub, fact)
            case Ended():
                pass
            case _:
                hub.add(fact)

    def _tick(self, hub: MarketHub, tick: QuoteTick) -> None:
        self.tick_count += 1
        if self._offset_s:
            tick = replace(tick, received_s=tick.received_s + self._offset_s)
        hub.on_tick(tick)

    def _history(self, answer: HistoryAnswer) -> None:
        if self.bars is not None and (self._must_stand or not answer.is_standing):
            self.bars.play(answer)

    def _head(self, hub: MarketHub, head: Head) -> None:
        self._begun = head
        # The next part of the same process repeats what is here already.
        self._must_stand = False
        if self._is_new_run or self._is_lacking:
            self._stand(hub, head)

    def _stand(self, hub: MarketHub, head: Head) -> None:
        """Forget what was here: what a part begins with is all that is known."""
        self._must_stand, self._is_new_run, self._is_lacking = True, False, False
        self.has_history &= head.has_history
        if self.bars is not None:
            self.bars.forget(has_history=head.has_history)
        hub.forget_quotes()
        self._down.clear()
        for instrument in head.instruments:
            hub.add(instrument)
        for word in head.words:
            self._word(word)
        for tick in head.ticks:
            self._tick(hub, tick)
        for problem in head.problems:
            hub.on_problem(problem)

    def _word(self, word: LinkWord) -> None:
        cause = {"socket": HaltCause.LINK, "upstream": HaltCause.UPSTREAM}.get(word.axis)
        if cause is not None and word.is_up:
            self._down.pop(cause, None)
        elif cause is not None:
            self._down[cause] = f"{word.code} {word.text}".strip()

    # ---- what stands now

    def is_up(self) -> bool:
        """Tell whether orders could have left at this moment of the record."""
        return not self._down

    def restraint(self) -> Restraint:
        """Return why nothing could have left."""
        return Restraint(dict(self._down))

    def utc_at(self, now_s: float) -> datetime:
        """Return the wall time of a moment behind the last event."""
        return moment_of(self._last_us) + timedelta(seconds=now_s - self._last_s)


class ReplayClock:
    """Implements ``ports.Clock`` over a loop and its feed."""

    def __init__(self, loop_time: Callable[[], float], feed: ReplayFeed) -> None:
        self._time = loop_time
        self._feed = feed

    def monotonic(self) -> float:
        """Return the record's seconds."""
        return self._time()

    def utc(self) -> datetime:
        """Return the record's wall time."""
        return self._feed.utc_at(self._time())

    async def sleep(self, seconds: float) -> None:
        """Wait in the record's time."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, woken)
        try:
            await woken
        finally:
            timer.cancel()


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)

"""Bars that go on: five-second bars (message 50) and history kept up to date (message 90).

Each boundary of five seconds is served exactly once, however early or late its timer fires.
"""

from dataclasses import dataclass

from trader.sim.clock import Clock
from trader.sim.gateway.feeds import bar_rows
from trader.sim.gateway.feeds.lines import Line
from trader.sim.gateway.feeds.market_faults import MarketFaults
from trader.sim.market import bars
from trader.sim.market.bars import Bar, Wanted
from trader.sim.market.market import Market
from trader.sim.market.spans import DAY_S, WEEK_S, Duration
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_history, messages_market
from trader.sim.wire.frames import plain

BAR_S = 5
Key = tuple[int, int]


@dataclass(slots=True)
class BarLine(Line):
    """One subscription of five-second bars."""

    show: str = "TRADES"
    # Nothing comes outside the regular session (useRTH).
    is_regular: bool = False


@dataclass(slots=True)
class UpdateLine(BarLine):
    """One historical request that is kept up to date."""

    size_s: int = BAR_S
    format_date: int = 1


class BarStream:
    """All lines of bars of one simulator."""

    def __init__(self, clock: Clock, market: Market, faults: MarketFaults) -> None:
        self._clock, self._market, self._faults = clock, market, faults
        self._bars: dict[Key, BarLine] = {}
        self._updates: dict[Key, UpdateLine] = {}
        self._served = int(clock.time()) // BAR_S

    def instruments(self) -> list[Instrument]:
        """Return the instruments whose bars somebody watches."""
        return [line.instrument for line in (*self._bars.values(), *self._updates.values())]

    def lines(self) -> list[Line]:
        """Return all lines."""
        return [*self._bars.values(), *self._updates.values()]

    def updates(self) -> list[UpdateLine]:
        """Return the historical requests that are kept up to date."""
        return list(self._updates.values())

    def has(self, key: Key) -> bool:
        """Return whether a five-second line of this key exists."""
        return key in self._bars

    @property
    def kept_up(self) -> int:
        """Return how many historical requests are kept up to date."""
        return len(self._updates)

    def is_kept_up(self, key: Key) -> bool:
        """Return whether the historical request of this key is kept up to date."""
        return key in self._updates

    def add(self, line: BarLine) -> None:
        """Take a line of five-second bars."""
        self._bars[line.key] = line

    def keep_up(self, line: UpdateLine) -> None:
        """Keep a historical request up to date."""
        self._updates[line.key] = line

    def drop(self, key: Key) -> bool:
        """Forget a line of five-second bars; say whether there was one."""
        return self._bars.pop(key, None) is not None

    def drop_update(self, key: Key) -> bool:
        """Stop keeping a historical request up to date; say whether it was."""
        return self._updates.pop(key, None) is not None

    def leave(self, outlet_id: int) -> None:
        """Forget all lines of a connection."""
        lines: tuple[dict[Key, BarLine] | dict[Key, UpdateLine], ...] = (self._bars, self._updates)
        for table in lines:
            for key in [key for key in table if key[0] == outlet_id]:
                del table[key]

    def seconds_left(self) -> float:
        """Return how long to wait for the next boundary that has not been served."""
        return max((self._served + 1) * BAR_S - self._clock.time(), 0.0)

    def due(self) -> int | None:
        """Return the boundary to serve now in epoch seconds, None when it was served before."""
        # A timer may fire a little before wall time reaches the boundary.
        boundary = int((self._clock.time() + 0.01) // BAR_S)
        if boundary == self._served:
            return None
        self._served = boundary
        return boundary * BAR_S

    def serve(self, boundary_s: int) -> None:
        """Send the bars that end at a boundary."""
        for line in self._bars.values():
            if self._is_fed(line):
                self._send_bar(line, boundary_s - BAR_S)
        for update in self._updates.values():
            if self._is_fed(update):
                self._send_update(update, boundary_s)

    def _is_fed(self, line: BarLine) -> bool:
        moment = self._market.moment(line.instrument, self._market.slot() - 1)
        is_stopped = line.instrument.con_id in self._faults.stopped_bars
        return moment.counts(regular=line.is_regular) and not is_stopped and not line.is_deaf

    def _send_bar(self, line: BarLine, start_s: int) -> None:
        bar = bars.show_bar(self._market, line.instrument, start_s, BAR_S, line.show)
        if bar is not None:
            prices = [plain(v) for v in (bar.open, bar.high, bar.low, bar.close)]
            # Only trades have a volume: the others say -1, as their history does.
            sums = (-1, -1, -1) if bar.volume < 0 else (bar.volume, plain(bar.average), bar.count)
            values = (*prices, *sums)
            frame = messages_market.realtime_bar(line.request_id, start_s, values)
            line.outlet.push_tick(frame, 1)

    def _send_update(self, line: UpdateLine, boundary_s: int) -> None:
        bar = current_bar(self._market, line, boundary_s)
        if bar is not None:
            fields = bar_rows.update(line.instrument, bar, line.format_date)
            line.outlet.push_tick(messages_history.historical_update(line.request_id, fields), 1)


def current_bar(market: Market, line: UpdateLine, boundary_s: int) -> Bar | None:
    """Return the bar under way at a boundary, as far as it has come."""
    item = line.instrument
    if line.size_s < DAY_S:
        # A bar does not reach back beyond the session, as in the history it continues.
        first_s = float((boundary_s - 1) // line.size_s * line.size_s)
        sessions = market.hours.spans(
            item.calendar, first_s, float(boundary_s), regular=line.is_regular
        )
        start_s = sessions[-1][0] if sessions else first_s
        return bars.show_bar(market, item, start_s, boundary_s - start_s, line.show)
    # The days of the bar under way are enough.
    duration = Duration(1, "M" if line.size_s > WEEK_S else "W" if line.size_s > DAY_S else "D")
    wanted = Wanted(line.size_s, duration, float(boundary_s), line.show, line.is_regular)
    found = bars.history(market, item, wanted)
    return found[-1] if found else None

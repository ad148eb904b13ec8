"""Keeps the bars that somebody wants: made of quotes, ended by the clock, filled with history.

A listener is told of each bar that has just ended, once, in order, and only if it is whole: of one
that we did not see whole once the broker has told of it, as long as it is still the newest. What
lies further back is there to be read and told to nobody. While the daemon does not hear the broker
no price is good, however young it is.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from math import inf

import structlog

from trader.core.bars import Bar, BarSpec, BarsView, price_in
from trader.core.history_pacing import HistoryAnswer, HistoryTrouble, again_s
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.market import Quote
from trader.engine.bar_status import BarRow
from trader.engine.market.bar_series import BarSeries
from trader.engine.services import Services
from trader.ports import HistoryRefused, QuoteTick, WorldError
from trader.strategies.base import Strategy

log = structlog.get_logger(__name__)

# Bars end by the clock, so late at most.
LOOK_S = 0.25
# Questions that wait for the broker at the same time, so that one without an answer does not
# keep the others waiting.
FILLERS = 3
_FILL_S = 1.0
# Between two questions for one series: quotes that come and go must not use up the broker's limit.
_REST_S = 30.0
# A quote that nothing has renewed for so long is asked for again, as of a dead subscription
# (INC-011): until then it is quiet, and its bars are flat.
_QUOTE_AGE_S = 60.0
# Heartbeats come every few seconds: longer without a word, and a quiet quote proves nothing.
_HEARD_S_MAX = 10.0
_INDEX = "IND"
# All series are counted in turn, one in each look: with 200 of them it takes 50 s. Older than
# this, a count says nothing.
_COUNTED_S_MAX = 120.0


class _Watched:
    """One instrument with its series, and whether its last price is of today."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.is_index = instrument.sec_type == _INDEX
        self.series: list[BarSeries] = []
        # When the last price was told, and the one before it, since the subscription began.
        self._latest_s: float | None = None
        self._earlier_s: float | None = None
        # When the session began; never, outside of it. Monotonic seconds.
        self.open_s = -inf
        # What the ticks of one batch have come to, when it arrived, and when it was taken in.
        self.pending: tuple[Decimal | None, float, datetime] | None = None

    def on_last(self, received_s: float) -> None:
        """Note that a last price was told."""
        self._earlier_s, self._latest_s = self._latest_s, received_s

    def renewed(self) -> None:
        """Note that the subscription began anew."""
        self._earlier_s = self._latest_s = None

    def price(self, quote: Quote | None, now_s: float, heard_since_s: float) -> Decimal | None:
        """Return the price that holds, or None when there is no good one."""
        if quote is None:
            return None
        if self.is_index and not self._is_of_today():
            return None
        told_s = quote.last_s if self.is_index else quote.received_s
        if told_s is None or told_s < heard_since_s:
            return None
        return price_in(quote, now_s, _QUOTE_AGE_S, is_index=self.is_index)

    def _is_of_today(self) -> bool:
        # The first last price after a subscription, or of a session, may be yesterday's (INC-140).
        return self._earlier_s is not None and self._earlier_s >= self.open_s


class BarKeeper:
    """Built once; ``wanted`` names the bars of each symbol."""

    def __init__(
        self, services: Services, wanted: Mapping[str, tuple[BarSpec, ...]], chance: random.Random
    ) -> None:
        self._clock = services.clock
        self._hub = services.hub
        self._guard = services.guard
        self._broker = services.broker
        self._sessions = services.sessions
        self._supervisor = services.supervisor
        self._wanted = {symbol: _largest(specs) for symbol, specs in wanted.items()}
        self._chance = chance
        self._watched: dict[ConId, _Watched] = {}
        self._listeners: list[Callable[[Bar], None]] = []
        self._forget_count = self._hub.forget_count
        # Why nothing is heard; empty while the broker is.
        self._deafness = "no link yet"
        # Whatever was told before this moment says nothing of now.
        self._heard_since_s = -inf
        self._inspected = 0
        # Whether somebody will tell of the past: a record of before 2026-11 has nothing of it.
        self._has_history = True
        # Told of each answer before it is taken in.
        self.heard: Callable[[HistoryAnswer], None] = _ignored

    def follow(self, listener: Callable[[Bar], None]) -> None:
        """Have ``listener`` told of each whole bar that is made here."""
        self._listeners.append(listener)

    def bars(self, con_id: ConId, size_s: int) -> tuple[Bar, ...]:
        """Return what is held, oldest first, that of the broker included; parts say so."""
        watched = self._watched.get(con_id)
        found = (one.bars for one in watched.series if one.spec.size_s == size_s) if watched else ()
        return next(iter(found), ())

    def start(self, *, is_asking: bool = True) -> None:
        """Follow the quotes and start the tasks; nothing at all where nobody wants bars.

        Without ``is_asking`` the past is only what is played.
        """
        if not self._wanted:
            return
        self._hub.follow(self.on_tick)
        every = self._supervisor.every
        self._supervisor.start("bars", lambda: every("bars", LOOK_S, self.look))
        for number in range(1, FILLERS + 1) if is_asking else ():
            self._supervisor.start(f"bars-history-{number}", self.fill)

    # ---- prices

    def on_tick(self, quote: Quote, tick: QuoteTick) -> None:
        """Take a quote in as soon as it has changed."""
        watched = self._watched.get(quote.con_id)
        if watched is None or tick.field in ("bid_size", "ask_size"):
            return
        if self._forget_count != self._hub.forget_count:
            self._begin_anew()
        if tick.field == "last" and tick.value is not None:
            watched.on_last(tick.received_s)
        if watched.pending is not None and watched.pending[1] != tick.received_s:
            self._settle(watched)
        now_s, now_utc = self._clock.monotonic(), self._clock.utc()
        price = None if self._deafness else watched.price(quote, now_s, self._heard_since_s)
        # Bid and ask of one batch come one after the other: between the two is no price.
        watched.pending = price, tick.received_s, now_utc

    def _settle(self, watched: _Watched) -> None:
        """Take in what a batch has come to."""
        if watched.pending is None:
            return
        price, _, at_utc = watched.pending
        watched.pending = None
        for series in watched.series:
            self._take(series, price, at_utc)

    def look(self) -> None:
        """End the bars whose time has come, and see what is missing of one series."""
        now_s, now_utc = self._clock.monotonic(), self._clock.utc()
        self._watch(now_utc)
        self._listen(now_s, now_utc)
        if self._forget_count != self._hub.forget_count:
            self._begin_anew()
        for con_id, watched in self._watched.items():
            self._settle(watched)
            watched.open_s = self._open_s(con_id, now_s)
            quote = None if self._deafness else self._hub.quotes.get(con_id)
            price = watched.price(quote, now_s, self._heard_since_s)
            for series in watched.series:
                self._take(series, price, now_utc)
        self._inspect(now_utc)

    def _take(self, series: BarSeries, price: Decimal | None, now_utc: datetime) -> None:
        bar = series.take(price, now_utc)
        if bar is not None:
            self._show(series, bar)

    def _show(self, series: BarSeries, bar: Bar) -> None:
        if series.shown(bar, self._clock.utc()):
            for listener in self._listeners:
                listener(bar)

    def _watch(self, now_utc: datetime) -> None:
        """Begin with what the broker has described, and end with what is gone."""
        for con_id in tuple(self._watched):
            if con_id not in self._hub.instruments:
                del self._watched[con_id]
        for con_id, instrument in self._hub.instruments.items():
            known = self._watched.get(con_id)
            if known is not None:
                # Its hours are told anew every few days.
                known.instrument = instrument
            elif instrument.symbol in self._wanted:
                watched = self._watched[con_id] = _Watched(instrument)
                specs = self._wanted[instrument.symbol]
                watched.series = [BarSeries(con_id, spec, now_utc) for spec in specs]
                for series in () if self._has_history else watched.series:
                    series.told((), now_utc, now_utc)

    def _listen(self, now_s: float, now_utc: datetime) -> None:
        """Find out whether the broker is heard; what is not heard is not known."""
        heard_s = self._broker.heard_s
        silence_s = None if heard_s is None else now_s - heard_s
        problem = self._guard.deafness(self._guard.loss_count) or ""
        if not problem and not self._broker.is_connected:
            problem = "not connected"
        if not problem and (silence_s is None or not silence_s <= _HEARD_S_MAX):
            problem = "nothing is heard of the broker"
            if not self._deafness and silence_s is not None:
                # Found out only now: what ended since its last word was not known either.
                for series in self._all():
                    series.doubt(now_utc - timedelta(seconds=silence_s))
        self._deafness = problem
        if problem:
            self._heard_since_s = now_s

    def _begin_anew(self) -> None:
        self._forget_count = self._hub.forget_count
        now_utc = self._clock.utc()
        for watched in self._watched.values():
            watched.renewed()
            for series in watched.series:
                series.renewed(now_utc)

    def _open_s(self, con_id: ConId, now_s: float) -> float:
        told = self._sessions.told(con_id)
        if told is None:
            return -inf
        if not told.is_regular or told.since_open_s is None:
            return inf
        return now_s - told.since_open_s

    # ---- the past

    def _inspect(self, now_utc: datetime) -> None:
        """Look one series through; all get their turn, and none takes long."""
        every = [(one, series) for one in self._watched.values() for series in one.series]
        if not every:
            return
        self._inspected = (self._inspected + 1) % len(every)
        self._count(*every[self._inspected], now_utc)

    def _count(self, watched: _Watched, series: BarSeries, now_utc: datetime) -> None:
        hours = watched.instrument.hours
        day_start = self._sessions.trading_day_start_utc(series.con_id)
        series.inspect(now_utc, () if hours is None else hours.regular, day_start)
        series.inspected_s = self._clock.monotonic()

    async def fill(self) -> None:
        """Ask for what is missing, one series after the other, for ever."""
        while True:
            found = self._most_wanting()
            if found is None:
                await self._clock.sleep(_FILL_S)
            else:
                await self._ask(*found)

    def _most_wanting(self) -> tuple[Instrument, BarSeries] | None:
        """Return a series that lacks something and may be asked for, the emptiest first."""
        if self._deafness:
            return None
        now_s = self._clock.monotonic()
        found = [
            (watched.instrument, series)
            for watched in self._watched.values()
            for series in watched.series
            if series.to_ask and not series.is_asking and now_s >= series.due_s
        ]
        return min(found, key=lambda row: len(row[1].bars), default=None)

    async def _ask(self, instrument: Instrument, series: BarSeries) -> None:
        size_s, count, asked_utc = series.spec.size_s, series.to_ask, self._clock.utc()
        made = partial(HistoryAnswer, instrument.con_id, size_s, count, asked_utc)
        series.is_asking = True
        try:
            answer = made(tuple(await self._broker.history(instrument, size_s, count)))
        except HistoryRefused as error:
            answer = made(trouble=error.trouble, text=str(error))
        except WorldError as error:
            answer = made(trouble=HistoryTrouble.UNAVAILABLE, text=str(error))
        finally:
            series.is_asking = False
        self.heard(answer)
        # What the beginning cut off may follow the first answer at once.
        wait_s = _REST_S if series.is_answered else 0.0
        self._take_answer(series, answer)
        if answer.trouble is not None:
            wait_s = again_s(answer.trouble, series.failures, self._chance.random())
            log.warning("no history", symbol=instrument.symbol, size_s=size_s, problem=answer.text)
        series.due_s = self._clock.monotonic() + wait_s

    def _take_answer(self, series: BarSeries, answer: HistoryAnswer) -> None:
        now_utc = self._clock.utc()
        # That there is nothing to fill a gap with is an answer.
        if answer.trouble is None or (answer.trouble is HistoryTrouble.NO_DATA and series.bars):
            series.told(answer.bars, answer.asked_utc, now_utc)
            watched = self._watched.get(series.con_id)
            if watched is not None:
                # Who is told of a bar in a moment is not to be held back for want of it.
                self._count(watched, series, now_utc)
        if answer.trouble is not None:
            series.failures += 1
            series.problem = answer.text
        elif series.bars and not answer.is_standing:
            self._show(series, series.bars[-1])

    # ---- the past as it was recorded

    def play(self, answer: HistoryAnswer) -> None:
        """Take an answer in that was recorded: at its time, and as if it had been asked for here.

        What nobody here wants is passed over.
        """
        # It may have come sooner after the instrument than the next look does here.
        self._watch(self._clock.utc())
        watched = self._watched.get(answer.con_id)
        for series in () if watched is None else watched.series:
            if series.spec.size_s == answer.size_s:
                series.to_ask = answer.count
                self._take_answer(series, answer)

    def forget(self, *, has_history: bool) -> None:
        """Forget all bars: another process was here. Without history nobody ever tells of more."""
        self._watched.clear()
        self._has_history = has_history

    def standing(self) -> tuple[HistoryAnswer, ...]:
        """Return all that is held, for a record that begins with it."""
        now_utc = self._clock.utc()
        return tuple(
            HistoryAnswer(
                series.con_id,
                series.spec.size_s,
                series.spec.count,
                now_utc,
                series.bars,
                is_standing=True,
            )
            for series in self._all()
            if series.is_answered
        )

    # ---- what is shown

    def _all(self) -> list[BarSeries]:
        return [series for watched in self._watched.values() for series in watched.series]

    @property
    def deafness(self) -> str:
        """Say why the broker is not heard; empty while it is."""
        return self._deafness

    def view(self, con_id: ConId, size_s: int) -> BarsView:
        """Return how complete the bars of an instrument and size are, or why nobody knows."""
        watched = self._watched.get(con_id)
        series = (
            next((s for s in watched.series if s.spec.size_s == size_s), None) if watched else None
        )
        if watched is None or series is None:
            return BarsView(unknown="nobody keeps them yet")
        age_s = self._clock.monotonic() - series.inspected_s
        # Written so that a NaN age is refused too.
        if not age_s <= _COUNTED_S_MAX:
            return BarsView(unknown="nobody has counted them lately")
        hours = watched.instrument.hours
        if hours is None or not hours.known.holds(self._clock.utc()):
            return BarsView(unknown="the broker told no hours of today")
        # Who has all that it wants needs nobody to tell of the past.
        if not series.is_answered and not series.is_warm:
            return BarsView(unknown=series.problem or "the broker has not told of the past yet")
        counted = series.completeness
        text = f"{watched.instrument.symbol} {size_s} s: {counted.received} of {counted.expected}"
        return BarsView(counted.share, text=text)

    def status(self) -> tuple[BarRow, ...]:
        """Return every series, by symbol and size."""
        rows = [
            _row(watched.instrument.symbol, series)
            for watched in self._watched.values()
            for series in watched.series
        ]
        missing = self._wanted.keys() - {row.symbol for row in rows}
        rows += [
            _unknown(symbol, spec) for symbol in sorted(missing) for spec in self._wanted[symbol]
        ]
        return tuple(sorted(rows, key=lambda row: (row.symbol, row.size_s)))


def bars_wanted(strategies: Iterable[Strategy]) -> dict[str, tuple[BarSpec, ...]]:
    """Gather by symbol what bars strategies want: of each size the most that anybody does."""
    found: dict[str, tuple[BarSpec, ...]] = {}
    for strategy in strategies:
        spec = strategy.bar_spec
        if spec is not None:
            for symbol in strategy.symbols:
                found[symbol] = _largest((*found.get(symbol, ()), spec))
    return found


def _ignored(_answer: HistoryAnswer) -> None:
    """Stand in where nobody records."""


def _largest(specs: tuple[BarSpec, ...]) -> tuple[BarSpec, ...]:
    """Return one spec for each size, with the most bars that anybody wants of it."""
    counts: dict[int, int] = {}
    for spec in specs:
        counts[spec.size_s] = max(spec.count, counts.get(spec.size_s, 0))
    return tuple(BarSpec(size_s, counts[size_s]) for size_s in sorted(counts))


def _row(symbol: str, series: BarSeries) -> BarRow:
    bars, counted = series.bars, series.completeness
    problem = series.problem
    if series.behind_s > 1:
        problem = f"the clock was set back: no bars for {series.behind_s:.0f} s"
    return BarRow(
        symbol=symbol,
        size_s=series.spec.size_s,
        wanted=series.spec.count,
        held=len(bars),
        part=series.part,
        told=series.told_count,
        expected=counted.expected,
        received=counted.received,
        share=counted.share,
        is_warm=series.is_warm,
        newest_utc=bars[-1].start_utc if bars else None,
        problem=problem,
    )


def _unknown(symbol: str, spec: BarSpec) -> BarRow:
    return BarRow(
        symbol=symbol,
        size_s=spec.size_s,
        wanted=spec.count,
        held=0,
        part=0,
        told=0,
        expected=0,
        received=0,
        share=None,
        is_warm=False,
        newest_utc=None,
        problem="the broker has not described it yet",
    )

"""The latest quote of every instrument, and who wants to know.

Quotes are conflated: under load a strategy sees fewer of them and always the latest. They are
not recorded; a decision's inputs are, with the review that used them. What is not believed of them
(:mod:`trader.engine.beliefs`) is shown with its doubt.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from trader.core.frozen import replace
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.market import Quote
from trader.core.marks import price_of
from trader.engine.beliefs import Beliefs
from trader.engine.latency import Latencies
from trader.ports import Clock, DataProblem, QuoteTick

_PRICES = ("bid", "ask")
# A line without a price for so long while its session is on may be dead (INC-011).
_SILENCE_S = 60.0
# After so many such silences, and having been asked again meanwhile, it counts as dead.
_DEAD_SILENCES = 3
_TAKEN = "10197 "
_SILENT = "silent "
# No line is free, or none is paid for: to ask again changes nothing (INC-149).
_DENIED = ("101 ", "354 ", "10168 ")
# More than any age that the settings allow.
_STALE_S = 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An instrument is not here any more; without one, all quotes and no instrument."""

    con_id: ConId | None


# What changes in the hub besides quotes: an instrument came, went, or has no data.
HubNews = Instrument | Forgotten | DataProblem


class MarketHub:
    """Instruments and their quotes."""

    def __init__(
        self, clock: Clock, *, is_forced_stale: bool = False, silence_s: float = _SILENCE_S
    ) -> None:
        self._clock = clock
        self._silence_s = silence_s
        # A drill: whatever arrives is as old as nothing may be.
        self._is_forced_stale = is_forced_stale
        self.instruments: dict[ConId, Instrument] = {}
        # Those that were found by their symbol since an instrument came or went.
        self._named: dict[str, Instrument] = {}
        self.quotes: dict[ConId, Quote] = {}
        self.problems: dict[ConId, str] = {}
        # When quotes of each were asked for last.
        self.asked_s: dict[ConId, float] = {}
        # The same of the first time, since the quotes of before were dropped.
        self.first_asked_s: dict[ConId, float] = {}
        # Symbols of the settings that the broker has not described: what they are is not known.
        self.undescribed: frozenset[str] = frozenset()
        # Has the link ask for them at once, those that are named here first.
        self.describe_now: Callable[[frozenset[str]], None] = _nobody
        # Told when what had no quotes has some again: others may have as well.
        self.healed_now: Callable[[], None] = _nothing
        # For how long a session has been on in which quotes must come; None outside.
        self.open_for_s: Callable[[ConId], float | None] = _always
        self.tick_count = 0
        # How often all subscriptions have begun anew.
        self.forget_count = 0
        # From the socket to a strategy; and of which price each was told last.
        self.latencies = Latencies()
        self._delivered_s: dict[ConId, float] = {}
        # Who judges what comes, once somebody knows the sessions.
        self.beliefs: Beliefs | None = None
        self._wakes: dict[ConId, list[asyncio.Event]] = {}
        self._followers: list[Callable[[Quote, QuoteTick], None]] = []
        self._listeners: list[Callable[[HubNews], None]] = []

    def add(self, instrument: Instrument) -> None:
        """Take an instrument in."""
        self.instruments[instrument.con_id] = instrument
        self._named.clear()
        self._tell(instrument)

    def subscribed(self, con_id: ConId) -> None:
        """Note that quotes of an instrument are asked for now, for the first time or again."""
        now_s = self.asked_s[con_id] = self._clock.monotonic()
        self.first_asked_s.setdefault(con_id, now_s)
        if self.beliefs is not None:
            self.beliefs.subscribed(con_id)

    def remove(self, con_id: ConId) -> None:
        """Forget an instrument: what is not here cannot be traded."""
        times = (self.asked_s, self.first_asked_s)
        for known in (self.instruments, self.quotes, self.problems, *times):
            known.pop(con_id, None)
        self._named.clear()
        self._tell(Forgotten(con_id))
        if self.beliefs is not None:
            self.beliefs.forget(con_id)

    def by_symbol(self, symbol: str) -> Instrument | None:
        """Return the instrument of a symbol, once the broker has described it."""
        found = self._named.get(symbol)
        if found is None:
            rows = self.instruments.values()
            found = next((row for row in rows if row.symbol == symbol), None)
            if found is not None:
                self._named[symbol] = found
        return found

    def forget_quotes(self) -> None:
        """Drop every quote: the subscriptions behind them are gone (1101, or a new link)."""
        self.forget_count += 1
        for known in (self.quotes, self.problems, self.asked_s, self.first_asked_s):
            known.clear()
        self._tell(Forgotten(None))

    def wake_on(self, con_ids: Iterable[ConId], event: asyncio.Event) -> None:
        """Have ``event`` set whenever a quote of these instruments changes."""
        for con_id in con_ids:
            wakes = self._wakes.setdefault(con_id, [])
            if event not in wakes:
                wakes.append(event)

    def follow(self, follower: Callable[[Quote, QuoteTick], None]) -> None:
        """Have ``follower`` called with every quote and the tick that made it, none left out."""
        self._followers.append(follower)

    def listen(self, listener: Callable[[HubNews], None]) -> None:
        """Have ``listener`` told of all that changes here and is no tick."""
        self._listeners.append(listener)

    def _tell(self, news: HubNews) -> None:
        for listener in self._listeners:
            listener(news)

    def on_tick(self, tick: QuoteTick) -> None:
        """Apply one tick; ``None`` removes the value, so that the quote is no longer usable."""
        self.tick_count += 1
        if self._is_forced_stale:
            tick = replace(tick, received_s=tick.received_s - _STALE_S)
        con_id = tick.con_id
        quote = self.quotes.get(con_id) or Quote(con_id)
        if self.beliefs is not None:
            quote, judged = self.beliefs.judged(quote, tick, self.instruments.get(con_id))
            if judged is None:
                return
            tick = judged
        quote = self.quotes[con_id] = _with_tick(quote, tick)
        if con_id in self.problems and tick.field in _PRICES and tick.value is not None:
            self._heal(quote)
        for follower in self._followers:
            follower(quote, tick)
        for event in self._wakes.get(con_id, ()):
            event.set()

    def _heal(self, quote: Quote) -> None:
        # What brings a price again works again, whatever was said before. Without its kind nobody
        # can trade on it, and that is told only to who asks again.
        if quote.data_type:
            del self.problems[quote.con_id]
            self.healed_now()

    def on_problem(self, problem: DataProblem) -> None:
        """Note a failed subscription; its quote is dropped."""
        self.problems[problem.con_id] = f"{problem.code} {problem.text}"
        self.quotes.pop(problem.con_id, None)
        self._tell(problem)

    def taken(self) -> tuple[ConId, ...]:
        """Return what another session of the same user has taken (10197)."""
        return tuple(key for key, text in self.problems.items() if text.startswith(_TAKEN))

    def denied(self) -> tuple[ConId, ...]:
        """Return what the broker will not bring: no line is free, or none is paid for."""
        return tuple(key for key, text in self.problems.items() if text.startswith(_DENIED))

    def ailing(self) -> tuple[ConId, ...]:
        """Return what should have quotes and has none: refused, taken away, or fallen silent."""
        now_s = self._clock.monotonic()
        silent = [key for key in self._asked() if self._silent_for_s(key, now_s) > self._silence_s]
        return (*self.problems, *(one for one in silent if one not in self.problems))

    def note_dead(self) -> None:
        """Make a problem of what is silent for long, and none of what may be silent again."""
        now_s = self._clock.monotonic()
        dead_s = _DEAD_SILENCES * self._silence_s
        for con_id in self._asked():
            silent_s = self._silent_for_s(con_id, now_s)
            known = self.problems.get(con_id, "")
            if known.startswith(_SILENT) and not silent_s:
                del self.problems[con_id]
            elif not known and silent_s > dead_s:
                self.problems[con_id] = (
                    f"{_SILENT}for {silent_s:.0f} s though its session is on; asked for again"
                )

    def _asked(self) -> Iterable[ConId]:
        return (*self.quotes, *(key for key in self.asked_s if key not in self.quotes))

    def _silent_for_s(self, con_id: ConId, now_s: float) -> float:
        """Return for how long no price came that should have; 0 outside the session.

        An index has a last price only. That it was asked for again is no sign of life.
        """
        open_s = self.open_for_s(con_id)
        if open_s is None:
            return 0.0
        quote = self.quotes.get(con_id)
        heard = [self.first_asked_s.get(con_id)]
        if quote is not None:
            heard += [quote.received_s, quote.last_s]
        times = [at_s for at_s in heard if at_s is not None]
        return min(now_s - max(times), open_s) if times else 0.0

    def delivered(self, quote: Quote) -> None:
        """Note that a strategy sees a quote now; counted once for each new price (DAT-02)."""
        at_s = quote.received_s
        if at_s is not None and self._delivered_s.get(quote.con_id) != at_s:
            self._delivered_s[quote.con_id] = at_s
            self.latencies.add(self._clock.monotonic() - at_s)

    def mark_of(self, con_id: ConId) -> Decimal | None:
        """Return a price to value a holding at: the middle, else the last."""
        return price_of(self.quotes.get(con_id))[0]


def _with_tick(quote: Quote, tick: QuoteTick) -> Quote:
    match tick.field:
        case "bid":
            return replace(quote, bid=tick.value, received_s=tick.received_s)
        case "ask":
            return replace(quote, ask=tick.value, received_s=tick.received_s)
        case "last":
            return replace(quote, last=tick.value, last_s=tick.received_s)
        case "bid_size":
            return replace(quote, bid_size=tick.value)
        case "ask_size":
            return replace(quote, ask_size=tick.value)
        case "halted":
            # Not to know whether it is halted ends no halt.
            return quote if tick.value is None else replace(quote, is_halted=bool(tick.value))
        case "data_type":
            return replace(quote, data_type=int(tick.value or 0))
        case _:
            return quote


def _always(_con_id: ConId) -> float | None:
    """Stand in until somebody knows the sessions."""
    return inf


def _nothing() -> None:
    """Stand in until there is a link."""


def _nobody(_symbols: frozenset[str]) -> None:
    """Stand in until there is a link."""

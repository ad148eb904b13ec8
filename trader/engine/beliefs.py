"""Which of the prices that come are believed, for every instrument.

The rules are those of :mod:`trader.core.plausibility`; here they meet the ticks, the hours of each
exchange and the clock. What is not believed still is the quote that is shown: it carries its doubt,
and whoever trades looks at that. A last price of an earlier session does not come through at all.
"""

from collections.abc import Callable

from trader.core.calendar import SessionNow
from trader.core.frozen import replace
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.market import Quote
from trader.core.plausibility import Belief, Plausibility, PlausibilityLimits
from trader.ports import Clock, QuoteTick

# The hours of an exchange are asked for anew at their next edge, and at least so often.
_HOURS_S = 60.0
_NO_BAND = ("OPT", "FOP")


class _Seen:
    """What is believed of one instrument, and until when its session is known."""

    __slots__ = ("plausibility", "until_s")

    def __init__(self, plausibility: Plausibility) -> None:
        self.plausibility = plausibility
        self.until_s = float("-inf")


class Beliefs:
    """Takes every tick in before anybody sees it."""

    def __init__(
        self,
        clock: Clock,
        limits: PlausibilityLimits,
        session_of: Callable[[ConId], SessionNow],
        tell: Callable[[ConId, Belief], None],
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._session_of = session_of
        self._tell = tell
        self._seen: dict[ConId, _Seen] = {}

    def subscribed(self, con_id: ConId) -> None:
        """Note that an instrument is asked for anew: what comes first proves nothing."""
        seen = self._seen.get(con_id)
        if seen is not None:
            seen.plausibility.subscribed()
            seen.until_s = float("-inf")

    def forget(self, con_id: ConId) -> None:
        """Forget an instrument."""
        self._seen.pop(con_id, None)

    def judged(
        self, quote: Quote, tick: QuoteTick, instrument: Instrument | None
    ) -> tuple[Quote, QuoteTick | None]:
        """Return the quote with its doubt, and the tick to apply to it; None where it is held."""
        seen = self._seen_of(tick, instrument)
        field, plausibility = tick.field, seen.plausibility
        if field in ("bid", "ask"):
            bid = tick.value if field == "bid" else quote.bid
            ask = tick.value if field == "ask" else quote.ask
            doubt = plausibility.doubt(field, bid, ask, tick.received_s)
            if plausibility.belief is not None:
                self._tell(tick.con_id, plausibility.belief)
                plausibility.belief = None
            return quote if doubt is quote.doubt else replace(quote, doubt=doubt), tick
        if field == "last" and tick.value is not None and not plausibility.takes_last():
            return quote, None
        if field == "traded":
            # It comes before its price: it says nothing of one that came before it.
            plausibility.traded(tick.value)
        elif field == "close":
            plausibility.closed_at(tick.value)
        return quote, tick

    def _seen_of(self, tick: QuoteTick, instrument: Instrument | None) -> _Seen:
        seen = self._seen.get(tick.con_id)
        if seen is None:
            has_band = instrument is None or instrument.sec_type not in _NO_BAND
            seen = self._seen[tick.con_id] = _Seen(Plausibility(self._limits, has_band=has_band))
        if tick.received_s >= seen.until_s:
            self._enter(tick.con_id, seen)
        return seen

    def _enter(self, con_id: ConId, seen: _Seen) -> None:
        now_utc, now_s = self._clock.utc(), self._clock.monotonic()
        found = self._session_of(con_id)
        left_s = _HOURS_S
        if found.until_utc is not None:
            left_s = min(left_s, (found.until_utc - now_utc).total_seconds())
        seen.until_s = now_s + left_s
        begun_s = None if found.begun_utc is None else found.begun_utc.timestamp()
        seen.plausibility.enter(begun_s, now_utc.timestamp(), is_closed=found.is_closed)

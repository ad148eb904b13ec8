"""What the account is worth for its breakers: steady, of a day, and as the broker says it.

A value in a single tick's light is not steady and opens no day. Without a steady price of
something held there is no value at all, and what needs one restricts (BRK-10).
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core import breaker_events as be
from trader.core.amounts import ZERO, decimal_from
from trader.core.marks import Source
from trader.core.policy import Policy
from trader.core.reserves import pending_commission
from trader.core.snapshots import BrokerSnapshot
from trader.engine.marks import Marks
from trader.engine.services import Services

# At most so often is the value recorded within a day.
MARK_INTERVAL_S = 60.0
# The two values that the last two ticks give may differ by this share and still be one.
_STEADY_SHARE = Decimal("0.01")
# The broker tells its value every three minutes (INC-037).
_TOLD_AGE_S_MAX = 400.0


@dataclass(frozen=True, slots=True)
class Look:
    """The value at one moment: at the prices that are best for it and worst for it."""

    high: Decimal
    low: Decimal
    # Each price in it was within its budget then.
    at_s: float
    # When the newest of them came: two looks at the same prices are one.
    heard_s: float

    @property
    def is_steady(self) -> bool:
        """Tell whether it hardly depends on the last tick."""
        return self.high - self.low <= _STEADY_SHARE * abs(self.high)


class Equity:
    """Looks at the account's value, and records it once a minute and for each new day."""

    def __init__(self, services: Services, policy: Policy) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._hub = services.hub
        self._clock = services.clock
        self._valuer = services.valuer
        self._policy = policy
        self._mark_age_s_max = policy.exposure.mark_age_s_max
        self._sessions = services.sessions
        self._marks = Marks(services.hub, policy.price.spread_fraction_max)
        self._marked_s = float("-inf")
        self._told: tuple[Decimal, float] | None = None
        # The last look, or why there is none.
        self.now: Look | str = "not looked yet"

    def day(self) -> str:
        """Return the account's day, that of the broker's zone."""
        return self._sessions.day()

    def told(self) -> Decimal | None:
        """Return the broker's own value while it is fresh."""
        if self._told is None:
            return None
        value, at_s = self._told
        return value if 0 <= self._clock.monotonic() - at_s <= _TOLD_AGE_S_MAX else None

    def on_snapshot(self, snapshot: BrokerSnapshot | None) -> None:
        """Take in the broker's value from a complete snapshot."""
        value = decimal_from(snapshot.net_liquidation) if snapshot is not None else None
        if value is not None and value > ZERO:
            self._told = (value, self._clock.monotonic())

    def look(self) -> None:
        """Take in flows, look at the value, and record it when that is due."""
        self._take_in_flows()
        self.now = self._looked()
        self._mark()

    def _looked(self) -> Look | str:
        now_s = self._clock.monotonic()
        # Now and not a moment ago: what is taken out below must be what is in it.
        self._valuer.refresh()
        valuation = self._valuer.current()
        if valuation is None:
            return "existing holdings have not been accepted"
        if valuation.missing:
            return "; ".join(valuation.missing)[:200]
        self._marks.sample(valuation.marks, now_s)
        low = high = valuation.nav - pending_commission(self._ledger.book, self._policy.cash)
        heard_s: list[float] = []
        for con_id, notional in valuation.notionals.items():
            mark, ends = valuation.marks[con_id], self._marks.of(con_id)
            symbol, used = self._ledger.book.positions[con_id].symbol, mark.unit_value
            if ends is None:
                return f"no steady price of {symbol}"
            age_s = now_s - ends.at_s
            # What is left out as too wide or wrong must not leave an old price in its place.
            if mark.source is Source.QUOTE and not age_s <= self._mark_age_s_max:
                return f"no steady price of {symbol} for {age_s:.0f} s"
            if used != ZERO:
                # What is worth nothing by now has nothing to lose, and a gain needs a price.
                values = (notional * ends.low / used, notional * ends.high / used)
                low += min(values) - notional
                high += max(values) - notional
            heard_s.append(ends.at_s)
        return Look(high=high, low=low, at_s=now_s, heard_s=max(heard_s, default=now_s))

    def _take_in_flows(self) -> None:
        for flow in self._ledger.book.safety.flows:
            value = self._in_own_currency(flow.currency, flow.amount)
            self._ledger.record(be.FlowSeen(flow.currency, flow.amount, value))

    def _in_own_currency(self, currency: str, amount: Decimal) -> Decimal | None:
        valuation = self._valuer.current()
        if currency == self._valuer.currency or amount == ZERO:
            return amount
        rate = valuation.rates.get(currency) if valuation is not None else None
        return None if rate is None else amount * rate

    def _mark(self) -> None:
        look, now_s, day = self.now, self._clock.monotonic(), self.day()
        if isinstance(look, str) or not look.is_steady:
            return
        if self._guard.book_may_lack() is not None:
            return
        baseline = self._ledger.book.safety.baseline
        is_new_day = baseline is None or day > baseline.day
        if is_new_day or now_s - self._marked_s >= MARK_INTERVAL_S:
            self._marked_s = now_s
            self._ledger.record(be.EquityMarked(day, look.low))

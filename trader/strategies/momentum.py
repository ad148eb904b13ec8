"""Momentum: buy what has risen, sell at a stop, a target or when the rise has turned.

Time-series momentum in its simplest form (Moskowitz, Ooi and Pedersen, "Time series momentum",
Journal of Financial Economics 104, 2012): the sign of the past return over a lookback decides
the position. Prices are mids sampled on a grid of seconds that is fixed in UTC: a sample that comes
late, or not at all, moves no other one, and a restart leaves the grid where it was. It refuses to
act on a missing, stale or crossed quote.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.core.amounts import ZERO
from trader.core.bars import Bar, BarSpec
from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.intents import OrderType, Side
from trader.core.market import Quote, fault
from trader.strategies.base import Context, OrderUpdate, SessionChange, Wish
from trader.strategies.kept import price_of, text_of, utc_of

_GRID = "grid"
_GRID_FROM_UTC = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MomentumParameters:
    """What to trade and when; fractions are of the price, times are seconds."""

    symbols: tuple[str, ...]
    quantity: Decimal
    sample_s: float
    lookback_samples: int
    entry_fraction: Decimal
    stop_fraction: Decimal
    target_fraction: Decimal
    pause_s: float
    quote_age_s_max: float


@dataclass(slots=True)
class _State:
    """What is kept for one symbol: prices, None while flat, and times (UTC)."""

    # One for each step of the grid, the newest last; None where there was no good quote.
    samples: list[Decimal | None] = field(default_factory=list)
    sampled_utc: datetime | None = None
    entry: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    peak: Decimal | None = None
    acted_utc: datetime | None = None


class MomentumStrategy:
    """Long or flat in each symbol."""

    def __init__(self, parameters: MomentumParameters, name: str = "momentum") -> None:
        self._parameters = parameters
        self._name = StrategyName(name)
        self._states = {symbol: _State() for symbol in parameters.symbols}

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""
        return self._name

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""
        return self._parameters.symbols

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return None: it samples quotes."""
        return None

    @property
    def closing_s(self) -> float:
        """Return 0: the end of a session is nothing to it."""
        return 0.0

    def on_start(self, context: Context) -> None:
        """Wait for the next step of the grid; all else that it needs is kept."""
        self._wait_for_grid(context)

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Hold stop and target at every quote; look for entries and turns on the grid."""
        for symbol, state in self._states.items():
            instrument = context.instrument(symbol)
            if instrument is not None and instrument.con_id == quote.con_id:
                self._look(state, quote, context)

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Take the fill price of an entry as the reference for stop and target."""
        state = self._states.get(execution.symbol)
        if state is None:
            return
        if context.position(execution.con_id) == ZERO:
            state.entry = state.stop = state.target = state.peak = None
        elif execution.side is Side.BUY:
            self._enter(state, execution.price)
            state.peak = max(state.peak or execution.price, execution.price)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Do nothing: a refused wish is wished again when the market still says so."""

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Do nothing: when new risk may be taken is the review's to say."""

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Do nothing: it asks for no bars."""

    def on_timer(self, name: str, context: Context) -> None:
        """Look at what stands when a sample is due: a price that does not change is one, too."""
        self._wait_for_grid(context)
        for symbol, state in self._states.items():
            instrument = context.instrument(symbol)
            quote = None if instrument is None else context.quote(instrument.con_id)
            if quote is not None:
                self._look(state, quote, context)

    def checkpoint(self) -> str:
        """Return entries with their stops and targets, peaks, samples, and when it acted last."""
        return json.dumps(
            {
                symbol: {
                    "entry": text_of(state.entry),
                    "stop": text_of(state.stop),
                    "target": text_of(state.target),
                    "peak": text_of(state.peak),
                    "acted_utc": text_of(state.acted_utc),
                    "sample_s": self._parameters.sample_s,
                    "sampled_utc": text_of(state.sampled_utc),
                    "samples": [text_of(one) for one in state.samples],
                }
                for symbol, state in self._states.items()
            },
            sort_keys=True,
        )

    def restore(self, state: str) -> None:
        """Take up what was kept; raises ValueError if it cannot be read."""
        try:
            for symbol, row in json.loads(state).items():
                if symbol in self._states:
                    self._states[symbol] = self._restored(row)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"momentum state cannot be read: {state[:200]}") from error

    def _restored(self, row: dict[str, Any]) -> _State:
        state = _State(entry=price_of(row["entry"]), peak=price_of(row["peak"]))
        if state.entry is not None:
            # States of before had entries alone.
            self._enter(state, state.entry)
            state.stop = price_of(row.get("stop")) or state.stop
            state.target = price_of(row.get("target")) or state.target
        state.acted_utc = utc_of(row.get("acted_utc"))
        sampled_utc = utc_of(row.get("sampled_utc"))
        samples = [price_of(one) for one in row.get("samples", ())]
        # Those of another grid, or of nobody knows which, say nothing of this lookback.
        if row.get("sample_s") == self._parameters.sample_s:
            state.sampled_utc, state.samples = sampled_utc, samples
        return state

    def _enter(self, state: _State, price: Decimal) -> None:
        state.entry = price
        state.stop = price * (1 - self._parameters.stop_fraction)
        state.target = price * (1 + self._parameters.target_fraction)

    def _look(self, state: _State, quote: Quote, context: Context) -> None:
        if fault(quote, context.now_s, self._parameters.quote_age_s_max) is not None:
            return
        assert quote.mid is not None
        is_sampled = self._sample(state, quote.mid, context.now_utc)
        if is_sampled:
            context.save()
        is_open = context.working(quote.con_id) != ZERO
        if is_open or self._must_pause(state, context.now_utc):
            return
        change = self._change(state) if is_sampled else None
        wish = self._wish(state, quote, change, context.position(quote.con_id))
        if wish is not None:
            state.acted_utc = context.now_utc
            context.submit(wish)

    def _on_grid(self, at_utc: datetime) -> tuple[int, float]:
        """Return which step of the grid a moment belongs to, and how long it goes on (seconds)."""
        sample = timedelta(seconds=self._parameters.sample_s)
        step, into = divmod(at_utc - _GRID_FROM_UTC, sample)
        return step, (sample - into).total_seconds()

    def _wait_for_grid(self, context: Context) -> None:
        _, left_s = self._on_grid(context.now_utc)
        context.set_timer(_GRID, left_s)

    def _sample(self, state: _State, mid: Decimal, now_utc: datetime) -> bool:
        """Keep a sample when the grid is due; returns whether it was."""
        lookback = self._parameters.lookback_samples
        if state.sampled_utc is not None:
            steps = self._on_grid(now_utc)[0] - self._on_grid(state.sampled_utc)[0]
            if -1 <= steps <= 0:
                # A clock that is corrected may go back across a step.
                return False
            if steps < 0:
                # The clock was set back: the old samples say nothing of the present rise.
                state.samples.clear()
            # What was missed is not made up for: the lookback stays as long as it is.
            state.samples += [None] * min(steps - 1, lookback + 1)
        state.sampled_utc = now_utc
        state.samples.append(mid)
        del state.samples[: -(lookback + 1)]
        return True

    def _change(self, state: _State) -> Decimal | None:
        """Return the change over the lookback, or None while one of its ends is not known."""
        if len(state.samples) <= self._parameters.lookback_samples:
            return None
        first, last = state.samples[0], state.samples[-1]
        return None if first is None or last is None else last / first - 1

    def _wish(
        self, state: _State, quote: Quote, change: Decimal | None, held: Decimal
    ) -> Wish | None:
        mid = quote.mid
        assert mid is not None
        if held > ZERO:
            state.peak = max(state.peak or mid, mid)
            # Right after a start or a gap there is no lookback, and yet a stop is a stop.
            reason = _exit_reason(state, mid, change)
            if reason:
                return Wish(quote.con_id, Side.SELL, held, is_reduce_only=True, reason=reason)
        elif change is not None and change >= self._parameters.entry_fraction:
            return Wish(
                con_id=quote.con_id,
                side=Side.BUY,
                quantity=self._parameters.quantity,
                order_type=OrderType.MARKET,
                reason=f"rose {change:.5f} over the lookback",
            )
        return None

    def _must_pause(self, state: _State, now_utc: datetime) -> bool:
        if state.acted_utc is None:
            return False
        since_s = (now_utc - state.acted_utc).total_seconds()
        if since_s < 0:
            # The clock was set back: nobody knows how long it has been.
            state.acted_utc = now_utc
        return since_s < self._parameters.pause_s


def _exit_reason(state: _State, mid: Decimal, change: Decimal | None) -> str:
    entry, stop, target = state.entry, state.stop, state.target
    if entry is None or stop is None or target is None:
        return "entry price unknown"
    if mid <= stop:
        return f"stop: {mid} is at or under {stop}, bought at {entry}"
    if mid >= target:
        return f"target: {mid} is at or over {target}, bought at {entry}"
    if change is not None and change < ZERO:
        return f"the rise turned: {change:.5f} over the lookback"
    return ""

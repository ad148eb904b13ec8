"""Momentum: buy what has risen, sell at a stop, a target or when the rise has turned.

Time-series momentum in its simplest form (Moskowitz, Ooi and Pedersen, "Time series momentum",
Journal of Financial Economics 104, 2012): the sign of the past return over a lookback decides
the position. Prices are mids sampled on a fixed grid of seconds, so the same quotes give the
same intents. It refuses to act on a missing, stale or crossed quote.
"""

import json
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.executions import Execution
from trader.core.ids import ConId, StrategyName
from trader.core.intents import OrderType, Side
from trader.core.market import MarketView, fault
from trader.strategies.base import ChangeResult, Context, Wish, WishResult


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
    """What is kept for one symbol; entry and peak are prices, None while flat."""

    samples: list[Decimal]
    sampled_s: float | None = None
    entry: Decimal | None = None
    peak: Decimal | None = None
    acted_s: float | None = None


class MomentumStrategy:
    """Long or flat in each symbol."""

    def __init__(self, parameters: MomentumParameters, name: str = "momentum") -> None:
        self._parameters = parameters
        self._name = StrategyName(name)
        self._states = {symbol: _State(samples=[]) for symbol in parameters.symbols}

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""
        return self._name

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""
        return self._parameters.symbols

    def on_market(self, view: MarketView, context: Context) -> None:
        """Hold stop and target at every look; look for entries and turns on the grid."""
        for symbol, state in self._states.items():
            instrument = context.instrument(symbol)
            if instrument is None:
                continue
            quote = view.quotes.get(instrument.con_id)
            if fault(quote, view.now_s, self._parameters.quote_age_s_max) is not None:
                continue
            assert quote is not None
            assert quote.mid is not None
            is_sampled = self._sample(state, quote.mid, view.now_s)
            if context.working(instrument.con_id) != ZERO or self._must_pause(state, view.now_s):
                continue
            change = self._change(state) if is_sampled else None
            wish = self._wish(state, instrument.con_id, quote.mid, change, context)
            if wish is not None:
                state.acted_s = view.now_s
                context.submit(wish)

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Take the fill price of an entry as the reference for stop and target."""
        for symbol, state in self._states.items():
            if symbol != execution.symbol:
                continue
            if context.position(execution.con_id) == ZERO:
                state.entry = state.peak = None
            elif execution.side is Side.BUY:
                state.entry = execution.price
                state.peak = max(state.peak or execution.price, execution.price)

    def on_result(self, result: WishResult, context: Context) -> None:
        """Do nothing: a refused wish is wished again when the market still says so."""

    def on_change(self, result: ChangeResult, context: Context) -> None:
        """Do nothing: it changes no orders."""

    def checkpoint(self) -> str:
        """Return entries and peaks; samples are warmed up anew, they age within minutes."""
        return json.dumps(
            {
                symbol: {"entry": _text(state.entry), "peak": _text(state.peak)}
                for symbol, state in self._states.items()
            },
            sort_keys=True,
        )

    def restore(self, state: str) -> None:
        """Take up entries and peaks; raises ValueError if they cannot be read."""
        try:
            rows = json.loads(state)
            for symbol, row in rows.items():
                if symbol in self._states:
                    self._states[symbol].entry = _price(row["entry"])
                    self._states[symbol].peak = _price(row["peak"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"momentum state cannot be read: {state[:200]}") from error

    def _sample(self, state: _State, mid: Decimal, now_s: float) -> bool:
        """Keep a sample when the grid is due; returns whether it was."""
        parameters = self._parameters
        if state.sampled_s is not None and now_s - state.sampled_s < parameters.sample_s:
            return False
        # One interval more than the lookback: a look comes a little after the grid is due, and a
        # lookback of one sample would otherwise never be complete.
        window_s = parameters.sample_s * (parameters.lookback_samples + 1)
        if state.sampled_s is not None and now_s - state.sampled_s > window_s:
            # After a gap (a night, an outage) the old samples say nothing of the present rise.
            state.samples.clear()
        state.sampled_s = now_s
        state.samples.append(mid)
        del state.samples[: -(parameters.lookback_samples + 1)]
        return True

    def _change(self, state: _State) -> Decimal | None:
        """Return the change over the lookback, or None until it is complete."""
        if len(state.samples) <= self._parameters.lookback_samples:
            return None
        return state.samples[-1] / state.samples[0] - 1

    def _wish(
        self, state: _State, con_id: ConId, mid: Decimal, change: Decimal | None, context: Context
    ) -> Wish | None:
        held = context.position(con_id)
        if held > ZERO:
            state.peak = max(state.peak or mid, mid)
            # Right after a start or a gap there is no lookback, and yet a stop is a stop.
            reason = self._exit_reason(state, mid, change)
            if reason:
                return Wish(con_id, Side.SELL, held, is_reduce_only=True, reason=reason)
        elif change is not None and change >= self._parameters.entry_fraction:
            return self._entry(con_id, f"rose {change:.5f} over the lookback")
        return None

    def _entry(self, con_id: ConId, reason: str) -> Wish:
        return Wish(
            con_id=con_id,
            side=Side.BUY,
            quantity=self._parameters.quantity,
            order_type=OrderType.MARKET,
            reason=reason,
        )

    def _must_pause(self, state: _State, now_s: float) -> bool:
        return state.acted_s is not None and now_s - state.acted_s < self._parameters.pause_s

    def _exit_reason(self, state: _State, mid: Decimal, change: Decimal | None) -> str:
        entry = state.entry
        if entry is None:
            return "entry price unknown"
        if mid <= entry * (1 - self._parameters.stop_fraction):
            return f"stop: {mid} is {self._parameters.stop_fraction} under {entry}"
        if mid >= entry * (1 + self._parameters.target_fraction):
            return f"target: {mid} is {self._parameters.target_fraction} over {entry}"
        if change is not None and change < ZERO:
            return f"the rise turned: {change:.5f} over the lookback"
        return ""


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _price(text: str | None) -> Decimal | None:
    if text is None:
        return None
    price = decimal_from(text)
    if price is None or price <= ZERO:
        # NaN would compare with nothing, and a stop below zero never comes.
        raise ValueError(f"momentum state holds no price: {text!r}")
    return price

"""What strategies share that hold one position in each symbol and decide on bars.

Who inherits it says what a run of bars means; this says when that may become an order. An entry
needs whole and unbroken bars, the newest of now, and a good quote. A stop is held at every good
quote, whatever the bars say, and only ever moves towards the price.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

from trader.core.amounts import ZERO
from trader.core.bars import Bar, BarSpec, checked_size
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.ids import ConId
from trader.core.intents import Side
from trader.core.market import Quote, fault
from trader.strategies.base import Context, SessionChange, Wish
from trader.strategies.own import OwnStrategy, Parameters
from trader.strategies.windows import since_s, unbroken

# An exit that was refused or is still to be made room for is wished for again after so long.
RETRY_S = 10.0
_NUMBERS_MAX = 16

Price = Annotated[Decimal, Field(gt=0, lt=Decimal(10) ** 9, allow_inf_nan=False)]
Numbers = Annotated[dict[str, FiniteFloat], Field(max_length=_NUMBERS_MAX)]


class BarParameters(Parameters):
    """What every strategy of bars takes."""

    quantity: int = Field(default=10, ge=1, le=1_000_000, description="shares of an entry")
    bar_s: Annotated[int, AfterValidator(checked_size)] = Field(
        default=60, description="seconds of a bar; 5 10 15 30 60 120 180 300 600 900 1200 1800"
    )
    pause_s: float = Field(default=60.0, ge=1, le=86_400, description="seconds between two entries")
    hold_s_max: float = Field(
        default=86_400.0, ge=1, le=30 * 86_400, description="seconds after which it is closed"
    )
    is_flat_at_close: bool = Field(
        default=True,
        description="closes 15 min before a session ends, and enters in open sessions only",
    )
    quote_age_s_max: float = Field(
        default=5.0, gt=0, le=60, description="an older quote is not acted on"
    )


class SingleParameters(BarParameters):
    """What every strategy takes that has one position in a symbol."""

    is_trailing: bool = Field(default=False, description="the stop follows the best price")
    may_short: bool = Field(
        default=False, description="also sells short; the risk policy has to allow it"
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the bars of one symbol say.

    ``entry`` is 1 to be long, -1 to be short and 0 for neither; ``stop_distance`` is how far from
    the price an entry's stop belongs, in the price's units. ``signals``, ``weights`` and
    ``indicators`` are what it was made of.
    """

    entry: int
    is_over_long: bool
    is_over_short: bool
    stop_distance: float
    reason: str
    signals: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, float] = field(default_factory=dict)


class Held(BaseModel):
    """What is kept for one symbol: prices are None while flat; times are UTC."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)

    # Of the position: the mean price of its entries, and how many shares that is of.
    entry: Price | None = None
    entered: Annotated[Decimal, Field(ge=0, lt=Decimal(10) ** 9)] = ZERO
    stop: Price | None = None
    stop_distance: Annotated[FiniteFloat, Field(gt=0)] | None = None
    # The highest and lowest price of whole bars since then.
    peak: Price | None = None
    trough: Price | None = None
    # When it last wished for an entry, and for an exit.
    acted_utc: AwareDatetime | None = None
    exited_utc: AwareDatetime | None = None
    # The start of the newest bar that peak and trough know of.
    seen_utc: AwareDatetime | None = None
    # After an exit the signal has to go away before it counts again.
    is_armed: bool = True
    signals: Numbers = {}
    weights: Numbers = {}
    indicators: Numbers = {}

    def forget(self) -> None:
        """Take in that nothing is held."""
        self.entry = self.stop = self.stop_distance = self.peak = self.trough = None
        self.entered = ZERO

    def set_back(self, now_utc: datetime) -> None:
        """Count from now on where the clock was set back: nobody knows how long it has been."""
        if self.acted_utc is not None:
            self.acted_utc = min(self.acted_utc, now_utc)
        if self.exited_utc is not None:
            self.exited_utc = min(self.exited_utc, now_utc)
        if self.seen_utc is not None:
            self.seen_utc = min(self.seen_utc, now_utc)


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    symbols: dict[str, Held]


P = TypeVar("P", bound=SingleParameters)


class SingleStrategy(OwnStrategy[P]):
    """At most one position in each symbol."""

    def __init__(self, name: str, symbols: tuple[str, ...], parameters: P) -> None:
        super().__init__(name, symbols, parameters)
        self._states = {symbol: Held() for symbol in symbols}
        # Told anew after every start.
        self._stages: dict[str, SessionStage] = {}

    @property
    @abstractmethod
    def window(self) -> int:
        """Return how many bars it looks at, at most."""

    @abstractmethod
    def judged(self, run: Sequence[Bar]) -> Judgement | None:
        """Return what an unbroken run of bars means; None when it is too short to say. Pure."""

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return the bars that it looks at."""
        return BarSpec(self.parameters.bar_s, self.window)

    @property
    def sells_short(self) -> bool:
        """Tell whether it can want a short position: a policy without short sales refuses it."""
        return self.parameters.may_short

    # ---- what it is told

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Take the mean price of the entries as what the stop is measured from."""
        state, held = self._states.get(execution.symbol), context.position(execution.con_id)
        if state is None:
            return
        if held == ZERO:
            state.forget()
        elif (held > ZERO) == (execution.side is Side.BUY):
            _enter(state, execution)

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn whether a session is on, or about to end."""
        self._stages[change.symbol] = change.stage
        if change.symbol in self._states:
            self._act(change.symbol, change.con_id, context, None)

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Move peak, trough and stop, and look for an entry or the end of one."""
        symbol = self.symbol_of(bar.con_id, context)
        if symbol is None:
            return
        state, bars = self._states[symbol], context.bars(bar.con_id)
        self._follow(state, bars, context.position(bar.con_id))
        judgement = None
        # Behind others that wait, a bar is not of now.
        if bars and bars[-1].start_utc == bar.start_utc:
            run = unbroken(bars, context.now_utc)[-self.window :]
            judgement = self.judged(run) if run else None
        state.signals = dict(judgement.signals) if judgement else {}
        state.weights = dict(judgement.weights) if judgement else {}
        state.indicators = dict(judgement.indicators) if judgement else {}
        if judgement is not None and judgement.entry == 0:
            state.is_armed = True
        self._act(symbol, bar.con_id, context, judgement)

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Hold the stop."""
        symbol = self.symbol_of(quote.con_id, context)
        if symbol is not None:
            self._act(symbol, quote.con_id, context, None)

    def checkpoint(self) -> str:
        """Return entries, stops, peaks, troughs, times and the last signals, as JSON text."""
        return _Kept(symbols=self._states).model_dump_json()

    def restore(self, state: str) -> None:
        """Take up what was kept; raises ValueError if it cannot be read."""
        kept = _Kept.model_validate_json(state)
        for symbol, held in kept.symbols.items():
            if symbol in self._states:
                self._states[symbol] = held

    # ---- what it does

    def _follow(self, state: Held, bars: Sequence[Bar], held: Decimal) -> None:
        """Take in every bar since the last, also those from while it was not there."""
        seen_utc = state.seen_utc
        fresh = [one for one in bars if seen_utc is None or one.start_utc > seen_utc]
        if not fresh:
            return
        state.seen_utc = fresh[-1].start_utc
        entry, since = state.entry, [one for one in fresh if one.is_whole]
        if held == ZERO or entry is None or not since:
            return
        state.peak = max(state.peak or entry, *(one.high for one in since))
        state.trough = min(state.trough or entry, *(one.low for one in since))
        if self.parameters.is_trailing and state.stop_distance is not None:
            best = state.peak if held > ZERO else state.trough
            state.stop = _tighter(state, best, 1 if held > ZERO else -1)

    def _act(
        self, symbol: str, con_id: ConId, context: Context, judgement: Judgement | None
    ) -> None:
        quote = context.quote(con_id)
        if fault(quote, context.now_s, self.parameters.quote_age_s_max) is not None:
            return
        assert quote is not None and quote.mid is not None  # noqa: PT018 - one fact: it is good
        state, held = self._states[symbol], context.position(con_id)
        state.set_back(context.now_utc)
        if held != ZERO:
            reason = self._exit_reason(symbol, held, quote.mid, judgement, context.now_utc)
            if reason:
                self._leave(state, con_id, context, reason)
        elif judgement is not None:
            self._enter_on(symbol, con_id, context, judgement)

    def _exit_reason(
        self, symbol: str, held: Decimal, mid: Decimal, judgement: Judgement | None, now: datetime
    ) -> str:
        state, is_long = self._states[symbol], held > ZERO
        entry, stop = state.entry, state.stop
        if entry is None or stop is None:
            return "entry price unknown"
        if (mid <= stop) if is_long else (mid >= stop):
            return f"stop: {mid} is at or beyond {stop}, entered at {entry}"
        if self._is_closing(symbol):
            return "the session ends"
        if since_s(state.acted_utc, now) >= self.parameters.hold_s_max:
            return f"held for {self.parameters.hold_s_max:.0f} s"
        if judgement is not None:
            is_over = judgement.is_over_long if is_long else judgement.is_over_short
            return f"over: {judgement.reason}" if is_over else ""
        return ""

    def _is_closing(self, symbol: str) -> bool:
        is_closing = self._stages.get(symbol) is SessionStage.CLOSING
        return is_closing and self.parameters.is_flat_at_close

    def _leave(self, state: Held, con_id: ConId, context: Context, reason: str) -> None:
        held, working = context.position(con_id), context.working(con_id)
        is_leaving = working != ZERO and (working > ZERO) != (held > ZERO)
        if is_leaving or since_s(state.exited_utc, context.now_utc) < RETRY_S:
            return
        state.exited_utc, state.is_armed = context.now_utc, False
        if working != ZERO:
            # What is left of the entry: two orders against each other would be one too many.
            context.cancel_all(con_id, reason)
            context.save()
            return
        side = Side.SELL if held > ZERO else Side.BUY
        context.submit(Wish(con_id, side, abs(held), is_reduce_only=True, reason=reason))

    def _enter_on(self, symbol: str, con_id: ConId, context: Context, judgement: Judgement) -> None:
        state, parameters, now = self._states[symbol], self.parameters, context.now_utc
        may_enter = judgement.entry > 0 or (judgement.entry < 0 and parameters.may_short)
        if not may_enter or not state.is_armed or context.working(con_id) != ZERO:
            return
        if parameters.is_flat_at_close and self._stages.get(symbol) is not SessionStage.OPEN:
            return
        paused_s = min(since_s(state.acted_utc, now), since_s(state.exited_utc, now))
        if paused_s < parameters.pause_s:
            return
        distance = round(judgement.stop_distance, 6)
        if not 0 < distance < math.inf:
            return
        # What was closed by somebody else has left its entry behind.
        state.forget()
        state.acted_utc, state.stop_distance = now, distance
        side = Side.BUY if judgement.entry > 0 else Side.SELL
        context.submit(Wish(con_id, side, Decimal(parameters.quantity), reason=judgement.reason))


def _enter(state: Held, execution: Execution) -> None:
    before = (state.entry or ZERO) * state.entered
    state.entered += execution.quantity
    entry = state.entry = (before + execution.price * execution.quantity) / state.entered
    state.peak = max(state.peak or entry, execution.price)
    state.trough = min(state.trough or entry, execution.price)
    if state.stop_distance is not None:
        state.stop = None
        state.stop = _tighter(state, entry, execution.side.sign)


def _tighter(state: Held, price: Decimal, sign: int) -> Decimal:
    """Return where the stop of a long (1) or short (-1) position belongs, never further away."""
    assert state.stop_distance is not None, "a stop is moved where none was placed"
    away = Decimal(str(state.stop_distance))
    # A stop at half the price at the latest: one below zero would never come.
    wanted = max(price - away, price / 2) if sign > 0 else price + away
    if state.stop is None:
        return wanted
    return max(state.stop, wanted) if sign > 0 else min(state.stop, wanted)

"""Bracket momentum: buy what has risen, with a profit and a stop that work at the broker.

Time-series momentum (T. Moskowitz, Y. H. Ooi and L. Pedersen, "Time series momentum", Journal of
Financial Economics 104, 2012): the past return in units of its volatility decides the side. The
distances are true ranges (J. W. Wilder, 1978). Entry, profit and stop leave as one bracket and are
the broker's from then on: they work while the daemon does not.

A waiting entry may be cancelled. What is held is sold early in one way alone: its profit is moved
to the market. It is of one group with the stop, so nothing can fill twice; a closing order beside
the legs could. Where no stop works, whatever else works is cancelled first, and what is held is
closed when nothing can fill any more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trader.core.amounts import ZERO
from trader.core.bars import COUNT_MAX, Bar, BarSpec
from trader.core.brackets import Role
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId
from trader.core.instruments import Instrument
from trader.core.intents import BracketTerms, OrderType, Side
from trader.core.market import Quote, fault, only_side
from trader.strategies.base import Context, OrderStage, OrderUpdate, SessionChange, Wish
from trader.strategies.bracket_state import (
    Bracket,
    BracketKept,
    Phase,
    Seen,
    linked,
    standing,
)
from trader.strategies.ensemble import momentum, range_of
from trader.strategies.own import OwnStrategy, Parameters
from trader.strategies.single import RETRY_S, BarParameters
from trader.strategies.windows import since_s, unbroken

# The legs of one bracket end within moments of each other: what is told in between is no loss.
GRACE_S = 3.0
# A leg further away is not worth having; the review refuses it at half of the price.
_FRACTION_MAX = 0.4
_WAKE = "brackets"
_WAKE_S = 1.0


def _distance(default: float, most: float, of: str) -> float:
    distance: float = Field(
        default=default, ge=0, le=most, allow_inf_nan=False, description=f"{of}; the wider counts"
    )
    return distance


class BracketMomentumParameters(BarParameters):
    """A score is from -1 to 1; of the two distances of a leg the wider counts."""

    momentum_bars: int = Field(default=20, ge=3, le=COUNT_MAX - 1, description="of its lookback")
    entry_score: float = Field(
        default=0.5, gt=0, le=1, allow_inf_nan=False, description="enters at this score"
    )
    exit_score: float = Field(
        default=0.0, ge=-1, lt=1, allow_inf_nan=False, description="has turned at this score"
    )
    atr_bars: int = Field(default=14, ge=2, le=COUNT_MAX - 1, description="of the true range")
    profit_atrs: float = _distance(3.0, 100, "true ranges to the profit")
    profit_fraction: float = _distance(0.002, _FRACTION_MAX, "of the price, to the profit")
    stop_atrs: float = _distance(2.0, 100, "true ranges to the stop")
    stop_fraction: float = _distance(0.001, _FRACTION_MAX, "of the price, to the stop")
    entry_s_max: float = Field(
        default=30.0,
        ge=1,
        le=86_400,
        description="seconds after which a waiting entry is cancelled",
    )
    slip_fraction: float = Field(
        default=0.0005, ge=0, le=0.01, description="of the price, given away to leave early"
    )
    may_short: bool = Field(
        default=False, description="also sells short; the risk policy has to allow it"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.exit_score < self.entry_score:
            raise ValueError(
                f"exit_score {self.exit_score:g} below entry_score {self.entry_score:g}"
            )
        if self.profit_atrs == self.profit_fraction == 0:
            raise ValueError("profit_atrs and profit_fraction are 0, allowed is one of them at 0")
        if self.stop_atrs == self.stop_fraction == 0:
            raise ValueError("stop_atrs and stop_fraction are 0, allowed is one of them at 0")
        return self


@dataclass(frozen=True, slots=True)
class Reading:
    """What the bars say: the score, -1 to 1, and the true range in units of the price."""

    score: float
    true_range: float


def reading(run: Sequence[Bar], parameters: BracketMomentumParameters) -> Reading | None:
    """Read an unbroken run of bars; None where it is too short or nothing moves. Pure."""
    score = momentum([float(bar.close) for bar in run], parameters.momentum_bars)
    width = range_of(run, parameters.atr_bars)
    return None if score is None or width is None else Reading(score, width)


def wanted(
    direction: int,
    quote: Quote,
    said: Reading,
    parameters: BracketMomentumParameters,
    instrument: Instrument,
) -> tuple[Decimal, BracketTerms] | None:
    """Return the limit of an entry and where its legs belong; None where they make no sense. Pure.

    It buys at the ask at most, so that the legs are where they should be wherever it fills.
    """
    assert quote.bid is not None and quote.ask is not None  # noqa: PT018 - one fact: it is good
    limit = _on_grid(quote.ask if direction > 0 else quote.bid, direction, instrument)
    p, price = parameters, float(limit)
    profit_away = max(p.profit_atrs * said.true_range, p.profit_fraction * price)
    stop_away = max(p.stop_atrs * said.true_range, p.stop_fraction * price)
    if not 0 < max(profit_away, stop_away) <= _FRACTION_MAX * price < math.inf:
        return None
    profit = limit + direction * Decimal(str(round(profit_away, 6)))
    stop = limit - direction * Decimal(str(round(stop_away, 6)))
    # Outwards: no leg is nearer than it was wished for.
    terms = BracketTerms(
        _on_grid(profit, direction, instrument), _on_grid(stop, -direction, instrument)
    )
    low, high = min(limit, quote.bid), max(limit, quote.ask)
    lower, upper = sorted((terms.take_profit, terms.stop_loss))
    # A spread as wide as the distance would stop it out with the entry.
    return (limit, terms) if ZERO < lower < low and upper > high else None


def _on_grid(price: Decimal, direction: int, instrument: Instrument) -> Decimal:
    """Return the next price of the grid, upwards (1) or downwards (-1)."""
    tick = instrument.tick_at(price)
    rounding = ROUND_CEILING if direction > 0 else ROUND_FLOOR
    return (price / tick).to_integral_value(rounding) * tick


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    symbols: dict[str, BracketKept]


class BracketMomentumStrategy(OwnStrategy[BracketMomentumParameters]):
    """Follows the momentum of the bars, at most one bracket at a time in each symbol."""

    Parameters: ClassVar[type[Parameters]] = BracketMomentumParameters

    def __init__(
        self, name: str, symbols: tuple[str, ...], parameters: BracketMomentumParameters
    ) -> None:
        super().__init__(name, symbols, parameters)
        self._states = {symbol: BracketKept() for symbol in symbols}
        self._stages: dict[str, SessionStage] = {}
        # Wishes that are not answered: until then the book has nothing of them.
        self._asked: dict[IntentId, str] = {}

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return the bars that it looks at."""
        return BarSpec(self.parameters.bar_s, self._window)

    @property
    def sells_short(self) -> bool:
        """Tell whether it can want a short position: a policy without short sales refuses it."""
        return self.parameters.may_short

    # ---- what it is told

    def on_start(self, context: Context) -> None:
        """Look after what was left behind, as soon as time passes."""
        context.set_timer(_WAKE, _WAKE_S)

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Take in what is held now."""
        self._look_at(execution.con_id, context)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Take in how far an order has come; a refused bracket is none."""
        symbol = self._asked.pop(update.intent_id, None) if update.intent_id is not None else None
        if symbol is not None and update.stage is OrderStage.REFUSED:
            self._forget(self._states[symbol], update)
        for one in self._states:
            self._look(one, context)

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn whether a session is on, or about to end."""
        self._stages[change.symbol] = change.stage
        self._look_at(change.con_id, context)

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Look after what waits, and after what is held."""
        self._look_at(quote.con_id, context)

    def on_timer(self, name: str, context: Context) -> None:
        """Do so also while no quote comes."""
        context.set_timer(_WAKE, _WAKE_S)
        for symbol in self._states:
            self._look(symbol, context)

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Read the bars, and enter or leave on what they say."""
        symbol = self.symbol_of(bar.con_id, context)
        if symbol is None:
            return
        bars, said = context.bars(bar.con_id), None
        # Behind others that wait, a bar is not of now.
        if bars and bars[-1].start_utc == bar.start_utc:
            said = reading(unbroken(bars, context.now_utc)[-self._window :], self.parameters)
        self._note(self._states[symbol], said)
        self._look(symbol, context, said)

    def checkpoint(self) -> str:
        """Return every bracket with its orders and group, times and last signals, as JSON text."""
        return _Kept(symbols=self._states).model_dump_json()

    def restore(self, state: str) -> None:
        """Take up what was kept, as a claim; raises ValueError if it cannot be read."""
        kept = _Kept.model_validate_json(state)
        for symbol, one in kept.symbols.items():
            if symbol in self._states:
                self._states[symbol] = one

    # ---- what it does

    @property
    def _window(self) -> int:
        return max(self.parameters.momentum_bars, self.parameters.atr_bars) + 1

    def _look_at(self, con_id: ConId, context: Context) -> None:
        symbol = self.symbol_of(con_id, context)
        if symbol is not None:
            self._look(symbol, context)

    def _look(self, symbol: str, context: Context, said: Reading | None = None) -> None:
        """Link what is kept to the book, and do what follows from where it stands."""
        instrument, state = context.instrument(symbol), self._states[symbol]
        if instrument is None or symbol in self._asked.values():
            return
        con_id = instrument.con_id
        seen = Seen(context.position(con_id), context.working(con_id), context.orders(con_id))
        state.set_back(context.now_utc)
        self._take_in(state, seen, context)
        if state.phase is Phase.ENTERING:
            self._wait(symbol, seen, said, context)
        elif state.phase is Phase.PROTECTED:
            self._hold(symbol, instrument, seen, said, context)
        elif state.phase is Phase.EXPOSED:
            self._close(symbol, con_id, seen, context)
        elif state.phase is Phase.FLAT and said is not None:
            self._enter_on(symbol, instrument, said, context)

    def _take_in(self, state: BracketKept, seen: Seen, context: Context) -> None:
        before = state.phase, state.bracket
        state.bracket, correction = linked(state.bracket, seen, context.now_utc)
        state.correction = correction[:500] or state.correction
        state.phase = standing(state.bracket, seen)
        if state.phase is not Phase.EXPOSED:
            state.exposed_utc = None
        if state.phase is Phase.FLAT and before != (Phase.FLAT, None):
            state.bracket, state.leaving, state.tried_utc = None, "", None
            state.is_armed, state.ended_utc = False, context.now_utc
        if before != (state.phase, state.bracket):
            context.save()

    def _forget(self, state: BracketKept, update: OrderUpdate) -> None:
        """Take in that a wish was refused; what it was refused for does not pass with the bar."""
        if state.bracket is not None and state.bracket.intent == update.intent_id:
            state.bracket, state.phase = None, Phase.FLAT

    def _note(self, state: BracketKept, said: Reading | None) -> None:
        state.signals = {} if said is None else {"score": said.score}
        state.indicators = {} if said is None else {"true_range": said.true_range}
        if said is not None and self._side(said) == 0:
            state.is_armed = True

    def _side(self, said: Reading) -> int:
        if abs(said.score) < self.parameters.entry_score:
            return 0
        return 1 if said.score > 0 else -1

    def _over(self, symbol: str, bracket: Bracket, said: Reading | None, now: datetime) -> str:
        """Say why a bracket is not wanted any more, or nothing."""
        parameters = self.parameters
        is_closing = self._stages.get(symbol) is SessionStage.CLOSING
        if is_closing and parameters.is_flat_at_close:
            return "the session ends"
        if since_s(bracket.wished_utc, now) >= parameters.hold_s_max:
            return f"held for {parameters.hold_s_max:.0f} s"
        if said is not None and said.score * bracket.direction <= parameters.exit_score:
            return f"the momentum has turned: {said.score:+.2f}"
        return ""

    def _wait(self, symbol: str, seen: Seen, said: Reading | None, context: Context) -> None:
        """Cancel an entry that is not wanted any more; its legs go with it, or keep its part."""
        state, now = self._states[symbol], context.now_utc
        bracket, entry = state.bracket, seen.member(state.bracket, Role.ENTRY)
        assert bracket is not None and entry is not None  # noqa: PT018 - it is what waits
        reason = self._over(symbol, bracket, said, now)
        if not 0 <= since_s(bracket.wished_utc, now) < self.parameters.entry_s_max:
            reason = reason or f"not filled within {self.parameters.entry_s_max:g} s"
        if reason and since_s(state.tried_utc, now) >= RETRY_S:
            state.tried_utc = now
            context.cancel(entry.order_id, reason)
            context.save()

    def _hold(
        self,
        symbol: str,
        instrument: Instrument,
        seen: Seen,
        said: Reading | None,
        context: Context,
    ) -> None:
        """Move the profit to the market once it is time to leave; nothing else is sent.

        Of what has filled in part the broker has made the legs smaller: they cannot be changed any
        more, and what is held stays between them.
        """
        state, now = self._states[symbol], context.now_utc
        bracket, profit = state.bracket, seen.member(state.bracket, Role.TAKE_PROFIT)
        assert bracket is not None, "held, and of no bracket"
        if profit is None or abs(seen.held) != bracket.quantity:
            return
        if not state.leaving:
            state.leaving = self._over(symbol, bracket, said, now)
            state.tried_utc = None
        if not state.leaving or profit.is_changing or since_s(state.tried_utc, now) < RETRY_S:
            return
        side = Side.SELL if bracket.direction > 0 else Side.BUY
        market = self._market(instrument.con_id, side, context)
        at = profit.limit_price
        if market is None or (at is not None and (at - market) * bracket.direction <= ZERO):
            return
        given = market * Decimal(str(self.parameters.slip_fraction)) * bracket.direction
        limit = _on_grid(market - given, -bracket.direction, instrument)
        state.tried_utc = now
        context.modify(profit.order_id, limit_price=limit, reason=state.leaving)
        context.save()

    def _close(self, symbol: str, con_id: ConId, seen: Seen, context: Context) -> None:
        """Close what no stop stands behind, when nothing else can fill any more."""
        state, now = self._states[symbol], context.now_utc
        if state.exposed_utc is None:
            state.exposed_utc, state.tried_utc = now, None
            context.save()
        is_new = since_s(state.exposed_utc, now) < GRACE_S
        if is_new or since_s(state.tried_utc, now) < RETRY_S:
            return
        members = [order for order in seen.orders if order.bracket is not None]
        if members:
            state.tried_utc = now
            for order in members:
                context.cancel(order.order_id, "held without a stop")
            context.save()
        elif not seen.orders and seen.working == ZERO:
            side = Side.SELL if seen.held > ZERO else Side.BUY
            if self._market(con_id, side, context) is not None:
                state.tried_utc = now
                reason = "held without a stop"
                wish = Wish(con_id, side, abs(seen.held), is_reduce_only=True, reason=reason)
                self._asked[context.submit(wish)] = symbol

    def _market(self, con_id: ConId, side: Side, context: Context) -> Decimal | None:
        """Return the price that a sale or a purchase meets now, None where none is believed."""
        quote, age_s_max = context.quote(con_id), self.parameters.quote_age_s_max
        if fault(quote, context.now_s, age_s_max) is None and quote is not None:
            return quote.ask if side is Side.BUY else quote.bid
        return only_side(quote, context.now_s, age_s_max, is_buy=side is Side.BUY)

    def _enter_on(
        self, symbol: str, instrument: Instrument, said: Reading, context: Context
    ) -> None:
        state, parameters, now = self._states[symbol], self.parameters, context.now_utc
        direction = self._side(said)
        if direction == 0 or (direction < 0 and not parameters.may_short) or not state.is_armed:
            return
        if parameters.is_flat_at_close and self._stages.get(symbol) is not SessionStage.OPEN:
            return
        paused_s = min(since_s(state.acted_utc, now), since_s(state.ended_utc, now))
        quote = context.quote(instrument.con_id)
        if paused_s < parameters.pause_s or quote is None:
            return
        if fault(quote, context.now_s, parameters.quote_age_s_max) is not None:
            return
        found = wanted(direction, quote, said, parameters, instrument)
        if found is None:
            return
        limit, terms = found
        wish = Wish(
            con_id=instrument.con_id,
            side=Side.BUY if direction > 0 else Side.SELL,
            quantity=Decimal(parameters.quantity),
            order_type=OrderType.LIMIT,
            limit_price=limit,
            reason=f"momentum {said.score:+.2f}, true range {said.true_range:.4f}",
            bracket=terms,
        )
        intent_id = context.submit(wish)
        self._asked[intent_id] = symbol
        state.acted_utc, state.leaving, state.correction = now, "", ""
        state.tried_utc, state.phase = None, Phase.ENTERING
        state.bracket = Bracket(
            intent=intent_id,
            direction=1 if direction > 0 else -1,
            quantity=wish.quantity,
            limit=limit,
            take_profit=terms.take_profit,
            stop_loss=terms.stop_loss,
            wished_utc=now,
        )

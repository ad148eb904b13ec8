"""Pairs trading: two shares that move together, bought and sold against each other when they part.

E. Gatev, W. Goetzmann and K. Rouwenhorst, "Pairs trading: performance of a relative-value arbitrage
rule", Review of Financial Studies 19, 2006. The hedge is a regression of the prices over the bars
before the newest, fixed at the entry; the spread is measured in what the regression left over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import Field, model_validator

from trader.core.amounts import ZERO
from trader.core.bars import COUNT_MAX, Bar, BarSpec
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId
from trader.core.intents import Side
from trader.core.market import Quote, fault, only_side
from trader.strategies.base import Context, OrderStage, OrderUpdate, SessionChange, Wish
from trader.strategies.indicators import Line, fitted, half_life
from trader.strategies.own import OwnStrategy, Parameters
from trader.strategies.pair_state import PHASES, Legs, Pair, PairKept, Phase, next_leg, next_phase
from trader.strategies.single import RETRY_S, BarParameters
from trader.strategies.windows import aligned, since_s

_GONE = (OrderStage.REFUSED, OrderStage.REJECTED, OrderStage.CANCELLED)
_WAKE = "legs"
_WAKE_S = 1.0
# Two prices of one moment arrive one after the other: between them is no spread. What a distance
# asks for is done once it has asked for it for so long.
_BELIEF = "belief"
_BELIEF_S = 0.25


class PairsTradingParameters(BarParameters):
    """Distances in standard deviations of the spread; ``quantity`` is of the first leg."""

    pause_s: float = Field(default=300.0, ge=1, le=86_400, description="seconds between two pairs")
    window: int = Field(default=60, ge=20, le=COUNT_MAX - 1, description="bars that are fitted")
    entry_z: float = Field(
        default=2.0, gt=0, le=20, allow_inf_nan=False, description="enters this far apart"
    )
    exit_z: float = Field(
        default=0.0, ge=0, lt=20, allow_inf_nan=False, description="is over this near together"
    )
    stop_z: float = Field(
        default=4.0, gt=0, le=50, allow_inf_nan=False, description="gives up this far apart"
    )
    correlation_min: float = Field(
        default=0.8, gt=0, lt=1, allow_inf_nan=False, description="of the prices in the window"
    )
    half_life_bars_max: float = Field(
        default=30.0, gt=0, le=COUNT_MAX, description="in which half of a distance has to be gone"
    )
    complete_s: float = Field(
        default=30.0, ge=1, le=600, description="in which both legs have to be there"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "PairsTradingParameters":
        if not self.exit_z < self.entry_z < self.stop_z:
            raise ValueError(
                f"exit_z {self.exit_z:g} below entry_z {self.entry_z:g} below stop_z "
                f"{self.stop_z:g}"
            )
        return self


@dataclass(frozen=True, slots=True)
class Reading:
    """What the bars of both legs say: the fit, and where the newest bars stand to it."""

    line: Line
    half_life_bars: float
    spread: float

    @property
    def z(self) -> float:
        """Return the distance in deviations."""
        return self.spread / self.line.deviation


def reading(
    first: Sequence[Bar], second: Sequence[Bar], parameters: PairsTradingParameters
) -> Reading | None:
    """Fit the window and measure the newest bars with it; None where this is no pair. Pure."""
    if not len(first) == len(second) == parameters.window + 1:
        return None
    ys, xs = [float(bar.close) for bar in first], [float(bar.close) for bar in second]
    line = fitted(ys[:-1], xs[:-1])
    if line is None or line.slope <= 0 or line.correlation < parameters.correlation_min:
        return None
    spreads = [y - line.intercept - line.slope * x for y, x in zip(ys, xs, strict=True)]
    half = half_life(spreads[:-1])
    if half is None or half > parameters.half_life_bars_max:
        return None
    return Reading(line, half, spreads[-1])


class PairsTradingStrategy(OwnStrategy[PairsTradingParameters]):
    """Holds two shares against each other, both legs or none."""

    Parameters: ClassVar[type[Parameters]] = PairsTradingParameters

    def __init__(
        self, name: str, symbols: tuple[str, ...], parameters: PairsTradingParameters
    ) -> None:
        if len(symbols) != 2:
            raise ValueError(f"symbols are {', '.join(symbols)}, allowed are the two of a pair")
        super().__init__(name, symbols, parameters)
        self._kept = PairKept()
        self._stages: dict[str, SessionStage] = {}
        # Wishes that are not answered: until then nothing works of them, and nothing is held.
        self._asked: dict[IntentId, int] = {}
        # Since when the distance has asked for an exit at every look; None while it does not.
        self._apart_s: float | None = None

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return the bars of the window, and the one that is held against it."""
        return BarSpec(self.parameters.bar_s, self.parameters.window + 1)

    @property
    def sells_short(self) -> bool:
        """Tell that it does: a policy without short sales refuses it at the start."""
        return True

    # ---- what it is told

    def on_start(self, context: Context) -> None:
        """Look after what was left behind, as soon as time passes."""
        context.set_timer(_WAKE, _WAKE_S)

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Send the second leg once the first is there."""
        self._look(context)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Give a pair up of which a leg was refused, rejected or cancelled."""
        if update.intent_id is not None:
            self._asked.pop(update.intent_id, None)
        if update.stage in _GONE and self._kept.phase is Phase.OPENING:
            why = " ".join(f"a leg was {update.stage.value}: {update.code} {update.text}".split())
            self._turn(Phase.CLOSING, why[:300], context)
        self._look(context)

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn whether a session is on, or about to end."""
        self._stages[change.symbol] = change.stage
        self._look(context)

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Hold stop and exit, and look after the legs."""
        self._look(context)

    def on_timer(self, name: str, context: Context) -> None:
        """Look after the legs also while no quote comes."""
        if name == _WAKE:
            context.set_timer(_WAKE, _WAKE_S)
        self._look(context)

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Look for an entry, once the bars of both legs have ended."""
        self._look(context)
        found = self._con_ids(context)
        if found is None or bar.con_id not in found:
            return
        first, second = aligned(context.bars(found[0]), context.bars(found[1]), context.now_utc)
        count = self.parameters.window + 1
        # The bar of the other leg has not ended yet, or there is a gap, or this one is not of now.
        if not first or first[-1].start_utc != bar.start_utc:
            self._note(None)
            return
        said = reading(first[-count:], second[-count:], self.parameters)
        self._note(said)
        if said is not None and self._kept.phase is Phase.FLAT:
            self._enter_on(said, found, context)

    def checkpoint(self) -> str:
        """Return the pair with its phase, legs, hedge ratio and entry spread, as JSON text."""
        return self._kept.model_dump_json()

    def restore(self, state: str) -> None:
        """Take up what was kept; raises ValueError if it cannot be read."""
        self._kept = PairKept.model_validate_json(state)

    # ---- what it does

    def _con_ids(self, context: Context) -> tuple[ConId, ConId] | None:
        one, other = (context.instrument(symbol) for symbol in self.symbols)
        return None if one is None or other is None else (one.con_id, other.con_id)

    def _note(self, said: Reading | None) -> None:
        kept = self._kept
        kept.signals, kept.indicators = {}, {}
        if said is None:
            return
        kept.signals = {"z": said.z}
        kept.indicators = {
            "hedge_ratio": said.line.slope,
            "deviation": said.line.deviation,
            "correlation": said.line.correlation,
            "half_life_bars": said.half_life_bars,
        }
        if abs(said.z) < self.parameters.entry_z:
            kept.is_armed = True

    def _turn(self, phase: Phase, reason: str, context: Context) -> None:
        kept = self._kept
        assert (kept.phase, phase) in PHASES, f"{kept.phase} to {phase}"
        kept.phase, kept.reason = phase, reason
        if phase is Phase.CLOSING:
            kept.is_armed, kept.exited_utc = False, (None, None)
        self._apart_s = None
        if phase is Phase.FLAT:
            kept.pair, kept.acted_utc = None, context.now_utc
        context.save()

    def _look(self, context: Context) -> None:
        """Take in what is there of both legs, and wish for what follows of it."""
        found, kept = self._con_ids(context), self._kept
        if found is None or self._asked:
            return
        legs = Legs(
            (context.position(found[0]), context.position(found[1])),
            (context.working(found[0]), context.working(found[1])),
        )
        pair, now = kept.pair, context.now_utc
        waited_s = 0.0 if pair is None else since_s(pair.began_utc, now)
        phase, reason = next_phase(
            kept.phase, pair, legs, waited_s=waited_s, complete_s=self.parameters.complete_s
        )
        if phase is not kept.phase:
            self._turn(phase, reason, context)
        if kept.phase is Phase.OPEN and pair is not None:
            reason = self._exit_reason(pair, found, context)
            if reason:
                self._turn(Phase.CLOSING, reason, context)
        if kept.phase is Phase.CLOSING:
            self._close(found, legs, context)
        elif kept.phase is Phase.OPENING and pair is not None:
            self._open(pair, found, legs, context)

    def _exit_reason(self, pair: Pair, found: tuple[ConId, ConId], context: Context) -> str:
        now, parameters = context.now_utc, self.parameters
        if parameters.is_flat_at_close and SessionStage.CLOSING in self._stages.values():
            return "the session ends"
        held_s = since_s(pair.began_utc, now)
        if held_s >= parameters.hold_s_max:
            return f"held for {parameters.hold_s_max:.0f} s"
        mids = self._mids(found, context)
        reason = "" if mids is None else self._told_by(pair.z(*mids), pair)
        return self._believed(reason, context)

    def _believed(self, reason: str, context: Context) -> str:
        """Return what the distance asks for, once it has stood for a moment."""
        if not reason:
            self._apart_s = None
            return ""
        if self._apart_s is None:
            self._apart_s = context.now_s
            context.set_timer(_BELIEF, _BELIEF_S)
        return reason if context.now_s - self._apart_s >= _BELIEF_S else ""

    def _told_by(self, z: float, pair: Pair) -> str:
        parameters = self.parameters
        if z * pair.direction >= -parameters.exit_z:
            return f"together again: {z:.2f} deviations"
        if z * pair.direction <= -parameters.stop_z:
            return f"stop: {z:.2f} deviations"
        return ""

    def _mids(self, found: tuple[ConId, ConId], context: Context) -> tuple[float, float] | None:
        quotes = [context.quote(con_id) for con_id in found]
        age_s_max = self.parameters.quote_age_s_max
        if any(fault(one, context.now_s, age_s_max) is not None for one in quotes):
            return None
        first, second = (None if one is None else one.mid for one in quotes)
        assert first is not None and second is not None  # noqa: PT018 - both are good
        return float(first), float(second)

    def _enter_on(self, said: Reading, found: tuple[ConId, ConId], context: Context) -> None:
        kept, parameters, now = self._kept, self.parameters, context.now_utc
        if not kept.is_armed or not parameters.entry_z <= abs(said.z) < parameters.stop_z:
            return
        is_open = all(self._stages.get(one) is SessionStage.OPEN for one in self.symbols)
        if parameters.is_flat_at_close and not is_open:
            return
        kept.acted_utc = None if kept.acted_utc is None else min(kept.acted_utc, now)
        if since_s(kept.acted_utc, now) < parameters.pause_s or self._mids(found, context) is None:
            return
        pair = _pair(said, parameters.quantity, now)
        if pair is None:
            return
        kept.acted_utc, kept.pair = now, pair
        self._turn(Phase.OPENING, f"apart: {said.z:.2f} deviations", context)
        self._look(context)

    def _open(self, pair: Pair, found: tuple[ConId, ConId], legs: Legs, context: Context) -> None:
        index = next_leg(pair, legs)
        # One leg without the other is what the quotes of both have to be good for.
        if index is None or self._mids(found, context) is None:
            return
        leg = pair.legs[index]
        side = Side.BUY if leg > ZERO else Side.SELL
        self._ask(index, Wish(found[index], side, abs(leg), reason=self._kept.reason), context)

    def _close(self, found: tuple[ConId, ConId], legs: Legs, context: Context) -> None:
        """Close what is held of each leg, once what could still fill is off."""
        kept, now = self._kept, context.now_utc
        for index, con_id in enumerate(found):
            held, working = legs.held[index], legs.working[index]
            is_leaving = held * working < ZERO
            if held == working == ZERO or is_leaving:
                continue
            exited_utc = kept.exited_utc[index]
            if 0 <= since_s(exited_utc, now) < RETRY_S:
                continue
            if working != ZERO:
                self._tried(index, now)
                context.cancel_all(con_id, kept.reason)
                context.save()
                continue
            side = Side.SELL if held > ZERO else Side.BUY
            quote, age_s_max = context.quote(con_id), self.parameters.quote_age_s_max
            one = only_side(quote, context.now_s, age_s_max, is_buy=side is Side.BUY)
            if one is None and fault(quote, context.now_s, age_s_max) is not None:
                continue
            self._tried(index, now)
            wish = Wish(con_id, side, abs(held), is_reduce_only=True, reason=kept.reason)
            self._ask(index, wish, context)

    def _tried(self, index: int, now: datetime) -> None:
        first, second = self._kept.exited_utc
        self._kept.exited_utc = (now, second) if index == 0 else (first, now)

    def _ask(self, index: int, wish: Wish, context: Context) -> None:
        self._asked[context.submit(wish)] = index


def _pair(said: Reading, quantity: int, now: datetime) -> Pair | None:
    """Return the pair that a reading asks for; None where a leg would have no share."""
    other = round(said.line.slope * quantity)
    if other < 1:
        return None
    direction = -1 if said.z > 0 else 1
    return Pair(
        direction=1 if direction > 0 else -1,
        hedge_ratio=said.line.slope,
        intercept=said.line.intercept,
        deviation=said.line.deviation,
        entry_spread=said.spread,
        first=Decimal(quantity * direction),
        second=Decimal(-other * direction),
        began_utc=now,
    )

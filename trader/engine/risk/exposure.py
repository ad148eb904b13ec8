"""Watches what the market makes of the account, and says how it would come back inside its limits.

The gate already lets no new risk pass then; what is held is another decision. A plan is recorded
and paged once, and again only when it has become another one: a price that trembles is no news,
and a plan that would still do is kept. Nothing here sends anything:
:mod:`trader.engine.risk.reducing` does, asked by a person or by the policy.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import structlog

from trader.core.exposures import (
    Bounds,
    Concentration,
    Level,
    bounds_of,
    concentrations,
    counted_equity,
)
from trader.core.ids import ConId
from trader.core.policy import (
    AccountType,
    ExposurePolicy,
    Policy,
    Regime,
    gross_most,
    stricter,
)
from trader.core.reduction_events import Excess, Reduction, ReductionEnded, ReductionPlanned
from trader.core.reductions import BOX, Plan, excesses_after, planned
from trader.core.regime import Outlook
from trader.core.valuation import Valuation
from trader.engine.exposure_status import ConcentrationStatus, ExposureStatus, ReductionStatus
from trader.engine.services import Services

log = structlog.get_logger(__name__)

LOOK_S = 1.0
# So long must limits be exceeded, or kept, before that counts: never on one tick's word.
HOLD_S = 10.0
# A plan that prices alone have made too small, or far too large, is made anew at most so often.
RENEW_S = 60.0
# From here on a plan has become so much smaller that it would sell in vain, or so much larger
# that a person is told again.
_SMALLER, _LARGER = Decimal("0.8"), Decimal("1.1")


@dataclass(frozen=True, slots=True)
class _Look:
    """The account at one moment, and what may be held then."""

    valuation: Valuation
    equity: Decimal
    bounds: Bounds


class Exposure:
    """Keeps the plan of reductions, and shows every share of the account."""

    def __init__(self, services: Services, policy: Policy, outlook: Callable[[], Outlook]) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._hub = services.hub
        self._valuer = services.valuer
        self._clock = services.clock
        self._pager = services.pager
        self._policy: ExposurePolicy = policy.exposure
        self._outlook = outlook
        self._problem = "not looked yet"
        # Since when what is found is otherwise than what is recorded; monotonic seconds.
        self._other_since_s: float | None = None
        self._planned_s = float("-inf")
        # What a person was told last: over a restart it is what the journal has.
        self._told = services.ledger.book.safety.reduction
        # Whether and when the plan is carried out by itself, in words.
        self.automatic: Callable[[], str] = str

    # ---- the plan

    def look(self) -> None:
        """Record a plan when limits are exceeded, another when it no longer does, and its end."""
        found = self._plan()
        self._problem = found if isinstance(found, str) else ""
        standing = self._ledger.book.safety.reduction
        if isinstance(found, str):
            self._other_since_s = None
            if standing is not None and not self._policy.is_enforced:
                self._end(found)
            return
        plan, look, regime = found
        if standing is None:
            if self._lasts(bool(plan.excesses)):
                self._record(plan, look, regime)
        elif self._lasts(not plan.excesses):
            self._end("what is held is inside the limits again")
        elif plan.excesses and self._is_other(standing, plan, look, regime):
            self._record(plan, look, regime)

    def plan(self) -> Plan | str:
        """Return the plan as of this moment, whether one stands or not; or why there is none."""
        found = self._plan()
        return found if isinstance(found, str) else found[0]

    def opened_by(self, orders: Iterable[Reduction]) -> tuple[str, ...]:
        """Return the limits that these orders would exceed, or exceed further than now."""
        look = self._look(self._outlook().regime)
        if isinstance(look, str):
            return (look,)
        positions = self._ledger.book.positions
        before = excesses_after((), look.valuation, positions, look.bounds)
        after = excesses_after(tuple(orders), look.valuation, positions, look.bounds)
        if before is None or after is None:
            return ("what is held is not known",)
        known = {(row.limit, row.con_id): row.over for row in before}
        return tuple(
            row.words for row in after if row.over > known.get((row.limit, row.con_id), Decimal(0))
        )

    def _plan(self) -> tuple[Plan, _Look, Regime] | str:
        if not self._policy.is_enforced:
            return "the policy enforces no limits of exposure"
        regime = self._outlook().regime
        if regime is None:
            return "the regime has not been evaluated"
        unsure = self._guard.book_may_lack()
        if unsure is not None:
            return f"the book may not be complete: {unsure}"
        look = self._look(regime)
        if isinstance(look, str):
            return look
        increments = {key: row.size_increment for key, row in self._hub.instruments.items()}
        positions = self._ledger.book.positions
        plan = planned(look.valuation, positions, look.bounds, increments)
        return plan if isinstance(plan, str) else (plan, look, regime)

    def _look(self, regime: Regime | None) -> _Look | str:
        valuation = self._valuer.current()
        if valuation is None:
            return "existing holdings have not been accepted"
        if valuation.missing:
            return "; ".join(valuation.missing)[:200]
        told = self._valuer.account
        equity = counted_equity(valuation, None if told is None else told.net_liquidation)
        bounds = bounds_of(self._policy.limits_of(regime), self._account_type(), equity)
        return _Look(valuation, equity, bounds)

    def _account_type(self) -> AccountType:
        told = self._valuer.account
        return stricter(self._policy.account_type, None if told is None else told.account_type)

    def _lasts(self, is_other: bool) -> bool:
        """Tell whether what is found has differed from what is recorded for long enough."""
        if not is_other:
            self._other_since_s = None
            return False
        now_s = self._clock.monotonic()
        if self._other_since_s is None:
            self._other_since_s = now_s
        return now_s - self._other_since_s >= HOLD_S

    def _is_other(
        self, standing: ReductionPlanned, plan: Plan, look: _Look, regime: Regime
    ) -> bool:
        """Tell whether the plan that stands has to give way to the one that was just made."""
        positions = self._ledger.book.positions
        is_traded = any(
            order.con_id not in positions or positions[order.con_id].quantity != order.held
            for order in standing.orders
        )
        if regime is not standing.regime or is_traded:
            return True
        if self._clock.monotonic() - self._planned_s < RENEW_S:
            return False
        left = excesses_after(standing.orders, look.valuation, positions, look.bounds)
        if left is None or _limits(left) != _limits(plan.remains):
            return True
        before = sum((order.value for order in standing.orders), start=Decimal(0))
        return plan.value < before * _SMALLER

    def _record(self, plan: Plan, look: _Look, regime: Regime) -> None:
        self._planned_s, self._other_since_s = self._clock.monotonic(), None
        event = ReductionPlanned(regime, look.equity, plan.excesses, plan.orders, plan.remains)
        self._ledger.record(event)
        exceeded = "; ".join(row.words for row in event.excesses)
        orders = ", ".join(row.words for row in event.orders) or "no order can"
        log.warning("reduction plan", regime=regime, exceeded=exceeded, orders=orders)
        if _is_news(self._told, event):
            self._told = event
            text = f"{exceeded} ({regime}). Would end it: {orders}. Nothing was sent."
            if told := self.automatic():
                text = f"{text} It {told}; trader reduce sends it now."
            self._pager.page("warning", "limits exceeded, plan of reductions", text)

    def _end(self, reason: str) -> None:
        self._told = self._other_since_s = None
        self._ledger.record(ReductionEnded(reason))
        log.warning("reduction plan over", reason=reason)
        self._pager.page("info", "plan of reductions over", reason)

    # ---- to be seen

    def status(self) -> ExposureStatus:
        """Return every share of the account and what exceeds its limit, as of now."""
        regime = self._outlook().regime
        look = self._look(regime)
        if isinstance(look, str):
            return self._shown(regime, "unknown", (f"shares of the account: {look}",))
        rows = self._concentrations(look, regime)
        warnings = (*self._warnings(look, regime), *self._of_rows(rows, regime))
        status = "warning" if warnings else "ok"
        if not self._policy.is_enforced:
            status, warnings = "off", ()
        return self._shown(regime, status, warnings, look, rows)

    def _concentrations(self, look: _Look, regime: Regime | None) -> tuple[Concentration, ...]:
        symbols: dict[ConId, str] = {
            key: row.symbol for key, row in self._ledger.book.positions.items()
        }
        return concentrations(
            look.valuation,
            symbols,
            look.equity,
            hold=self._policy.concentration_hold,
            box=self._policy.limits_of(regime).box_max,
        )

    def _warnings(self, look: _Look, regime: Regime | None) -> Iterator[str]:
        found = excesses_after((), look.valuation, self._ledger.book.positions, look.bounds)
        for row in found or ():
            if row.limit != BOX:  # these are told with the shares
                yield f"{row.words} ({regime or 'regime not known'})"

    def _of_rows(self, rows: tuple[Concentration, ...], regime: Regime | None) -> Iterator[str]:
        box = self._policy.limits_of(regime).box_max
        for row in rows:
            share = "all" if row.share is None else f"{row.share:.2%}"
            if row.level is Level.BOX:
                yield f"{row.symbol} is {share} of the account, allowed is {box:.2%}"
            elif row.level is Level.HOLD:
                hold = self._policy.concentration_hold
                yield f"{row.symbol} is {share} of the account, beyond {hold:.2%} none is added"

    def _shown(
        self,
        regime: Regime | None,
        status: str,
        warnings: tuple[str, ...],
        look: _Look | None = None,
        rows: tuple[Concentration, ...] = (),
    ) -> ExposureStatus:
        limits = self._policy.limits_of(regime)
        return ExposureStatus(
            status=status,
            warnings=warnings,
            regime="" if regime is None else regime.value,
            gross=None if look is None else _share(look.valuation.gross, look.equity),
            net=None if look is None else _share(look.valuation.net, look.equity),
            gross_max=gross_most(limits, self._account_type()),
            net_max=limits.net_max,
            box_max=limits.box_max,
            hold_max=self._policy.concentration_hold,
            concentrations=tuple(
                ConcentrationStatus(row.symbol, row.con_id, row.value, row.share, row.level.value)
                for row in rows
            ),
            reduction=self._standing(),
            problem=self._problem,
        )

    def _standing(self) -> ReductionStatus | None:
        safety = self._ledger.book.safety
        plan, since_utc = safety.reduction, safety.reduction_utc
        if plan is None or since_utc is None:
            return None
        return ReductionStatus(
            since_utc=since_utc,
            regime=plan.regime.value,
            exceeded=tuple(row.words for row in plan.excesses),
            orders=tuple(row.words for row in plan.orders),
            remains=tuple(row.words for row in plan.remains),
            automatic=self.automatic(),
        )


def _limits(excesses: tuple[Excess, ...]) -> set[tuple[str, ConId | None]]:
    return {(row.limit, row.con_id) for row in excesses}


def _is_news(told: ReductionPlanned | None, plan: ReductionPlanned) -> bool:
    """Tell whether a plan asks more of a person than the one they were told of."""
    if told is None:
        return True
    asked = {(row.con_id, row.side) for row in told.orders}
    is_other = any((row.con_id, row.side) not in asked for row in plan.orders)
    before = sum((row.value for row in told.orders), start=Decimal(0))
    now = sum((row.value for row in plan.orders), start=Decimal(0))
    return is_other or now > before * _LARGER


def _share(value: Decimal, equity: Decimal) -> Decimal | None:
    return value / equity if equity > 0 else None

"""What of breakers, baseline, overrides and posture outlives a process: a fold over events.

A loss that tripped a breaker trips it after a restart as well, and is still measured against the
start of the same day (INC-020).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from trader.core import breaker_events as be
from trader.core.baselines import Baseline, flowed, marked
from trader.core.breakers.machine import Phase
from trader.core.breakers.rules import BreakerName
from trader.core.halts import Posture
from trader.core.ids import StrategyName
from trader.core.reduction_events import POLICY, ReductionEnded, ReductionOrdered, ReductionPlanned
from trader.core.regime import Outlook
from trader.core.track_record import TrackRecord, begun_anew, rebased
from trader.core.track_record import marked as record_marked

# Whatever was asked for, an override never lasts longer (CAP-06).
OVERRIDE_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker that is not closed; ``day`` is the account's day in which it tripped.

    ``limit`` is what it was held against then, and ``action`` what it does.
    """

    name: BreakerName
    phase: Phase
    day: str
    reason: str
    limit: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word that a breaker does not count for a while."""

    breaker: BreakerName
    reason: str
    by: str
    granted_utc: datetime
    until_utc: datetime

    def holds(self, now_utc: datetime) -> bool:
        """Tell whether it still counts; a clock that stepped back ends it."""
        return self.granted_utc <= now_utc < self.until_utc


@dataclass(frozen=True, slots=True)
class Flow:
    """A change of cash or of holdings that no trade explains and no measure has taken in yet."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StrategyHalt:
    """A strategy that may add no risk until a person lets it; ``day`` is the account's."""

    strategy: StrategyName
    breaker: BreakerName
    day: str
    reason: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Safety:
    """Everything of it, as one value."""

    standings: tuple[Standing, ...] = ()
    # When each breaker was last closed: what was counted before does not count again.
    resets: tuple[tuple[BreakerName, datetime], ...] = ()
    overrides: tuple[Override, ...] = ()
    baseline: Baseline | None = None
    # Kept until the measure has taken them in, so that no crash in between hides a loss.
    flows: tuple[Flow, ...] = ()
    posture: Posture | None = None
    causes: tuple[str, ...] = ()
    # What the market left to new risk, as it was last told.
    outlook: Outlook | None = None
    # By strategy: what its days brought, and which of them may add no risk.
    records: tuple[TrackRecord, ...] = ()
    strategy_halts: tuple[StrategyHalt, ...] = ()
    # How the account would come back inside its limits, and since when that is the plan.
    reduction: ReductionPlanned | None = None
    reduction_utc: datetime | None = None
    # How many rounds of it went by themselves: a restart begins no count anew.
    reduction_rounds: int = 0

    def record_of(self, strategy: StrategyName) -> TrackRecord | None:
        """Return what a strategy's days brought, or None before its first trade."""
        return next((row for row in self.records if row.strategy == strategy), None)

    def halt_of(self, strategy: StrategyName) -> StrategyHalt | None:
        """Return why a strategy may add no risk, or None when it may."""
        return next((row for row in self.strategy_halts if row.strategy == strategy), None)

    def standing_of(self, name: BreakerName) -> Standing | None:
        """Return a breaker that is not closed, or None."""
        return next((row for row in self.standings if row.name is name), None)

    def reset_utc_of(self, name: BreakerName) -> datetime | None:
        """Return when a breaker was last closed, or None."""
        return next((at for key, at in self.resets if key is name), None)

    def override_of(self, name: BreakerName, now_utc: datetime) -> Override | None:
        """Return the override of a breaker that counts now, or None."""
        found = next((row for row in self.overrides if row.breaker is name), None)
        return found if found is not None and found.holds(now_utc) else None


def after(safety: Safety, event: be.BreakerEvent, at_utc: datetime) -> Safety:
    """Return what an event leaves."""
    match event:
        case be.BreakerTripped(name=name, inputs=inputs, day=day, limit=limit, action=action):
            return _put(safety, Standing(name, Phase.TRIPPED, day, inputs, limit, action))
        case be.BreakerProbing(name=name):
            known = safety.standing_of(name)
            assert known is not None, f"{name} probes and had not tripped"
            return _put(safety, replace(known, phase=Phase.PROBING))
        case be.BreakerReset(name=name):
            return replace(
                safety,
                standings=tuple(row for row in safety.standings if row.name is not name),
                resets=(*(row for row in safety.resets if row[0] is not name), (name, at_utc)),
            )
        case be.EquityMarked(day=day, value=value):
            return replace(safety, baseline=marked(safety.baseline, day, value))
        case be.FlowSeen(value=value):
            baseline = safety.baseline
            return replace(
                safety,
                flows=safety.flows[1:],
                baseline=None if baseline is None else flowed(baseline, value),
            )
        case be.OverrideGranted(breaker=name):
            granted = Override(
                breaker=name,
                reason=event.reason,
                by=event.by,
                granted_utc=at_utc,
                until_utc=min(event.until_utc, at_utc + OVERRIDE_MAX),
            )
            others = (row for row in safety.overrides if row.breaker is not name)
            return replace(safety, overrides=(*others, granted))
        case be.PostureChanged(posture=posture, causes=causes):
            return replace(safety, posture=posture, causes=causes)
        case be.OutlookChanged() | ReductionPlanned() | ReductionEnded() | ReductionOrdered():
            return _after_market(safety, event, at_utc)
        case be.ActionReviewed():
            return safety  # of the actions, which are no part of it
        case be.StrategyMarked() | be.StrategyHalted() | be.StrategyReleased():
            return _after_strategy(safety, event)
        case _:
            assert_never(event)


def _after_market(
    safety: Safety,
    event: be.OutlookChanged | ReductionPlanned | ReductionEnded | ReductionOrdered,
    at_utc: datetime,
) -> Safety:
    match event:
        case be.OutlookChanged(regime=regime, allocation=allocation):
            return replace(safety, outlook=Outlook(regime, allocation))
        case ReductionPlanned():
            return replace(safety, reduction=event, reduction_utc=at_utc)
        case ReductionEnded():
            return replace(safety, reduction=None, reduction_utc=None, reduction_rounds=0)
        case ReductionOrdered(by=by):
            return replace(safety, reduction_rounds=safety.reduction_rounds + (by == POLICY))


def _after_strategy(
    safety: Safety, event: be.StrategyMarked | be.StrategyHalted | be.StrategyReleased
) -> Safety:
    strategy = event.strategy
    known = safety.record_of(strategy)
    match event:
        case be.StrategyMarked(day=day, result=result, capital=capital):
            made = record_marked(known, strategy, day, result=result, capital=capital)
            return _put_record(safety, made)
        case be.StrategyHalted(name=name, day=day, inputs=inputs, limit=limit):
            halt = StrategyHalt(strategy, name, day, inputs, limit)
            return replace(safety, strategy_halts=(*_others(safety, strategy), halt))
        case be.StrategyReleased():
            safety = replace(safety, strategy_halts=_others(safety, strategy))
            return safety if known is None else _put_record(safety, begun_anew(known))


def _others(safety: Safety, strategy: StrategyName) -> tuple[StrategyHalt, ...]:
    return tuple(row for row in safety.strategy_halts if row.strategy != strategy)


def _put_record(safety: Safety, record: TrackRecord) -> Safety:
    others = (row for row in safety.records if row.strategy != record.strategy)
    return replace(safety, records=(*others, record))


def after_rebase(safety: Safety, strategy: StrategyName) -> Safety:
    """Return what is left when a strategy's holdings were put right by hand."""
    known = safety.record_of(strategy)
    return safety if known is None else _put_record(safety, rebased(known))


def after_flow(safety: Safety, currency: str, amount: Decimal) -> Safety:
    """Return what a change of cash that no trade explains leaves to be taken in."""
    return replace(safety, flows=(*safety.flows, Flow(currency, amount)))


def _put(safety: Safety, standing: Standing) -> Safety:
    others = (row for row in safety.standings if row.name is not standing.name)
    return replace(safety, standings=(*others, standing))

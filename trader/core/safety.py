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

# Whatever was asked for, an override never lasts longer (CAP-06).
OVERRIDE_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker that is not closed; ``day`` is the account's day in which it tripped."""

    name: BreakerName
    phase: Phase
    day: str
    reason: str


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
    """A change of cash that no trade explains and no measure has taken in yet."""

    currency: str
    amount: Decimal


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
        case be.BreakerTripped(name=name, inputs=inputs, day=day):
            return _put(safety, Standing(name, Phase.TRIPPED, day, inputs))
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
        case _:
            assert_never(event)


def after_flow(safety: Safety, currency: str, amount: Decimal) -> Safety:
    """Return what a change of cash that no trade explains leaves to be taken in."""
    return replace(safety, flows=(*safety.flows, Flow(currency, amount)))


def _put(safety: Safety, standing: Standing) -> Safety:
    others = (row for row in safety.standings if row.name is not standing.name)
    return replace(safety, standings=(*others, standing))

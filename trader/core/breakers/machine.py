"""The machine of one breaker: closed, tripped, probing; and what all of them together leave.

A verdict is a pure function of rule, state and reading. Its record holds all three, so it can be
computed again and must come out the same (BRK-09).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from enum import StrEnum

from trader.core.amounts import decimal_from
from trader.core.breakers.rules import Action, BreakerName, Reset, Rule

# A quotient has as many digits as one likes; the record of a verdict keeps all of them.
_SHORT = Context(prec=4)


class Phase(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    TRIPPED = "tripped"
    PROBING = "probing"


class Finding(StrEnum):
    """What a reading says."""

    GOOD = "good"
    BAD = "bad"
    # Missing, not a number, from the future or too old: counts as bad and proves nothing.
    FAILED = "evaluation_failed"
    # The sample is smaller than its documented minimum: neither good nor bad (BRK-12).
    TOO_EARLY = "too_early"


class Step(StrEnum):
    """What an evaluation does to a breaker."""

    TRIP = "trip"
    PROBE = "probe"
    RESET = "reset"


# (phase, finding) -> what follows; a pair that is absent changes nothing. TRIP from closed waits
# for the confirmations, PROBE asks the rule whether it may, RESET waits for the hold.
TABLE: Mapping[tuple[Phase, Finding], Step] = {
    (Phase.CLOSED, Finding.BAD): Step.TRIP,
    (Phase.TRIPPED, Finding.GOOD): Step.PROBE,
    (Phase.PROBING, Finding.GOOD): Step.RESET,
    (Phase.PROBING, Finding.BAD): Step.TRIP,
    (Phase.PROBING, Finding.FAILED): Step.TRIP,
}
_AFTER = {Step.TRIP: Phase.TRIPPED, Step.PROBE: Phase.PROBING, Step.RESET: Phase.CLOSED}


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value; ``at_s`` is monotonic.

    ``is_confirmed`` when a second source agrees, ``is_too_early`` when there cannot be a value yet.
    """

    value: Decimal | None
    at_s: float
    is_confirmed: bool = False
    is_too_early: bool = False
    text: str = ""
    # When the newest of what it rests on was heard, where that is not the same: readings that
    # rest on nothing newer are one.
    heard_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One breaker; ``day`` is the account's day in which it tripped."""

    phase: Phase = Phase.CLOSED
    bad_count: int = 0
    # The bad readings that count must be different ones.
    last_at_s: float | None = None
    good_since_s: float | None = None
    day: str = ""
    reason: str = ""


CLOSED = State()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One evaluation; ``step`` is None when the phase stays as it was."""

    name: BreakerName
    finding: Finding
    step: Step | None
    text: str


def evaluate(
    name: BreakerName, rule: Rule, state: State, reading: Reading | None, now_s: float, day: str
) -> tuple[State, Verdict]:
    """Hold a reading against a rule; returns the next state and the verdict."""
    finding, text = finding_of(rule, reading, now_s)
    after = _counted(state, finding, reading, now_s)
    step = TABLE.get((state.phase, finding))
    if step is Step.TRIP and state.phase is Phase.CLOSED and not _confirmed(rule, after, reading):
        step = None
    if step is Step.PROBE and not _may_probe(rule, state, day):
        step = None
    if step is Step.RESET and not _held(rule, after, now_s):
        step = None
    verdict = Verdict(name, finding, step, text)
    if step is None:
        return after, verdict
    after = replace(after, phase=_AFTER[step], bad_count=0)
    if step is Step.TRIP:
        is_new = state.phase is Phase.CLOSED
        after = replace(after, day=day if is_new else state.day, reason=text, good_since_s=None)
    elif step is Step.PROBE:
        # What was good while it could not probe yet does not shorten the probe.
        after = replace(after, good_since_s=now_s)
    else:
        after = CLOSED
    return after, verdict


def finding_of(rule: Rule, reading: Reading | None, now_s: float) -> tuple[Finding, str]:
    """Return what a reading says, and why in words."""
    if reading is None:
        return Finding.FAILED, "no reading"
    age_s = now_s - reading.at_s
    # Written so that a NaN age is refused too.
    if not 0 <= age_s <= rule.reading_age_s_max:
        return Finding.FAILED, f"reading of {age_s:.1f} s ago, allowed {rule.reading_age_s_max:g} s"
    if reading.is_too_early:
        return Finding.TOO_EARLY, reading.text
    value = decimal_from(reading.value) if reading.value is not None else None
    if value is None:
        text = f": {reading.text}" if reading.text else ""
        told = "no value" if reading.value is None else f"reading {reading.value} is not a number"
        return Finding.FAILED, told + text
    shown = f"{_shown(rule, value):f} ({rule.bad} {rule.limit.normalize():f} is bad)"
    shown += f": {reading.text}" if reading.text else ""
    return (Finding.BAD if rule.is_bad(value) else Finding.GOOD), shown


def _shown(rule: Rule, value: Decimal) -> Decimal:
    """Return a reading as people read it; in full where fewer digits would tell another verdict."""
    short = _SHORT.plus(value).normalize()
    return short if rule.is_bad(short) is rule.is_bad(value) else value.normalize()


def action_of(rule: Rule, state: State, finding: Finding) -> Action | None:
    """Return what a breaker does now; None when it lets everything pass.

    What cannot be evaluated restricts and never kills.
    """
    if state.phase is not Phase.CLOSED:
        return rule.action
    if finding is Finding.FAILED:
        return min(rule.action, Action.REDUCE_ONLY)
    return None


def strongest(actions: Iterable[Action | None]) -> Action | None:
    """Return the strongest of several breakers' actions, or None."""
    return max((action for action in actions if action is not None), default=None)


def reset_by_operator(state: State) -> State:
    """Close a breaker on a person's word; it trips again at the next bad reading."""
    return CLOSED if state.phase is not Phase.CLOSED else state


def _counted(state: State, finding: Finding, reading: Reading | None, now_s: float) -> State:
    if finding is Finding.GOOD:
        since_s = now_s if state.good_since_s is None else state.good_since_s
        return replace(state, bad_count=0, good_since_s=since_s)
    if finding is not Finding.BAD or reading is None:
        # It neither confirms nor clears what was seen before.
        return replace(state, good_since_s=None)
    heard_s = reading.at_s if reading.heard_s is None else reading.heard_s
    return replace(
        state,
        bad_count=state.bad_count + (heard_s != state.last_at_s),
        last_at_s=heard_s,
        good_since_s=None,
    )


def _confirmed(rule: Rule, after: State, reading: Reading | None) -> bool:
    is_seen_twice = reading is not None and reading.is_confirmed
    return is_seen_twice or after.bad_count >= rule.confirmations


def _may_probe(rule: Rule, state: State, day: str) -> bool:
    match rule.reset:
        case Reset.PROBE:
            return True
        case Reset.SESSION:
            # A day that steps back is the clock's doing, and no next one.
            return day > state.day
        case Reset.OPERATOR:
            return False


def _held(rule: Rule, after: State, now_s: float) -> bool:
    since_s = after.good_since_s
    return since_s is not None and now_s - since_s >= rule.hold_s

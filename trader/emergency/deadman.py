"""When the silence of the daemon is long enough to act, once; a table and counted time.

Silence is what this process has seen itself, look by look. Time in which it was not looking (it
was stopped, the machine was busy or suspended) is not silence of somebody else, and no clock that
a person can set takes part. So neither a clock jump nor a suspend nor one missed beat can act.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from trader.core.backoff import Backoff
from trader.emergency.vital import Condition, Finding

# How many looks in a row must find nothing, whatever the settings say.
LOOKS_MIN = 3
# A look that comes later than this many intervals counts as this many.
_LATE_INTERVALS = 3
_SUSPEND_S = 1.0


class State(StrEnum):
    """Where the watch stands."""

    WATCHING = "watching"
    SUSPECT = "suspect"
    RECOVERED = "recovered"
    ACTING = "acting"
    DONE = "done"
    STUCK = "stuck"


class Signal(StrEnum):
    """What a look or an action amounts to."""

    ALIVE = "alive"
    SILENT = "silent"
    DUE = "due"
    ACTED = "acted"
    FAILED = "failed"


TABLE: Mapping[tuple[State, Signal], State] = {
    (State.WATCHING, Signal.ALIVE): State.WATCHING,
    (State.WATCHING, Signal.SILENT): State.SUSPECT,
    # Never straight from watching to acting.
    (State.WATCHING, Signal.DUE): State.SUSPECT,
    (State.SUSPECT, Signal.ALIVE): State.RECOVERED,
    (State.SUSPECT, Signal.SILENT): State.SUSPECT,
    (State.SUSPECT, Signal.DUE): State.ACTING,
    (State.RECOVERED, Signal.ALIVE): State.WATCHING,
    (State.RECOVERED, Signal.SILENT): State.SUSPECT,
    (State.RECOVERED, Signal.DUE): State.SUSPECT,
    # What has begun is finished: the daemon is fenced.
    (State.ACTING, Signal.ALIVE): State.ACTING,
    (State.ACTING, Signal.SILENT): State.ACTING,
    (State.ACTING, Signal.DUE): State.ACTING,
    (State.ACTING, Signal.ACTED): State.DONE,
    (State.ACTING, Signal.FAILED): State.STUCK,
    # Once for one silence; a daemon that lives again begins a new one.
    (State.DONE, Signal.ALIVE): State.RECOVERED,
    (State.DONE, Signal.SILENT): State.DONE,
    (State.DONE, Signal.DUE): State.DONE,
    (State.STUCK, Signal.ALIVE): State.RECOVERED,
    (State.STUCK, Signal.SILENT): State.STUCK,
    (State.STUCK, Signal.DUE): State.ACTING,
}


class Risk(StrEnum):
    """Whether something could be lost without a daemon."""

    NONE = "none"
    OPEN = "open"
    # It could not be found out, which is no proof of none.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds. ``may_act`` is false in modes that send no orders."""

    check_s: float
    silence_s: float
    # A process that holds the lock and is starting gets so much on top.
    start_s: float
    # After an orderly stop with something open.
    open_risk_grace_s: float
    retry_s_min: float
    retry_s_max: float
    may_act: bool = True


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a look was: a clock that stands while the machine sleeps, and how long it has slept."""

    monotonic_s: float
    asleep_s: float


@dataclass(frozen=True, slots=True)
class Deadman:
    """The watch: its state, the silence counted so far, and in how many looks."""

    state: State = State.WATCHING
    silence_s: float = 0.0
    looks: int = 0
    stamp: Stamp | None = None
    tries: int = 0
    # Until the next try, while stuck.
    wait_s: float = 0.0


def limit_s(rules: Rules, condition: Condition) -> float:
    """Return the silence after which this condition is an emergency, in seconds."""
    if condition in (Condition.ENDED, Condition.ABSENT):
        return rules.open_risk_grace_s
    if condition is Condition.STARTING:
        return rules.silence_s + rules.start_s
    return rules.silence_s


def watched(deadman: Deadman, rules: Rules, finding: Finding, stamp: Stamp) -> Deadman:
    """Count a look, without deciding anything."""
    if deadman.state is State.ACTING or finding.condition is Condition.LIQUIDATING:
        # Somebody is at it: that time is nobody's silence.
        return replace(deadman, stamp=stamp)
    if finding.is_alive:
        return replace(deadman, stamp=stamp, silence_s=0.0, looks=0, tries=0, wait_s=0.0)
    last = deadman.stamp
    if last is not None and abs(stamp.asleep_s - last.asleep_s) > _SUSPEND_S:
        # Both have slept; the daemon gets its whole time again.
        return replace(deadman, stamp=stamp, silence_s=0.0, looks=0)
    passed_s = 0.0
    if last is not None:
        late_s = rules.check_s * _LATE_INTERVALS
        passed_s = min(max(stamp.monotonic_s - last.monotonic_s, 0.0), late_s)
    return replace(
        deadman,
        stamp=stamp,
        silence_s=deadman.silence_s + passed_s,
        looks=deadman.looks + 1,
        wait_s=max(deadman.wait_s - passed_s, 0.0),
    )


def is_due(deadman: Deadman, rules: Rules, finding: Finding) -> bool:
    """Tell whether, by its time alone, the silence is an emergency."""
    if finding.is_alive or finding.condition is Condition.LIQUIDATING:
        return False
    is_long = deadman.silence_s >= limit_s(rules, finding.condition)
    return is_long and deadman.looks >= LOOKS_MIN


def decided(deadman: Deadman, rules: Rules, finding: Finding, risk: Risk) -> Deadman:
    """Return the watch after a look that was counted; ACTING means: act now."""
    if finding.condition is Condition.LIQUIDATING:
        return deadman
    signal = Signal.ALIVE if finding.is_alive else Signal.SILENT
    if is_due(deadman, rules, finding) and rules.may_act and risk is not Risk.NONE:
        is_waiting = deadman.state is State.STUCK and deadman.wait_s > 0
        signal = Signal.SILENT if is_waiting else Signal.DUE
    return replace(deadman, state=TABLE[deadman.state, signal])


def acted(deadman: Deadman, rules: Rules, *, is_done: bool, drawn: float) -> Deadman:
    """Return the watch after an action has ended; ``drawn`` is a number of chance up to 1."""
    state = TABLE[deadman.state, Signal.ACTED if is_done else Signal.FAILED]
    if is_done:
        return replace(deadman, state=state, tries=0, wait_s=0.0)
    tries = deadman.tries + 1
    wait_s = Backoff(rules.retry_s_min, rules.retry_s_max).wait_s(tries, drawn)
    return replace(deadman, state=state, tries=tries, wait_s=wait_s)


def resumed(state: State, silence_s: float, *, is_same_life: bool) -> Deadman:
    """Return the watch of a sentinel that was itself restarted.

    What was done for the last sign of life is not done again; what was cut off is carried on
    after as many looks as anything else needs, if the daemon is still silent.
    """
    if not is_same_life:
        return Deadman()
    if state is State.DONE:
        return Deadman(State.DONE, silence_s)
    if state in (State.ACTING, State.STUCK):
        return Deadman(State.SUSPECT, silence_s)
    return Deadman()

"""What three facts say of the daemon together; none of them stands for another.

The lock says who may send, the heartbeat says that an event loop turns, the control port says
that it answers. A stopped, a wedged, a dead, a starting daemon and one that ended in order differ
in these, and where they contradict each other the daemon counts as alive: a watchdog that is not
sure does not bite, it calls somebody.
"""

from dataclasses import dataclass
from enum import StrEnum

from trader.ops.fence import Holder
from trader.ops.heartbeat import Beat, Phase, Process
from trader.ops.instance_lock import LIQUIDATOR

# 3 left orders at the broker on purpose; both are an operator's stop.
_ORDERLY = (0, 3)
_STOPPED = ("T", "t")


class Health(StrEnum):
    """What GET /healthz gave."""

    WELL = "well"
    # It answers, and says itself that something is late.
    UNWELL = "unwell"
    SILENT = "silent"


class Condition(StrEnum):
    """What the daemon is in."""

    HEALTHY = "healthy"
    # Alive, and the facts contradict each other: somebody should look.
    ODD = "odd"
    STARTING = "starting"
    STOPPED = "stopped"
    WEDGED = "wedged"
    DEAD = "dead"
    # It ended in order, with exit code 0 or 3.
    ENDED = "ended"
    # None has ever run on this state.
    ABSENT = "absent"
    # A kill switch or another sentinel holds the lock.
    LIQUIDATING = "liquidating"
    # Silent, and who holds the lock could not be proven.
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Facts:
    """One look. ``is_beating`` means that a new beat was seen within the last seconds."""

    holder: Holder | None
    beat: Beat | None
    is_beating: bool
    health: Health
    # Of the process that holds the lock.
    process: Process | None = None
    holder_problem: str = ""
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look amounts to, in a word and in words."""

    condition: Condition
    is_alive: bool
    text: str


def diagnose(facts: Facts) -> Finding:
    """Put the facts together."""
    if facts.holder_problem:
        return _unproven(facts)
    if facts.holder is None:
        return _without_holder(facts)
    if facts.holder.role == LIQUIDATOR:
        return Finding(
            Condition.LIQUIDATING, False, f"process {facts.holder.pid} liquidates and has the lock"
        )
    return _with_holder(facts, facts.holder)


def _with_holder(facts: Facts, holder: Holder) -> Finding:
    beat = facts.beat
    is_own = beat is not None and beat.pid == holder.pid and beat.boot_id == facts.boot_id
    beats = facts.is_beating and is_own and beat is not None and beat.phase is Phase.RUNNING
    answers = facts.health is not Health.SILENT
    name = f"the daemon, process {holder.pid},"
    if beats and facts.health is Health.WELL:
        return Finding(Condition.HEALTHY, True, f"{name} is well")
    if beats or answers:
        beating = "beats" if beats else "does not beat"
        return Finding(
            Condition.ODD, True, f"{name} {beating}, and its control port is {facts.health}"
        )
    if facts.process is not None and facts.process.state in _STOPPED:
        return Finding(Condition.STOPPED, False, f"{name} is stopped")
    if not is_own or beat is None or beat.phase is Phase.STARTING:
        return Finding(Condition.STARTING, False, f"{name} is starting")
    return Finding(Condition.WEDGED, False, f"{name} runs and gives no sign of life")


def _without_holder(facts: Facts) -> Finding:
    beat = facts.beat
    if beat is None:
        return Finding(Condition.ABSENT, False, "no daemon has left a sign of life here")
    if facts.is_beating and beat.phase is Phase.RUNNING and beat.boot_id == facts.boot_id:
        # Somebody removed the lock's file: whoever takes it now would be a second sender.
        return Finding(Condition.ODD, True, f"process {beat.pid} beats and does not hold the lock")
    if beat.phase is Phase.ENDED and beat.exit_code in _ORDERLY:
        return Finding(
            Condition.ENDED, False, f"the daemon ended in order, exit code {beat.exit_code}"
        )
    how = f"ended with code {beat.exit_code}" if beat.phase is Phase.ENDED else "is gone"
    if beat.boot_id != facts.boot_id:
        how += ", the machine was booted since"
    return Finding(Condition.DEAD, False, f"the daemon, process {beat.pid}, {how}")


def _unproven(facts: Facts) -> Finding:
    beat = facts.beat
    beats = beat is not None and facts.is_beating and beat.phase is Phase.RUNNING
    text = f"who holds the lock is not known: {facts.holder_problem}"
    if beats or facts.health is not Health.SILENT:
        return Finding(Condition.ODD, True, text)
    return Finding(Condition.UNPROVEN, False, text)

"""Passed, failed or skipped: what follows from what a drill has seen, and from nothing else.

A drill passes only if everything that could speak against it was looked at: what was not seen
counts against it. A drill that this machine cannot make is skipped with the reason, never passed.
"""

from dataclasses import dataclass
from enum import StrEnum

# From the end of a fault to READY and reconciled (QUA-06).
RECOVERY_S_MAX = 30.0
# Ended in order; or with orders that still work at the broker.
_ENDS = (0, 3)


class Outcome(StrEnum):
    """What became of a drill."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Observed:
    """What was seen; None or below zero where nothing was."""

    # Before the fault: orders that the daemon had sent while everything was well.
    calm_orders: int = 0
    # From the fault to the first look at which the daemon was not READY any more.
    noticed_s: float | None = None
    # Looks while it was impaired, and those in which it was READY all the same.
    looks: int = 0
    ready_looks: int = 0
    # Orders that add risk and left from then to the end of the fault, in words.
    risk_added: tuple[str, ...] = ()
    # Orders that left after the fault and before book and broker were compared.
    uncompared_orders: int = 0
    # From the end of the fault to READY and reconciled.
    recovery_s: float | None = None
    # Orders that it has sent since.
    orders_after: int = 0
    # At rest: promises at the broker more than once; the simulator's truth against the journal;
    # the journal against itself. None: not looked at.
    sent_twice: tuple[str, ...] | None = None
    differences: tuple[str, ...] | None = None
    verify_findings: tuple[str, ...] | None = None
    exit_code: int | None = None
    # Why it could not be played to its end.
    problem: str = ""
    # Why this machine cannot make it.
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome and every reason against a pass, in words."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()


def judged(seen: Observed, noticed_s_max: float) -> Verdict:
    """Judge a drill whose fault must have been noticed within ``noticed_s_max``."""
    if seen.lacks:
        return Verdict(Outcome.SKIPPED, (seen.lacks,))
    reasons = (*_stopped(seen), *_impaired(seen, noticed_s_max), *_recovered(seen), *_at_rest(seen))
    return Verdict(Outcome.FAILED if reasons else Outcome.PASSED, reasons)


def _stopped(seen: Observed) -> list[str]:
    return [f"stopped: {seen.problem}"] if seen.problem else []


def _impaired(seen: Observed, noticed_s_max: float) -> list[str]:
    reasons = []
    if seen.calm_orders < 1:
        reasons.append("no order had left before the fault: it could not be seen to stop")
    if seen.noticed_s is None:
        reasons.append("the fault was not noticed")
    elif not seen.noticed_s <= noticed_s_max:
        reasons.append(f"noticed after {seen.noticed_s:.1f} s, allowed is {noticed_s_max:g} s")
    if seen.looks < 1:
        reasons.append("nobody looked while it was impaired")
    if seen.ready_looks:
        reasons.append(f"READY in {seen.ready_looks} of {seen.looks} looks while impaired")
    reasons += [f"left while impaired: {order}" for order in seen.risk_added]
    return reasons


def _recovered(seen: Observed) -> list[str]:
    reasons = []
    if seen.recovery_s is None:
        reasons.append("not READY and reconciled again")
    elif not 0 <= seen.recovery_s <= RECOVERY_S_MAX:
        reasons.append(
            f"READY {seen.recovery_s:.1f} s after the fault, allowed is {RECOVERY_S_MAX:g} s"
        )
    if seen.uncompared_orders:
        reasons.append(f"{seen.uncompared_orders} orders left before book and broker were compared")
    if seen.orders_after < 1:
        reasons.append("no order left after the recovery")
    return reasons


def _at_rest(seen: Observed) -> list[str]:
    if seen.sent_twice is None or seen.differences is None or seen.verify_findings is None:
        return ["journal and truth were not compared"]
    reasons = [f"sent twice: {order}" for order in seen.sent_twice]
    reasons += [f"differs from the truth: {line}" for line in seen.differences]
    reasons += [f"trader verify: {line}" for line in seen.verify_findings]
    if seen.exit_code not in _ENDS:
        reasons.append(f"the daemon ended with {seen.exit_code}, allowed is 0 or 3")
    return reasons

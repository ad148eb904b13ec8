"""Halts: named causes, OR-ed. No cause, no halt; any cause, no new risk.

Latched causes stay until an operator resumes, and survive restarts. Level causes follow a
reading (a link, a freshness) and clear by themselves when it is good again. Cancels always
leave; orders that only reduce leave under a halt solely through the operator's lane.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What the daemon is configured to be; only paper, live and demo reach the broker."""

    DRY_RUN = "dry_run"
    SHADOW = "shadow"
    PAPER = "paper"
    LIVE = "live"
    DEMO = "demo"

    @property
    def may_send(self) -> bool:
        """Tell whether orders of this mode go to the wire."""
        return self in (Mode.PAPER, Mode.LIVE, Mode.DEMO)


class Posture(StrEnum):
    """What the daemon may do right now."""

    HALTED = "halted"
    REDUCE_ONLY = "reduce_only"
    ARMED = "armed"


class HaltCause(StrEnum):
    """Why there is no new risk."""

    FRESH_INSTALL = "fresh_install"
    OPERATOR = "operator"
    ENVIRONMENT = "environment"
    HALT_FILE = "halt_file"
    TICKET = "ticket"
    INVARIANT = "invariant"
    DECODE_ERROR = "decode_error"
    LIQUIDATION = "liquidation"
    BASELINE_MISSING = "baseline_missing"
    JOURNAL = "journal"
    STARTING = "starting"
    DRAINING = "draining"
    LINK = "link"
    UPSTREAM = "upstream"
    HEARTBEAT = "heartbeat"
    READ_ONLY_API = "read_only_api"
    ACCOUNT = "account"
    NOT_RECONCILED = "not_reconciled"
    STANDING_ORDER = "standing_order"
    LOOP_LAG = "loop_lag"


LATCHED = frozenset(
    {
        HaltCause.FRESH_INSTALL,
        HaltCause.OPERATOR,
        HaltCause.INVARIANT,
        HaltCause.DECODE_ERROR,
        HaltCause.LIQUIDATION,
    }
)
# While one of these holds nobody can promise that an order arrives or is written down, so even
# the operator's reducing orders stay here.
BLOCKS_EVERY_ORDER = frozenset(
    {
        HaltCause.JOURNAL,
        HaltCause.LINK,
        HaltCause.UPSTREAM,
        HaltCause.READ_ONLY_API,
        HaltCause.ACCOUNT,
        HaltCause.STARTING,
        # The exit code says what is left open: nothing may follow it.
        HaltCause.DRAINING,
    }
)


class Lane(StrEnum):
    """Who asks, and with what priority it is sent."""

    CANCEL = "cancel"
    OPERATOR = "operator"
    REDUCE = "reduce"
    NEW = "new"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything the gate reads at one instant."""

    mode: Mode
    causes: Mapping[HaltCause, str]


def posture(causes: Mapping[HaltCause, str]) -> Posture:
    """Return the posture that a set of causes leaves."""
    return Posture.HALTED if causes else Posture.ARMED


def refusal_of(gate: Gate, lane: Lane) -> str | None:
    """Say why an order of this lane must not leave now, or None when it may."""
    if lane is Lane.CANCEL:
        return None
    if lane is Lane.OPERATOR:
        blocking = [cause for cause in gate.causes if cause in BLOCKS_EVERY_ORDER]
    else:
        blocking = list(gate.causes)
    if not blocking:
        return None
    return "; ".join(f"{cause}: {gate.causes[cause]}" for cause in blocking)

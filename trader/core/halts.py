"""Halts and restrictions: named, OR-ed. Any cause halts; any restriction leaves only exits.

Latched causes stay until an operator resumes, and survive restarts. Level causes follow a
reading (a link, a freshness) and clear by themselves when it is good again. Cancels always
leave; orders that only reduce leave under a halt solely through the operator's lane.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    # At a start, it was not the journal that its anchors know.
    JOURNAL_UNPROVEN = "journal_unproven"
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
    # A task that safety rests on has not moved within its budget.
    STALLED = "stalled"
    # A breaker killed: latched until a person resumes.
    BREAKER = "breaker"
    # A breaker halts while it is tripped; it may close by itself.
    BREAKER_TRIPPED = "breaker_tripped"


LATCHED = frozenset(
    {
        HaltCause.FRESH_INSTALL,
        HaltCause.OPERATOR,
        HaltCause.INVARIANT,
        HaltCause.DECODE_ERROR,
        HaltCause.LIQUIDATION,
        HaltCause.JOURNAL_UNPROVEN,
        HaltCause.BREAKER,
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
# While one of these holds the book may lack what the broker knows.
BOOK_MAY_LACK = (
    HaltCause.STARTING,
    HaltCause.LINK,
    HaltCause.UPSTREAM,
    HaltCause.NOT_RECONCILED,
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
    # By the name of the breaker, or of what else keeps new risk out and lets exits leave.
    restrictions: Mapping[str, str] = field(default_factory=dict)
    # By the name of the strategy: why no new risk of that one leaves.
    strategies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restraint:
    """What breakers ask of the gate at this moment, by cause, by breaker and by strategy."""

    causes: Mapping[HaltCause, str] = field(default_factory=dict)
    restrictions: Mapping[str, str] = field(default_factory=dict)
    strategies: Mapping[str, str] = field(default_factory=dict)
    # Judged before book and broker were compared: what had no reading then has one in a moment.
    is_of_start: bool = False


# With what code an order is refused in a posture.
REFUSAL_CODES: Mapping[Posture, str] = {
    Posture.HALTED: "HALTED",
    Posture.REDUCE_ONLY: "BREAKER",
    # The daemon may trade, so it is the strategy that may not.
    Posture.ARMED: "STRATEGY_HALTED",
}


def posture(
    causes: Mapping[HaltCause, str], restrictions: Mapping[str, str] | None = None
) -> Posture:
    """Return the posture that causes and restrictions leave."""
    if causes:
        return Posture.HALTED
    return Posture.REDUCE_ONLY if restrictions else Posture.ARMED


def refusal_of(gate: Gate, lane: Lane, strategy: str = "") -> str | None:
    """Say why an order of this lane and strategy must not leave now, or None when it may."""
    if lane is Lane.CANCEL:
        return None
    if lane is Lane.OPERATOR:
        blocking = [cause for cause in gate.causes if cause in BLOCKS_EVERY_ORDER]
    else:
        blocking = list(gate.causes)
    if not blocking:
        if lane is not Lane.NEW:
            return None
        if gate.restrictions:
            return "; ".join(f"{name}: {text}" for name, text in gate.restrictions.items())
        own = gate.strategies.get(strategy)
        return None if own is None else f"strategy {strategy}: {own}"
    return "; ".join(f"{cause}: {gate.causes[cause]}" for cause in blocking)

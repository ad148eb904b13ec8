"""The rules of the breakers: one row each, with limit, action and what resets it.

A reading that is missing, late, not a number or older than it may be counts as tripped, but never
does more than restrict: nobody liquidates because a number is unknown (BRK-06, BRK-10).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import IntEnum, StrEnum
from math import isfinite


class BreakerName(StrEnum):
    """What is watched."""

    DAILY_LOSS = "daily_loss"
    LOSS_KILL = "loss_kill"
    DRAWDOWN = "drawdown"
    PSR = "psr"
    CONSECUTIVE_LOSSES = "consecutive_losses"
    VOLATILITY_RATIO = "volatility_ratio"
    VIX = "vix"
    REJECT_RATE = "reject_rate"
    UNANSWERED = "unanswered"
    FILL_RATE = "fill_rate"
    QUOTE_STALENESS = "quote_staleness"
    DRIFT = "drift"
    LOOP_LAG = "loop_lag"
    JOURNAL_LATENCY = "journal_latency"
    CLOCK_SKEW = "clock_skew"
    DISK_SPACE = "disk_space"
    DATA_QUALITY = "data_quality"
    UNPRICED = "unpriced"
    UNCOVERED = "uncovered"
    RISK_RATIO = "risk_ratio"
    CLUSTER = "cluster"
    CORRELATION_BREAK = "correlation_break"


# The watcher of blind spots: risk that the models cannot see (CAP-27).
BLIND_SPOTS = (
    BreakerName.UNPRICED,
    BreakerName.UNCOVERED,
    BreakerName.RISK_RATIO,
    BreakerName.CLUSTER,
    BreakerName.CORRELATION_BREAK,
)


class Action(IntEnum):
    """What a tripped breaker does, mildest first; the strongest of all that are tripped holds."""

    SCALE = 1  # new risk is made smaller
    REDUCE_ONLY = 2  # exits and cancels leave, nothing that adds risk does
    HALT = 3  # no order of a strategy leaves
    KILL = 4  # halted until a person resumes; what adds risk is cancelled


class Reset(StrEnum):
    """What closes a tripped breaker."""

    PROBE = "probe"  # by itself, once the readings have been good for a while
    SESSION = "session"  # with the account's next day, when the reading is good then
    OPERATOR = "operator"  # only by a person


class Bad(StrEnum):
    """On which side of the limit a reading is bad; the limit itself is bad on both."""

    FROM_ABOVE = "at or above"
    FROM_BELOW = "at or below"
    BEYOND = "above"


@dataclass(frozen=True, slots=True)
class Rule:
    """One breaker's rule; durations are in seconds."""

    limit: Decimal
    bad: Bad
    action: Action
    reset: Reset
    is_enabled: bool = True
    # So many bad readings in a row trip it: one bad tick never latches (INC-144).
    confirmations: int = 1
    # How long the readings must be good before a probe closes it.
    hold_s: float = 30.0
    # Older than this, a reading says nothing.
    reading_age_s_max: float = 30.0
    # Whether working orders that add risk are cancelled while it is tripped: a loss that has
    # tripped must not be scaled into by what rests in the market. A kill cancels them anyway.
    cancels_entries: bool = False

    def is_bad(self, value: Decimal) -> bool:
        """Tell whether a reading is on the bad side of the limit."""
        match self.bad:
            case Bad.FROM_ABOVE:
                return value >= self.limit
            case Bad.FROM_BELOW:
                return value <= self.limit
            case Bad.BEYOND:
                return value > self.limit


def _rule(limit: str, bad: Bad, action: Action, reset: Reset, **changes: object) -> Rule:
    return replace(Rule(Decimal(limit), bad, action, reset), **changes)  # type: ignore[arg-type]


# What a fault has tripped closes so long after its end: a daemon is to be well again within half a
# minute, and has to find its broker and compare first (QUA-06).
_PROBATION_S = 15.0

_A, _R, _B = Action, Reset, Bad
_FRACTIONS = (
    "drawdown",
    "psr",
    "reject_rate",
    "quote_staleness",
    "disk_space",
    "unpriced",
    "uncovered",
)
# The most that each of these can come to, and that it may be: beyond it the limit is none.
_MOST = (("risk_ratio", 1, 1_000), ("cluster", 0, 10), ("correlation_break", 0, 2))

# What has a share of new risk to go with it.
_SCALING = (BreakerName.VIX, *BLIND_SPOTS)


def _blind(limit: str) -> Rule:
    """Return the rule of a blind spot that is looked for once a minute."""
    return _rule(
        limit,
        Bad.FROM_ABOVE,
        Action.SCALE,
        Reset.PROBE,
        confirmations=2,
        hold_s=300.0,
        reading_age_s_max=150.0,
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """Every breaker's rule; what each reading means stands beside it."""

    # Change of the account's value since the start of its day, as a fraction, flows taken out.
    daily_loss: Rule = field(
        default_factory=lambda: _rule(
            "-0.02",
            _B.FROM_BELOW,
            _A.REDUCE_ONLY,
            _R.SESSION,
            confirmations=2,
            cancels_entries=True,
        )
    )
    loss_kill: Rule = field(
        default_factory=lambda: _rule("-0.05", _B.FROM_BELOW, _A.KILL, _R.OPERATOR, confirmations=2)
    )
    # Fall from the highest value so far, as a fraction, flows taken out.
    drawdown: Rule = field(
        default_factory=lambda: _rule("0.15", _B.BEYOND, _A.KILL, _R.OPERATOR, confirmations=2)
    )
    # Probability that the true Sharpe ratio of the daily returns is above zero.
    psr: Rule = field(
        default_factory=lambda: _rule(
            "0.20", _B.FROM_BELOW, _A.KILL, _R.OPERATOR, reading_age_s_max=90_000.0
        )
    )
    # Closed trades that lost in a row, commissions included; off until tuned (BRK-08).
    consecutive_losses: Rule = field(
        default_factory=lambda: _rule(
            "8",
            _B.FROM_ABOVE,
            _A.REDUCE_ONLY,
            _R.OPERATOR,
            is_enabled=False,
            cancels_entries=True,
        )
    )
    # Short volatility over long, the largest of all instruments; off until tuned (BRK-07).
    volatility_ratio: Rule = field(
        default_factory=lambda: _rule(
            "3", _B.FROM_ABOVE, _A.REDUCE_ONLY, _R.PROBE, is_enabled=False, hold_s=300.0
        )
    )
    # The VIX; what it leaves of new risk is in the steps of trader.core.breakers.allocation.
    vix: Rule = field(
        default_factory=lambda: _rule(
            "20", _B.FROM_ABOVE, _A.SCALE, _R.PROBE, is_enabled=False, reading_age_s_max=120.0
        )
    )
    # Rejected share of the last orders.
    reject_rate: Rule = field(
        default_factory=lambda: _rule("0.5", _B.FROM_ABOVE, _A.HALT, _R.OPERATOR)
    )
    # Orders without an answer at this moment.
    unanswered: Rule = field(
        default_factory=lambda: _rule(
            "3", _B.FROM_ABOVE, _A.REDUCE_ONLY, _R.PROBE, hold_s=_PROBATION_S
        )
    )
    # Executions of the last minute over what the orders of that minute could explain.
    fill_rate: Rule = field(default_factory=lambda: _rule("1", _B.BEYOND, _A.HALT, _R.OPERATOR))
    # Share of the instruments with a position or a working order that have no usable quote.
    quote_staleness: Rule = field(
        default_factory=lambda: _rule(
            "0.5", _B.FROM_ABOVE, _A.REDUCE_ONLY, _R.PROBE, confirmations=3, hold_s=_PROBATION_S
        )
    )
    # Drifts that the last reconciliation could not repair.
    drift: Rule = field(
        default_factory=lambda: _rule(
            "1",
            _B.FROM_ABOVE,
            _A.REDUCE_ONLY,
            _R.PROBE,
            hold_s=_PROBATION_S,
            reading_age_s_max=900.0,
        )
    )
    # Seconds by which the event loop was late.
    loop_lag: Rule = field(
        default_factory=lambda: _rule("1", _B.BEYOND, _A.HALT, _R.PROBE, hold_s=10.0)
    )
    # Seconds that the last commits took at most.
    journal_latency: Rule = field(
        default_factory=lambda: _rule("1", _B.BEYOND, _A.REDUCE_ONLY, _R.PROBE, hold_s=_PROBATION_S)
    )
    # Seconds between this clock and the broker's.
    clock_skew: Rule = field(
        default_factory=lambda: _rule("2", _B.BEYOND, _A.REDUCE_ONLY, _R.PROBE, hold_s=_PROBATION_S)
    )
    # Free share of the disk that holds the state.
    disk_space: Rule = field(
        default_factory=lambda: _rule(
            "0.02", _B.FROM_BELOW, _A.REDUCE_ONLY, _R.PROBE, hold_s=_PROBATION_S
        )
    )
    # Critical findings of the data-quality gate at this moment.
    data_quality: Rule = field(
        default_factory=lambda: _rule(
            # Bid and ask come one after the other: for a moment any pair may look crossed.
            "1",
            _B.FROM_ABOVE,
            _A.HALT,
            _R.PROBE,
            confirmations=3,
            hold_s=_PROBATION_S,
        )
    )
    # Exposure without a price that may be counted with, over the account's value.
    unpriced: Rule = field(
        default_factory=lambda: _rule(
            "0.05", _B.FROM_ABOVE, _A.REDUCE_ONLY, _R.PROBE, confirmations=3, hold_s=_PROBATION_S
        )
    )
    # Share of gross exposure that should have a row of the covariance by now, and has none.
    uncovered: Rule = field(default_factory=lambda: _blind("0.25"))
    # Realised over predicted volatility, or the other way round: the larger of both.
    risk_ratio: Rule = field(default_factory=lambda: _blind("4"))
    # Gross exposure of the largest group that loses together, over the account's value.
    cluster: Rule = field(default_factory=lambda: _blind("0.5"))
    # How far the correlations of late are from those before, 0 to 2, as a mean of all pairs.
    correlation_break: Rule = field(default_factory=lambda: _blind("0.8"))

    def of(self, name: BreakerName) -> Rule:
        """Return one breaker's rule."""
        rule: Rule = getattr(self, name.value)
        return rule

    def enabled(self) -> tuple[BreakerName, ...]:
        """Return the breakers that are switched on, in their order."""
        return tuple(name for name in BreakerName if self.of(name).is_enabled)


def _beyond(rules: Rules) -> Iterator[str]:
    """Give every limit that no reading could reach, or each one would."""
    for name in _FRACTIONS:
        limit: Decimal = getattr(rules, name).limit
        if limit.is_finite() and not 0 < limit <= 1:
            yield f"{name}.limit is {limit}, allowed is above 0, at most 1 (a fraction)"
    for name, above, most in _MOST:
        limit = getattr(rules, name).limit
        if limit.is_finite() and not above < limit <= most:
            yield f"{name}.limit is {limit}, allowed is above {above}, at most {most}"


def contradictions(rules: Rules) -> tuple[str, ...]:
    """List what cannot be true of the rules; a policy with one of these must not be loaded."""
    found: list[str] = []
    for row in fields(rules):
        rule: Rule = getattr(rules, row.name)
        if not rule.limit.is_finite():
            found.append(f"{row.name}.limit is {rule.limit}, allowed is a finite number")
        for name in ("hold_s", "reading_age_s_max"):
            seconds: float = getattr(rule, name)
            if not isfinite(seconds) or seconds <= 0:
                found.append(f"{row.name}.{name} is {seconds}, allowed is above 0")
        if rule.confirmations < 1:
            found.append(f"{row.name}.confirmations is {rule.confirmations}, allowed is 1 or more")
        if rule.action is Action.SCALE and row.name not in _SCALING:
            found.append(
                f"{row.name}.action is scale, allowed is reduce_only, halt or kill: the vix and "
                "the blind spots scale, and anything else would trip and do nothing"
            )
    ladder = rules.daily_loss.limit, rules.loss_kill.limit
    if all(limit.is_finite() for limit in ladder) and not ladder[1] < ladder[0] < 0:
        found.append(
            f"daily_loss.limit {ladder[0]} and loss_kill.limit {ladder[1]} are no ladder: allowed "
            "are losses (below 0), the kill below the daily loss"
        )
    found += _beyond(rules)
    if not rules.daily_loss.cancels_entries:
        found.append(
            "daily_loss.cancels_entries is False, allowed is True: nothing scales into a loss"
        )
    kill = rules.loss_kill
    if not kill.is_enabled or kill.action is not Action.KILL or kill.reset is not Reset.OPERATOR:
        found.append(
            "loss_kill may not be switched off, made milder or reset by itself; allowed is another "
            "limit"
        )
    return tuple(found)

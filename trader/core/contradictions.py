"""What cannot be true of a policy, alone or together; one with any of it must not be loaded."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from itertools import pairwise
from math import isfinite
from typing import Any

from trader.core.breakers import allocation, rules
from trader.core.policy import GROSS_CAP, ExposurePolicy, Policy, RatePolicy, TradingHours

# The book remembers single acts this long; a longer window would count less than there was.
WINDOW_S_MAX = 3_600.0
# A price of an hour ago says little of what a holding is worth in a market that is open.
MARK_AGE_S_MAX = 3_600.0
# A clock may be off by two seconds, and an answer takes its time.
ENTRY_EXPIRY_S_MIN = 10.0
# Whatever stops trading is looked at within five minutes (BRK-19).
CRITICAL_REVIEW_S_MAX = 300.0
# A plan that has stood for less may be one tick's; a day later nobody remembers what was set.
REDUCE_AFTER_S_MIN, REDUCE_AFTER_S_MAX = 30.0, 86_400.0
# Of fewer changes a correlation is chance; more than a session's nobody waits for.
BLIND_MINUTES = (20, 240)
_MAY_BE_ZERO = frozenset(
    {
        "cash.reserve_min",
        "cash.commission_per_unit_max",
        "cash.commission_per_order_min",
        "session.open_guard_s",
        "session.close_guard_s",
        "session.restart_guard_s",
    }
)
_BELOW_ONE = ("price.collar_fraction_max", "price.slippage_fraction_max")
_AT_MOST_ONE = (
    "price.spread_fraction_max",
    "price.illiquid_spread_fraction",
    "price.illiquid_share",
    "price.bar_share_min",
    "exposure.concentration_hold",
    "exposure.day_loss_max",
    "exposure.margin_usage_max",
    "exposure.margin_usage_warning",
    "blind.correlation_max",
    "blind.allocation",
)
# How a part of a list is called.
_NAMES = ("sec_type", "name")
# The first of each pair may not be above the second.
_ORDERED = (
    ("regime.vix_normal", "regime.vix_storm", "a storm is rougher"),
    ("regime.realised_normal", "regime.realised_storm", "a storm is rougher"),
    ("order.quantity_max", "position.quantity_max", "one order could not be held"),
    ("order.notional_max", "position.notional_max", "one order could not be held"),
    ("price.illiquid_spread_fraction", "price.spread_fraction_max", "it could never be reached"),
    ("price.jump_fraction_max", "price.gap_fraction_max", "between sessions more may happen"),
    ("exposure.margin_usage_warning", "exposure.margin_usage_max", "the warning comes first"),
)


def contradictions(policy: Policy) -> tuple[str, ...]:
    """List what is wrong with a policy: the limit, its value and what is allowed."""
    numbers = dict(_numbers(policy))
    # An infinite limit is no limit, and NaN cannot be compared with anything.
    endless = [
        f"{name} is {value}, allowed is a finite number"
        for name, value in numbers.items()
        if not isfinite(value)
    ]
    if endless:
        return tuple(endless)
    return (
        *_alone(numbers),
        *_ordered(numbers),
        *_exposure(policy.exposure),
        *_rates(policy.rate),
        *_coordination(policy),
        *_others(policy),
        *_watched(policy),
        *_breakers(policy),
    )


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Give every number of a policy with its dotted name; a part of a list goes by its own."""
    if is_dataclass(value):
        for row in fields(value):
            if f"{name}.{row.name}" == ".breaker":
                continue  # its limits are losses, shares and counts: judged by its own rules
            yield from _numbers(
                getattr(value, row.name), f"{name}.{row.name}" if name else row.name
            )
    elif isinstance(value, tuple):
        for part in value:
            own = next((getattr(part, key) for key in _NAMES if hasattr(part, key)), "")
            yield from _numbers(part, f"{name}.{own}")
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        yield name, value


def _alone(numbers: dict[str, Any]) -> Iterable[str]:
    for name, value in numbers.items():
        if name in _MAY_BE_ZERO:
            if value < 0:
                yield f"{name} is {value}, allowed is 0 or more"
        elif not value > 0:
            yield f"{name} is {value}, allowed is above 0"
    for name in _BELOW_ONE:
        if numbers[name] >= 1:
            yield f"{name} is {numbers[name]}, allowed is below 1 (a fraction)"
    for name in _AT_MOST_ONE:
        if numbers[name] > 1:
            yield f"{name} is {numbers[name]}, allowed is at most 1 (a fraction)"


def _ordered(numbers: dict[str, Any]) -> Iterable[str]:
    for low, high, why in _ORDERED:
        if numbers[low] > numbers[high]:
            yield f"{low} {numbers[low]} is above {high} {numbers[high]}: {why}"


def _exposure(exposure: ExposurePolicy) -> Iterable[str]:
    named = (("calm", exposure.calm), ("normal", exposure.normal), ("storm", exposure.storm))
    for name, limits in named:
        if limits.box_max < exposure.concentration_hold:
            yield (
                f"exposure.{name}.box_max is {limits.box_max}, allowed is at least "
                f"concentration_hold = {exposure.concentration_hold}: holding back comes first"
            )
        if limits.net_max > limits.gross_max:
            yield (
                f"exposure.{name}.net_max is {limits.net_max}, allowed is at most "
                f"gross_max = {limits.gross_max}"
            )
    for (calmer, before), (rougher, after) in pairwise(named):
        for what in ("gross_max", "net_max", "box_max"):
            if getattr(after, what) > getattr(before, what):
                yield (
                    f"exposure.{rougher}.{what} is {getattr(after, what)}, allowed is at most "
                    f"that of {calmer}, {getattr(before, what)}"
                )
    cap = GROSS_CAP[exposure.account_type]
    if exposure.storm.gross_max > cap:
        yield (
            f"exposure.storm.gross_max is {exposure.storm.gross_max}, allowed is at most {cap}, "
            f"what a {exposure.account_type} account carries"
        )
    for what in ("mark_age_s_max", "broker_mark_age_s_max"):
        if getattr(exposure, what) > MARK_AGE_S_MAX:
            yield (
                f"exposure.{what} is {getattr(exposure, what):g}, allowed is at most "
                f"{MARK_AGE_S_MAX:g}"
            )
    names = [row.sec_type for row in exposure.classes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"exposure.classes has {name} twice, allowed is once"
    for row in exposure.classes:
        if row.initial_margin_fraction > 1:
            yield (
                f"exposure.classes.{row.sec_type}.initial_margin_fraction is "
                f"{row.initial_margin_fraction}, allowed is at most 1 (a fraction)"
            )


def _coordination(policy: Policy) -> Iterable[str]:
    """A share beyond what the account itself may ever hold is a slipped point."""
    rules, most = policy.coordination, policy.exposure.calm.gross_max
    shares = {"coordination.share_max": rules.share_max}
    for row in rules.strategies:
        shares[f"coordination.strategies.{row.name}.share_max"] = row.share_max
        if row.share_max is None and row.notional_max is None:
            yield f"coordination.strategies.{row.name} is empty, allowed is a limit"
    for name, share in shares.items():
        if share is not None and share > most:
            yield f"{name} is {share}, allowed is at most exposure.calm.gross_max = {most}"
    names = [row.name for row in rules.strategies]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"coordination.strategies has {name} twice, allowed is once"


def _rates(rate: RatePolicy) -> Iterable[str]:
    for name in ("window_s", "repeat_window_s", "execution_window_s"):
        if getattr(rate, name) > WINDOW_S_MAX:
            yield f"rate.{name} is {getattr(rate, name):g}, allowed is at most {WINDOW_S_MAX:g}"


def _breakers(policy: Policy) -> Iterable[str]:
    breaker = policy.breaker
    for line in rules.contradictions(breaker.rules):
        yield f"breaker.rules.{line}"
    for line in allocation.contradictions(breaker.steps):
        yield f"breaker.steps: {line}"
    if not breaker.steps:
        yield "breaker.steps is empty, allowed is at least one step"


def _watched(policy: Policy) -> Iterable[str]:
    """Say what is wrong with how the market and its blind spots are looked at."""
    minutes, (fewest, most) = policy.blind.minutes_min, BLIND_MINUTES
    if minutes > 0 and not fewest <= minutes <= most:
        yield f"blind.minutes_min is {minutes}, allowed is {fewest} to {most}"
    normal, storm = policy.regime.correlation_normal, policy.regime.correlation_storm
    if (normal is None) is not (storm is None):
        missing = "normal" if normal is None else "storm"
        yield f"regime.correlation_{missing} is missing, allowed are both or neither"
    for name, value in (("normal", normal), ("storm", storm)):
        if value is not None and value > 1:
            yield f"regime.correlation_{name} is {value}, allowed is at most 1"
    if normal is not None and storm is not None and normal > storm:
        yield (
            f"regime.correlation_normal {normal} is above regime.correlation_storm {storm}: a "
            "storm is rougher"
        )


def _others(policy: Policy) -> Iterable[str]:
    if not policy.order.forms:
        yield "order.forms is empty, allowed is at least one form"
    expiry_s = policy.order.entry_expiry_s
    if expiry_s is not None and not expiry_s >= ENTRY_EXPIRY_S_MIN:
        yield (
            f"order.entry_expiry_s is {expiry_s:g}, allowed is at least {ENTRY_EXPIRY_S_MIN:g}, "
            "or nothing: sooner, a good order could be gone before it arrives"
        )
    reduce_s = policy.exposure.reduce_after_s
    if reduce_s is not None and not REDUCE_AFTER_S_MIN <= reduce_s <= REDUCE_AFTER_S_MAX:
        yield (
            f"exposure.reduce_after_s is {reduce_s:g}, allowed is {REDUCE_AFTER_S_MIN:g} to "
            f"{REDUCE_AFTER_S_MAX:g}, or nothing: a plan has to stand before it is believed"
        )
    action = policy.action
    if action.critical_review_s > CRITICAL_REVIEW_S_MAX:
        yield (
            f"action.critical_review_s is {action.critical_review_s:g}, allowed is at most "
            f"{CRITICAL_REVIEW_S_MAX:g}: somebody looks at once"
        )
    session = policy.session
    if session.hours is TradingHours.ALWAYS:
        for name in ("open_guard_s", "close_guard_s"):
            if getattr(session, name):
                yield (
                    f"session.{name} is {getattr(session, name):g}, allowed is 0 when hours is "
                    "always: there is no open and no close"
                )

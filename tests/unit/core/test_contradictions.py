"""A policy that contradicts itself is named before it is loaded."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import CLASSES, a_policy, bent
from trader.core.contradictions import contradictions
from trader.core.policy import AccountType, Policy, RegimeLimits, StrategyLimits, TradingHours

D = Decimal
NUMBERS = [
    (group.name, row.name)
    for group in fields(Policy)
    for row in fields(getattr(a_policy(), group.name))
    if isinstance(getattr(getattr(a_policy(), group.name), row.name), int | float | Decimal)
    and not isinstance(getattr(getattr(a_policy(), group.name), row.name), bool)
]
ZERO_OR_MORE = {
    ("cash", "reserve_min"),
    ("cash", "commission_per_unit_max"),
    ("cash", "commission_per_order_min"),
    ("session", "open_guard_s"),
    ("session", "close_guard_s"),
    ("session", "restart_guard_s"),
}


def with_number(group: str, limit: str, value: Any) -> Policy:
    kind = type(getattr(getattr(a_policy(), group), limit))
    return bent(a_policy(), **{f"{group}__{limit}": kind(value) if kind is Decimal else value})


def test_a_sound_policy_has_no_contradiction() -> None:
    assert contradictions(a_policy()) == ()


@pytest.mark.parametrize(("group", "limit"), NUMBERS)
def test_a_limit_below_zero_is_named(group: str, limit: str) -> None:
    found = contradictions(with_number(group, limit, -1))
    allowed = "0 or more" if (group, limit) in ZERO_OR_MORE else "above 0"
    assert any(line == f"{group}.{limit} is -1, allowed is {allowed}" for line in found), found


@pytest.mark.parametrize(("group", "limit"), NUMBERS)
def test_a_limit_of_zero_is_named_where_nothing_could_pass(group: str, limit: str) -> None:
    found = contradictions(with_number(group, limit, 0))
    is_named = any(line.startswith(f"{group}.{limit} is 0, allowed is above") for line in found)
    assert is_named is ((group, limit) not in ZERO_OR_MORE), found


@pytest.mark.parametrize(("group", "limit"), NUMBERS)
@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_limit_that_limits_nothing_is_named(group: str, limit: str, value: str) -> None:
    (line,) = contradictions(bent(a_policy(), **{f"{group}__{limit}": D(value)}))
    assert line.startswith(f"{group}.{limit} is ")
    assert line.endswith("allowed is a finite number")


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        (
            {"order__quantity_max": D(2_001)},
            "order.quantity_max 2001 is above position.quantity_max 2000: one order could not",
        ),
        (
            {"order__notional_max": D(200_001)},
            "order.notional_max 200001 is above position.notional_max 200000: one order",
        ),
        ({"price__collar_fraction_max": D(1)}, "price.collar_fraction_max is 1, allowed is below"),
        ({"price__slippage_fraction_max": D(1)}, "price.slippage_fraction_max is 1, allowed is"),
        ({"price__illiquid_share": D("1.1")}, "price.illiquid_share is 1.1, allowed is at most 1"),
        (
            {"price__illiquid_spread_fraction": D("0.3")},
            "price.illiquid_spread_fraction 0.3 is above price.spread_fraction_max 0.2",
        ),
        ({"rate__window_s": 3_601.0}, "rate.window_s is 3601, allowed is at most 3600"),
        ({"order__forms": frozenset()}, "order.forms is empty"),
        ({"session__close_guard_s": 60.0}, "session.close_guard_s is 60, allowed is 0 when hours"),
        (
            {"exposure__calm": RegimeLimits(D("1.9"), D("1.9"), D(1))},
            "exposure.normal.gross_max is 2, allowed is at most that of calm, 1.9",
        ),
        (
            {"exposure__storm": RegimeLimits(D(1), D("1.1"), D(1))},
            "exposure.storm.net_max is 1.1, allowed is at most gross_max = 1",
        ),
        (
            {"exposure__storm": RegimeLimits(D(1), D(1), D("0.5"))},
            "exposure.storm.box_max is 0.5, allowed is at least concentration_hold = 1",
        ),
        (
            {"exposure__account_type": AccountType.CASH},
            "exposure.storm.gross_max is 2, allowed is at most 1, what a cash account carries",
        ),
        ({"exposure__classes": (*CLASSES, CLASSES[0])}, "exposure.classes has STK twice"),
        (
            {"exposure__classes": (replace(CLASSES[0], leverage_max=D(0)),)},
            "exposure.classes.STK.leverage_max is 0, allowed is above 0",
        ),
        (
            {"exposure__classes": (replace(CLASSES[0], initial_margin_fraction=D(2)),)},
            "exposure.classes.STK.initial_margin_fraction is 2, allowed is at most 1",
        ),
        (
            {"coordination__share_max": D("2.1")},
            "coordination.share_max is 2.1, allowed is at most exposure.calm.gross_max = 2",
        ),
        ({"coordination__share_max": D(0)}, "coordination.share_max is 0, allowed is above 0"),
        (
            {"coordination__notional_max": D(-1)},
            "coordination.notional_max is -1,",
        ),
        (
            {"coordination__strategies": (StrategyLimits("a", share_max=D(20)),)},
            "coordination.strategies.a.share_max is 20, allowed is at most exposure.calm.gross_max",
        ),
        (
            {"coordination__strategies": (StrategyLimits("a", notional_max=D(0)),)},
            "coordination.strategies.a.notional_max is 0, allowed is above 0",
        ),
        (
            {"coordination__strategies": (StrategyLimits("a"),)},
            "coordination.strategies.a is empty, allowed is a limit",
        ),
        (
            {"coordination__strategies": (StrategyLimits("a", D(1)), StrategyLimits("a", D(1)))},
            "coordination.strategies has a twice, allowed is once",
        ),
    ],
)
def test_limits_that_cannot_hold_together_are_named(changes: dict[str, Any], start: str) -> None:
    found = contradictions(a_policy(**changes))
    assert any(line.startswith(start) for line in found), found


def test_limits_of_strategies_may_be_any_that_the_account_could_reach() -> None:
    rows = (StrategyLimits("a", D(2)), StrategyLimits("b", notional_max=D(1)))
    policy = a_policy(coordination__share_max=D(2), coordination__strategies=rows)
    assert contradictions(policy) == ()


def test_guards_around_the_session_are_sound_where_there_are_sessions() -> None:
    policy = a_policy(session__hours=TradingHours.REGULAR, session__close_guard_s=60.0)
    assert contradictions(policy) == ()
    assert contradictions(a_policy(session__restart_guard_s=60.0)) == ()


@pytest.mark.parametrize("expiry_s", [1.0, 9.9, 0.0, -5.0, float("nan")])
def test_an_end_so_soon_that_a_good_order_would_be_gone_is_named(expiry_s: float) -> None:
    found = contradictions(bent(a_policy(), order__entry_expiry_s=expiry_s))
    assert any(line.startswith(f"order.entry_expiry_s is {expiry_s:g}") for line in found), found


@pytest.mark.parametrize("expiry_s", [None, 10.0, 86_400.0])
def test_an_end_may_be_left_out(expiry_s: float | None) -> None:
    assert contradictions(bent(a_policy(), order__entry_expiry_s=expiry_s)) == ()


@pytest.mark.parametrize("after_s", [0.0, 29.9, 86_400.5, -1.0, float("nan"), float("inf")])
def test_a_reduction_by_itself_waits_neither_too_short_nor_for_ever(after_s: float) -> None:
    found = contradictions(bent(a_policy(), exposure__reduce_after_s=after_s))
    assert any(line.startswith(f"exposure.reduce_after_s is {after_s:g}") for line in found), found


@pytest.mark.parametrize("after_s", [None, 30.0, 86_400.0])
def test_a_reduction_by_itself_may_be_left_out(after_s: float | None) -> None:
    assert contradictions(bent(a_policy(), exposure__reduce_after_s=after_s)) == ()


@pytest.mark.parametrize("minutes", [20, 60, 240])
def test_minutes_that_make_a_covariance(minutes: int) -> None:
    assert contradictions(a_policy(blind__minutes_min=minutes)) == ()


@pytest.mark.parametrize("minutes", [1, 19, 241])
def test_minutes_that_make_none_are_named(minutes: int) -> None:
    found = contradictions(a_policy(blind__minutes_min=minutes))
    assert found == (f"blind.minutes_min is {minutes}, allowed is 20 to 240",)


@pytest.mark.parametrize(
    ("normal", "storm", "lines"),
    [
        (None, None, ()),
        ("0.5", "0.8", ()),
        ("0.5", "0.5", ()),
        ("0.5", "1", ()),
        ("0.5", None, ("regime.correlation_storm is missing, allowed are both or neither",)),
        (None, "0.8", ("regime.correlation_normal is missing, allowed are both or neither",)),
        ("0.5", "1.1", ("regime.correlation_storm is 1.1, allowed is at most 1",)),
        (
            "0.9",
            "0.8",
            (
                "regime.correlation_normal 0.9 is above regime.correlation_storm 0.8: a storm "
                "is rougher",
            ),
        ),
        ("0", "0.8", ("regime.correlation_normal is 0, allowed is above 0",)),
    ],
)
def test_limits_of_a_correlation_are_both_or_none(
    normal: str | None, storm: str | None, lines: tuple[str, ...]
) -> None:
    """CAP-26."""
    limits = {
        "regime__correlation_normal": None if normal is None else D(normal),
        "regime__correlation_storm": None if storm is None else D(storm),
    }
    assert contradictions(a_policy(**limits)) == lines


@pytest.mark.parametrize("name", ["correlation_max", "allocation"])
def test_a_share_of_the_blind_is_at_most_the_whole(name: str) -> None:
    assert contradictions(a_policy(**{f"blind__{name}": D(1)})) == ()
    found = contradictions(a_policy(**{f"blind__{name}": D("1.01")}))
    assert found == (f"blind.{name} is 1.01, allowed is at most 1 (a fraction)",)

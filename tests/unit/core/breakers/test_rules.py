"""The shipped rules say what the policy says, and rules that contradict themselves are refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

import pytest

from trader.core.breakers.rules import (
    BLIND_SPOTS,
    Action,
    Bad,
    BreakerName,
    Reset,
    Rule,
    Rules,
    contradictions,
)

RULES = Rules()


@pytest.mark.parametrize(
    ("name", "limit", "action", "reset"),
    [
        ("daily_loss", "-0.02", Action.REDUCE_ONLY, Reset.SESSION),
        ("loss_kill", "-0.05", Action.KILL, Reset.OPERATOR),
        ("drawdown", "0.15", Action.KILL, Reset.OPERATOR),
        ("psr", "0.20", Action.KILL, Reset.OPERATOR),
    ],
)
def test_the_ladder_is_the_policys(name: str, limit: str, action: Action, reset: Reset) -> None:
    rule = RULES.of(BreakerName(name))
    assert (rule.limit, rule.action, rule.reset) == (Decimal(limit), action, reset)
    assert rule.is_enabled


@pytest.mark.parametrize(
    ("name", "value", "is_bad"),
    [
        ("daily_loss", "-0.0199", False),
        ("daily_loss", "-0.02", True),
        ("daily_loss", "-0.0201", True),
        ("loss_kill", "-0.0499", False),
        ("loss_kill", "-0.05", True),
        ("drawdown", "0.15", False),
        ("drawdown", "0.1501", True),
        ("psr", "0.2001", False),
        ("psr", "0.20", True),
        ("disk_space", "0.0201", False),
        ("disk_space", "0.02", True),
        ("loop_lag", "1", False),
        ("loop_lag", "1.001", True),
    ],
)
def test_each_limit_has_its_side(name: str, value: str, is_bad: bool) -> None:
    assert RULES.of(BreakerName(name)).is_bad(Decimal(value)) is is_bad


def test_what_needs_tuning_is_off_until_somebody_tunes_it() -> None:
    off = {name for name in BreakerName if not RULES.of(name).is_enabled}
    assert off == {
        BreakerName.CONSECUTIVE_LOSSES,
        BreakerName.VOLATILITY_RATIO,
        BreakerName.VIX,
    }
    assert set(RULES.enabled()) == set(BreakerName) - off


def test_one_bad_value_of_the_account_never_latches() -> None:
    for name in (BreakerName.DAILY_LOSS, BreakerName.LOSS_KILL, BreakerName.DRAWDOWN):
        assert RULES.of(name).confirmations >= 2


def test_the_shipped_rules_do_not_contradict_themselves() -> None:
    assert contradictions(RULES) == ()


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("drift", {"limit": Decimal("NaN")}, "drift.limit is NaN"),
        ("drift", {"limit": Decimal("Infinity")}, "drift.limit is Infinity"),
        ("psr", {"hold_s": 0.0}, "psr.hold_s is 0.0"),
        ("psr", {"reading_age_s_max": float("nan")}, "psr.reading_age_s_max is nan"),
        ("drawdown", {"confirmations": 0}, "drawdown.confirmations is 0"),
        ("daily_loss", {"limit": Decimal("-0.05")}, "are no ladder"),
        ("daily_loss", {"limit": Decimal("0.01")}, "are no ladder"),
        ("loss_kill", {"limit": Decimal("-0.01")}, "are no ladder"),
        ("reject_rate", {"action": Action.SCALE}, "would trip and do nothing"),
        ("daily_loss", {"cancels_entries": False}, "nothing scales into a loss"),
        ("loss_kill", {"is_enabled": False}, "loss_kill may not be switched off"),
        ("loss_kill", {"action": Action.REDUCE_ONLY}, "loss_kill may not be switched off"),
        ("loss_kill", {"reset": Reset.PROBE}, "loss_kill may not be switched off"),
    ],
)
def test_a_contradiction_is_named(name: str, changes: dict[str, object], problem: str) -> None:
    rule = replace(RULES.of(BreakerName(name)), **changes)  # type: ignore[arg-type]
    found = contradictions(replace(RULES, **{name: rule}))
    assert any(problem in line for line in found), found


def test_actions_are_ordered_from_mild_to_strong() -> None:
    assert sorted(Action) == [Action.SCALE, Action.REDUCE_ONLY, Action.HALT, Action.KILL]
    assert [int(action) for action in Action] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "name",
    [
        "drawdown",
        "psr",
        "reject_rate",
        "quote_staleness",
        "disk_space",
        "unpriced",
        "uncovered",
    ],
)
def test_a_share_of_more_than_the_whole_is_no_limit(name: str) -> None:
    rule = replace(RULES.of(BreakerName(name)), limit=Decimal("1.5"))
    assert f"{name}.limit is 1.5, allowed is above 0, at most 1 (a fraction)" in contradictions(
        replace(RULES, **{name: rule})
    )


def test_a_rule_that_says_nothing_of_time_waits_half_a_minute() -> None:
    rule = Rule(Decimal(1), Bad.BEYOND, Action.HALT, Reset.PROBE)
    assert (rule.hold_s, rule.reading_age_s_max) == (30.0, 30.0)


def test_what_a_fault_has_tripped_closes_within_half_a_minute_of_its_end() -> None:
    """QUA-06: with room for a connect and a comparison before its reading is good again."""
    probed = [
        name
        for name in RULES.enabled()
        # What scales is the market's doing, and no fault of ours.
        if RULES.of(name).reset is Reset.PROBE and RULES.of(name).action is not Action.SCALE
    ]
    assert len(probed) == 9
    assert [name for name in probed if RULES.of(name).hold_s > 15] == []


def test_a_limit_that_is_bad_beyond_only_is_good_at_the_limit() -> None:
    rule = Rule(Decimal(1), Bad.BEYOND, Action.HALT, Reset.PROBE)
    assert not rule.is_bad(Decimal(1))
    assert replace(rule, bad=Bad.FROM_ABOVE).is_bad(Decimal(1))


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("daily_loss", {"limit": Decimal("NaN")}, "daily_loss.limit is NaN"),
        ("loss_kill", {"limit": Decimal("NaN")}, "loss_kill.limit is NaN"),
        ("daily_loss", {"limit": Decimal(0)}, "are no ladder"),
        ("psr", {"limit": Decimal("NaN")}, "psr.limit is NaN"),
        ("psr", {"limit": Decimal(0)}, "psr.limit is 0, allowed is above 0, at most 1"),
        ("psr", {"limit": Decimal("1.01")}, "psr.limit is 1.01, allowed is above 0, at most 1"),
        ("risk_ratio", {"limit": Decimal(1)}, "risk_ratio.limit is 1, allowed is above 1, at most"),
        ("risk_ratio", {"limit": Decimal(1001)}, "risk_ratio.limit is 1001, allowed is above 1, "),
        ("cluster", {"limit": Decimal(0)}, "cluster.limit is 0, allowed is above 0, at most 10"),
        ("cluster", {"limit": Decimal(11)}, "cluster.limit is 11, allowed is above 0, at most 10"),
        ("correlation_break", {"limit": Decimal(0)}, "correlation_break.limit is 0, allowed is ab"),
        ("correlation_break", {"limit": Decimal("2.1")}, "correlation_break.limit is 2.1, allowed"),
        ("cluster", {"limit": Decimal("NaN")}, "cluster.limit is NaN, allowed is a finite"),
    ],
)
def test_a_contradiction_is_the_only_one_that_is_told(
    name: str, changes: dict[str, object], problem: str
) -> None:
    rule = replace(RULES.of(BreakerName(name)), **changes)  # type: ignore[arg-type]
    (line,) = contradictions(replace(RULES, **{name: rule}))
    assert problem in line


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("psr", {"limit": Decimal(1)}),
        ("psr", {"hold_s": 0.5}),
        ("drift", {"confirmations": 1}),
        ("risk_ratio", {"limit": Decimal("1.1")}),
        ("risk_ratio", {"limit": Decimal(1000)}),
        ("cluster", {"limit": Decimal(10)}),
        ("correlation_break", {"limit": Decimal(2)}),
        ("correlation_break", {"action": Action.SCALE}),
        ("unpriced", {"action": Action.SCALE}),
        ("uncovered", {"action": Action.SCALE}),
        ("cluster", {"action": Action.REDUCE_ONLY}),
    ],
)
def test_what_is_just_allowed_is_allowed(name: str, changes: dict[str, object]) -> None:
    rule = replace(RULES.of(BreakerName(name)), **changes)  # type: ignore[arg-type]
    assert contradictions(replace(RULES, **{name: rule})) == ()


@pytest.mark.parametrize("kind", [BreakerName, Reset])
def test_the_word_of_a_breaker_is_its_name_and_stays(kind: type[StrEnum]) -> None:
    """Policies, journals, records and metrics hold these words."""
    assert [row.value for row in kind] == [row.name.lower() for row in kind]


# Every shipped rule, said once more: limit, side, action, reset, whether it is on, bad readings in
# a row, seconds that must be good, seconds that a reading lives, whether it cancels entries.
SHIPPED = {
    "daily_loss": ("-0.02", "FROM_BELOW", "REDUCE_ONLY", "SESSION", True, 2, 30, 30, True),
    "loss_kill": ("-0.05", "FROM_BELOW", "KILL", "OPERATOR", True, 2, 30, 30, False),
    "drawdown": ("0.15", "BEYOND", "KILL", "OPERATOR", True, 2, 30, 30, False),
    "psr": ("0.20", "FROM_BELOW", "KILL", "OPERATOR", True, 1, 30, 90_000, False),
    "consecutive_losses": ("8", "FROM_ABOVE", "REDUCE_ONLY", "OPERATOR", False, 1, 30, 30, True),
    "volatility_ratio": ("3", "FROM_ABOVE", "REDUCE_ONLY", "PROBE", False, 1, 300, 30, False),
    "vix": ("20", "FROM_ABOVE", "SCALE", "PROBE", False, 1, 30, 120, False),
    "reject_rate": ("0.5", "FROM_ABOVE", "HALT", "OPERATOR", True, 1, 30, 30, False),
    "unanswered": ("3", "FROM_ABOVE", "REDUCE_ONLY", "PROBE", True, 1, 15, 30, False),
    "fill_rate": ("1", "BEYOND", "HALT", "OPERATOR", True, 1, 30, 30, False),
    "quote_staleness": ("0.5", "FROM_ABOVE", "REDUCE_ONLY", "PROBE", True, 3, 15, 30, False),
    "drift": ("1", "FROM_ABOVE", "REDUCE_ONLY", "PROBE", True, 1, 15, 900, False),
    "loop_lag": ("1", "BEYOND", "HALT", "PROBE", True, 1, 10, 30, False),
    "journal_latency": ("1", "BEYOND", "REDUCE_ONLY", "PROBE", True, 1, 15, 30, False),
    "clock_skew": ("2", "BEYOND", "REDUCE_ONLY", "PROBE", True, 1, 15, 30, False),
    "disk_space": ("0.02", "FROM_BELOW", "REDUCE_ONLY", "PROBE", True, 1, 15, 30, False),
    "data_quality": ("1", "FROM_ABOVE", "HALT", "PROBE", True, 3, 15, 30, False),
    "unpriced": ("0.05", "FROM_ABOVE", "REDUCE_ONLY", "PROBE", True, 3, 15, 30, False),
    "uncovered": ("0.25", "FROM_ABOVE", "SCALE", "PROBE", True, 2, 300, 150, False),
    "risk_ratio": ("4", "FROM_ABOVE", "SCALE", "PROBE", True, 2, 300, 150, False),
    "cluster": ("0.5", "FROM_ABOVE", "SCALE", "PROBE", True, 2, 300, 150, False),
    "correlation_break": ("0.8", "FROM_ABOVE", "SCALE", "PROBE", True, 2, 300, 150, False),
}


@pytest.mark.parametrize("name", BreakerName)
def test_a_shipped_rule_is_this_one(name: BreakerName) -> None:
    limit, bad, action, reset, is_enabled, confirmations, hold_s, age_s, cancels = SHIPPED[name]
    # Made anew: what makes it is a rule of its own.
    assert Rules().of(name) == Rule(
        Decimal(limit),
        Bad[bad],
        Action[action],
        Reset[reset],
        is_enabled=is_enabled,
        confirmations=confirmations,
        hold_s=hold_s,
        reading_age_s_max=age_s,
        cancels_entries=cancels,
    )


def test_the_blind_spots_are_these_five_and_all_of_them_are_on() -> None:
    """CAP-27."""
    assert [str(name) for name in BLIND_SPOTS] == [
        "unpriced",
        "uncovered",
        "risk_ratio",
        "cluster",
        "correlation_break",
    ]
    assert set(BLIND_SPOTS) <= set(RULES.enabled())

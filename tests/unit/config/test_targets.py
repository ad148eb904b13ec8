"""The policy is read exactly; amounts are required, and nothing unknown is taken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.config.support import POLICY, problems_of, write_files
from trader.config.targets import read_targets
from trader.core.breakers.allocation import AllocationStep
from trader.core.breakers.rules import Action, Reset, Rules
from trader.core.contradictions import contradictions
from trader.core.intents import OrderType, TimeInForce
from trader.core.policy import (
    AccountType,
    AssetClass,
    BlindPolicy,
    CoordinationPolicy,
    ExposurePolicy,
    Policy,
    PricePolicy,
    RegimeLimits,
    StrategyLimits,
    TradingHours,
)

D = Decimal
ROOT = Path(__file__).resolve().parents[3]
AMOUNTS = [
    (group, name) for group in ("order", "position", "cash") for name in sorted(POLICY[group])
]


def policy_of(folder: Path, **limits: Any) -> Policy:
    write_files(folder, **limits)
    return read_targets(folder / "targets.yaml")


@pytest.mark.parametrize(("group", "name"), AMOUNTS)
def test_a_policy_without_one_of_its_amounts_is_refused(
    tmp_path: Path, group: str, name: str
) -> None:
    path = write_files(tmp_path)
    targets = tmp_path / "targets.yaml"
    values = yaml.safe_load(targets.read_text())
    del values[group][name]
    targets.write_text(yaml.safe_dump(values))
    assert problems_of(path) == [f"{targets}: {group}.{name} is missing"]


@pytest.mark.parametrize("group", ["order", "position", "cash"])
def test_a_policy_without_a_group_of_amounts_is_refused(tmp_path: Path, group: str) -> None:
    path = write_files(tmp_path)
    targets = tmp_path / "targets.yaml"
    values = yaml.safe_load(targets.read_text())
    del values[group]
    targets.write_text(yaml.safe_dump(values))
    assert problems_of(path) == [f"{targets}: {group} is missing"]


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (
            {"order__quantity_maxx": 5},
            "order.quantity_maxx is unknown (value 5); did you mean quantity_max?",
        ),
        ({"order__quantity_max": "5"}, "order.quantity_max is '5', allowed is a number"),
        ({"order__quantity_max": float("nan")}, "order.quantity_max is nan, allowed is a finite"),
        ({"order__quantity_max": -1}, "order.quantity_max is -1, allowed is 0 or more"),
        ({"order__quantity_max": None}, "order.quantity_max is None, allowed is a number"),
        ({"order__quantity_max": 0}, "order.quantity_max is 0, allowed is above 0"),
        ({"position__is_short_allowed": 1}, "position.is_short_allowed is 1, allowed is"),
        ({"rate__orders_max": 1.5}, "rate.orders_max is 1.5, allowed is a whole number"),
        ({"rate__orders_max": 0}, "rate.orders_max is 0, allowed is 1 or more"),
        ({"session__hours": "sometimes"}, "session.hours is 'sometimes', allowed is"),
        ({"exposure__account_type": "margin"}, "exposure.account_type is 'margin', allowed is"),
        ({"exposure__storm": {"gross_max": 1}}, "exposure.storm.net_max is missing"),
        ({"exposure__storm": 1}, "exposure.storm is 1, allowed is a section"),
        ({"order__forms": {"STK": {"PEG": ["DAY"]}}}, "order.forms.STK.PEG"),
        ({"order__forms": {"STK": {"LMT": ["OPG"]}}}, "order.forms.STK.LMT.0 is 'OPG', allowed is"),
        ({"exposure__classes": {"STK": {"leverage_max": 2}}}, "exposure.classes.STK."),
        ({"coordination__strategies": {"a": {"share": 2}}}, "coordination.strategies.a.share is"),
        ({"coordination__share_max": "half"}, "coordination.share_max is 'half', allowed is"),
    ],
)
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limits: dict[str, Any], line: str) -> None:
    problems = problems_of(write_files(tmp_path, **limits))
    assert any(text.startswith(f"{tmp_path / 'targets.yaml'}: {line}") for text in problems), (
        problems
    )


def test_the_policy_is_read_exactly(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        price__collar_fraction_max=0.031,
        price__illiquid_symbols=["ZZZ"],
        order__forms={"STK": {"LMT": ["DAY", "IOC"]}},
        exposure__account_type="reg_t",
        exposure__storm={"gross_max": 0.9, "net_max": 0.3},
        exposure__classes={
            "STK": {"initial_margin_fraction": 0.5, "leverage_max": 2, "is_payable": True}
        },
        session__hours="regular",
        session__close_guard_s=300,
        blind__minutes_min=30,
        blind__allocation=0.25,
        regime__correlation_normal=0.5,
        regime__correlation_storm=0.75,
    )
    assert str(policy.price.collar_fraction_max) == "0.031"
    assert policy.price.illiquid_symbols == {"ZZZ"}
    assert policy.order.forms == {
        ("STK", OrderType.LIMIT, TimeInForce.DAY),
        ("STK", OrderType.LIMIT, TimeInForce.IOC),
    }
    assert policy.exposure.account_type is AccountType.REG_T
    assert policy.exposure.storm == RegimeLimits(D("0.9"), D("0.3"), D("0.25"))
    assert policy.exposure.classes == (AssetClass("STK", D("0.5"), D(2), is_payable=True),)
    assert policy.session.hours is TradingHours.REGULAR
    assert policy.session.close_guard_s == 300
    assert policy.rate.daily_trades_max == 1000
    assert policy.blind == BlindPolicy(30, D("0.7"), D("0.25"))
    regime = policy.regime
    assert (regime.correlation_normal, regime.correlation_storm) == (D("0.5"), D("0.75"))


def test_limits_of_strategies_are_read_by_name(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        coordination__share_max=0.5,
        coordination__strategies={
            "momentum": {"share_max": 0.25},
            "dipper": {"notional_max": 5_000},
        },
    )
    assert policy.coordination == CoordinationPolicy(
        share_max=D("0.5"),
        strategies=(
            StrategyLimits("dipper", notional_max=D(5_000)),
            StrategyLimits("momentum", share_max=D("0.25")),
        ),
    )
    assert policy_of(tmp_path).coordination == CoordinationPolicy()


def test_what_is_left_out_keeps_its_safe_default(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(yaml.safe_dump({name: POLICY[name] for name in ("order", "position", "cash")}))
    policy = read_targets(path)
    assert policy.exposure == ExposurePolicy()
    assert policy.price == PricePolicy()
    assert policy.exposure.is_enforced
    assert contradictions(policy) == ()


def test_the_shipped_policy_is_sound_and_has_the_regimes_of_the_requirements() -> None:
    """CAP-23, CAP-24, CAP-25."""
    policy = read_targets(ROOT / "config" / "targets.yaml")
    assert contradictions(policy) == ()
    exposure = policy.exposure
    assert [exposure.calm, exposure.normal, exposure.storm] == [
        RegimeLimits(D("2.5"), D("1.0"), D("0.25")),
        RegimeLimits(D("2.0"), D("0.8"), D("0.25")),
        RegimeLimits(D("1.0"), D("0.4"), D("0.25")),
    ]
    assert exposure.concentration_hold == D("0.2")


def test_a_rule_of_a_breaker_is_written_as_far_as_it_differs(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        breaker__rules={
            "daily_loss": {"limit": -0.015, "confirmations": 3},
            "vix": {"is_enabled": True},
            "data_quality": {"action": "kill", "reset": "operator", "hold_s": 5},
        },
        breaker__steps=[{"vix_min": 18, "share": 0.5}, {"vix_min": 40, "share": 0}],
        kill__must_flatten=True,
    )
    rules = policy.breaker.rules
    assert rules.daily_loss == replace(Rules().daily_loss, limit=D("-0.015"), confirmations=3)
    assert rules.loss_kill == Rules().loss_kill
    assert rules.vix.is_enabled
    assert (rules.data_quality.action, rules.data_quality.reset) == (Action.KILL, Reset.OPERATOR)
    assert policy.breaker.steps == (AllocationStep(D(18), D("0.5")), AllocationStep(D(40), D(0)))
    assert policy.kill.must_flatten
    assert contradictions(policy) == ()


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (
            {"daily_loss": {"limitt": 1}},
            "breaker.rules.daily_loss.limitt is unknown (value 1); did",
        ),
        ({"daily_loss": {"limit": "2%"}}, "breaker.rules.daily_loss.limit is '2%', allowed is a"),
        ({"daily_los": {}}, "breaker.rules.daily_los is unknown (value {}); did you mean daily"),
        ({"psr": {"action": "stop"}}, "breaker.rules.psr.action is 'stop', allowed is"),
        ({"drawdown": {"is_enabled": None}}, "breaker.rules.drawdown.is_enabled is None, allowed"),
        ({"drawdown": {"limit": None}}, "breaker.rules.drawdown.limit is None, allowed is a"),
        ({"drawdown": {"action": "scale"}}, "breaker.rules.drawdown.action is scale, allowed is"),
        ({"psr": {"reset": "never"}}, "breaker.rules.psr.reset is 'never', allowed is"),
        ({"psr": {"bad": "above"}}, "breaker.rules.psr.bad is unknown"),
        ({"drift": {"hold_s": 0}}, "breaker.rules.drift.hold_s is 0, allowed is above 0"),
        ({"daily_loss": {"limit": -0.06}}, "breaker.rules.daily_loss.limit -0.06 and"),
        ({"loss_kill": {"is_enabled": False}}, "breaker.rules.loss_kill may not be switched off"),
        ({"drawdown": {"limit": 15}}, "breaker.rules.drawdown.limit is 15, allowed is above 0"),
    ],
)
def test_a_rule_of_a_breaker_that_is_none_is_refused(
    tmp_path: Path, limits: dict[str, Any], line: str
) -> None:
    problems = problems_of(write_files(tmp_path, breaker__rules=limits))
    assert any(text.startswith(f"{tmp_path / 'targets.yaml'}: {line}") for text in problems), (
        problems
    )


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([], "breaker.steps is empty, allowed is at least one step"),
        ([{"vix_min": 20}], "breaker.steps.0.share is missing"),
        ([{"vix_min": 20, "share": 2}], "breaker.steps: vix share is 2, allowed is 0 to 1"),
        (
            [{"vix_min": 20, "share": 0.5}, {"vix_min": 30, "share": 0.6}],
            "breaker.steps: vix steps 20 -> 0.5 and 30 -> 0.6",
        ),
    ],
)
def test_steps_that_are_none_are_refused(
    tmp_path: Path, steps: list[dict[str, Any]], line: str
) -> None:
    problems = problems_of(write_files(tmp_path, breaker__steps=steps))
    assert any(text.startswith(f"{tmp_path / 'targets.yaml'}: {line}") for text in problems), (
        problems
    )

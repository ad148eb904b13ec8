"""The policy is a value, and its seal changes with every limit in it and with nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import a_policy, bent
from trader.core.intents import OrderType, TimeInForce
from trader.core.policy import (
    DEFAULT_FORMS,
    ExposurePolicy,
    Policy,
    Regime,
    RegimeLimits,
    StrategyLimits,
    canonical,
    policy_hash,
)

D = Decimal


def changed(value: Any) -> Any:
    """Return another value of the same kind."""
    if value is None:
        return 60.0
    if isinstance(value, bool):
        return not value
    if isinstance(value, frozenset):
        return frozenset(sorted(value)[1:]) if value else frozenset({"ZZZ"})
    if isinstance(value, tuple):
        return value[:-1] if value else (StrategyLimits("alpha", D(1)),)
    if isinstance(value, str):
        return next(other for other in type(value) if other is not value)  # type: ignore[attr-defined]
    if is_dataclass(value):
        first = fields(value)[0].name
        return replace(value, **{first: changed(getattr(value, first))})  # type: ignore[type-var]
    return value + 1


EVERY = [
    (group.name, row.name)
    for group in fields(Policy)
    for row in fields(getattr(a_policy(), group.name))
]


@pytest.mark.parametrize(("group", "limit"), EVERY)
def test_the_seal_changes_with_every_limit(group: str, limit: str) -> None:
    policy = a_policy()
    other = bent(policy, **{f"{group}__{limit}": changed(getattr(getattr(policy, group), limit))})
    assert policy_hash(other) != policy_hash(policy)


def test_the_seal_is_the_same_for_equal_policies_however_they_were_written() -> None:
    policy = a_policy(order__quantity_max=D("1E+3"), price__collar_fraction_max=D("0.0500"))
    assert policy_hash(policy) == policy_hash(a_policy())
    assert len(policy_hash(policy)) == 64


def test_the_canonical_text_is_plain_json_with_exact_numbers() -> None:
    rows = json.loads(canonical(a_policy(cash__commission_per_unit_max=D("0.000000001"))))
    assert rows["cash"]["commission_per_unit_max"] == "0.000000001"
    assert rows["order"]["quantity_max"] == "1000"
    assert ["STK", "LMT", "DAY"] in rows["order"]["forms"]


def test_a_regime_that_is_not_known_has_the_limits_of_a_storm() -> None:
    """CAP-24, CAP-25, CAP-26."""
    limits = ExposurePolicy()
    assert limits.limits_of(None) is limits.storm
    assert limits.limits_of(Regime.STORM) == RegimeLimits(D(1), D("0.4"), D("0.25"))
    assert limits.limits_of(Regime.NORMAL) == RegimeLimits(D(2), D("0.8"), D("0.25"))
    assert limits.limits_of(Regime.CALM) == RegimeLimits(D("2.5"), D(1), D("0.25"))


def test_an_asset_class_that_the_policy_does_not_name_has_no_limits() -> None:
    assert ExposurePolicy().class_of("CRYPTO") is None
    stock = ExposurePolicy().class_of("STK")
    assert stock is not None
    assert stock.leverage_max == 2


@pytest.mark.parametrize(("quantity", "expected"), [(10, "1"), (100, "1"), (101, "1.01")])
def test_the_worst_commission_is_the_larger_of_minimum_and_rate(
    quantity: int, expected: str
) -> None:
    assert a_policy().cash.worst_commission(D(quantity)) == D(expected)


@pytest.mark.parametrize("parts", [(1,), (100, 100), (1, 250, 3), (10, 10, 10, 10)])
def test_the_bound_on_commissions_covers_every_split(parts: tuple[int, ...]) -> None:
    cash = a_policy().cash
    exact = sum(cash.worst_commission(D(part)) for part in parts)
    assert exact <= cash.worst_commissions(len(parts), D(sum(parts))) <= 2 * exact


def test_options_have_no_market_order_and_a_stop_is_never_immediate() -> None:
    assert ("OPT", OrderType.MARKET, TimeInForce.DAY) not in DEFAULT_FORMS
    assert ("STK", OrderType.STOP, TimeInForce.IOC) not in DEFAULT_FORMS
    assert ("STK", OrderType.STOP, TimeInForce.GTC) in DEFAULT_FORMS

"""A sound policy that lets the other limits speak, and ways to bend one limit of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from trader.core.policy import (
    AccountType,
    AssetClass,
    CashPolicy,
    ExposurePolicy,
    OrderPolicy,
    Policy,
    PositionPolicy,
    PricePolicy,
    RatePolicy,
    RegimeLimits,
    SessionPolicy,
    TradingHours,
)

D = Decimal
# So wide that a test of another limit never meets it; tests of exposure narrow it.
WIDE = RegimeLimits(D(2), D(2), D(1))
CLASSES = (
    AssetClass("STK", D("0.5"), D(2), is_payable=True),
    AssetClass("OPT", D(1), D(1), is_payable=True),
    AssetClass("FUT", D("0.1"), D(4), is_payable=False),
)


def a_policy(**changes: Any) -> Policy:
    """Return a sound policy; a change is named ``group__limit``."""
    sound = Policy(
        order=OrderPolicy(quantity_max=D(1_000), notional_max=D(100_000)),
        position=PositionPolicy(quantity_max=D(2_000), notional_max=D(200_000)),
        cash=CashPolicy(
            reserve_min=D(1_000),
            commission_per_unit_max=D("0.01"),
            commission_per_order_min=D(1),
        ),
        exposure=ExposurePolicy(
            account_type=AccountType.REG_T,
            calm=WIDE,
            normal=WIDE,
            storm=WIDE,
            concentration_hold=D(1),
            day_loss_max=D(1),
            is_baseline_required=False,
            is_reading_required=False,
            margin_usage_max=D(1),
            margin_usage_warning=D(1),
            classes=CLASSES,
        ),
        price=PricePolicy(
            collar_fraction_max=D("0.05"),
            slippage_fraction_max=D("0.05"),
            spread_fraction_max=D("0.2"),
            quote_age_s_max=10.0,
            illiquid_spread_fraction=D("0.2"),
        ),
        rate=RatePolicy(
            orders_max=5,
            orders_per_strategy_max=5,
            orders_per_instrument_max=5,
            daily_trades_max=50,
            repeats_max=50,
        ),
        session=SessionPolicy(hours=TradingHours.ALWAYS),
    )
    return bent(sound, **changes)


def bent(policy: Policy, **changes: Any) -> Policy:
    """Return the policy with some limits replaced, each named ``group__limit``."""
    for name, value in changes.items():
        group, _, limit = name.partition("__")
        policy = replace(policy, **{group: replace(getattr(policy, group), **{limit: value})})
    return policy

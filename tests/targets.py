"""The policy of a daemon that is played through a short day with faults."""

from __future__ import annotations

from typing import Any

_MANY = 1_000_000
TARGETS: dict[str, Any] = {
    "order": {"quantity_max": 500, "notional_max": 100_000},
    "position": {"quantity_max": 1000, "notional_max": 200_000},
    "cash": {
        "reserve_min": 10_000,
        "commission_per_unit_max": 0.01,
        "commission_per_order_min": 1.0,
    },
    "exposure": {"account_type": "reg_t"},
    # Tests put prices where they like.
    "price": {
        "collar_fraction_max": 0.03,
        "slippage_fraction_max": 0.03,
        "quote_age_s_max": 5,
        "jump_fraction_max": 100,
        "gap_fraction_max": 100,
    },
    "rate": {
        "orders_max": _MANY,
        "orders_per_strategy_max": _MANY,
        "orders_per_instrument_max": _MANY,
        "cancels_max": _MANY,
        "cancels_per_strategy_max": _MANY,
        "messages_max": _MANY,
        "messages_per_strategy_max": _MANY,
        "daily_trades_max": _MANY,
        "repeats_max": _MANY,
        "executions_max": _MANY,
        "modifies_max": _MANY,
        "modifies_per_order_max": _MANY,
    },
    "session": {"hours": "always"},
    # What a test does to the simulator must not look like the loss it is not about: each of these
    # has tests of its own, at its own limits.
    "breaker": {
        "rules": {
            "daily_loss": {"limit": -0.5},
            "loss_kill": {"limit": -0.9},
            "drawdown": {"limit": 0.9},
            "reject_rate": {"is_enabled": False},
            "unanswered": {"is_enabled": False},
            "quote_staleness": {"is_enabled": False},
            "loop_lag": {"limit": 5, "hold_s": 0.5},
            "journal_latency": {"limit": 5, "hold_s": 0.5},
            "clock_skew": {"is_enabled": False},
            "drift": {"hold_s": 0.5},
            "data_quality": {"hold_s": 0.5},
        }
    },
}

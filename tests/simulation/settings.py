"""The settings of the simulated daemon: as in production, at the pace of a short day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from trader.config import Configuration, load

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "DUSIM0123456789abcdef"
PORT = 4002
_MANY = 1_000_000
# Each has tests of its own; here they must not stop the play.
_RATES = (
    "orders_max", "orders_per_strategy_max", "orders_per_instrument_max", "cancels_max",
    "cancels_per_strategy_max", "messages_max", "messages_per_strategy_max", "daily_trades_max",
    "repeats_max", "executions_max", "modifies_max", "modifies_per_order_max",
)  # fmt: skip

_TARGETS: dict[str, Any] = {
    "order": {"quantity_max": 500, "notional_max": 100_000},
    "position": {"quantity_max": 1000, "notional_max": 200_000},
    "cash": {
        "reserve_min": 10_000,
        "commission_per_unit_max": 0.01,
        "commission_per_order_min": 1.0,
    },
    "exposure": {"account_type": "reg_t"},
    "price": {"collar_fraction_max": 0.03, "slippage_fraction_max": 0.03, "quote_age_s_max": 5},
    "rate": dict.fromkeys(_RATES, _MANY),
    "session": {"hours": "always"},
    # Faults must not stop the play for good: each breaker has tests of its own.
    "breaker": {
        "rules": {
            "daily_loss": {"limit": -0.5},
            "loss_kill": {"limit": -0.9},
            "drawdown": {"limit": 0.9},
            "reject_rate": {"is_enabled": False},
            "unanswered": {"is_enabled": False},
            "quote_staleness": {"is_enabled": False},
            "loop_lag": {"limit": 5, "hold_s": 0.5},
            "journal_latency": {"is_enabled": False},
            "clock_skew": {"is_enabled": False},
            "drift": {"is_enabled": False},
            "data_quality": {"is_enabled": False},
        }
    },
}

_SETTINGS: dict[str, Any] = {
    "mode": "demo",
    "account": ACCOUNT,
    "assets_file": str(ROOT / "config" / "assets.csv"),
    "targets_file": "targets.yaml",
    "checkpoint_interval_s": 5,
    "loop_lag_s_max": 5,
    "broker": {
        "port": PORT,
        "zone": "UTC",
        "messages_per_s": 30,
        "messages_burst": 15,
        "heartbeat_interval_s": 1,
        "heartbeat_deadline_s": 2,
        "heartbeat_age_s_max": 5,
        "silence_s_max": 6,
        "ack_deadline_s": 2,
        "backoff_s_min": 0.2,
        "backoff_s_max": 2,
    },
    "reconcile": {
        "orders_interval_s": 5,
        "positions_interval_s": 10,
        "quiet_s": 0.5,
        "absence_s": 2,
        "cash_lag_s": 2,
    },
    "control": {"port": 0},
}


def configuration(folder: Path) -> Configuration:
    """Return the daemon's configuration; its state is below the current directory of its time."""
    (folder / "targets.yaml").write_text(yaml.safe_dump(_TARGETS))
    path = folder / "trader.yaml"
    path.write_text(yaml.safe_dump(_SETTINGS))
    return load(path, {}, ["state_dir=state"])


def relative(config: Configuration) -> Configuration:
    """Return the configuration with its state below whatever the current directory is.

    So no path of one run differs from that of another.
    """
    state = Path("state")
    return replace(
        config,
        settings=config.settings.model_copy(update={"state_dir": state}),
        halt_file=state / config.halt_file.name,
        journal_file=state / config.journal_file.name,
    )

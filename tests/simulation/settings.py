"""The settings of the simulated daemon: as in production, at the pace of a short day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.targets import TARGETS
from trader.config import Configuration, load

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "DUSIM0123456789abcdef"
PORT = 4002
# Faults must not stop the play for good: each of these has tests of its own.
_OFF = {name: {"is_enabled": False} for name in ("journal_latency", "drift", "data_quality")}
# As a daemon's: what an order is worth binds as well.
USUAL_TARGETS = {**TARGETS, "breaker": {"rules": {**TARGETS["breaker"]["rules"], **_OFF}}}
_TARGETS = {
    **USUAL_TARGETS,
    # By quantity alone, which the oracle knows: what an order is worth would bind before.
    "order": {**TARGETS["order"], "notional_max": 1_000_000},
    "position": {**TARGETS["position"], "notional_max": 1_000_000},
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


def configuration(
    folder: Path,
    changes: Sequence[str] = (),
    *,
    settings: dict[str, Any] | None = None,
    targets: dict[str, Any] | None = None,
) -> Configuration:
    """Return the daemon's configuration; its state is below the current directory of its time.

    Without ``settings`` it has the pace of a short day, and without ``targets`` the limits of a
    drawn one. Each change is a setting as the command
    line takes it.
    """
    (folder / "targets.yaml").write_text(yaml.safe_dump(_TARGETS if targets is None else targets))
    path = folder / "trader.yaml"
    path.write_text(yaml.safe_dump(_SETTINGS if settings is None else settings))
    return load(path, {}, ["state_dir=state", *changes])


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

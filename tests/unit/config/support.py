"""Configuration files to load: a good one, and ways to spoil it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from trader.config import ConfigError, Configuration, load

POLICY: dict[str, dict[str, Any]] = {
    "order": {"quantity_max": 500, "notional_max": 100_000},
    "position": {"quantity_max": 1000, "notional_max": 200_000},
    "cash": {
        "reserve_min": 10_000,
        "commission_per_unit_max": 0.01,
        "commission_per_order_min": 1.0,
    },
    "price": {"collar_fraction_max": 0.03, "quote_age_s_max": 5},
    "rate": {"orders_max": 20, "daily_trades_max": 1000},
    "session": {"hours": "always"},
}
ASSETS = """\
symbol,sec_type,exchange,currency,primary_exchange,tradeable
AAPL,STK,SMART,USD,NASDAQ,yes
IBM,STK,SMART,USD,NYSE,yes
VIX,IND,CBOE,USD,,no
"""


def write_files(folder: Path, settings: dict[str, Any] | None = None, **policy: Any) -> Path:
    """Write a complete configuration below ``folder`` and return the settings' path.

    A limit of the policy is named ``group__limit``.
    """
    values = {
        "mode": "paper",
        "account": "DU1234567",
        "state_dir": "state",
        "assets_file": "assets.csv",
        "targets_file": "targets.yaml",
        **(settings or {}),
    }
    (folder / "assets.csv").write_text(ASSETS)
    (folder / "targets.yaml").write_text(yaml.safe_dump(_bent(policy)))
    path = folder / "trader.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def _bent(changes: dict[str, Any]) -> dict[str, Any]:
    values = {group: dict(rows) for group, rows in POLICY.items()}
    for name, value in changes.items():
        group, _, limit = name.partition("__")
        values.setdefault(group, {})[limit] = value
    return values


def problems_of(path: Path, environment: dict[str, str] | None = None, *sets: str) -> list[str]:
    """Load what must not load and return its problems, each of them one line."""
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {}, sets)
    assert caught.value.problems
    for problem in caught.value.problems:
        assert "\n" not in problem
        assert len(problem) < 1000
    return list(caught.value.problems)


def refusals(call: Callable[[], object]) -> tuple[str, ...]:
    """Return the problems for which ``call`` refuses, none when it does not."""
    problems: tuple[str, ...] = ()
    try:
        call()
    except ConfigError as error:
        problems = error.problems or ("a refusal without a reason",)
    assert "a refusal without a reason" not in problems
    assert not any("\n" in problem for problem in problems)
    return problems


def loaded(
    folder: Path, environment: dict[str, str] | None = None, **settings: Any
) -> Configuration:
    """Load the good configuration with some settings replaced."""
    return load(write_files(folder, settings), environment or {})

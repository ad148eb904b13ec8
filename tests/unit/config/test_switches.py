"""A switch that would by-pass a check: refused where orders leave, never obeyed to loosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.support import loaded
from trader.config.switches import drill_of, switch_problems, switches_set
from trader.core.halts import Mode

PRODUCTION = (Mode.PAPER, Mode.LIVE)
DRILLS = (Mode.DRY_RUN, Mode.SHADOW, Mode.DEMO)
NAMES = (
    "MARKETDATA_HEALTH_CHECK_DISABLED",
    "MARKETDATA_FORCE_STALE",
    "EXEC_RISK_BYPASS",
    "TRADER_RECONCILE_DISABLED",
    "risk_review_bypass",
)


def test_every_mode_is_either_one_of_drills_or_refuses() -> None:
    assert {*PRODUCTION, *DRILLS} == set(Mode)


@pytest.mark.parametrize("mode", PRODUCTION)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["1", "true", "no", "off", "x", " 1"])
def test_a_switch_is_refused_in_one_line_where_orders_leave(
    mode: Mode, name: str, value: str
) -> None:
    (line,) = switch_problems(mode, {name: value, "PATH": "/bin"})
    assert line.startswith(f"{name} is {value!r}, allowed in mode {mode} is 0, or not set")
    assert drill_of(mode, {name: value}).is_forced_stale is False


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("value", ["", "0", "false", "FALSE", " 0 "])
def test_a_switch_that_is_off_is_none(mode: Mode, value: str) -> None:
    environment = dict.fromkeys(NAMES, value)
    assert switch_problems(mode, environment) == ()
    assert drill_of(mode, environment) == drill_of(mode, {})


@pytest.mark.parametrize("mode", DRILLS)
def test_in_a_drill_only_what_is_stricter_is_obeyed_and_all_of_it_is_told(mode: Mode) -> None:
    environment = dict.fromkeys(NAMES, "1")
    assert switch_problems(mode, environment) == ()
    drill = drill_of(mode, environment)
    assert drill.names == tuple(sorted(NAMES))
    assert drill.is_forced_stale
    assert len(drill.warnings) == len(NAMES)
    for name, warning in zip(drill.names, drill.warnings, strict=True):
        assert warning.startswith(f"{name} is set")
    assert not drill_of(mode, {"MARKETDATA_HEALTH_CHECK_DISABLED": "1"}).is_forced_stale


def test_names_of_others_are_not_ours() -> None:
    others = {
        "OTEL_SDK_DISABLED": "1",
        "PROXY_BYPASS": "1",
        "EXEC_DISABLED_NOT": "1",
        "_BYPASS": "1",
    }
    assert switches_set(others) == ()


def test_a_switch_keeps_the_daemon_from_starting_and_not_what_stops_it(tmp_path: Path) -> None:
    # Sentinel and kill switch read the same settings: they get them.
    config = loaded(tmp_path, {"EXEC_RISK_BYPASS": "yes"})
    assert config.settings.mode is Mode.PAPER
    assert any("EXEC_RISK_BYPASS" in line for line in config.start_problems)
    dry = loaded(tmp_path, {"MARKETDATA_FORCE_STALE": "1", "EXEC_DRY_RUN": "1"})
    assert dry.start_problems == ()
    assert dry.drill.is_forced_stale
    assert any("MARKETDATA_FORCE_STALE" in line for line in dry.warnings)

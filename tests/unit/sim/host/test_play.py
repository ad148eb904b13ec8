"""A scenario is found by path or name, brings its settings, and starts at its moment."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.unit.sim.script.stages import EPOCH_S, memory_host
from trader.sim.clock import VirtualClock
from trader.sim.host import play
from trader.sim.script.loader import ScenarioError, load_text
from trader.sim.settings import Declared, Settings, SettingsError

HEAD = "name: t\nwhy: x\nsteps:\n- {end: true}\n"


def test_a_shipped_scenario_is_found_by_its_name() -> None:
    name = play.shipped()[0]
    assert play.find(name).name == name


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD, encoding="utf-8")
    assert play.find(str(path)).name == "t"


def test_a_missing_file_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="inc-001"):
        play.find(str(tmp_path / "none.yaml"))


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: t\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"mine\.yaml, line 1"):
        play.find(str(path))


def test_the_settings_of_a_scenario_win() -> None:
    scenario = load_text(
        "settings: {cash: 5, positions: {AAPL: 3}, ack_ms: [1, 2], read_only: true}\n" + HEAD
    )
    made = play.settings_for(scenario, Settings(account="A1", seed=1, cash=Decimal(9)))
    assert (made.cash, made.positions) == (Decimal(5), (("AAPL", Decimal(3)),))
    assert (made.ack_s, made.is_read_only) == ((0.001, 0.002), True)


def test_a_setting_out_of_range_is_refused() -> None:
    scenario = load_text("settings: {server_version: 12}\n" + HEAD)
    with pytest.raises(SettingsError, match="server-version"):
        play.settings_for(scenario, Settings(account="A1", seed=1))


def test_the_clock_goes_to_the_moment_of_the_start() -> None:
    clock = VirtualClock(EPOCH_S)
    play.set_time(load_text('start_at: "Sun 23:40 America/New_York"\n' + HEAD), clock)
    local = datetime.fromtimestamp(clock.time(), UTC).astimezone(ZoneInfo("America/New_York"))
    assert (local.strftime("%a %H:%M")) == "Sun 23:40"
    assert 0 < clock.time() - EPOCH_S < 7 * 86_400


def test_the_engine_stops_the_stage_at_the_end() -> None:
    host, stopped = memory_host(), [False]

    def stop() -> None:
        stopped[0] = True

    engine = play.begin(load_text(HEAD), play.stage_of(host, host.clock, stop))
    assert engine.is_ended
    assert stopped == [True]


KILL = "name: t\nwhy: x\nsteps:\n- {action: child-signal, with: {signal: KILL%s}}\n"
LOCK = "name: t\nwhy: x\nsteps:\n- {action: file-lock, with: {seconds: 1%s}}\n"
WAIT = "name: t\nwhy: x\nsteps:\n- {when: {child_state: ended%s}}\n"
BOT = {"children": (Declared("bot", ("true",)),), "lockables": (("db", Path("x.db")),)}


@pytest.mark.parametrize("text", [KILL, LOCK, WAIT])
def test_a_scenario_of_processes_needs_them_declared(text: str) -> None:
    settings = Settings(account="A1", seed=1)
    declared = replace(settings, **BOT)  # type: ignore[arg-type]
    option = "--lockable NAME=PATH" if text == LOCK else "--child NAME='COMMAND ...'"
    with pytest.raises(SettingsError, match=re.escape(f"not declared; allowed: with {option}")):
        play.check_processes(load_text(text % ""), settings, is_virtual=False)
    play.check_processes(load_text(text % ""), declared, is_virtual=False)
    field = "file" if text == LOCK else "child"
    other = load_text(text % f", {field}: other")
    with pytest.raises(SettingsError, match=f"acts on the {field} 'other', which is not declared"):
        play.check_processes(other, declared, is_virtual=False)
    with pytest.raises(SettingsError, match="or no --virtual"):
        play.check_processes(load_text(text % ""), declared, is_virtual=True)


def test_a_scenario_without_processes_needs_none() -> None:
    settings = Settings(account="A1", seed=1)
    for is_virtual in (True, False):
        play.check_processes(load_text(HEAD), settings, is_virtual=is_virtual)


def test_the_last_step_by_time_is_known_before_the_play() -> None:
    steps = "- {at: 30d}\n- {wait: {between: [1, 5]}}\n- {wait: 2s}\n- {at: 10s}\n"
    assert play.timed_s(load_text(f"name: t\nwhy: x\nsteps:\n{steps}")) == 30 * 86_400 + 7
    assert play.timed_s(load_text(HEAD)) == 0

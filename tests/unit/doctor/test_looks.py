"""What is gathered from a real disk and a real kernel."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.unit.commands.test_listing import journal
from tests.unit.config.support import write_files
from tests.unit.core.factories import an_error, an_intent, baselined, planned
from trader.config import Configuration, load
from trader.core import events as ev
from trader.core.ids import OrderId
from trader.doctor import looks
from trader.doctor.state import Held
from trader.ops.clock import SystemClock
from trader.ops.instance_lock import LIQUIDATOR, InstanceLock, journal_lock
from trader.ops.standing_order import StandingOrder, leave

CLOCK = SystemClock()


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return load(write_files(tmp_path), {})


def test_a_lock_is_seen_and_never_taken(tmp_path: Path) -> None:
    assert looks.held(tmp_path, tmp_path / "j.db") == Held()
    assert list(tmp_path.iterdir()) == [], "nothing is made to find out"
    lock = InstanceLock(tmp_path / "lock")
    lock.take(os.getpid())
    try:
        assert looks.held(tmp_path, tmp_path / "j.db") == Held(pid=os.getpid(), said=os.getpid())
    finally:
        lock.release()
    assert looks.held(tmp_path, tmp_path / "j.db") == Held(said=os.getpid())
    lock.take(os.getpid(), LIQUIDATOR)
    try:
        assert looks.held(tmp_path, tmp_path / "j.db").is_liquidator
    finally:
        lock.release()


def test_a_journal_that_another_state_writes_is_seen(tmp_path: Path) -> None:
    lock = journal_lock(tmp_path / "j.db")
    lock.take(os.getpid())
    try:
        assert looks.held(tmp_path / "other", tmp_path / "j.db").journal_pid == os.getpid()
    finally:
        lock.release()


def test_a_state_without_an_endpoint_has_no_status(tmp_path: Path) -> None:
    assert looks.status(tmp_path, CLOCK) == (None, "it has not said where it listens")


def test_a_trial_write_is_durable_and_gone_again(tmp_path: Path) -> None:
    found = looks.written(tmp_path, CLOCK)
    assert found.took_s is not None
    assert 0 <= found.took_s < 30
    assert found.free is not None
    assert 0 < found.free <= 1
    assert (found.problem, list(tmp_path.iterdir())) == ("", [])
    assert looks.written(tmp_path / "no", CLOCK).took_s is None


def test_a_state_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "Not a directory" in looks.written(file, CLOCK).problem


def test_modes_of_what_is_there_are_told(config: Configuration, tmp_path: Path) -> None:
    state = config.settings.state_dir
    state.mkdir(mode=0o700)
    (state / "control.token").write_text("x")
    (state / "control.token").chmod(0o644)
    rows, owner = looks.file_modes(config, tmp_path / "trader.yaml")
    assert owner == os.getuid()
    found = {Path(row.path).name: row for row in rows}
    assert (found["control.token"].is_secret, stat.S_IMODE(found["control.token"].mode)) == (
        True, 0o644,
    )  # fmt: skip
    assert found[state.name].is_folder
    assert "HALT" not in found, "what is not there has no mode"


def test_secrets_are_those_that_are_there(config: Configuration) -> None:
    assert looks.secrets_of(config) == []
    state = config.settings.state_dir
    state.mkdir()
    (state / "control.token").write_text("short")
    (secret,) = looks.secrets_of(config)
    assert secret.value is None, "no usable token is in it"


def test_a_standing_order_is_found(tmp_path: Path) -> None:
    assert looks.kill_standing(tmp_path) == (None, "")
    path = tmp_path / "standing_order.json"
    leave(path, StandingOrder(True, False, "Ada", "smoke", "2026-11-23T10:00:00Z"))
    words, problem = looks.kill_standing(tmp_path)
    assert (words is not None and "smoke" in words, problem) == (True, "")
    path.write_text("{}")
    assert looks.kill_standing(tmp_path)[1] != ""


def test_a_journal_is_read_and_a_broken_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert looks.glimpse(path, tmp_path).exists is False
    path.write_bytes(b"no journal at all" * 100)
    found = looks.glimpse(path, tmp_path)
    assert (found.exists, found.problem != "") == (True, True)


def test_a_large_journal_is_left_to_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    journal(path, baselined())
    monkeypatch.setattr(looks, "_JOURNAL_BYTES_MAX", 10)
    found = looks.glimpse(path, tmp_path)
    assert (found.event_count, found.problem) == (1, "")
    assert "too much" in found.left_out


def test_codes_of_presets_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert looks.presets_met(path) == ({}, 0)
    journal(
        path,
        baselined(),
        planned(an_intent(1), 1),
        ev.OrderSent(OrderId(1)),
        an_error(ev.Evidence.INFORMS, code=10349),
        an_error(ev.Evidence.INFORMS, code=10349),
        an_error(ev.Evidence.REJECTS_NEW, code=201),
    )
    assert looks.presets_met(path) == ({10349: 2}, 1)


def test_a_unit_is_asked_of_systemd_or_its_absence_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemctl"
    unit = tmp_path / "here.service"
    unit.write_text("[Unit]\n")
    program.write_text(f"#!/bin/sh\necho LoadState=loaded\necho FragmentPath={unit}\necho A=b=c\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = looks.unit_of("trader.service")
    assert found.shown == {"LoadState": "loaded", "FragmentPath": str(unit), "A": "b=c"}
    assert (found.installed, "WatchdogSec" in (found.shipped or "")) == ("[Unit]\n", True)
    program.write_text("#!/bin/sh\necho no bus >&2\nexit 1\n")
    assert looks.unit_of("trader.service").problem == "systemctl: no bus"
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert "no systemctl" in looks.unit_of("trader.service").problem

"""One round: its order, its deadlines, and what it leaves alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.config.support import write_files
from trader.config import Configuration, load
from trader.doctor import round as rounds
from trader.doctor.findings import Finding, Level, ok
from trader.doctor.round import NAMES, Round, Wanted, own_client_id
from trader.ops.clock import SystemClock
from trader.ops.instance_lock import InstanceLock

SETTINGS = ok("settings", "as given")


def closed_port() -> int:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return load(write_files(tmp_path, {"broker": {"port": closed_port()}}), {})


async def looked(
    config: Configuration, tmp_path: Path, *names: str
) -> tuple[Round, list[Sequence[Finding]]]:
    told: list[Sequence[Finding]] = []
    wanted = Wanted(config, tmp_path / "trader.yaml", own_client_id(config), names)
    one = Round(wanted, SystemClock(), told.append)
    await one.run(SETTINGS)
    return one, told


def by_name(one: Round) -> dict[str, Finding]:
    return {found.name: found for found in one.findings}


async def test_with_nothing_there_every_check_has_its_finding(
    config: Configuration, tmp_path: Path
) -> None:
    one, told = await looked(config, tmp_path)
    assert [found.name for found in one.findings] == list(NAMES)
    assert [found for batch in told for found in batch] == one.findings
    found = by_name(one)
    assert found["port"].level is Level.FAIL
    for name in ("zone", "client_id", "account", "read_only", "skew", "snapshot", "lines"):
        assert found[name].level is Level.UNKNOWN
    assert not one.is_stuck
    assert not config.settings.state_dir.exists(), "a look makes nothing"


@pytest.mark.parametrize("name", NAMES)
async def test_each_check_can_be_asked_for_alone(
    config: Configuration, tmp_path: Path, name: str
) -> None:
    one, _ = await looked(config, tmp_path, name)
    assert [found.name for found in one.findings] == [name]


async def test_a_look_that_hangs_is_left_and_the_others_go_on(
    config: Configuration, tmp_path: Path
) -> None:
    """A FIFO in the place of the lock: opening it waits for a writer that never comes."""
    state = config.settings.state_dir
    state.mkdir(mode=0o700)
    fifo = state / "lock"
    os.mkfifo(fifo, 0o600)
    try:
        one, _ = await looked(config, tmp_path, "daemon", "lock", "memory", "clock")
    finally:
        # The thread that waits is let go, so that the test's own loop can end.
        writer = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        fifo.unlink()
        os.close(writer)
    found = by_name(one)
    assert (found["daemon"].level, found["lock"].level) == (Level.UNKNOWN, Level.UNKNOWN)
    assert found["daemon"].seen == "no answer within 2.0 s"
    assert one.is_stuck
    assert {"memory", "clock"} <= set(found)


async def test_when_the_time_is_over_the_rest_is_unknown(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "TOTAL_S", 0.0)
    one, _ = await looked(config, tmp_path)
    assert set(by_name(one)) == set(NAMES)
    over = [found for found in one.findings if "s are over" in found.seen]
    assert len(over) >= 8
    assert {found.level for found in over} == {Level.UNKNOWN}
    assert by_name(one)["client_id"].level is Level.UNKNOWN, "nobody knows whether a daemon runs"


async def test_a_daemon_that_holds_the_lock_is_not_read_behind_its_back(
    config: Configuration, tmp_path: Path
) -> None:
    state = config.settings.state_dir
    state.mkdir(mode=0o700)
    (state / "journal.db").write_bytes(b"this would be told as a broken journal")
    lock = InstanceLock(state / "lock")
    lock.take(os.getpid())
    try:
        one, _ = await looked(config, tmp_path, "daemon", "journal", "presets", "lock")
    finally:
        lock.release()
    found = by_name(one)
    assert found["daemon"].level is Level.FAIL, "it holds the lock and answers nothing"
    assert found["journal"].level is Level.UNKNOWN
    assert "presets" not in found
    assert found["lock"].seen == f"held by process {os.getpid()}"


def test_the_doctors_id_is_nobody_elses(config: Configuration) -> None:
    assert own_client_id(config) not in (7, 1007, 1008)


def test_a_running_daemons_word_is_taken_for_its_journal() -> None:
    (journal,) = rounds._journal_of({"journal": {"failure": "", "durable_seq": 5}})
    assert (journal.level, "event 5" in journal.seen) == (Level.OK, True)
    (failed,) = rounds._journal_of({"journal": {"failure": "SQLITE_FULL"}})
    assert failed.level is Level.FAIL

"""A start waits for a liquidator as long as it works, and never for another daemon."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.unit.ops.test_fence import holder
from trader.ops.clock import SystemClock
from trader.ops.instance_lock import LIQUIDATOR, InstanceLock, LockTaken
from trader.ops.lock_wait import take_in_turn
from trader.ops.notify import Notifier


async def test_another_daemon_is_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    InstanceLock(path).take(4711)
    clock = SystemClock()
    began_s = clock.monotonic()
    with pytest.raises(LockTaken, match="another daemon, process 4711"):
        await take_in_turn(InstanceLock(path), 1, clock, Notifier({}))
    assert clock.monotonic() - began_s < 5


async def test_a_liquidator_is_waited_for_and_the_service_manager_hears_why(tmp_path: Path) -> None:
    path, ear = tmp_path / "lock", tmp_path / "ear"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(ear))
        sock.settimeout(5)
        holder = InstanceLock(path)
        holder.take(4711, LIQUIDATOR)
        waiting = asyncio.ensure_future(
            take_in_turn(
                InstanceLock(path), 1, SystemClock(), Notifier({"NOTIFY_SOCKET": str(ear)})
            )
        )
        await asyncio.sleep(0.6)
        assert not waiting.done(), "it must outwait what it grants to a daemon"
        assert sock.recv(300).startswith(b"STATUS=waiting: ")
        assert sock.recv(300) == b"EXTEND_TIMEOUT_USEC=30000000"
        holder.release()
        await asyncio.wait_for(waiting, 5)
    assert path.read_text() == "1\n"


async def test_who_has_not_yet_said_what_it_is_gets_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = InstanceLock(path)
    holder.take(4711)
    waiting = asyncio.ensure_future(
        take_in_turn(InstanceLock(path), 1, SystemClock(), Notifier({}))
    )
    await asyncio.sleep(0.1)
    path.write_text("4711 liquidator\n")
    await asyncio.sleep(0.6)
    assert not waiting.done()
    holder.release()
    await asyncio.wait_for(waiting, 5)


async def test_nobody_starts_beside_a_daemon_whose_lock_file_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as daemon:
        path.unlink()
        with pytest.raises(LockTaken, match=f"process {daemon.pid} works here"):
            await take_in_turn(InstanceLock(path), 1, SystemClock(), Notifier({}))
        assert daemon.poll() is None
    lock = InstanceLock(path)
    await take_in_turn(lock, 1, SystemClock(), Notifier({}))
    lock.release()

"""Each fact is looked at by itself, on real files, locks and sockets."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.ops.support import FakeClock
from tests.unit.ops.test_fence import holder
from trader.emergency.look import Looker
from trader.emergency.vital import Condition, Health, diagnose
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, write_endpoint
from trader.ops.heartbeat import Heartbeat, Phase
from trader.ops.instance_lock import LIQUIDATOR

ME = os.getpid()


@contextmanager
def answering(status: int, body: dict[str, object]) -> Iterator[int]:
    """Answer every question on a port with this."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.0 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(65536)
                    peer.sendall(head + content)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def listens(state: Path, pid: int, port: int) -> None:
    write_endpoint(
        state / ENDPOINT_FILE_NAME, Endpoint("127.0.0.1", port, state / "control.token", pid)
    )


def test_an_empty_state_has_no_facts(tmp_path: Path) -> None:
    facts = Looker(tmp_path, FakeClock()).look()
    assert (facts.holder, facts.beat, facts.is_beating) == (None, None, False)
    assert facts.health is Health.SILENT
    assert diagnose(facts).condition is Condition.ABSENT


def test_a_beat_counts_from_when_it_was_seen_to_change(tmp_path: Path) -> None:
    clock = FakeClock()
    heart = Heartbeat(tmp_path / "heartbeat", ME)
    heart.beat()
    looker = Looker(tmp_path, clock)
    # It may be from last week: it is no sign of life before a second one has come.
    assert not looker.look().is_beating
    heart.beat()
    assert looker.look().is_beating
    clock.now_s += 2.9
    assert looker.look().is_beating
    clock.now_s += 0.2
    assert not looker.look().is_beating
    (tmp_path / "heartbeat").write_text("torn")
    assert looker.look().beat == looker.beat
    heart.close()


@pytest.mark.parametrize(("status", "health"), [(200, Health.WELL), (503, Health.UNWELL)])
def test_the_control_port_is_asked_when_it_is_the_holders(
    tmp_path: Path, status: int, health: Health
) -> None:
    with holder(tmp_path / "lock") as daemon, answering(status, {"reasons": []}) as port:
        looker = Looker(tmp_path, FakeClock())
        listens(tmp_path, ME, port)
        assert looker.look().health is Health.SILENT
        listens(tmp_path, daemon.pid, port)
        facts = looker.look()
        assert facts.health is health
        assert facts.holder is not None
        assert facts.holder.pid == daemon.pid
        assert facts.process is not None
        assert diagnose(facts).condition is Condition.ODD


def test_a_liquidator_is_seen_as_one(tmp_path: Path) -> None:
    with holder(tmp_path / "lock", LIQUIDATOR):
        assert diagnose(Looker(tmp_path, FakeClock()).look()).condition is Condition.LIQUIDATING


def test_a_daemon_that_begins_is_starting_and_one_that_is_gone_is_dead(tmp_path: Path) -> None:
    looker = Looker(tmp_path, FakeClock())
    with holder(tmp_path / "lock") as daemon:
        assert diagnose(looker.look()).condition is Condition.STARTING
        heart = Heartbeat(tmp_path / "heartbeat", daemon.pid)
        heart.beat(Phase.STARTING)
        assert diagnose(looker.look()).condition is Condition.STARTING
    looker.look()
    assert diagnose(looker.look()).condition is Condition.DEAD
    heart.close()


def test_a_lock_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    facts = Looker(tmp_path, FakeClock()).look()
    assert "lock" in facts.holder_problem
    assert diagnose(facts).condition is Condition.UNPROVEN

"""A start without a broker ends by its deadline, halted, with a code of its own (RUN-05)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process.agreement import read_story
from tests.process.harness import until, world
from trader.engine.acts.drain import ExitCode
from trader.ops.heartbeat import HEARTBEAT_FILE_NAME

QUICK = {
    "broker.version_deadline_s": 1,
    "broker.start_deadline_s": 1,
    "broker.backoff_s_max": 1,
    "broker.page_after_s": 1,
    "broker.first_connect_deadline_s": 6,
}


@contextmanager
def mute_port() -> Iterator[int]:
    """Listen, take every connection, and never say a word (INC-010)."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def test_a_daemon_that_never_has_a_broker_ends_by_its_deadline_and_starts_as_it_was(
    tmp_path: Path,
) -> None:
    with (
        mute_port() as port,
        world(tmp_path, 1, changes={**QUICK, "broker.port": port}) as (simulator, daemon),
    ):
        daemon.start()
        causes = until("it is halted", daemon.causes)
        assert "link" in causes
        assert daemon.ended(30) == int(ExitCode.NO_BROKER) == 6
        heart = json.loads((daemon.state / HEARTBEAT_FILE_NAME).read_text())
        assert (heart["phase"], heart["exit_code"]) == ("ended", 6)
        assert "no link to the broker" in daemon.log.read_text(), "nobody was paged"
        story = read_story(daemon.journal)
        assert story.kinds["DaemonStopped"] == 1
        assert "invariant" not in story.book.halts
        daemon.start()
        assert "link" in until("it is halted again", daemon.causes)
        assert not simulator.frame_times()

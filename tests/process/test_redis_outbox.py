"""Goal: whoever follows the streams in Redis misses nothing, whatever happens to either side.

Method: a real redis-server that keeps what it was told in its log, and a daemon that trades. The
daemon is killed at seeded instants, the server is killed and comes back while orders flow. Every
event of the streams is there at least once, under its id, in order, with the journal's content;
nothing halts, and the files do not wait (EVT-14, EVT-30, EVT-32).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import Daemon, destroy, die_with_parent, until, world
from tests.process.test_outbox import STREAMS, asked, is_drained

PROGRAM = shutil.which("redis-server")
PASSWORD = "a horse and a battery"

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        PROGRAM is None and not os.environ.get("TRADER_CI"),
        reason="needs redis-server (Debian: redis-server)",
    ),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Redis:
    """A server of its own, whose log is on the disk before it answers.

    Left to itself it answers first whenever a sync of a second before is still under way.
    """

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        assert PROGRAM is not None, "redis-server is missing: .ci/run installs it"
        words = [
            PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--requirepass", PASSWORD,
        ]  # fmt: skip
        log = (self.folder / "redis.log").open("a")
        with log:
            self.process = subprocess.Popen(
                words,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        until("redis answers", lambda: "PONG" in self.ask("PING"))

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def ask(self, *words: str) -> str:
        """Ask as a person does, with the server's own client."""
        found = subprocess.run(
            ["redis-cli", "-p", str(self.port), "--no-auth-warning", "--json", *words],
            env={**os.environ, "REDISCLI_AUTH": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout

    def entries(self, stream: str) -> list[dict[str, str]]:
        rows = json.loads(self.ask("XRANGE", f"test:{stream}", "-", "+"))
        return [dict(zip(values[::2], values[1::2], strict=True)) for _, values in rows]


@contextmanager
def redis(folder: Path) -> Iterator[Redis]:
    made = Redis(folder, free_port())
    try:
        made.start()
        yield made
    finally:
        destroy(made.process)


def settings(tmp_path: Path, server: Redis) -> dict[str, Any]:
    secret = tmp_path / "redis.password"
    secret.write_text(f"{PASSWORD}\n")
    return {
        "outbox.redis": {
            "url": f"redis://127.0.0.1:{server.port}/0",
            "password_file": str(secret),
            "key_prefix": "test:",
        }
    }


def consumer(daemon: Daemon) -> dict[str, Any]:
    rows = until("a status", daemon.status)["outbox"]
    return next(row for row in rows if row["name"] == "redis")


def has_everything(daemon: Daemon) -> bool:
    row = consumer(daemon)
    return row["state"] == "running" and not any(one["pending"] for one in row["streams"])


def compare(daemon: Daemon, server: Redis) -> dict[str, int]:
    """Hold every entry against the journal; returns how many of each stream came twice."""
    twice = {}
    for stream in STREAMS:
        rows = asked(daemon, f"SELECT id, kind, payload FROM {stream} ORDER BY seq")  # noqa: S608
        entries = server.entries(stream)
        known = {name: (kind, payload) for name, kind, payload in rows}
        for entry in entries:
            assert known[entry["id"]] == (entry["kind"], entry["event"])
        firsts = list(dict.fromkeys(entry["id"] for entry in entries))
        assert firsts == list(known), stream
        twice[stream] = len(entries) - len(firsts)
    return twice


def test_kills_of_the_daemon_and_of_the_server_lose_no_event_and_keep_the_order(
    tmp_path: Path,
) -> None:
    chance = random.Random(20240645)
    with (
        redis(tmp_path / "redis") as server,
        world(tmp_path, 20240645, changes=settings(tmp_path, server)) as (_, daemon),
    ):
        daemon.start()
        daemon.await_armed()
        for _ in range(4):
            daemon.await_orders(3)
            # Not waiting for a condition but choosing the instants of the kills.
            time.sleep(chance.uniform(0.0, 0.7))
            server.kill()
            daemon.await_orders(2)
            assert until("a status", daemon.status)["posture"] == "armed"
            time.sleep(chance.uniform(0.0, 0.7))
            daemon.kill()
            server.start()
            daemon.start()
            daemon.await_armed()
        daemon.await_orders(3)
        daemon.halt()
        until("everything in redis", lambda: has_everything(daemon))
        until("everything in the files", lambda: is_drained(daemon))
        daemon.send(signal.SIGTERM)
        daemon.ended()
        twice = compare(daemon, server)
        cursors = asked(daemon, "SELECT consumer FROM consumer_cursors ORDER BY consumer")
        assert cursors == [("files",), ("redis",)]
        for path in (daemon.log, daemon.state / "last_status.json", daemon.state / "reach.json"):
            assert PASSWORD not in path.read_text()
        print(f"entries that came twice: {twice}")


def test_a_server_that_is_away_is_shown_pages_and_stops_neither_orders_nor_files(
    tmp_path: Path,
) -> None:
    with (
        redis(tmp_path / "redis") as server,
        world(tmp_path, 20240646, changes=settings(tmp_path, server)) as (_, daemon),
    ):
        server.kill()
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(5)
        until("it is shown", lambda: consumer(daemon)["state"] == "failing")
        assert f"redis 127.0.0.1:{server.port}" in consumer(daemon)["problem"]
        until("the files go on", lambda: is_drained(daemon))
        pages = daemon.state / "audit_logs" / "pages.jsonl"
        until(
            "somebody is called",
            lambda: pages.exists() and "outbox redis stands" in pages.read_text(),
            deadline_s=90,
        )
        # A busy machine may hold new risk back for a moment; this does not.
        daemon.await_armed()
        daemon.await_orders(1)
        daemon.halt()
        server.start()
        until("it catches up", lambda: has_everything(daemon), deadline_s=60)
        # Refusals go on being recorded; a stop hands on the last of them.
        daemon.send(signal.SIGTERM)
        daemon.ended()
        assert not any(compare(daemon, server).values())

"""Goal: whoever follows the streams outside misses nothing, whatever happens to the daemon.

Method: a daemon trades as fast as the pacing allows and is killed at seeded instants; it starts
again on the same state. Every line that it wrote outside is compared with the journal: none is
missing, a line that is there twice has the same id and content, and a reader that goes by the ids
comes to the same sums as the journal (EVT-23, EVT-30, EVT-32, EVT-33). Then the way outside is
blocked while orders flow: it is shown, nothing waits for it, and it catches up (EVT-14).
"""

from __future__ import annotations

import http.client
import json
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import Daemon, until, world

STREAMS = ("market_events", "order_intents", "exec_reports")
UNPROCESSED = "SELECT COUNT(*) FROM portfolio_events_outbox WHERE processed_at IS NULL"
KILLS = 8

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def asked(daemon: Daemon, sql: str) -> list[Any]:
    """Ask the journal as an outsider with a SQLite shell does."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(sql).fetchall()


def lines_of(daemon: Daemon, stream: str) -> list[dict[str, Any]]:
    """Return the lines of a stream; the last may be unfinished, where it is being written."""
    folder, found = daemon.state / "outbox", []
    for part in [*sorted(folder.glob(f"{stream}-*.jsonl")), folder / f"{stream}.jsonl"]:
        if part.exists():
            texts = part.read_text().split("\n")[:-1]
            found += [json.loads(text) for text in texts]
    return found


def is_drained(daemon: Daemon) -> bool:
    return bool(asked(daemon, UNPROCESSED) == [(0,)])


def compare(daemon: Daemon) -> Counter[str]:
    """Hold every line against the journal; returns how many of each stream came twice."""
    twice: Counter[str] = Counter()
    # In this order: a daemon that runs may hand on more meanwhile, and record more.
    (cursor,) = asked(daemon, "SELECT seq FROM consumer_cursors")[0]
    for stream in STREAMS:
        lines = lines_of(daemon, stream)
        rows = asked(daemon, f"SELECT id, seq, kind, payload FROM {stream} ORDER BY seq")  # noqa: S608
        known = {name: (kind, json.loads(payload)) for name, _, kind, payload in rows}
        for line in lines:
            assert known[line["id"]] == (line["kind"], line["event"]), line
        # In order, but for what came again after a kill, and without a gap.
        firsts = list(dict.fromkeys(line["id"] for line in lines))
        assert firsts == list(known)[: len(firsts)], stream
        assert len(firsts) >= sum(seq <= cursor for _, seq, _, _ in rows) > 0, stream
        twice[stream] = len(lines) - len(firsts)
    return twice


def streamed(daemon: Daemon) -> list[int]:
    """Return where the journal has the events of any stream."""
    rows = (asked(daemon, f"SELECT seq FROM {stream}") for stream in STREAMS)  # noqa: S608
    return [seq for found in rows for (seq,) in found]


def sums(executions: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in executions:
        sign = 1 if row["side"] == "BUY" else -1
        found[row["symbol"]] = found.get(row["symbol"], 0) + sign * float(row["quantity"])
    return found


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_daemon_that_is_killed_leaves_no_gap_and_repeats_only_the_same_ids(
    tmp_path: Path,
) -> None:
    seed = 20240641
    chance = random.Random(seed)
    with world(
        tmp_path, seed, changes={"outbox.rotate_bytes": 65_536, "outbox.kept_files": 1000}
    ) as (
        _,
        daemon,
    ):
        daemon.start()
        daemon.await_armed()
        for _ in range(KILLS):
            daemon.await_orders(3)
            # Not waiting for a condition but choosing the instant of the kill.
            time.sleep(chance.uniform(0.0, 0.7))
            daemon.kill()
            (cursor,) = asked(daemon, "SELECT seq FROM consumer_cursors")[0]
            last = max(line["seq"] for stream in STREAMS for line in lines_of(daemon, stream))
            # It may stand behind events of no stream, which are never in a file.
            told = max(seq for seq in streamed(daemon) if seq <= cursor)
            assert told <= last, "the cursor was ahead of what is in the files"
            daemon.start()
            daemon.await_armed()
        daemon.await_orders(5)
        daemon.halt()
        until("everything handed on", lambda: is_drained(daemon))
        daemon.kill()
        twice = compare(daemon)
        firsts = {line["id"]: line for line in lines_of(daemon, "exec_reports")}
        fills = [
            row["event"]["execution"] for row in firsts.values() if row["kind"] == "ExecutionSeen"
        ]
        payloads = asked(daemon, "SELECT payload FROM events WHERE kind = 'ExecutionSeen'")
        assert sums(fills) == sums([json.loads(text)["execution"] for (text,) in payloads])
        ids = [fill for (fill,) in asked(daemon, "SELECT exchange_fill_id FROM fills")]
        assert len(ids) == len(set(ids)) > KILLS
        print(f"{KILLS} kills, {len(ids)} fills, lines that came twice: {dict(twice)}")


def test_a_fill_is_processed_within_a_second_and_each_stream_is_measured(tmp_path: Path) -> None:
    """EVT-23's own check, and a scrape after a run."""
    with world(tmp_path, 20240642) as (_, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(20)
        daemon.halt()
        until("everything handed on", lambda: is_drained(daemon))
        rows = asked(
            daemon,
            "SELECT created_at, processed_at FROM portfolio_events_outbox "
            "WHERE kind = 'ExecutionSeen'",
        )
        waits = sorted(seconds(done) - seconds(made) for made, done in rows)
        assert len(waits) > 10
        print(
            f"{len(waits)} fills, processed after {waits[len(waits) // 2]:.3f} s in the median, "
            f"{waits[-1]:.3f} s at most"
        )
        assert waits[-1] < 1.0
        series = scraped(daemon)
        for stream in STREAMS:
            labels = f'{{consumer="files",stream="{stream}"}}'
            assert series[f"trader_stream_taken_total{labels}"] > 0
            assert series[f"trader_stream_errors_total{labels}"] == 0
            assert 0 <= series[f"trader_stream_pending{labels}"] < 100
            assert 0 <= series[f"trader_stream_lag_seconds{labels}"] < 1
        compare(daemon)


def scraped(daemon: Daemon) -> dict[str, float]:
    endpoint = until("the control port", daemon.endpoint)
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=10)
    with closing(connection):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+\{.*?\}) (\S+)$", text, re.M)}


def test_a_way_outside_that_is_blocked_stops_no_order_and_catches_up(tmp_path: Path) -> None:
    """EVT-14."""
    with world(tmp_path, 20240643) as (_, daemon):
        daemon.state.mkdir(parents=True)
        blocked = daemon.state / "outbox"
        blocked.write_text("not a folder")
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(10)

        def row() -> dict[str, Any]:
            found: dict[str, Any] = until("a status", daemon.status)["outbox"][0]
            return found

        until("it is shown", lambda: row()["state"] == "failing")
        assert "outbox" in row()["problem"]
        assert asked(daemon, UNPROCESSED)[0][0] > 20
        assert until("a status", daemon.status)["posture"] == "armed"
        blocked.unlink()
        until("it goes on", lambda: row()["state"] == "running" and row()["problem"] == "")
        daemon.halt()
        until("everything handed on", lambda: is_drained(daemon))
        assert not any(compare(daemon).values())


def test_an_orderly_stop_leaves_nothing_behind_that_was_recorded(tmp_path: Path) -> None:
    """What the last half second brought is handed on before the process ends."""
    with world(tmp_path, 20240644) as (_, daemon):
        for _ in range(3):
            daemon.start()
            daemon.await_armed()
            daemon.await_orders(4)
            daemon.send(signal.SIGTERM)
            assert daemon.ended() in (0, 3)
            assert is_drained(daemon)
            assert not any(compare(daemon).values())

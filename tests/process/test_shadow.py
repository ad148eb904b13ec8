"""Goal: strategies of a shadow trade on the real ticks, and nothing of it is real.

Method: a daemon in mode shadow, and one that trades with a shadow beside it, both against the
simulator, which writes down each frame. Decisions and fills of the shadow are in its file and its
status; the simulator has no order of it, the journal no event, and the real book agrees (EVT-20).
Over two processes of such a daemon, one killed, the two are judged (VAL-31).
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import Daemon, environment, until, world

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def decided(daemon: Daemon) -> list[dict[str, Any]]:
    folder = daemon.state / "shadow"
    parts = [*sorted(folder.glob("decisions-*.jsonl")), folder / "decisions.jsonl"]
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def shadow_of(daemon: Daemon) -> dict[str, Any] | None:
    status = daemon.status()
    return None if status is None else status["shadow"]


def fills_of(daemon: Daemon) -> int:
    shadow = shadow_of(daemon) or {"decisions": []}
    return int(dict(shadow["decisions"]).get("fill", 0))


def journalled(daemon: Daemon) -> str:
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        return "\n".join(payload for (payload,) in db.execute("SELECT payload FROM events"))


def test_in_mode_shadow_strategies_go_on_as_if_and_the_broker_hears_of_no_order(
    tmp_path: Path,
) -> None:
    seed = 20240645
    with world(tmp_path, seed, changes={"mode": "shadow"}) as (simulator, daemon):
        daemon.start()
        until("a control port", daemon.status)
        until("a baseline", lambda: daemon.verb("baseline").is_done)
        until("a resume", lambda: daemon.verb("resume").is_done)
        until("fills of the shadow", lambda: fills_of(daemon) >= 5)
        shadow = shadow_of(daemon)
        assert shadow is not None
        assert not shadow["is_beside"]
        assert shadow["problem"] == ""
        status = daemon.status()
        assert status is not None
        assert status["positions"] == []
        assert status["tally"]["orders_sent"] == 0
        daemon.send(signal.SIGTERM)
        assert daemon.ended() == 0
        rows = decided(daemon)
        assert rows[0]["kind"] == "begin"
        assert sum(row["kind"] == "fill" for row in rows) >= 5
        # A position that was bought here was sold here: the strategies went on.
        assert {row["side"] for row in rows if row["kind"] == "fill"} == {"BUY", "SELL"}
        assert simulator.frame_times() == []
        assert "shadow-" not in journalled(daemon)


def test_a_shadow_beside_real_strategies_touches_nothing_of_theirs(tmp_path: Path) -> None:
    seed = 20240646
    with world(tmp_path, seed, changes={"shadow.beside": True}) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(10)
        until("fills of the shadow", lambda: fills_of(daemon) >= 5)
        shadow = shadow_of(daemon)
        assert shadow is not None
        assert shadow["is_beside"]
        daemon.send(signal.SIGTERM)
        daemon.ended()
        journal = journalled(daemon)
        assert "shadow-" not in journal
        assert "SHADOW" not in journal
        truth = simulator.truth()
        assert len(truth["place_frames"]) >= 10
        assert "shadow-" not in json.dumps(truth)
        named = [row["intent_id"] for row in decided(daemon) if "intent_id" in row]
        assert {name.split("-")[0] for name in named} == {"shadow"}
        done = subprocess.run(
            [sys.executable, "-m", "trader", "shadow", "diff", daemon.journal,
             daemon.state / "shadow", "--json"],
            capture_output=True, text=True, check=False, env=environment(),
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        found = json.loads(done.stdout)
        assert len(found["pairs"]) >= 5
        assert found["pairs"][0]["a"]["strategy"] == found["pairs"][0]["b"]["strategy"]


def parity_of(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trader", "shadow", "parity", "--state", daemon.state, *words],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip


def test_a_killed_daemon_and_the_next_one_are_judged_against_their_shadows(tmp_path: Path) -> None:
    seed = 20261123
    with world(tmp_path, seed, changes={"shadow.beside": True}) as (_, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(10)
        until("fills of the shadow", lambda: fills_of(daemon) >= 5)
        # It runs: what it has written so far can be judged as well.
        running = parity_of(daemon, "--json", "--no-report")
        assert running.returncode in (0, 1), running.stderr
        daemon.kill()
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(5)
        until("fills of the next shadow", lambda: fills_of(daemon) >= 3)
        daemon.send(signal.SIGTERM)
        daemon.ended()
        done = parity_of(daemon, "--json")
        assert done.returncode in (0, 1), done.stderr
        found = json.loads(done.stdout)
        assert len(found["compared"]) == 2, "the second shadow began anew"
        assert {row["evidence"] for row in found["compared"]} == {"simulator"}
        assert found["total"]["pairs"] >= 10
        assert found["total"]["fills_a"] >= 8
        assert found["total"]["by_field"].keys() <= set(_TERMS)
        counts = found["total"]
        listed = [row["kind"] for row in found["findings"]]
        assert listed.count("only_a") == counts["only_a"]
        assert listed.count("only_b") == counts["only_b"]
        report = daemon.state / "reports" / "parity" / "shadow_latest.json"
        assert json.loads(report.read_text()) == found
        assert found["evidence"] == "simulator"
        paper = parity_of(daemon, "--evidence", "paper")
        assert paper.returncode == 2
        assert "it is evidence about simulator, asked for is paper" in paper.stderr


_TERMS = (
    "quantity", "order_type", "time_in_force", "limit_price", "stop_price", "take_profit_price",
    "stop_loss_price", "verdict", "code",
)  # fmt: skip

"""``trader doctor`` against a real simulator: each thing that breaks a set-up is found by name."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import ROOT, Daemon, Simulator, environment, world

pytestmark = pytest.mark.process
Findings = dict[str, dict[str, Any]]
GATEWAY = (
    "port", "zone", "client_id", "account", "upstream", "read_only", "skew", "snapshot", "lines",
)  # fmt: skip
# Four instruments, so that the quotes take one breath.
TOTAL_S = 20.0


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Simulator, Daemon]]:
    options = getattr(request, "param", ())
    with world(tmp_path, 11, options=options) as (simulator, daemon):
        daemon.write_config()
        yield simulator, daemon


def doctor(daemon: Daemon, *names: str, assignments: tuple[str, ...] = ()) -> tuple[int, Findings]:
    words = [word for name in names for word in ("--only", name)]
    words += [word for one in assignments for word in ("--set", one)]
    begun_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "trader", "doctor", "--json", "--config", daemon.config, *words],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment(), timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    # Its own bound, and what a busy machine takes to load it.
    assert time.monotonic() - begun_s < TOTAL_S + 15
    body = json.loads(done.stdout)
    return done.returncode, {row["name"]: row for row in body["findings"]}


def levels(found: Findings) -> dict[str, str]:
    return {name: row["level"] for name, row in found.items()}


def test_a_well_gateway_is_ok_and_gets_no_order(pair: tuple[Simulator, Daemon]) -> None:
    simulator, daemon = pair
    code, found = doctor(daemon, *GATEWAY)
    assert levels(found) == dict.fromkeys(GATEWAY, "ok")
    assert code == 0
    assert simulator.truth()["place_frames"] == []
    assert not daemon.state.exists(), "a look makes no state"


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        ("silence", "port", "no version within"),
        ("eof", "port", "closed at once"),
        ("reset", "port", "closed at once"),
        ("no-accounts", "client_id", "no accounts and next order id"),
    ],
)
def test_a_greeting_that_fails_is_told_by_its_kind(
    pair: tuple[Simulator, Daemon], kind: str, name: str, word: str
) -> None:
    simulator, daemon = pair
    simulator.tell("/handshake", kind=kind, count=None)
    code, found = doctor(daemon, *GATEWAY)
    assert (code, found[name]["level"]) == (1, "fail")
    assert word in found[name]["seen"]
    assert found["account"]["level"] == "unknown", "what could not be looked at is never ok"


def test_a_client_id_of_somebody_else_is_found_and_the_rest_is_looked_at(
    pair: tuple[Simulator, Daemon],
) -> None:
    simulator, daemon = pair
    simulator.tell("/client-id-busy", client_id=7, seconds=300)
    code, found = doctor(daemon, *GATEWAY)
    assert (code, found["client_id"]["level"]) == (1, "fail")
    assert "326" in found["client_id"]["seen"]
    assert found["account"]["level"] == found["read_only"]["level"] == "ok"


def test_another_account_behind_the_gateway_is_found(
    pair: tuple[Simulator, Daemon],
) -> None:
    _, daemon = pair
    _, found = doctor(daemon, "account", assignments=("mode=dry_run", "account=DU7654321"))
    assert found["account"]["level"] == "fail"
    assert "DU7654321 is configured" in found["account"]["seen"]


@pytest.mark.parametrize("pair", [("--read-only",)], indirect=True)
def test_a_read_only_api_is_found_without_an_order(pair: tuple[Simulator, Daemon]) -> None:
    simulator, daemon = pair
    _, found = doctor(daemon, "read_only", "snapshot")
    assert levels(found) == {"read_only": "fail", "snapshot": "fail"}
    assert simulator.truth()["place_frames"] == []


def test_the_gateways_faults_are_each_found(pair: tuple[Simulator, Daemon]) -> None:
    simulator, daemon = pair
    simulator.tell("/permission", symbol="AAPL", data="none")
    simulator.tell("/missing-end", end="positions")
    simulator.tell("/upstream", up=False)
    _, found = doctor(daemon, "upstream", "snapshot", "read_only", "lines", "zone",
                      assignments=("broker.zone=Asia/Kolkata",))  # fmt: skip
    assert levels(found) == {
        "zone": "warn", "upstream": "fail", "read_only": "ok", "snapshot": "fail", "lines": "fail",
    }  # fmt: skip
    assert "positions" in found["snapshot"]["seen"]
    assert "354" in found["lines"]["seen"]


def test_with_no_gateway_at_all(pair: tuple[Simulator, Daemon]) -> None:
    simulator, daemon = pair
    simulator.stop(signal.SIGTERM)
    code, found = doctor(daemon)
    assert (code, found["port"]["level"]) == (1, "fail")
    assert "nothing listens" in found["port"]["seen"]


def test_another_program_on_the_port_is_no_gateway(pair: tuple[Simulator, Daemon]) -> None:
    simulator, daemon = pair
    _, found = doctor(daemon, "port", assignments=(f"broker.port={simulator.control_port}",))
    assert "is no TWS" in found["port"]["seen"]


def test_a_peer_that_takes_nothing_is_given_up_in_time(pair: tuple[Simulator, Daemon]) -> None:
    _, daemon = pair
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        _, found = doctor(daemon, "port", assignments=(f"broker.port={port}",))
    assert found["port"]["level"] == "fail"


def test_a_running_daemon_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    frames = tmp_path / "frames.txt"
    with world(tmp_path, 11, options=("--transcript", str(frames))) as (_, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(3)
        before = daemon.status()
        code, found = doctor(daemon)
        after = daemon.await_armed()
        daemon.await_orders(3)
    assert found["daemon"]["level"] == "ok", found["daemon"]
    assert "armed" in found["daemon"]["seen"]
    assert "not tried" in found["client_id"]["seen"]
    assert "the daemon writes it" in found["journal"]["seen"]
    assert "presets" not in found, "its journal is not read beside it"
    gateway = {name: found[name]["level"] for name in GATEWAY if name != "lines"}
    assert gateway == dict.fromkeys(gateway, "ok")
    assert before is not None
    assert after["link"]["connect_count"] == before["link"]["connect_count"]
    assert code == 1, "no time service or unit is on a test machine"
    said = frames.read_text().splitlines()
    # startApi (71) of the daemon once, and of the doctor under its own id; no line of quotes (1).
    assert len([line for line in said if "> 71|2|7|" in line]) == 1
    (own,) = (line for line in said if "> 71|2|" in line and "> 71|2|7|" not in line)
    connection = own.split()[1]
    asked = {line.split("> ")[1].split("|")[0] for line in said if f" {connection} > " in line}
    assert not asked & {"1", "3", "4"}, "neither quotes nor orders nor cancels"
    assert asked >= {"49", "61", "16"}

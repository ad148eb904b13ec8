"""Clients join in memory: the same session as over TCP, and the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sim.host.test_server import make
from tests.unit.sim.support import EPOCH_S, place_fields, split, write_prices
from trader.sim.host.memory import MemoryHost
from trader.sim.host.pipe import MemoryPeer
from trader.sim.wire.frames import encode

ROOT = Path(__file__).resolve().parents[4]


def started(directory: Path, seed: int = 1) -> MemoryHost:
    host = MemoryHost(make(write_prices(directory), seed=seed), epoch_s=EPOCH_S)
    host.start()
    return host


def joined(host: MemoryHost, client_id: int = 7) -> MemoryPeer:
    peer = host.connect()
    peer.send(b"API\0" + len(b"v157..178").to_bytes(4, "big") + b"v157..178")
    peer.send(encode(71, 2, client_id, ""))
    return peer


def test_a_client_trades_and_leaves(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    host.clock.advance(0.1)
    assert [fields[0] for fields in split(peer.receive())][:3] == ["178", "15", "9"]
    peer.send(encode(*place_fields(1)))
    host.clock.advance(1.0)
    kinds = [fields[0] for fields in split(peer.receive())]
    assert {"5", "3", "11", "59"} <= set(kinds)
    peer.close()
    host.clock.advance(0.0)
    assert (host.links, host.gateway.clients) == ({}, {})
    host.stop()


def test_nobody_joins_while_it_is_down(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    host.go_down("rst")
    assert not peer.is_open
    with pytest.raises(ConnectionRefusedError):
        host.connect()
    host.clock.advance(0.0)
    host.come_up()
    assert joined(host).is_open


def test_a_muted_simulator_reads_later_what_was_sent_meanwhile(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    host.clock.advance(0.1)
    peer.receive()
    host.mute(True)
    peer.send(encode(49, 1))
    host.clock.advance(5.0)
    assert peer.receive() == b""
    host.mute(False)
    assert [fields[0] for fields in split(peer.receive())] == ["49"]


def transcript(directory: Path, seed: int) -> str:
    """Return the digest of everything two trading clients were sent."""
    host = started(directory, seed)
    peers = [joined(host, client_id) for client_id in (1, 2)]
    digest = hashlib.sha256()
    for order_id in range(1, 20):
        for peer in peers:
            peer.send(encode(*place_fields(order_id, ref=f"r{order_id}")))
        host.clock.advance(0.05)
        for peer in peers:
            digest.update(peer.receive())
    host.stop()
    return digest.hexdigest()


def test_two_processes_give_the_same_bytes_for_a_seed_and_others_for_another(
    tmp_path: Path,
) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from tests.unit.sim.host.test_memory import transcript;"
        "print(transcript(Path(sys.argv[1]), int(sys.argv[2])))"
    )

    def elsewhere(seed: int, hash_seed: str) -> str:
        command = [sys.executable, "-c", code, str(tmp_path), str(seed)]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert elsewhere(5, "1") == elsewhere(5, "2")
    assert elsewhere(5, "1") != elsewhere(6, "1")

"""Goal: nothing that a client sends can stop the simulator, slow it for ever, or fill its memory.

Method: clients of several versions send wounded frames in memory under virtual time, each joins
again when its connection has ended, and between them a sane client must be answered at once.
FUZZ_FRAMES sets the number of frames (1,000,000 for a soak), FUZZ_SEED the seed; both are printed.
"""

from __future__ import annotations

import logging
import os
import random
import resource
import time
from pathlib import Path

import pytest

from tests.simulator.fuzz import chunks, random_frame
from tests.unit.sim.host.test_server import make
from tests.unit.sim.support import EPOCH_S, split, write_prices
from trader.sim.host.memory import MemoryHost
from trader.sim.host.pipe import MemoryPeer
from trader.sim.wire.frames import encode

FRAMES = int(os.environ.get("FUZZ_FRAMES", "6000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261121"))
VERSIONS = (157, 163, 170, 176, 178, 193, 200)
# Far above what any frame here costs, far below a hang.
FRAME_S_MAX = 5.0
GROWTH_KIB_MAX = 200 * 1024
LEAVES = 0.005


class Attacker:
    """A client that sends what it should not, and joins again when it is thrown out."""

    def __init__(self, host: MemoryHost, rng: random.Random, number: int) -> None:
        self._host, self._rng, self._number = host, rng, number
        self._version = VERSIONS[number % len(VERSIONS)]
        self.joins = 0
        self._peer = self._join()

    def _join(self) -> MemoryPeer:
        self.joins += 1
        self._host.clock.advance(0.0)
        peer = self._host.connect()
        text = f"v100..{self._version}".encode()
        peer.send(b"API\0" + len(text).to_bytes(4, "big") + text)
        peer.send(encode(71, 2, 100 + self._number, ""))
        return peer

    def act(self) -> None:
        """Send one frame, cut anywhere; now and then leave, for a wrong length waits for ever."""
        if self._rng.random() < LEAVES:
            self._peer.close()
        if not self._peer.is_open:
            self._peer = self._join()
        for piece in chunks(self._rng, random_frame(self._rng, self._version)):
            self._peer.send(piece)
        self._peer.receive()


def answers(peer: MemoryPeer) -> bool:
    """Return whether the sane client is told the time."""
    peer.receive()
    peer.send(encode(49, 1))
    return "49" in {fields[0] for fields in split(peer.receive())}


def memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.timeout(60 + FRAMES // 500)
def test_no_frame_stops_the_simulator_or_fills_its_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    print(f"FUZZ_FRAMES={FRAMES} FUZZ_SEED={SEED}")
    # A line for each bad frame would fill the memory of the test, not of the simulator.
    caplog.set_level(logging.CRITICAL, "trader.sim")
    rng = random.Random(SEED)
    host = MemoryHost(make(write_prices(tmp_path), seed=SEED, rate_limit=None), epoch_s=EPOCH_S)
    host.start()
    sane = host.connect()
    sane.send(b"API\0" + len(b"v157..178").to_bytes(4, "big") + b"v157..178")
    sane.send(encode(71, 2, 1, ""))
    attackers = [Attacker(host, rng, number) for number in range(8)]
    settled_kib = 0
    for number in range(FRAMES):
        began = time.monotonic()
        rng.choice(attackers).act()
        if number % 20 == 0:
            host.clock.advance(rng.uniform(0.0, 0.2))
        assert time.monotonic() - began < FRAME_S_MAX, f"frame {number} took too long"
        if number % 500 == 0:
            assert answers(sane), f"the sane client is not answered after frame {number}"
        if number == FRAMES // 4:
            settled_kib = memory_kib()
    assert memory_kib() - settled_kib < GROWTH_KIB_MAX
    assert answers(sane)
    assert sum(attacker.joins for attacker in attackers) > len(attackers)
    host.stop()

"""A connection ends in every way it can, and touches no other."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.unit.sim.host.test_memory import joined, started
from tests.unit.sim.host.test_server import make
from tests.unit.sim.support import EPOCH_S, place_fields, split, write_prices
from trader.sim.host.memory import MemoryHost
from trader.sim.host.store import Store
from trader.sim.wire.frames import encode


def test_a_bad_frame_ends_its_own_connection_with_a_reason_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = started(tmp_path)
    good, bad = joined(host, 1), joined(host, 2)
    host.clock.advance(0.1)
    good.receive()
    with caplog.at_level(logging.INFO, "trader.sim"):
        bad.send(b"\x7f\x00\x00\x00")
        host.clock.advance(0.0)
    assert not bad.is_open
    assert "client 2 ended: malformed data: frame of 2130706432 bytes" in caplog.text
    good.send(encode(49, 1))
    assert "49" in {fields[0] for fields in split(good.receive())}


def test_what_a_client_sends_after_its_end_is_not_read(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    host.drop_links("fin")
    before = host.gateway.frames_in
    peer.send(encode(49, 1))
    assert host.gateway.frames_in == before


def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    (link,) = host.links
    link.pause_writing()
    big = encode(4, 2, -1, 1, "x" * 1_000_000, "")
    for _ in range(40):
        link.session.outlet.push(4, big)
        host.clock.advance(0.01)
    assert not peer.is_open


def test_a_client_for_whom_too_much_is_held_back_is_cut_off_with_a_reason_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = started(tmp_path)
    peer = joined(host)
    (link,) = host.links
    host.faults.held_messages.add(4)
    big = encode(4, 2, -1, 1, "x" * 1_000_000, "")
    with caplog.at_level(logging.INFO, "trader.sim"):
        for _ in range(40):
            link.session.outlet.push(4, big)
        host.clock.advance(0.01)
    assert not peer.is_open
    assert "ended: too much is held back: 34 frames" in caplog.text


def test_nothing_is_told_that_is_not_put_down(tmp_path: Path) -> None:
    """Goal: whoever was told something finds it again after a kill at that very instant."""
    path = tmp_path / "state.db"
    host = MemoryHost(make(write_prices(tmp_path), state=path), epoch_s=EPOCH_S)
    host.start()
    peer = joined(host)
    host.clock.advance(0.1)
    peer.receive()
    told: list[int] = []
    for order_id in range(1, 6):
        peer.send(encode(*place_fields(order_id)))
        while (str(order_id), "11") not in {(f[2], f[0]) for f in split(peer.receive())}:
            assert host.clock.step()
        # Here the process ends; what another reads is what was on the disk.
        store = Store(path)
        told.append(order_id)
        assert [order.order_id for order in store.orders()] == told
        assert {item.order_id for item in store.executions_since(0.0)} == set(told)
        store.close()

"""A client of the same process: kept or handed on, paused or gone."""

from __future__ import annotations

from pathlib import Path

from tests.unit.sim.host.test_memory import started
from tests.unit.sim.support import split
from trader.sim.script.client_frames import hello, start_api
from trader.sim.wire.frames import encode


def test_what_comes_can_be_handed_on_in_place_of_being_kept(tmp_path: Path) -> None:
    host, heard = started(tmp_path), bytearray()
    peer = host.join(heard.extend)
    peer.send(hello() + start_api(3))
    host.clock.advance(0.1)
    assert [fields[0] for fields in split(bytes(heard))][:3] == ["178", "15", "9"]
    assert peer.receive() == b""


def test_nothing_is_taken_or_given_after_the_end(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = host.join()
    peer.send(hello() + start_api(3))
    peer.close()
    peer.close()
    peer.send(encode(49, 1))
    before = peer.receive()
    host.clock.advance(5.0)
    assert (peer.is_open, peer.receive(), len(host.links)) == (False, b"", 0)
    assert b"49" not in [fields[0].encode() for fields in split(before)]

"""Links are cut, frozen, slowed and refused as told; what is told wrong changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.script.inputs import InputError


def codes(wire: Wire) -> list[str]:
    return [f[3] for f in wire.frames(4)]


def test_one_client_is_frozen_and_what_it_sent_is_read_later() -> None:
    host = memory_host()
    one, other = Wire(host, 7), Wire(host, 8)
    assert act_on(host, "freeze", client_id=7, on=True) == {"connections": 1}
    for wire in (one, other):
        wire.send(49, 1)
    assert (one.ids(), other.ids()) == ([], [49])
    act_on(host, "freeze", client_id=7, on=False)
    assert one.ids() == [49]


def test_a_drop_may_come_later_and_for_one_client() -> None:
    host = memory_host()
    one, other = Wire(host, 7), Wire(host, 8)
    act_on(host, "drop", how="rst", client_id=7, after_ms=500)
    one.wait(0.4)
    assert one.peer.is_open
    one.wait(0.2)
    assert (one.peer.is_open, other.peer.is_open) == (False, True)


def test_bytes_are_written_in_drops_until_told_otherwise() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "slow", write_bytes=3, write_pause_ms=100)
    wire.send(49, 1)
    assert len(wire.raw()) == 3
    wire.wait(0.15)
    assert len(wire.raw()) == 3
    act_on(host, "slow")
    wire.wait(1)
    assert wire.raw()


def test_reading_takes_pauses() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "slow", read_pause_ms=1000)
    wire.send(49, 1)
    wire.send(49, 1)
    assert wire.ids() == [49]
    wire.wait(1.1)
    assert wire.ids() == [49]


def test_a_bad_length_is_sent_as_it_is() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "bad-length", length=5, client_id=7)
    assert wire.raw() == b"\0\0\0\x05"


def test_the_link_says_what_it_is_told_and_how_often() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "upstream", up=False, repeat=3, every_s=4)
    assert codes(wire) == ["1100"]
    wire.wait(4)
    assert codes(wire) == ["1100"]
    act_on(host, "upstream", up=True)
    wire.wait(60)
    assert codes(wire) == ["1102"]
    act_on(host, "upstream", up=False, code=2110)
    assert codes(wire) == ["2110"]
    act_on(host, "upstream", up=True, announce=False)
    assert codes(wire) == []


@pytest.mark.parametrize(
    ("replay", "ids"),
    [
        (None, {3, 5, 11, 59, 61}),
        (["executions"], {11}),
        (["orders", "commissions"], {3, 5, 59}),
        (["none"], set()),
    ],
)
def test_what_a_cut_link_held_back_may_be_lost(replay: list[str] | None, ids: set[int]) -> None:
    host = memory_host(fill_s=(0.2, 0.2))
    wire = Wire(host)
    wire.send(61, 1)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(0.01)
    wire.frames()
    act_on(host, "upstream", up=False)
    wire.wait(5)
    assert codes(wire) == ["1100"]
    act_on(host, "upstream", up=True, **({} if replay is None else {"replay": replay}))
    wire.wait(1)
    assert {i for i in wire.ids() if i != 4} == ids
    assert len(host.exchange.executions) == 1


def test_client_ids_are_refused_as_long_as_told() -> None:
    host = memory_host()
    act_on(host, "client-id-busy", client_id=7, tries=1)
    assert [Wire(host, 7).peer.is_open for _ in range(2)] == [False, True]
    act_on(host, "client-id-busy", client_id=8, seconds=5)
    assert not Wire(host, 8).peer.is_open
    host.clock.advance(6)
    assert Wire(host, 8).peer.is_open
    act_on(host, "client-id-busy", client_id=9, until_restart=True)
    assert not Wire(host, 9).peer.is_open
    act_on(host, "handshake-clear")
    assert Wire(host, 9).peer.is_open


def test_new_connections_are_refused_while_old_ones_go_on() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "listen", on=False)
    with pytest.raises(ConnectionRefusedError):
        host.connect()
    wire.send(49, 1)
    assert wire.ids() == [49]
    act_on(host, "listen", on=True)
    host.clock.advance(0)
    assert Wire(host, 8).peer.is_open


def test_the_greeting_may_name_any_version() -> None:
    host = memory_host()
    act_on(host, "handshake", kind="version", value="163")
    wire = Wire(host, greet=False)
    wire.hello()
    assert wire.frames()[0][0] == "163"


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("client-id-busy", {"client_id": 7}, "seconds"),
        ("handshake", {"kind": "version", "value": "new"}, "value"),
        ("handshake", {"kind": "zone"}, "value"),
        ("handshake", {"kind": "slow"}, "kind"),
        ("upstream", {"up": False, "code": 1101}, "code"),
        ("upstream", {"up": True, "replay": ["ticks"]}, "replay"),
        ("slow", {"write_bytes": 0}, "write_bytes"),
        ("bad-length", {"length": 2**32}, "length"),
        ("freeze", {"client_id": 7}, "on"),
    ],
)
def test_a_wrong_input_is_named(name: str, body: dict[str, Any], field: str) -> None:
    host = memory_host()
    with pytest.raises(InputError) as caught:
        act_on(host, name, **body)
    assert caught.value.field == field
    assert not host.faults.is_upstream_down
    assert host.faults.handshakes.faults == []

"""The gateway restarts, logs out and loses its link by hand and by the clock of a zone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.script.inputs import InputError

# The tests' clock stands at 14:40 UTC, 09:40 in New York.
TO_NOON_S = 2 * 3600 + 20 * 60


def test_a_restart_ends_connections_and_keeps_orders() -> None:
    host = memory_host()
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(0.1)
    act_on(host, "restart", down_s=10, how="rst", next_order_id={"7": 1})
    assert not wire.peer.is_open
    with pytest.raises(InputError, match="one restart"):
        act_on(host, "restart", down_s=10)
    host.clock.advance(11)
    again = Wire(host, greet=False)
    again.hello()
    again.send(71, 2, 7, "")
    assert [f[1:3] for f in again.frames(9)] == [["1", "1"]]
    assert len(host.exchange.working()) == 1


def test_a_daily_restart_comes_at_its_hour_for_so_many_days() -> None:
    host = memory_host(tick_interval_s=60.0)
    found = act_on(host, "restart-daily", at="12:00 America/New_York", down_s=60, days=2)
    assert found["in_s"] == TO_NOON_S
    seen = []
    for seconds in (TO_NOON_S - 1, 2, 60, 86_400 - 60, 60, 86_400):
        host.clock.advance(seconds)
        seen.append(host.is_listening)
    assert seen == [True, False, True, False, True, True]


def test_a_logout_waits_for_the_operator() -> None:
    host = memory_host(tick_interval_s=60.0)
    with pytest.raises(InputError, match="waits for its operator"):
        act_on(host, "login")
    assert act_on(host, "logout", at="12:00 America/New_York")["in_s"] == TO_NOON_S
    host.clock.advance(TO_NOON_S + 1)
    assert not host.is_listening
    host.clock.advance(86_400)
    assert not host.is_listening
    act_on(host, "login")
    assert Wire(host).peer.is_open


def test_an_outage_ends_by_itself() -> None:
    host = memory_host()
    wire = Wire(host)
    act_on(host, "outage", seconds=60, repeat_s=20, data_lost=True)
    wire.wait(70)
    assert [f[3] for f in wire.frames(4)] == ["1100", "1100", "1100", "1101"]
    assert not host.faults.is_upstream_down


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("restart", {"down_s": -1}, "down_s"),
        ("restart-daily", {"at": "noon"}, "at"),
        ("logout", {"at": "noon"}, "at"),
        ("outage", {"seconds": 5, "at": "noon"}, "at"),
        ("outage", {}, "seconds"),
        ("shutdown", {"now": True}, "now"),
    ],
)
def test_a_wrong_input_is_named_and_changes_nothing(
    name: str, body: dict[str, Any], field: str
) -> None:
    host = memory_host()
    with pytest.raises(InputError) as caught:
        act_on(host, name, **body)
    assert caught.value.field == field
    assert host.is_listening
    assert not host.faults.is_upstream_down

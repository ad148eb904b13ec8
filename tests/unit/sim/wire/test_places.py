"""Names of messages and fields stand for the numbers and places the wire has them at."""

from __future__ import annotations

from tests.unit.sim.script.stages import Wire, memory_host
from tests.unit.sim.support import place_fields
from trader.sim.wire.places import INBOUND, field_names, outbound, places


def test_names_and_numbers_are_one_to_one() -> None:
    assert len(set(INBOUND.values())) == len(INBOUND)
    assert len(set(outbound().values())) == len(outbound())


def test_the_places_are_those_of_real_frames() -> None:
    host = memory_host()
    wire = Wire(host)
    wire.send(61, 1)
    wire.send(*place_fields(41, quantity=10, ref="mine"))
    wire.wait(1)
    frames = {int(f[0]): f for f in wire.frames()}
    (order,) = host.exchange.orders.values()
    perm_id = str(order.perm_id)
    expected = {
        3: {"orderId": "41", "status": "Filled", "permId": perm_id, "clientId": "7"},
        5: {"orderId": "41", "symbol": "AAPL", "action": "BUY", "orderType": "MKT",
            "orderRef": "mine", "clientId": "7", "permId": perm_id},
        11: {"orderId": "41", "symbol": "AAPL", "side": "BOT", "permId": perm_id,
             "orderRef": "mine", "clientId": "7"},
        61: {"symbol": "AAPL", "position": "10"},
        59: {"currency": "USD"},
    }  # fmt: skip
    for message_id, values in expected.items():
        at = places(message_id, 178)
        for name, text in values.items():
            assert frames[message_id][at[name]] == text, (message_id, name)


def test_a_message_without_named_fields_has_no_places() -> None:
    assert places(102, 178) == {}
    assert places(250, 178) == {}
    assert "permId" in field_names()

"""What a session does with orders."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import Bench, place_fields
from trader.sim.model.orders import Terms


def test_open_orders_are_a_client_s_own_and_all_orders_are_everybody_s() -> None:
    bench = Bench()
    first, second = bench.client(7), bench.client(8)
    first.send(*place_fields(1, kind="LMT", limit=50))
    first.frames()
    second.send(5, 1)
    assert second.frames() == [["53", "1"]]
    second.send(16, 1)
    order, status, end = second.frames()
    assert (order[0], order[24], status[0], end) == ("5", "7", "3", ["53", "1"])
    first.send(5, 1)
    assert first.ids() == [5, 3, 53]


def test_a_read_only_api_lists_no_orders() -> None:
    bench = Bench()
    bench.gateway.is_read_only = True
    peer = bench.client()
    peer.send(5, 1)
    (fields,) = peer.frames()
    assert fields[3] == "321"
    assert "Read-Only" in fields[4]


def test_completed_orders_end_with_102() -> None:
    peer = Bench().client()
    peer.send(*place_fields(1, ref="done"))
    peer.send(*place_fields(2, kind="LMT", limit=50))
    peer.frames()
    peer.send(99, 0)
    done, end = peer.frames()
    assert (done[0], done[22], end) == ("101", "done", ["102"])


def test_what_was_entered_by_hand_is_left_out_for_who_wants_api_orders_only() -> None:
    bench = Bench()
    peer = bench.client()
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    bench.gateway.order_by_hand(item, Terms("BUY", Decimal(1), "MKT"))
    peer.send(*place_fields(1, ref="api"))
    peer.frames()
    found = []
    for is_api_only in (0, 1):
        peer.send(99, is_api_only)
        found.append([fields[22] for fields in peer.frames() if fields[0] == "101"])
    assert found == [["", "api"], ["api"]]


def test_executions_come_first_then_commissions_then_the_end() -> None:
    bench = Bench()
    peer = bench.client()
    for number in (1, 2):
        peer.send(*place_fields(number, quantity=1))
    peer.frames()
    peer.send(7, 3, 44, 0, "", "", "", "", "", "")
    frames = peer.frames()
    assert [fields[0] for fields in frames] == ["11", "11", "59", "59", "55"]
    assert {fields[1] for fields in frames if fields[0] == "11"} == {"44"}
    peer.send(7, 3, 45, 99, "", "", "", "", "", "")
    assert peer.frames() == [["55", "1", "45"]]


def test_a_resting_order_is_cancelled_with_202() -> None:
    peer = Bench().client()
    peer.send(*place_fields(1, kind="LMT", limit=50))
    assert peer.ids()[:4] == [5, 3, 5, 3]
    peer.send(4, 1, 1, "")
    status, error = peer.frames()
    assert status[:3] == ["3", "1", "Cancelled"]
    assert error == ["4", "2", "1", "202", "Order Canceled - reason:", ""]


def test_a_what_if_order_is_answered_once_and_not_placed() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(*place_fields(9, what_if=1))
    (fields,) = peer.frames()
    assert fields[0] == "5"
    assert float(fields[fields.index("PreSubmitted") + 4]) > 0
    assert not bench.exchange.orders
    assert bench.gateway.next_order_id(7) == 1
    peer.send(*place_fields(9, what_if=1, symbol="NONE"))
    assert peer.frames()[0][2:4] == ["9", "200"]


def test_a_trailing_order_shows_its_stop_from_the_first_message_on() -> None:
    bench = Bench()
    bench.pin("AAPL", "100")
    peer = bench.client()
    peer.send(*place_fields(1, kind="TRAIL", action="SELL", stop="1.50"))
    first = next(fields for fields in peer.frames() if fields[0] == "5")
    # The stop stands in the block of trailing terms, and again in that of adjusted ones.
    assert first.count("98.5") == 2

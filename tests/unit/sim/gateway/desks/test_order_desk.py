"""What a session does with orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.support import Bench, contract, place_fields
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


@pytest.mark.parametrize("exchange", ["ARCA", "NYSE", "ISLAND", "IEX"])
def test_a_directed_order_is_shown_and_filled_where_it_was_sent(exchange: str) -> None:
    bench = Bench(cash=Decimal(10**8))
    peer = bench.client()
    # Far more than the first level, so that several levels of the book are taken.
    peer.send(*place_fields(1, quantity=6000, exchange=exchange))
    peer.send(*place_fields(2, quantity=100, exchange=exchange, kind="LMT", limit=50))
    bench.clock.advance(1)
    frames = peer.frames()
    shown = {fields[9] for fields in frames if fields[0] == "5"}
    fills = [fields for fields in frames if fields[0] == "11"]
    assert shown == {exchange}
    assert sum(Decimal(fields[19]) for fields in fills) == 6000
    assert len({fields[20] for fields in fills}) > 1
    assert {(fields[10], fields[17]) for fields in fills} == {(exchange, exchange)}
    peer.send(99, 0)
    assert {fields[8] for fields in peer.frames() if fields[0] == "101"} == {exchange}


def test_a_smart_order_is_shown_as_such_and_filled_at_several_venues() -> None:
    bench = Bench(cash=Decimal(10**8))
    peer = bench.client()
    peer.send(*place_fields(1, quantity=9000))
    bench.clock.advance(1)
    frames = peer.frames()
    assert {fields[9] for fields in frames if fields[0] == "5"} == {"SMART"}
    venues = {fields[17] for fields in frames if fields[0] == "11"}
    assert len(venues) > 1
    assert "SMART" not in venues


def test_an_exchange_where_it_does_not_trade_is_no_definition_for_orders_and_data() -> None:
    peer = Bench().client()
    # An index's exchange, a foreign one, one that there is not, by symbol and by id.
    for number, exchange in enumerate(("IDEALPRO", "IBIS", "NOWHERE"), 1):
        peer.send(*place_fields(number, exchange=exchange))
        peer.send(1, 11, 10 + number, *contract("AAPL", 265598, exchange), 0, "", 0, 0, "")
        errors = [fields[2:4] for fields in peer.frames()]
        assert errors == [[str(number), "200"], [str(10 + number), "200"]]


def test_a_change_keeps_the_exchange_and_another_is_not_the_same_order() -> None:
    bench = Bench()
    peer = bench.client()
    resting: dict[str, Any] = {"quantity": 10, "kind": "LMT", "exchange": "ISLAND"}
    peer.send(*place_fields(1, limit=50, **resting))
    peer.frames()
    peer.send(*place_fields(1, limit=51, **{**resting, "exchange": "ARCA"}))
    assert [fields[2:4] for fields in peer.frames()] == [["1", "105"]]
    # The old and the new name of one exchange are the same.
    peer.send(*place_fields(1, limit=52, **{**resting, "exchange": "NASDAQ"}))
    shown = [fields for fields in peer.frames() if fields[0] == "5"]
    assert {(fields[9], fields[16]) for fields in shown} == {("NASDAQ", "52.0")}

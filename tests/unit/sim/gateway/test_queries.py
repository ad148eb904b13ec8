"""Questions are answered with their rows and their own end marker."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import Bench, contract, place_fields


def test_contract_details_end_with_52_and_an_unknown_one_is_200() -> None:
    peer = Bench().client()
    peer.send(9, 8, 5, *contract(), 0, "", "", "")
    details, end = peer.frames()
    assert (details[0], details[2], end) == ("10", "AAPL", ["52", "1", "5"])
    peer.send(9, 8, 6, *contract("NONE"), 0, "", "", "")
    assert [fields[2:4] for fields in peer.frames()] == [["6", "200"]]


def test_positions_are_the_ones_that_are_not_flat_and_then_live() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(*place_fields(1, quantity=10))
    peer.frames()
    peer.send(61, 1)
    position, end = peer.frames()
    assert (position[4], position[14], end) == ("AAPL", "10", ["62", "1"])
    peer.send(*place_fields(2, quantity=10, action="SELL"))
    live = [fields[14] for fields in peer.frames() if fields[0] == "61"]
    assert live[-1] == "0"
    peer.send(61, 1)
    assert peer.frames() == [["62", "1"]]
    peer.send(64, 1)
    peer.send(*place_fields(3, quantity=10))
    assert 61 not in peer.ids()


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


def test_history_is_served_or_refused_with_162() -> None:
    peer = Bench().client()
    tail = (0, "", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    peer.send(20, 5, *contract(), *tail)
    (fields,) = peer.frames()
    assert fields[:2] == ["17", "5"]
    assert len(fields) == 5 + 8 * int(fields[4])
    peer.send(20, 6, *contract(), 0, "", "7 mins", "2 D", 1, "TRADES", 1, 0, "")
    peer.send(20, 7, *contract(), 0, "soon", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    assert [fields[2:4] for fields in peer.frames()] == [["6", "162"], ["7", "162"]]
    peer.send(25, 1, 5)
    assert "query cancelled: 5" in peer.frames()[0][4]


def test_intraday_history_has_epochs_on_request_and_no_volume_for_midpoints() -> None:
    bench = Bench()
    bench.clock.advance(4000)
    peer = bench.client()
    peer.frames()
    peer.send(20, 5, *contract(), 0, "", "1 min", "600 S", 1, "MIDPOINT", 2, 0, "")
    (fields,) = peer.frames()
    assert fields[5].isdigit()
    assert fields[10:13] == ["-1", "-1", "-1"]


def test_market_data_of_an_unknown_contract_is_200_and_an_unknown_cancel_300() -> None:
    peer = Bench().client()
    peer.send(1, 11, 5, *contract("NONE"), 0, "", 0, 0, "")
    peer.send(2, 2, 9)
    peer.send(59, 1, 3)
    assert [fields[2:4] for fields in peer.frames()] == [["5", "200"], ["9", "300"]]


def test_the_hundred_and_first_line_is_refused() -> None:
    peer = Bench().client()
    for number in range(101):
        peer.send(1, 11, number, *contract(), 0, "", 0, 0, "")
    assert peer.frames()[-1][2:4] == ["100", "101"]


def test_symbols_and_market_rules_are_found() -> None:
    peer = Bench().client()
    peer.send(81, 5, "A")
    (fields,) = peer.frames()
    assert fields[:5] == ["79", "5", "1", "265598", "AAPL"]
    peer.send(91, 26)
    assert peer.frames() == [["93", "26", "1", "0", "0.01"]]
    peer.send(91, 3)
    assert peer.frames()[0][3] == "321"


def test_positions_multi_end_with_72() -> None:
    bench = Bench()
    entry = bench.account.position(bench.market.catalogue.all()[0])
    entry.quantity, entry.average_cost = Decimal(3), Decimal(10)
    peer = bench.client()
    peer.send(74, 1, 5, "", "")
    position, end = peer.frames()
    assert (position[0], len(position), end) == ("71", 18, ["72", "1", "5"])

"""Account values come when asked for, when something changed, and every 180 s."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import ACCOUNT, Bench, place_fields


def test_account_updates_end_with_54_and_go_on_by_the_clock() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(6, 2, 1, ACCOUNT)
    frames = peer.frames()
    assert frames[-1] == ["54", "1", ACCOUNT]
    assert frames[-2][0] == "8"
    assert {fields[0] for fields in frames[:-2]} == {"6"}
    bench.clock.advance(179)
    assert [i for i in peer.ids() if i != 4] == []
    bench.clock.advance(2)
    assert peer.ids()[-1] == 8
    peer.send(6, 2, 0, ACCOUNT)
    bench.clock.advance(400)
    assert peer.ids() == []


def test_a_fill_sends_the_portfolio_row_and_the_new_cash_once() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(6, 2, 1, "")
    for number in (1, 2, 3):
        peer.send(*place_fields(number, quantity=10))
    peer.frames()
    bench.clock.advance(0.3)
    frames = [fields for fields in peer.frames() if fields[0] != "4"]
    assert [fields[0] for fields in frames].count("8") == 1
    (row,) = [fields for fields in frames if fields[0] == "7"]
    assert (row[3], row[13]) == ("AAPL", "30")
    cash = next(f for f in frames if f[2] == "TotalCashValue")
    assert float(cash[3]) == round(float(bench.account.cash), 2)


def test_updates_stop_with_the_session() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(6, 2, 1, "")
    peer.send(62, 1, 5, "All", "NetLiquidation")
    peer.frames()
    peer.session.leave()
    bench.clock.advance(1000)
    assert [i for i in peer.ids() if i != 4] == []


def test_the_summary_has_the_tags_asked_for_until_cancelled() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(62, 1, 5, "All", "NetLiquidation,TotalCashValue")
    frames = peer.frames()
    assert [fields[4] for fields in frames[:-1]] == ["NetLiquidation", "TotalCashValue"]
    assert frames[-1] == ["64", "1", "5"]
    bench.account.move("USD", Decimal(5))
    bench.clock.advance(181)
    assert [i for i in peer.ids() if i != 4] == [63, 63]
    bench.clock.advance(181)
    assert peer.ids() == []
    peer.send(63, 1, 5)
    bench.clock.advance(400)
    assert peer.ids() == []


def test_multi_account_updates_end_with_74() -> None:
    peer = Bench().client()
    peer.send(76, 1, 5, ACCOUNT, "", 0)
    frames = peer.frames()
    assert {fields[0] for fields in frames[:-1]} == {"73"}
    assert frames[-1] == ["74", "1", "5"]
    assert {len(fields) for fields in frames[:-1]} == {8}


def test_profit_and_loss_follow_a_fill() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(92, 5, ACCOUNT, "")
    assert peer.frames() == [["94", "5", "0.0", "0.0", "0.0"]]
    peer.send(*place_fields(1, quantity=10))
    peer.send(94, 6, ACCOUNT, "", 265598)
    peer.frames()
    bench.clock.advance(0.3)
    rows = [fields for fields in peer.frames() if fields[0] in ("94", "95")]
    assert [fields[0] for fields in rows] == ["94", "95"]
    assert rows[1][2] == "10"
    peer.send(93, 5)
    peer.send(95, 6)
    peer.send(*place_fields(2, quantity=10))
    peer.frames()
    bench.clock.advance(0.3)
    assert [i for i in peer.ids() if i in (94, 95)] == []


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


def test_positions_multi_end_with_72() -> None:
    bench = Bench()
    entry = bench.account.position(bench.market.catalogue.all()[0])
    entry.quantity, entry.average_cost = Decimal(3), Decimal(10)
    peer = bench.client()
    peer.send(74, 1, 5, "", "")
    position, end = peer.frames()
    assert (position[0], len(position), end) == ("71", 18, ["72", "1", "5"])

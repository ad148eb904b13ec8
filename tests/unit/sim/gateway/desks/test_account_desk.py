"""Account values come when asked for, when something changed, and every 180 s."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.script.stages import Wire, memory_host
from tests.unit.sim.support import ACCOUNT, Bench, place_fields
from trader.sim.broker.money.money import UNSET
from trader.sim.host.memory import MemoryHost
from trader.sim.model.instruments import ContractQuery
from trader.sim.model.orders import Side


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


# -- several accounts, limits and switches -------------------------------------------------------


def two_accounts() -> tuple[MemoryHost, Wire]:
    host = memory_host(more_accounts=("DUSIM0002",))
    return host, Wire(host)


def test_all_accounts_are_managed_and_an_unknown_one_is_refused() -> None:
    _, wire = two_accounts()
    wire.send(17, 1)
    assert wire.frames(15) == [["15", "1", "DUSIM0001,DUSIM0002"]]
    wire.send(6, 2, 1, "DUX")
    wire.send(76, 1, 5, "DUX", "", 0)
    assert [frame[2:4] for frame in wire.frames(4)] == [["-1", "321"], ["5", "321"]]
    assert wire.frames(6, 54, 73, 74) == []


def test_updates_are_of_one_account_and_another_replaces_them() -> None:
    host, wire = two_accounts()
    wire.send(6, 2, 1, "DUSIM0002")
    frames = wire.frames(6, 54)
    assert {frame[5] for frame in frames[:-1]} == {"DUSIM0002"}
    assert frames[-1] == ["54", "1", "DUSIM0002"]
    wire.send(6, 2, 1, "DUSIM0001")
    assert wire.frames(4)[0][3] == "2100"
    host.exchange.bank.deposit("DUSIM0002", "USD", Decimal(1))
    wire.wait(1)
    assert wire.frames(6) == []
    host.exchange.bank.deposit("DUSIM0001", "USD", Decimal(1))
    wire.wait(1)
    changed = wire.frames(6)
    assert {frame[5] for frame in changed} == {"DUSIM0001"}
    assert ["6", "2", "CashBalance", "1000001.00", "USD", "DUSIM0001"] in changed


def test_only_values_that_changed_are_sent_again() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(6, 2, 1, ACCOUNT)
    first = [frame for frame in peer.frames() if frame[0] == "6"]
    bench.clock.advance(180)
    assert [frame[0] for frame in peer.frames() if frame[0] != "4"] == ["8"]
    bench.account.move("USD", Decimal(7))
    bench.clock.advance(180)
    again = [frame for frame in peer.frames() if frame[0] == "6"]
    assert 0 < len(again) < len(first) / 2
    assert "CashBalance" in {frame[2] for frame in again}
    assert "AccountCode" not in {frame[2] for frame in again}


def test_a_summary_has_every_account_of_the_group_all() -> None:
    _, wire = two_accounts()
    wire.send(62, 1, 5, "All", "NetLiquidation,$LEDGER:ALL")
    frames = wire.frames(63, 64)
    assert frames[-1] == ["64", "1", "5"]
    assert [f[3] for f in frames[:-1] if f[4] == "NetLiquidation"] == ["DUSIM0001", "DUSIM0002"]
    assert {f[6] for f in frames[:-1] if f[4] == "CashBalance"} == {"BASE", "USD"}


def test_a_third_summary_is_refused_with_322_until_one_is_cancelled() -> None:
    peer = Bench().client()
    for request_id in (1, 2, 3):
        peer.send(62, 1, request_id, "All", "NetLiquidation")
    frames = [frame for frame in peer.frames() if frame[0] in ("4", "64")]
    assert [frame[2:4] for frame in frames if frame[0] == "4"] == [["3", "322"]]
    peer.send(63, 1, 1)
    peer.send(62, 1, 3, "All", "NetLiquidation")
    assert peer.ids() == [63, 64]


def test_an_unknown_tag_or_group_is_refused_with_321() -> None:
    peer = Bench().client()
    peer.send(62, 1, 1, "All", "NetLiquidation,Wealth")
    peer.send(62, 1, 2, "Friends", "NetLiquidation")
    peer.send(62, 1, 3, "All", "")
    frames = peer.frames()
    assert [frame[2:4] for frame in frames] == [["1", "321"], ["2", "321"], ["3", "321"]]
    assert "Wealth" in frames[0][4]


def test_one_cancel_can_stop_every_summary() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(62, 1, 1, "All", "NetLiquidation")
    peer.send(62, 1, 2, "All", "NetLiquidation")
    bench.faults.account.cancel_stops_all = True
    peer.send(63, 1, 1)
    peer.frames()
    bench.account.move("USD", Decimal(1))
    bench.clock.advance(200)
    assert 63 not in peer.ids()


def test_end_markers_can_be_missing_one_by_one() -> None:
    bench = Bench()
    bench.faults.account.missing_ends.update(dict.fromkeys((54, 62, 64, 72, 74)))
    peer = bench.client()
    for fields in ((6, 2, 1, ""), (61, 1), (62, 1, 5, "All", "SMA"), (74, 1, 6, "", ""),
                   (76, 1, 7, "", "", 0)):  # fmt: skip
        peer.send(*fields)
    assert not {54, 62, 64, 72, 74} & set(peer.ids())


def test_portfolio_rows_can_be_unset_or_missing() -> None:
    bench = Bench()
    bench.account.apply(
        bench.market.catalogue.all()[0], Side.BUY, Decimal(1), Decimal(9), Decimal(0)
    )
    bench.faults.account.portfolio_is_unset = True
    peer = bench.client()
    peer.send(6, 2, 1, "")
    (row,) = [frame for frame in peer.frames() if frame[0] == "7"]
    assert row[13:17] == ["1", UNSET, UNSET, UNSET]
    bench.faults.account.portfolio_is_missing = True
    peer.send(6, 2, 1, "")
    ids = peer.ids()
    assert 7 not in ids
    assert 54 in ids


def test_a_portfolio_row_of_a_derivative_has_its_multiplier_in_value_and_cost() -> None:
    host = memory_host()
    item = host.market.catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT"))[0]
    host.exchange.bank.endow("", item, Decimal(2))
    wire = Wire(host)
    wire.send(6, 2, 1, "")
    (row,) = wire.frames(7)
    price, value, cost = Decimal(row[14]), Decimal(row[15]), Decimal(row[16])
    assert row[3:5] == [item.symbol, item.sec_type]
    assert abs(value - 2 * price * item.multiplier) <= Decimal("0.01")
    assert abs(cost * 2 - value) <= Decimal("0.01")
    assert item.multiplier == 100


def test_multi_values_go_on_until_cancelled_and_may_be_the_ledger_only() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(76, 1, 5, ACCOUNT, "", 1)
    keys = {frame[5] for frame in peer.frames() if frame[0] == "73"}
    assert "NetLiquidation" in keys
    assert "BuyingPower" not in keys
    bench.exchange.bank.deposit("", "USD", Decimal(3))
    bench.clock.advance(1)
    assert ["73", "1", "5", ACCOUNT, "", "CashBalance", "1000003.00", "USD"] in peer.frames()
    peer.send(77, 1, 5)
    bench.exchange.bank.deposit("", "USD", Decimal(3))
    bench.clock.advance(200)
    assert 73 not in peer.ids()

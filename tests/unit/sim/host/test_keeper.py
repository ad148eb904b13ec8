"""What was told survives a kill, and what is old leaves the memory and is found all the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.support import ACCOUNT, Bench, at_wall, place_fields, request
from trader.sim.host import keeper as module
from trader.sim.host.keeper import Keeper
from trader.sim.host.store import StateError, saved_seed
from trader.sim.model.orders import Status

RESTING: dict[str, Any] = {"order_type": "LMT", "limit_price": Decimal(50)}


def kept(bench: Bench, path: Path | None) -> Keeper:
    keeper = Keeper(path, bench.gateway)
    bench.gateway.on_change = keeper.mark
    return keeper


def lived(path: Path) -> Bench:
    """Trade a little; then the process ends without a goodbye."""
    bench = Bench()
    keeper = kept(bench, path)
    bench.clock.advance(100)
    bench.gateway.place(7, request(1, order_ref="filled"))
    bench.gateway.place(7, request(2, order_ref="resting", **RESTING))
    bench.clock.advance(1)
    keeper.settle()
    return bench


def test_everything_comes_back_after_a_kill(tmp_path: Path) -> None:
    before = lived(tmp_path / "state.db")
    after = Bench()
    assert kept(after, tmp_path / "state.db").restore()
    assert after.exchange.orders == before.exchange.orders
    assert after.exchange.executions == before.exchange.executions
    assert after.account.cash == before.account.cash
    assert after.account.positions == before.account.positions
    assert after.exchange.bank.reserved(ACCOUNT) == before.exchange.bank.reserved(ACCOUNT)
    assert after.gateway.next_order_id(7) == 3
    assert after.exchange.next_perm_id() > max(before.exchange.orders)


def test_a_directed_order_keeps_its_exchange_over_a_kill(tmp_path: Path) -> None:
    before = Bench()
    keeper = kept(before, tmp_path / "state.db")
    peer = before.client()
    peer.send(*place_fields(1, kind="LMT", limit=50, exchange="ARCA"))
    keeper.settle()
    after = Bench()
    assert kept(after, tmp_path / "state.db").restore()
    (order,) = after.exchange.working()
    assert order.route == "ARCA"
    after.pin("AAPL", "49")
    after.clock.advance(1)
    assert {item.exchange for item in after.exchange.executions} == {"ARCA"}


def test_what_is_kept_back_is_kept_over_a_kill(tmp_path: Path) -> None:
    before = Bench()
    keeper = kept(before, tmp_path / "state.db")
    before.gateway.place(7, request(1, transmit=False, **RESTING))
    before.gateway.place(7, request(2, transmit=False, parent_id=1, action="SELL", **RESTING))
    before.gateway.place(7, request(3, transmit=False, **RESTING))
    before.gateway.cancel(7, 3)
    keeper.settle()
    after = Bench()
    assert kept(after, tmp_path / "state.db").restore()
    peer = after.client(7)
    after.clock.advance(10)
    # Neither the broker nor its truth has heard of them.
    assert after.exchange.working() == []
    assert list(after.exchange.register.everything()) == []
    assert [fields for fields in peer.frames() if fields[0] != "4"] == []
    refusal = after.gateway.cancel(7, 3)
    assert refusal is not None
    assert refusal.code == 10148
    after.gateway.place(7, request(4, parent_id=1, action="SELL", **RESTING))
    assert [order.order_id for order in after.exchange.working()] == [1, 2, 4]


def test_a_change_that_waits_for_the_open_waits_over_a_kill(tmp_path: Path) -> None:
    before = Bench(always_open=False)
    keeper = kept(before, tmp_path / "state.db")
    before.gateway.place(7, request(1, **RESTING))
    before.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(60)))
    keeper.settle()
    after = Bench(always_open=False)
    assert kept(after, tmp_path / "state.db").restore()
    (order,) = after.exchange.working()
    assert order.limit_price == 50
    after.clock.advance(3 * 86_400)
    assert order.limit_price == 60


def test_a_change_whose_opening_was_slept_through_is_made_at_the_start(tmp_path: Path) -> None:
    before = Bench(always_open=False)
    keeper = kept(before, tmp_path / "state.db")
    high: dict[str, Any] = {"order_type": "LMT", "tif": "GTC", "limit_price": Decimal(900)}
    before.gateway.place(7, request(1, **high))
    before.gateway.place(7, request(1, **(high | {"limit_price": Decimal(50)})))
    keeper.settle()
    after = at_wall(Bench(always_open=False), "2026-11-23T15:00:00")
    assert kept(after, tmp_path / "state.db").restore()
    after.clock.advance(10)
    # With its old limit it would have traded.
    (order,) = after.exchange.working()
    assert (order.limit_price, str(order.status)) == (Decimal(50), "Submitted")
    assert order.filled == 0


def test_a_restored_order_is_live(tmp_path: Path) -> None:
    lived(tmp_path / "state.db")
    after = Bench()
    kept(after, tmp_path / "state.db").restore()
    peer = after.client(7)
    assert after.gateway.cancel(7, 2) is None
    assert peer.frames()[-1][3] == "202"
    after.gateway.place(7, request(3, **RESTING))
    after.pin("AAPL", "40.00")
    after.clock.advance(1)
    statuses = {order.order_id: order.status for order in after.exchange.orders.values()}
    assert statuses == {1: Status.FILLED, 2: Status.CANCELLED, 3: Status.FILLED}


def test_a_correction_replaces_the_execution_that_was_saved(tmp_path: Path) -> None:
    before = lived(tmp_path / "state.db")
    again = Bench()
    keeper = kept(again, tmp_path / "state.db")
    keeper.restore()
    old = again.exchange.executions[0]
    again.exchange.correct(old.exec_id, old.price + 1, old.quantity)
    keeper.settle()
    third = Bench()
    kept(third, tmp_path / "state.db").restore()
    assert len(third.exchange.executions) == len(before.exchange.executions)
    assert third.exchange.executions == again.exchange.executions
    assert third.account.cash == again.account.cash


def test_a_fresh_store_has_nothing_to_restore(tmp_path: Path) -> None:
    assert not kept(Bench(), None).restore()
    assert not kept(Bench(), tmp_path / "new.db").restore()


def busy(bench: Bench, keeper: Keeper, count: int) -> None:
    for number in range(1, count + 1):
        bench.gateway.place(7, request(number, quantity=Decimal(1)))
        bench.clock.advance(0.01)
        keeper.settle()


@pytest.mark.parametrize("is_durable", [False, True])
def test_old_orders_leave_the_memory_and_are_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_durable: bool
) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    monkeypatch.setattr(module, "SLACK", 2)
    bench = Bench()
    keeper = kept(bench, tmp_path / "state.db" if is_durable else None)
    busy(bench, keeper, 40)
    exchange = bench.exchange
    assert len(exchange.orders) <= 8
    assert len(exchange.trades.items) <= 8
    ended = exchange.register.ended(7, 3)
    assert ended is not None
    assert (ended.order_id, ended.status) == (3, Status.FILLED)
    assert [o.order_id for o in exchange.register.everything()] == list(range(1, 41))
    assert [o.order_id for o in exchange.register.completed_since(0.0)] == list(range(1, 41))
    assert [e.order_id for e in exchange.trades.since(0.0)] == list(range(1, 41))
    later = exchange.trades.items[-1].time_s
    assert [e.order_id for e in exchange.trades.since(later)] == [40]


def test_an_order_that_changes_after_it_left_the_memory_is_not_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "KEPT", 1)
    monkeypatch.setattr(module, "SLACK", 0)
    bench = Bench()
    keeper = kept(bench, None)
    busy(bench, keeper, 5)
    order = bench.exchange.register.ended(7, 1)
    assert order is not None
    keeper.order_changed(replace(order, completed_text="changed"))
    keeper.settle()
    again = bench.exchange.register.ended(7, 1)
    assert again is not None
    assert again.completed_text == "changed"


def test_a_restart_keeps_the_memory_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    bench = Bench()
    keeper = kept(bench, tmp_path / "state.db")
    busy(bench, keeper, 20)
    keeper.close()
    after = Bench()
    again = kept(after, tmp_path / "state.db")
    again.restore()
    assert len(after.exchange.orders) == 5
    assert [e.order_id for e in after.exchange.trades.since(0.0)] == list(range(1, 21))
    busy_ids = [o.order_id for o in after.exchange.register.everything()]
    assert busy_ids == list(range(1, 21))


def test_an_order_on_its_way_to_the_broker_leaves_nothing_behind() -> None:
    bench = Bench(ack_s=(0.01, 0.01))
    keeper = kept(bench, None)
    for number in range(1, 51):
        bench.gateway.place(7, request(number))
        # Somebody is told of it while it is on its way, and again once it has traded.
        keeper.settle()
        assert bench.gateway.live(7, number) is not None
        bench.clock.advance(0.1)
        keeper.settle()
    assert len(bench.exchange.executions) >= 50
    assert list(keeper._store.orders()) == []
    assert keeper._store._terms == {}


def test_a_state_of_another_seed_is_refused_and_left_alone(tmp_path: Path) -> None:
    path, bench = tmp_path / "state.db", Bench()
    keeper = Keeper(path, bench.gateway, 7)
    keeper.close()
    with pytest.raises(StateError, match="seed: 8 is not allowed; allowed: 7, which the state"):
        Keeper(path, Bench().gateway, 8).restore()
    assert saved_seed(path) == 7
    assert Keeper(path, Bench().gateway, 7).restore()


def test_a_file_that_tells_no_seed_has_none(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_text("no state")
    assert saved_seed(other) is saved_seed(tmp_path / "missing.db") is saved_seed(None) is None

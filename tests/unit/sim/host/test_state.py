"""What was saved comes back: orders, executions, positions, cash, ids, the replay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.support import Bench, request
from trader.sim.host.state import StateError, StateFile
from trader.sim.model.orders import Status

RESTING: dict[str, Any] = {"order_type": "LMT", "limit_price": Decimal(50)}


def lived(path: Path) -> Bench:
    bench = Bench()
    bench.gateway.on_change = StateFile(path, bench.clock, bench.gateway).mark
    bench.clock.advance(100)
    bench.gateway.place(7, request(1, order_ref="filled"))
    bench.gateway.place(7, request(2, order_ref="resting", **RESTING))
    bench.clock.advance(1)
    return bench


def test_everything_comes_back_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    before = lived(path)
    after = Bench()
    assert StateFile(path, after.clock, after.gateway).restore()
    assert after.exchange.orders == before.exchange.orders
    assert after.exchange.executions == before.exchange.executions
    assert after.account.cash == before.account.cash
    assert after.account.positions == before.account.positions
    assert after.exchange.bank.reserved("DUSIM0001") == before.exchange.bank.reserved("DUSIM0001")
    assert after.gateway.next_order_id(7) == 3
    assert after.exchange.next_perm_id() > max(before.exchange.orders)


def test_a_restored_order_is_live(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    lived(path)
    after = Bench()
    StateFile(path, after.clock, after.gateway).restore()
    peer = after.client(7)
    assert after.gateway.cancel(7, 2) is None
    assert peer.frames()[-1][3] == "202"
    after.gateway.place(7, request(3, **RESTING))
    after.pin("AAPL", "40.00")
    assert [order.status for order in after.exchange.orders.values()] == [
        Status.FILLED, Status.CANCELLED, Status.FILLED,
    ]  # fmt: skip


def test_changes_are_gathered_and_saved_at_most_ten_times_a_second(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    bench = lived(path)
    first = path.read_text()
    bench.gateway.place(7, request(3, **RESTING))
    bench.clock.advance(0)
    assert path.read_text() != first
    second = path.read_text()
    bench.gateway.place(7, request(4, **RESTING))
    bench.clock.advance(0.05)
    assert path.read_text() == second
    bench.clock.advance(0.1)
    assert path.read_text() != second
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_without_a_file_there_is_nothing_to_restore(tmp_path: Path) -> None:
    bench = Bench()
    assert not StateFile(None, bench.clock, bench.gateway).restore()
    assert not StateFile(tmp_path / "none", bench.clock, bench.gateway).restore()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 9}', '{"format": 1}'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    bench = Bench()
    with pytest.raises(StateError):
        StateFile(path, bench.clock, bench.gateway).restore()

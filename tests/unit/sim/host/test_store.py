"""The store gives back what it took, finds what left the memory, and refuses other files."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.sim.support import Bench, request
from trader.sim.host.store import StateError, Store
from trader.sim.model.orders import Execution, Order, Side, Status


def an_order(perm_id: int, order_id: int = 1, status: Status = Status.SUBMITTED) -> Order:
    order, _ = Bench().gateway.preview(
        7, request(order_id, order_type="LMT", limit_price=Decimal("99.50"))
    )
    return replace(order, perm_id=perm_id, status=status, completed_s=float(perm_id))


def an_execution(order: Order, number: int) -> Execution:
    return Execution(
        f"0001.0002.{number:02x}.01", order.order_id, order.client_id, order.perm_id, "ref",
        order.instrument, order.account, "ARCA", Side.BUY, Decimal(5), Decimal("99.40"),
        Decimal(5), Decimal("99.40"), float(number), Decimal(1), None,
    )  # fmt: skip


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    live, done = an_order(10), an_order(11, 2, Status.FILLED)
    fill = an_execution(done, 1)
    account = Bench().exchange.bank.main.saved()
    store = Store(path)
    store.write(
        orders=[live, done], executions=[(1, fill)], accounts=[account],
        meta={"last_perm_id": 11, "elapsed_s": 2.5},
    )  # fmt: skip
    # The process ends here, without a goodbye.
    again = Store(path)
    assert again.live_orders() == [live]
    assert list(again.orders()) == [live, done]
    assert list(again.executions_since(0.0)) == [fill]
    assert again.accounts() == [account]
    assert again.meta() == {"last_perm_id": 11, "elapsed_s": 2.5}
    store.close()
    again.close()


def test_a_changed_order_replaces_the_old_one_terms_included() -> None:
    store = Store(None)
    order = an_order(10)
    store.write(orders=[order])
    order.terms = replace(order.terms, limit_price=Decimal("98.00"))
    order.filled = Decimal(40)
    store.write(orders=[order])
    assert list(store.orders()) == [order]
    store.close()


def test_what_ended_is_found_by_client_and_order_id() -> None:
    store = Store(None)
    orders = [an_order(n, n, Status.CANCELLED) for n in range(1, 50)]
    store.write(orders=orders)
    assert store.ended(7, 33) == orders[32]
    assert store.ended(8, 33) is None
    assert store.ended(7, 99) is None
    store.close()


def test_the_current_day_is_a_matter_of_the_moment_asked_for() -> None:
    store = Store(None)
    orders = [an_order(n, n, Status.CANCELLED) for n in (3, 2, 1)]
    fills = [an_execution(order, order.order_id) for order in orders]
    store.write(orders=orders, executions=list(enumerate(fills)))
    assert [order.perm_id for order in store.completed_since(2.0)] == [2, 3]
    assert [fill.time_s for fill in store.executions_since(2.0)] == [3.0, 2.0]
    store.close()


def test_a_revised_execution_takes_the_place_of_the_old_one() -> None:
    store = Store(None)
    fill = an_execution(an_order(1), 1)
    new = replace(fill, exec_id="0001.0002.01.02", quantity=Decimal(4))
    store.write(executions=[(1, fill)])
    store.write(executions=[(1, new)])
    assert list(store.executions_since(0.0)) == [new]
    store.close()


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    with pytest.raises(StateError, match="is of kind 0x0 version 0; allowed: 0x5453494d"):
        Store(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    other.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    with pytest.raises(StateError, match=r"state: .*notes.txt cannot be used"):
        Store(path)


def test_a_row_that_does_not_fit_is_refused_by_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store(path)
    store.write(orders=[an_order(1)])
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE orders SET terms = '{\"action\": 7}'")
    raw.commit()
    raw.close()
    store = Store(path)
    with pytest.raises(StateError, match="cannot be read"):
        store.live_orders()
    store.close()

"""References that no order had before, promises on disk, and a full disk told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.unit.ibkr.fake_gateway import AAPL
from tests.unit.ops.test_emergency_history import an_execution
from trader.core.closing import ClosingOrder
from trader.core.ids import AccountId, ClientId, OrderId, OrderRef
from trader.core.intents import Side
from trader.emergency.memory import Memory
from trader.ops.emergency_record import EMERGENCY_FILE_NAME, KILL_REF, read_orders

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def a_memory(folder: Path, said: list[str] | None = None, later_s: float = 0.0) -> Memory:
    lines = [] if said is None else said
    now = AT + timedelta(seconds=later_s)
    return Memory(folder, "abc123", by="desk", utc=lambda: now, complain=lines.append)


def a_close(ref: OrderRef, order_id: int = 12) -> ClosingOrder:
    return ClosingOrder(
        order_id=OrderId(order_id),
        client_id=ClientId(7),
        order_ref=ref,
        account=AccountId("DU1"),
        instrument=AAPL,
        side=Side.SELL,
        quantity=Decimal(10),
        held=Decimal(10),
    )


def test_no_reference_is_used_twice_not_even_by_another_run(tmp_path: Path) -> None:
    first = a_memory(tmp_path)
    refs = [first.next_ref(), first.next_ref()]
    for ref in refs:
        first.promise(a_close(ref))
    # The same millisecond, as after a clock that was set back.
    refs.append(a_memory(tmp_path).next_ref())
    assert len(set(refs)) == 3
    assert all(KILL_REF.fullmatch(ref) for ref in refs)


def test_a_promise_holds_what_the_next_start_must_know(tmp_path: Path) -> None:
    memory = a_memory(tmp_path)
    memory.promise(a_close(OrderRef("kill-abc123-1")))
    (row,) = read_orders(tmp_path / EMERGENCY_FILE_NAME)
    assert (row.client_id, row.order_id, row.side, row.quantity) == (7, 12, "SELL", "10")
    assert (row.at, row.by) == ("2026-03-02T15:00:00.000Z", "desk")
    assert memory.highest_id(7) == 12


def test_a_promise_is_open_until_its_fills_are_written_down(tmp_path: Path) -> None:
    memory = a_memory(tmp_path)
    assert memory.open_promise_s() is None
    memory.promise(a_close(OrderRef("kill-abc123-1")))
    assert a_memory(tmp_path, later_s=4).open_promise_s() == 4.0
    memory.note_execution(an_execution())
    assert a_memory(tmp_path, later_s=4).open_promise_s() is None


def test_a_promise_that_was_not_written_down_is_open_all_the_same(tmp_path: Path) -> None:
    # A full disk and a link that broke: the order may be on its way.
    (tmp_path / EMERGENCY_FILE_NAME).mkdir()
    memory = a_memory(tmp_path)
    assert memory.open_promise_s() == 0.0, "it cannot be read"
    memory.promise(a_close(OrderRef("kill-abc123-1")))
    assert memory.open_promise_s() == 0.0
    memory.note_execution(an_execution())
    assert memory.open_promise_s() is None


def test_a_clock_that_was_set_back_does_not_settle_a_promise(tmp_path: Path) -> None:
    a_memory(tmp_path, later_s=3600).promise(a_close(OrderRef("kill-abc123-1")))
    assert a_memory(tmp_path).open_promise_s() == 0.0


def test_a_file_that_takes_nothing_is_told_once(tmp_path: Path) -> None:
    (tmp_path / EMERGENCY_FILE_NAME).mkdir()
    said: list[str] = []
    memory = a_memory(tmp_path, said)
    memory.promise(a_close(memory.next_ref()))
    memory.promise(a_close(memory.next_ref()))
    memory.note_execution(an_execution())
    (line,) = said
    assert line.startswith("NOT WRITTEN DOWN")
    assert "it can only shrink" in line
    assert memory.problem

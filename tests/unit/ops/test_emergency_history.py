"""The next start takes in what was done without the daemon, of its own journal alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.ops.test_emergency_record import an_order
from trader.core.emergency_events import EmergencyCancelKnown, EmergencyOrderKnown
from trader.core.executions import Execution
from trader.core.flatten import Resting
from trader.core.ids import AccountId, ClientId, ConId, ExecId, Lineage, OrderId, OrderRef, PermId
from trader.core.intents import Side
from trader.emergency.memory import Memory
from trader.ops.emergency_history import (
    events_of,
    executions_of,
    highest_used,
    orders_of,
    shown,
)
from trader.ops.emergency_record import note, promise
from trader.ports import WorldError

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def an_execution(lineage: str = "abc123") -> Execution:
    return Execution(
        exec_id=ExecId("0001.aa.01.01"),
        account=AccountId("DU1"),
        con_id=ConId(265598),
        symbol="AAPL",
        side=Side.SELL,
        quantity=Decimal("10"),
        price=Decimal("190.125"),
        order_id=OrderId(12),
        client_id=ClientId(7),
        perm_id=PermId(900012),
        order_ref=OrderRef(f"kill-{lineage}-1"),
        time_utc=AT,
    )


def memory(folder: Path) -> Memory:
    return Memory(folder, "abc123", by="desk", utc=lambda: AT, complain=print)


def test_an_execution_comes_back_as_it_was_written_down(tmp_path: Path) -> None:
    path = tmp_path / "emergency.jsonl"
    assert executions_of(path, Lineage("abc123")) == ()
    memory(tmp_path).note_execution(an_execution())
    assert executions_of(path, Lineage("abc123")) == (an_execution(),)


def test_another_journals_executions_are_in_its_baseline(tmp_path: Path) -> None:
    memory(tmp_path).note_execution(an_execution("zzz999"))
    assert executions_of(tmp_path / "emergency.jsonl", Lineage("abc123")) == ()


@pytest.mark.parametrize(
    "row", [{}, {"order_ref": "kill-abc123-1"}, {"order_ref": "kill-abc123-1", "quantity": "x"}]
)
def test_a_line_that_says_too_little_is_left_to_the_broker(
    tmp_path: Path, row: dict[str, object]
) -> None:
    path = tmp_path / "emergency.jsonl"
    note(path, "execution", row)
    assert executions_of(path, Lineage("abc123")) == ()


def test_the_orders_are_those_that_were_promised(tmp_path: Path) -> None:
    path = tmp_path / "emergency.jsonl"
    promise(path, an_order())
    assert orders_of(path) == (an_order(),)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        orders_of(tmp_path)
    with pytest.raises(WorldError):
        executions_of(tmp_path, Lineage("abc123"))


def test_the_orders_are_shown_and_their_ids_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "emergency.jsonl"
    assert (shown(path), highest_used(path, ClientId(7))) == ((), 0)
    promise(path, an_order())
    (row,) = shown(path)
    assert (row.order_ref, row.quantity, row.by) == ("kill-abc123-1", Decimal(10), "desk")
    assert highest_used(path, ClientId(7)) == 12
    assert shown(tmp_path) == ()


def test_orders_and_cancels_of_this_journal_come_back_as_events(tmp_path: Path) -> None:
    path = tmp_path / "emergency.jsonl"
    ours = an_order()._replace(order_ref="kill-abc123-1", at="2026-03-02T15:00:00Z")
    promise(path, ours)
    promise(path, ours._replace(order_ref="kill-zzz999-1"))
    resting = Resting(
        con_id=ConId(1), symbol="AAPL", side=Side.BUY, remaining=Decimal(5), order_type="LMT",
        client_id=ClientId(7), order_id=OrderId(3), perm_id=PermId(9), order_ref=OrderRef("T1-x"),
    )  # fmt: skip
    memory(tmp_path).note_cancel(resting, is_everything=True)
    stranger = Memory(tmp_path, "zzz999", by="desk", utc=lambda: AT, complain=print)
    stranger.note_cancel(resting, is_everything=True)
    note(path, "cancel", {"lineage": "abc123", "order_ref": "torn"})
    # A journal that was put back from a copy has had more than one name.
    assert len(events_of(path, Lineage("abc123"), Lineage("zzz999"))) == 4
    order, cancel = events_of(path, Lineage("abc123"))
    assert isinstance(order, EmergencyOrderKnown)
    assert (order.order_ref, order.side, order.sent_utc) == ("kill-abc123-1", ours.side, AT)
    assert order.quantity == Decimal(ours.quantity)
    assert cancel == EmergencyCancelKnown(
        OrderRef("T1-x"), ClientId(7), OrderId(3), PermId(9), "AAPL", True, AT, "desk"
    )


def test_events_of_a_file_that_cannot_be_read_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "emergency.jsonl").mkdir()
    with pytest.raises(WorldError):
        events_of(tmp_path / "emergency.jsonl", Lineage("abc123"))

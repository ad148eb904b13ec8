"""What was sent without the daemon is shown as ours, with what the book has of it."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.engine.world import World, an_execution
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import ClientId, ExecId, OrderId, OrderRef
from trader.engine.emergency_rows import EmergencyStatus, with_fills

PROMISED = EmergencyStatus(
    "kill-abc123-1", 7, 12, "AAA", "SELL", Decimal(10), Decimal(0), "2026-03-02T15:00:00Z", "desk"
)


async def test_fills_count_by_the_reference_also_when_it_was_lengthened() -> None:
    world = World(held=10)
    for number, ref in enumerate(("kill-abc123-1", "kill-abc123-1/x", "kill-abc123-11", "")):
        execution = an_execution(
            exec_id=ExecId(f"000{number}.aa.01.01"),
            order_ref=OrderRef(ref),
            order_id=OrderId(12),
            client_id=ClientId(9),
            quantity=Decimal(3),
        )
        world.ledger.note(ev.ExecutionSeen(execution))
    (row,) = with_fills(world.book, (PROMISED,))
    assert (row.filled, row.quantity, row.by) == (Decimal(6), Decimal(10), "desk")


def test_without_an_emergency_there_is_nothing_to_show() -> None:
    assert with_fills(Book(), ()) == ()


def test_a_promise_that_nothing_filled_is_shown_all_the_same() -> None:
    assert with_fills(Book(), (PROMISED,)) == (PROMISED,)

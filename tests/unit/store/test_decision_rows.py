"""A journal tells the decisions that a live observer of it was told, in the same rows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.engine.world import VirtualLoop, World, a_status, an_execution, an_intent
from tests.unit.store.support import journal_of
from trader.core import events as ev
from trader.core.decisions import Row
from trader.engine.strategy.decision_log import DecisionLog
from trader.store.decision_rows import decisions_in
from trader.store.rows import JournalUnusable

ALWAYS = (0, 2**62)


async def _lived() -> tuple[list[ev.Recorded], list[Row]]:
    world, told = World(), list[Row]()
    world.ledger.observe(DecisionLog(world.services, told.append).on_recorded)
    await world.gateway.submit(an_intent())
    (order,) = world.book.orders.values()
    world.ledger.record(a_status(order))
    world.ledger.record(ev.ExecutionSeen(an_execution(order, quantity=order.terms.quantity / 2)))
    world.gateway.cancel(order.order_id, "enough")
    await asyncio.sleep(100)
    await world.gateway.submit(an_intent(2, con_id=999))
    return world.journal.rows, told


@pytest.fixture(scope="module", name="lived")
def lived_of() -> tuple[list[ev.Recorded], list[Row]]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lived())


async def test_it_tells_what_was_told_as_it_happened(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    rows, told = lived
    path = await journal_of(rows, tmp_path / "journal.db")
    assert [row["kind"] for row in told] == ["intent", "fill", "cancel", "intent"]
    assert list(decisions_in(path, *ALWAYS)) == told


async def test_a_stretch_of_time_is_all_that_is_told(
    tmp_path: Path, lived: tuple[list[ev.Recorded], list[Row]]
) -> None:
    rows, told = lived
    path = await journal_of(rows, tmp_path / "journal.db")
    first_us = int(told[-1]["at_us"])
    assert list(decisions_in(path, first_us, first_us)) == [told[-1]]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable):
        decisions_in(tmp_path / "none.db", *ALWAYS)

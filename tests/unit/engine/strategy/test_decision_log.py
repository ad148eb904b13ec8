"""Every decision is told once, as it is recorded, and always in the same words."""

from __future__ import annotations

from tests.unit.engine.world import World, an_execution, an_intent
from trader.core import events as ev
from trader.core.decisions import Row
from trader.engine.strategy.decision_log import DecisionLog, line_of


async def test_decisions_are_told_with_their_symbols_and_counted() -> None:
    world, rows = World(), list[Row]()
    log = DecisionLog(world.services, rows.append)
    world.ledger.observe(log.on_recorded)
    await world.gateway.submit(an_intent())
    (order,) = world.book.orders.values()
    world.ledger.record(ev.ExecutionSeen(an_execution(order)))
    await world.gateway.submit(an_intent(2, con_id=999))
    assert [(row["kind"], row["symbol"]) for row in rows] == [
        ("intent", "AAA"),
        ("fill", "AAA"),
        ("intent", "999"),
    ]
    assert log.counts == {"approved": 1, "fill": 1, "refused": 1}


def test_a_line_depends_on_nothing_but_the_row() -> None:
    assert line_of({"kind": "fill", "at_us": 7, "symbol": "Ä"}) == (
        '{"kind":"fill","at_us":7,"symbol":"\\u00c4"}'
    )

"""A number is taken in the journal before anybody uses it."""

from __future__ import annotations

from tests.unit.engine.world import World
from trader.core.ids import StrategyName
from trader.core.strategy_events import StrategyCheckpointed
from trader.engine.numbering import next_intent_id

NAME = StrategyName("api")


async def test_ids_are_counted_by_name_and_recorded() -> None:
    world = World()
    first = next_intent_id(world.ledger, NAME)
    second = next_intent_id(world.ledger, NAME)
    other = next_intent_id(world.ledger, StrategyName("operator"))
    assert [first, second, other] == ["abc123-api-1", "abc123-api-2", "abc123-operator-1"]
    taken = world.journal.events(StrategyCheckpointed)
    assert [(row.strategy, row.intent_count) for row in taken] == [
        ("api", 1),
        ("api", 2),
        ("operator", 1),
    ]

"""The parts that are handed around are handed around as they are."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.unit.engine.world import World


async def test_everybody_gets_the_same_parts_and_nobody_can_swap_one() -> None:
    world = World()
    services = world.services
    assert services.ledger is world.ledger
    assert services.broker is world.broker
    with pytest.raises(FrozenInstanceError):
        services.pacer = services.pacer  # type: ignore[misc]

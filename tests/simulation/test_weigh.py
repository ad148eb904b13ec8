"""What an object keeps alive is found wherever it hides, and what is nobody's is left out."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.weigh import Scales


class _Slotted:
    __slots__ = ("__hidden", "rows")

    def __init__(self) -> None:
        self.rows: deque[str] = deque(["x" * 10_000])
        self.__hidden = [1, 2, 3]

    def hidden(self) -> list[int]:
        return self.__hidden


@dataclass
class _Root:
    names: dict[str, Any] = field(default_factory=lambda: {"a": [1, 2], "b": [3]})
    slotted: _Slotted = field(default_factory=_Slotted)
    unset: list[int] = field(init=False)


# The scales pass over what belongs to the simulation, as these would.
for kind in (_Slotted, _Root):
    kind.__module__ = "somewhere"


def test_each_container_is_counted_by_its_way() -> None:
    weight = Scales().weigh(_Root())
    assert dict(weight.elements) == {
        "_Root.names": 2,
        "_Root.names[]": 3,
        "_Root.slotted.rows": 1,
        "_Root.slotted._Slotted__hidden": 3,
    }
    assert 10_000 < weight.size_bytes < 20_000
    assert len(_Slotted().hidden()) == 3


def test_what_a_suspended_coroutine_holds_is_weighed() -> None:
    async def work() -> None:
        rows = list(range(1_000))
        await asyncio.sleep(len(rows))

    async def played() -> int:
        root = _Root()
        running: Coroutine[Any, Any, None] = work()
        task = asyncio.get_running_loop().create_task(running)
        await asyncio.sleep(0)
        root.names = {"task": task}
        weight = Scales().weigh(root)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return max(weight.elements.values())

    assert asyncio.run(played()) == 1_000


def test_nothing_is_weighed_twice_and_neither_modules_nor_classes_are_weighed() -> None:
    root, shared = _Root(), ["s" * 50_000]
    root.names = {"a": shared, "b": shared, "c": [sys, gc, _Root]}
    assert Scales().weigh(root).size_bytes < 80_000


def test_what_is_simulated_is_passed_over() -> None:
    class Simulated:
        def __init__(self) -> None:
            self.rows = ["s"] * 10_000

    root = _Root()
    root.names = {"a": Simulated()}
    assert max(Scales().weigh(root).elements.values()) < 10

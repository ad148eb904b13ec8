"""Weighs what one object keeps alive, and says by which way each container is reached.

Daemon and simulator live in one process, so the process's memory alone says nothing about either.
The walk begins at a root and goes through attributes, elements and the frames of suspended tasks;
it stops at what belongs to nobody (modules, classes, functions, the loop) and at what is simulated.
Two walks at two moments show which container has grown between them: one that nobody ever empties.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

_NOBODYS = (ModuleType, type, FunctionType, BuiltinFunctionType, CodeType, asyncio.BaseEventLoop)
_CONTAINERS: tuple[type[Collection[Any]], ...] = (dict, list, set, frozenset, deque)
_LEAVES = frozenset({str, bytes, int, float, bool, type(None), Decimal, datetime})


# Whose things belong to the world around the processes.
_SIMULATION = "tests."


@dataclass(slots=True)
class Weight:
    """What a root keeps alive: bytes, objects, and by its way the elements of each container."""

    size_bytes: int = 0
    objects: int = 0
    elements: Counter[str] = field(default_factory=Counter)


class Scales:
    """Weighs; remembers of each class how it keeps its attributes."""

    def __init__(self) -> None:
        self._names: dict[type, tuple[str, ...]] = {}

    def weigh(self, root: object) -> Weight:
        """Walk from a root."""
        weight, seen = Weight(), {id(root)}
        queue: deque[tuple[object, str]] = deque([(root, type(root).__name__)])
        while queue:
            one, way = queue.popleft()
            weight.size_bytes += sys.getsizeof(one)
            weight.objects += 1
            kind = type(one)
            if kind in _LEAVES:
                continue
            if isinstance(one, _CONTAINERS):
                weight.elements[way] += len(one)
            for part, name in self._parts(one, kind):
                if id(part) not in seen and not self._is_nobodys(part):
                    seen.add(id(part))
                    queue.append((part, way + name))
        return weight

    def _is_nobodys(self, one: object) -> bool:
        if type(one) in _LEAVES:
            return False
        return isinstance(one, _NOBODYS) or type(one).__module__.startswith(_SIMULATION)

    def _parts(self, one: Any, kind: type) -> Iterator[tuple[Any, str]]:
        """Give what an object refers to, each with its part of the way."""
        if isinstance(one, dict):
            for key, value in one.items():
                yield key, "{}"
                yield value, "[]"
        elif isinstance(one, list | tuple | set | frozenset | deque):
            for value in one:
                yield value, "[]"
        names = self._names.get(kind)
        if names is None:
            names = self._names[kind] = _attributes_of(kind)
        for name in names:
            try:
                yield getattr(one, name), f".{name}"
            except AttributeError:
                continue
        own = getattr(one, "__dict__", None)
        if type(own) is dict:
            for name, value in own.items():
                yield value, f".{name}"
        elif not names and not isinstance(one, (*_CONTAINERS, tuple)):
            # Of coroutines the frame's variables, of C types what they tell the collector of.
            for value in gc.get_referents(one):
                yield value, f"<{type(value).__name__}>"


def _attributes_of(kind: type) -> tuple[str, ...]:
    """Return the names of a class's slots, as its instances know them."""
    found: dict[str, None] = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name in ("__dict__", "__weakref__"):
                continue
            is_private = name.startswith("__") and not name.endswith("__")
            found[f"_{base.__name__.lstrip('_')}{name}" if is_private else name] = None
    return tuple(found)

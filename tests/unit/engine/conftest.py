"""Every test here runs in virtual time: waiting is free, and waiting for nothing is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.unit.engine.world import VirtualLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}

"""One simulator as a process of its own, for one test, and its control port."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

ROOT = Path(__file__).resolve().parents[2]


class Controlled:
    """What a test makes of a simulator: it can be told what to do."""

    def __init__(self, announced: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self.port: int = announced["port"]
        self._http = http
        self._control = f"http://127.0.0.1:{announced['control_port']}"

    async def tell(self, path: str, **body: Any) -> dict[str, Any]:
        """Use the control port."""
        async with self._http.post(f"{self._control}/{path}", json=body) as answer:
            got: dict[str, Any] = await answer.json()
            assert answer.status == 200, got
            return got


C = TypeVar("C", bound=Controlled)
Made = Callable[[dict[str, Any], aiohttp.ClientSession], C]


@asynccontextmanager
async def simulated(
    made: Made[C], *, tick_interval_s: float, limit_s: float, options: Sequence[str] = ()
) -> AsyncIterator[C]:
    """Start a simulator with the seed 1, make something of it, and end it whatever happens.

    ``limit_s`` is how long the test may take.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trader.sim", "--port", "0", "--control-port", "0", "--seed", "1",
        "--tick-interval", f"{tick_interval_s:g}", *options,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limit_s), aiohttp.ClientSession() as http:
            yield made(json.loads(await process.stdout.readline()), http)
    finally:
        process.terminate()
        await process.wait()

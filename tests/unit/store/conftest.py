"""A test that fails half-way must not hold the interpreter at its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread

import aiosqlite.core
import pytest


@pytest.fixture(autouse=True)
def connections_do_not_outlive_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the connection's thread a daemon; the daemon itself closes what it opens."""
    thread: Callable[..., Thread] = partial(Thread, daemon=True)
    monkeypatch.setattr(aiosqlite.core, "Thread", thread)

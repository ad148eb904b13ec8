"""No command hears what the shell has set for a real daemon, and none leaves its logs behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
import structlog

_NAMES_OF_OURS = ("EXEC", "AGENT_MODE", "DATABASE_URL", "TRADER_")


@pytest.fixture(autouse=True)
def _without_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_NAMES_OF_OURS):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _without_the_commands_logs() -> Iterator[None]:
    """Take off what a command has set for its process: the stream it writes to is gone by then."""
    root = logging.getLogger()
    before, level = tuple(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in tuple(root.handlers):
        if handler not in before and type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    logging.captureWarnings(capture=False)

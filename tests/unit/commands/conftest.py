"""No command of these tests hears what the shell has set for a real daemon."""

from __future__ import annotations

import os

import pytest

_NAMES_OF_OURS = ("EXEC", "AGENT_MODE", "DATABASE_URL", "TRADER_")


@pytest.fixture(autouse=True)
def _without_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_NAMES_OF_OURS):
            monkeypatch.delenv(name)

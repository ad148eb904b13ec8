"""The demo arms itself once, and overrules nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.config.support import loaded
from tests.unit.test_app import NO_BROKER, a_world
from trader import app, demo_arming
from trader.config import Configuration
from trader.core.book import Book
from trader.core.halts import HaltCause
from trader.demo_arming import DemoArming
from trader.engine.operator import Answer
from trader.ops.clock import SystemClock
from trader.store.journal import SqliteJournal


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    config = loaded(tmp_path, control={"port": 0}, broker=NO_BROKER)
    config.settings.state_dir.mkdir()
    return config


class SlowDesk:
    """A desk that accepts nothing until it was asked three times."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def baseline(self, *, by: str) -> Answer:
        self.asked.append(f"baseline by {by}")
        return Answer(is_done=len(self.asked) > 2, text="upstream: not known yet")

    async def resume(self, *, reason: str, by: str) -> Answer:
        self.asked.append(f"resume by {by}")
        return Answer(is_done=True, text="resumed")


async def test_the_demo_arms_itself_though_the_gateway_reaches_the_broker_later(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_arming, "_INTERVAL_S", 0.001)
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    try:
        daemon = app.Daemon(config, a_world(), journal, Book())
        desk = SlowDesk()
        arming = DemoArming(daemon.services, cast(Any, desk), config.halt_file)
        await arming.run()
        assert desk.asked == [*["baseline by demo"] * 3, "resume by demo"]
        # Who halts in between is not overruled.
        desk.asked.clear()
        config.halt_file.write_text("")
        await arming.run()
        assert desk.asked == []
    finally:
        await journal.close()


@pytest.mark.parametrize("cause", [HaltCause.OPERATOR, HaltCause.INVARIANT, HaltCause.BREAKER])
async def test_the_demo_does_not_overrule_a_halt_that_came_while_it_took_the_account_over(
    config: Configuration, cause: HaltCause
) -> None:
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    try:
        daemon = app.Daemon(config, a_world(), journal, Book())

        class HaltedMeanwhile(SlowDesk):
            async def baseline(self, *, by: str) -> Answer:
                self.asked.append(f"baseline by {by}")
                daemon.guard.latch(cause, "stop", by="me")
                return Answer(is_done=True, text="accepted")

        desk = HaltedMeanwhile()
        arming = DemoArming(daemon.services, cast(Any, desk), config.halt_file)
        await arming.run()
        assert desk.asked == ["baseline by demo"]
    finally:
        await journal.close()

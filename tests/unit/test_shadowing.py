"""The shadow of a daemon: on its ticks, under its halts, and apart from everything else."""

from __future__ import annotations

import asyncio
import json
import random
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import loaded
from tests.unit.engine.world import CON, POLICY, World, an_instrument
from tests.unit.replay.records import Swinger, deployed
from trader.config import Configuration
from trader.core.halts import HaltCause, Mode, Restraint
from trader.core.regime import Outlook
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.engine.told.board import About, Board
from trader.ports import LinkWord, QuoteTick
from trader.shadowing import Shadowing, shadowing_of

SYMBOL = "AAPL"


class Site:
    """A daemon's services as a test makes them, with a shadow of one strategy."""

    def __init__(self, folder: Path, mode: Mode = Mode.SHADOW, **settings: Any) -> None:
        self.world = World(mode=mode)
        self.config = loaded(folder, mode=mode.value, **settings)
        self.strategy = Swinger()
        made = shadowing_of(
            self.config,
            self.world.services,
            self.world.gateway,
            BarKeeper(self.world.services, {}, random.Random(0)),
            lambda _: deployed(self.strategy),
        )
        assert made is not None
        self.shadowing: Shadowing = made
        self.world.hub.add(an_instrument(symbol=SYMBOL))
        self.board = Board(
            self.world.services,
            journal=self.world.journal,
            link=self.world.link,
            runners=(),
            policy=POLICY,
            about=About("1", "USD"),
        )

    def start(self) -> None:
        self.shadowing.start(self.board)

    def quote(self, bid: str, ask: str) -> None:
        rows = {"data_type": "1", "bid": bid, "bid_size": "900", "ask": ask, "ask_size": "900"}
        for field, value in rows.items():
            now_s = self.world.clock.monotonic()
            self.world.hub.on_tick(QuoteTick(CON, field, Decimal(value), now_s))

    def everything(self) -> list[dict[str, Any]]:
        path = self.config.settings.state_dir / "shadow" / "decisions.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def rows(self) -> list[dict[str, Any]]:
        left_out = ("alive", "commission")
        return [row for row in self.everything() if row["kind"] not in left_out]


async def test_strategies_trade_as_if_and_the_real_book_knows_nothing_of_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    before = site.world.book.seq
    site.start()
    site.quote("100", "100.02")
    await asyncio.sleep(2)
    site.quote("102", "102.02")
    await asyncio.sleep(2)
    assert [row["kind"] for row in site.rows()] == ["begin", "intent", "fill", "intent", "fill"]
    assert [row["price"] for row in site.rows() if row["kind"] == "fill"] == ["100.02", "102"]
    status = site.board.status().shadow
    assert status is not None
    assert status.decisions == (("approved", 2), ("fill", 2))
    assert (status.positions, status.working_count, status.problem) == ((), 0, "")
    assert status.value is not None
    assert status.value > status.began_with
    assert (status.is_beside, status.strategies) == (False, ("swinger",))
    assert site.world.book.seq == before
    assert site.world.broker.placed == []
    await site.world.supervisor.stop()


async def test_it_halts_with_the_daemon_and_sends_nothing_without_its_link(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.start()
    site.world.guard.latch(HaltCause.OPERATOR, "enough", by="test")
    site.quote("100", "100.02")
    await asyncio.sleep(1.6)
    assert {(row.get("code"), row.get("text")) for row in site.rows()[1:]} == {
        ("HALTED", "operator: enough")
    }
    connected = [site.shadowing.shadow.broker.is_connected]
    site.world.guard.on_link(LinkWord("upstream", is_up=False, code=1100, text="lost"))
    connected.append(site.shadowing.shadow.broker.is_connected)
    assert connected == [True, False]
    await site.world.supervisor.stop()


async def test_its_strategies_are_told_nothing_sooner_than_those_that_trade(tmp_path: Path) -> None:
    """Behind the first comparison the breakers still have a look to make: until then both wait."""
    site = Site(tmp_path)
    found = {"drift": "no value: not reconciled yet"}
    site.world.guard.restraint = lambda: Restraint(restrictions=found, is_of_start=True)
    site.start()
    site.quote("100", "100.02")
    await asyncio.sleep(2)
    assert site.world.guard.is_coming_up
    assert [row["kind"] for row in site.rows()] == ["begin"]
    site.world.guard.restraint = Restraint
    site.quote("100", "100.02")
    await asyncio.sleep(2)
    assert [row["kind"] for row in site.rows()] == ["begin", "intent", "fill"]
    await site.world.supervisor.stop()


async def test_it_judges_by_the_regime_that_the_daemon_sees(tmp_path: Path) -> None:
    site = Site(tmp_path)
    told = Outlook(None, Decimal("0.25"))
    site.world.gateway.outlook = lambda: told
    assert site.shadowing.shadow.gateway.outlook() is told


async def test_beside_real_strategies_it_has_tasks_of_its_own_names(tmp_path: Path) -> None:
    site = Site(tmp_path, Mode.PAPER, shadow={"beside": True, "stake": 5_000})
    assert site.shadowing.is_beside
    assert site.shadowing.status().began_with == 5_000
    site.start()
    site.quote("110", "110.02")
    await asyncio.sleep(0.2)
    names = {name for name, _ in site.world.supervisor.ages_s()}
    assert names == {"shadow-market", "shadow-watch", "shadow-record", "shadow:swinger"}
    await site.world.supervisor.stop()


async def test_a_file_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    folder = site.config.settings.state_dir / "shadow"
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    site.start()
    site.quote("100", "100.02")
    await asyncio.sleep(2)
    assert dict(site.shadowing.status().decisions)["fill"] == 1
    assert "decisions.jsonl" in site.shadowing.status().problem
    assert site.world.pager.titles() == ["decisions of the shadow are lost"]
    folder.unlink()
    site.quote("102", "102.02")
    await asyncio.sleep(2)
    assert site.shadowing.status().problem == ""
    await site.world.supervisor.stop()


async def test_a_strategy_that_breaks_there_is_named_and_ends_nothing_else(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.strategy.fails_at = 1
    site.start()
    site.quote("100", "100.02")
    await asyncio.sleep(2)
    assert site.shadowing.status().problem == "swinger: ZeroDivisionError: planted"
    assert not site.world.supervisor.root_ended.done()
    await site.world.supervisor.stop()


async def test_its_record_says_whose_it_is_and_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who decides nothing is told from who is not there, and one account from another."""
    monkeypatch.setattr("trader.shadowing.ALIVE_S", 0.2)
    site = Site(tmp_path)
    site.start()
    await asyncio.sleep(0.7)
    begin = site.everything()[0]
    assert (begin["kind"], begin["mode"], begin["strategies"]) == ("begin", "shadow", "swinger")
    assert begin["account"] == site.config.settings.account
    alive = [row for row in site.everything() if row["kind"] == "alive"]
    times = [row["at_us"] for row in alive]
    assert len(times) >= 3
    assert all(later - at >= 190_000 for at, later in pairwise(times))
    site.shadowing.shadow.problem = "shadow-market: planted"
    await asyncio.sleep(0.5)
    assert site.everything()[-1] == alive[-1], "a compartment that stands still says nothing"
    await site.world.supervisor.stop()


async def test_its_record_ends_with_the_moment_at_which_it_stopped(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.start()
    await asyncio.sleep(0.7)
    await site.world.supervisor.stop()
    begin, last = site.everything()[0], site.everything()[-1]
    assert last["kind"] == "alive"
    assert 690_000 <= last["at_us"] - begin["at_us"] < 20_000_000


async def test_without_a_wish_for_one_there_is_none(tmp_path: Path) -> None:
    world = World()

    def nobody(_: Configuration) -> tuple[Any, ...]:
        raise AssertionError("strategies are made for nothing")

    config = loaded(tmp_path, mode="paper")
    services: Services = world.services
    gateway: OrderGateway = world.gateway
    bars = BarKeeper(services, {}, random.Random(0))
    assert shadowing_of(config, services, gateway, bars, nobody) is None

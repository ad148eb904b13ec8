"""What becomes of a process, and what the broker sees of it, when an incident is played.

The processes are real and connect over TCP; what a scenario waits for is passed with `advance`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.script import stages
from tests.unit.sim.script.stages import Wire
from tests.unit.sim.support import ACCOUNT, contract, place_fields, write_prices
from trader.sim.gateway.orders import owned
from trader.sim.host import keeper, play
from trader.sim.host.server import SimServer
from trader.sim.script.engine import Engine
from trader.sim.settings import Declared, Settings

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 20.0
CLIENT = (
    "env",
    f"PYTHONPATH={ROOT}",
    sys.executable,
    "-m",
    "tests.simulator.scenarios.tiny_client",
)

pytestmark = [pytest.mark.process]


@dataclass(frozen=True, slots=True)
class Play:
    """One play with its processes."""

    server: SimServer
    engine: Engine
    folder: Path

    @property
    def journal(self) -> Path:
        """Return where a client writes its orders down."""
        return self.folder / "journal.db"

    def child(self, number: int = 0) -> dict[str, Any]:
        """Return what the truth tells of a child."""
        found: dict[str, Any] = self.server.truth()["children"][number]
        return found

    def lives(self) -> list[list[str]]:
        """Return what the client printed, by its lives."""
        path = self.folder / "client.log"
        text = path.read_text() if path.exists() else ""
        return [life.splitlines() for life in text.split("up ")[1:]]

    async def until_started(self, times: int) -> None:
        """Wait until the client is up for so many times."""
        await until(lambda: self.child()["starts"] == len(self.lives()) == times)

    async def until_ended(self, times: int) -> None:
        """Wait until the client has ended so often."""
        await until(lambda: len(self.child()["ends"]) >= times)

    def acted(self, *names: str) -> bool:
        """Tell whether exactly these actions have been done, none in vain."""
        assert self.engine.failures == []
        return [name for name, _ in self.engine.done] == list(names)


@contextlib.asynccontextmanager
async def played(name: str, folder: Path, *words: object, seed: int = 1) -> AsyncIterator[Play]:
    """Play a shipped scenario to a client of these words; a switch makes the client's halt file."""
    data = folder / "prices"
    data.mkdir()
    scenario = play.find(name)
    client = tuple(str(word).format(folder=folder) for word in (*CLIENT, *words))
    given = Settings(
        account=ACCOUNT, seed=seed, data=write_prices(data), fill_s=(0.001, 0.02),
        child_logs=folder,
        children=(
            Declared("client", client),
            Declared("switch", ("touch", str(folder / "halt")), is_later=True),
        ),
        lockables=(("journal", folder / "journal.db"),),
    )  # fmt: skip
    settings = play.settings_for(scenario, given)
    play.check_processes(scenario, settings, is_virtual=False)
    server = SimServer(settings)
    await server.start()
    engine = play.begin(scenario, play.stage_of(server, server.clock, lambda: None))
    server.begin_children(0)
    try:
        yield Play(server, engine, folder)
    finally:
        await server.stop()
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(WAIT_S):
        # The condition belongs to another process.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_quarter_is_lost_and_the_program_is_killed_twice(tmp_path: Path) -> None:
    async with played("inc-020-a-loss-and-a-restart", tmp_path, "buyer") as seen:
        await until(lambda: seen.acted("price-move"))
        moved = seen.engine.done[0][1]
        assert Decimal(moved["price"]) == pytest.approx(Decimal(moved["from"]) * 3 / 4, abs=1)
        value = seen.server.exchange.bank.main.positions.values()
        assert sum(entry.quantity for entry in value) >= 3
        for starts in (2, 3):
            seen.server.clock.advance(4)
            await seen.until_started(starts)
            await until(lambda: len(seen.lives()[-1]) > 10)
        assert [end["code"] for end in seen.child()["ends"]] == [-9, -9]


async def test_nothing_can_be_written_while_the_journal_is_locked(tmp_path: Path) -> None:
    words = ("buyer", "--journal", "{folder}/journal.db")
    async with played("inc-028-the-journal-is-locked", tmp_path, *words) as seen:

        def refused() -> int:
            return sum("not placed" in line for line in seen.lives()[0]) if seen.lives() else 0

        await until(lambda: seen.acted("file-lock"))
        assert seen.server.truth()["locked"] == ["journal"]
        await until(lambda: refused() >= 3)
        sent = len(seen.server.truth()["place_frames"])
        await until(lambda: refused() >= 6)
        assert len(seen.server.truth()["place_frames"]) == sent
        # The host's seconds, which no advance shortens.
        await until(lambda: not seen.server.truth()["locked"])
        await until(lambda: len(seen.server.truth()["place_frames"]) > sent)
        seen.server.clock.advance(4)
        await until(lambda: seen.acted("file-lock", "file-lock"))
        await until(lambda: refused() >= 10)
        seen.server.processes.unlock(None)
        with contextlib.closing(sqlite3.connect(seen.journal)) as db:
            noted = {number for (number,) in db.execute("SELECT id FROM orders")}
        assert {frame["order_id"] for frame in seen.server.truth()["place_frames"]} <= noted


def test_every_way_to_give_up_an_order_fails_once() -> None:
    host, engine = stages.played("inc-030-the-way-of-a-kill-is-full-of-faults")
    wire = Wire(host)
    for number in range(1, 7):
        wire.send(*place_fields(number, kind="LMT", limit=50))
    wire.frames()
    wire.send(58, 1)
    assert wire.frames() == []
    wire.send(4, 1, 1, "")
    assert [(f[2], f[3]) for f in wire.frames(4)] == [("1", "161")]
    wire.send(4, 1, 2, "")
    assert wire.frames() == []
    for number in (3, 4):
        wire.send(4, 1, number, "")
        wire.wait()
        assert not wire.peer.is_open
        wire = Wire(host)
    live = {order.order_id for order in host.exchange.working()}
    # The third cancel came with the reset and was not read; the fourth was carried out unheard.
    assert {1, 2, 5, 6} <= live
    assert 4 not in live
    wire.send(16, 1)
    assert wire.frames() == []
    wire.send(16, 1)
    assert wire.ids().count(5) == len(live)
    wire.send(58, 1)
    wire.wait(1)
    assert host.exchange.working() == []
    assert engine.failures == []


async def test_it_is_started_four_times_in_the_same_way_each_time(tmp_path: Path) -> None:
    async with played("inc-057-restarted-again-and-again", tmp_path, "buyer", seed=3) as seen:
        await until(lambda: len(seen.lives()) == 1 and seen.child()["state"] == "running")
        await until(lambda: len(seen.server.truth()["executions"]) >= 3)
        for starts in range(2, 5):
            seen.server.clock.advance(5)
            await seen.until_started(starts)
        codes = [end["code"] for end in seen.child()["ends"]]
        assert codes in ([-9] * 3, [-15] * 3)
        assert seen.acted(*["child-restart"] * 3)
        seen.server.clock.advance(30)
        await asyncio.sleep(0.1)
        assert seen.child()["starts"] == 4


async def test_it_dies_before_it_can_read_that_its_cancel_was_taken(tmp_path: Path) -> None:
    words = ("canceller", "--journal", "{folder}/journal.db")
    async with played("inc-065-killed-while-it-cancels", tmp_path, *words) as seen:
        await until(lambda: len(seen.child()["ends"]) == 1)
        await until(lambda: any(o["status"] == "Cancelled" for o in seen.server.truth()["orders"]))
        await asyncio.sleep(0.1)
        done = [o for o in seen.server.truth()["orders"] if o["status"] == "Cancelled"]
        told = [line for line in seen.lives()[0] if line.startswith("read 3 ")]
        told = [line for line in told if " Cancelled " in line]
        # One more than it was told of: the one whose arrival it did not survive.
        assert len(done) == len(told) + 1
        seen.server.clock.advance(1)
        await until(lambda: len(seen.lives()) == 2 and len(seen.lives()[1]) > 3)
        orders = seen.server.truth()["orders"]
        assert [o["status"] for o in orders].count("Cancelled") == len(done)
        assert len(seen.server.truth()["place_frames"]) == len(orders)


async def test_the_switch_is_thrown_while_an_order_arrives(tmp_path: Path) -> None:
    words = ("buyer", "--halt", "{folder}/halt")
    async with played("inc-070-halted-while-orders-flow", tmp_path, *words) as seen:
        await until(lambda: seen.child(1)["state"] == "ended")
        assert (tmp_path / "halt").exists()
        assert seen.acted("child-start")
        # Of its own words, not of anybody's clock: a loaded machine reads what was sent long ago.
        await until(lambda: "halted" in seen.lives()[0])
        await asyncio.sleep(0.5)
        words_said = [line.split()[0] for line in seen.lives()[0]]
        place = words_said.index("halted")
        assert "placed" not in words_said[place:]
        await until(lambda: len(seen.server.truth()["place_frames"]) >= words_said.count("placed"))
        assert len(seen.server.truth()["place_frames"]) == words_said.count("placed") >= 4


async def test_it_is_killed_at_five_places_of_a_fill(tmp_path: Path) -> None:
    async with played("inc-110-killed-on-the-way-of-a-fill", tmp_path, "buyer") as seen:
        for kills in range(1, 6):
            await seen.until_ended(kills)
            if kills == 3:
                # An execution was ready for its socket, and nobody has read it.
                told = {line.split()[15] for line in seen.lives()[2] if line.startswith("read 11 ")}
                happened = [e["exec_id"] for e in seen.server.truth()["executions"]]
                assert happened[-1] not in told
        await until(lambda: len(seen.lives()) == 6 and len(seen.lives()[5]) > 10)
        assert [end["code"] for end in seen.child()["ends"]] == [-9] * 5
        assert seen.acted(*["child-restart"] * 5)
        frames = seen.server.truth()["place_frames"]
        assert len({frame["order_id"] for frame in frames}) == len(frames)


def test_day_after_day_leaves_the_memory_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # What pytest keeps of each line of the log would be counted as ours.
    caplog.set_level(logging.CRITICAL, logger="trader.sim")
    # What is kept of the past, reached in three days instead of eighteen.
    for module, name in ((keeper, "KEPT"), (keeper, "SLACK"), (owned, "ENDED_MAX")):
        monkeypatch.setattr(module, name, 500)
    host, engine = stages.played("inc-152-thirty-days-at-once")
    wire = Wire(host)
    wire.send(*[1, 11, 5, *contract(), 0, "", 0, 0, ""])
    counts = []
    for _ in range(9):
        host.clock.advance(86_400)
        assert len(wire.frames(1, 2)) > 1000
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert engine.failures == []
    assert not engine.is_ended
    orders = host.truth()["orders"]
    assert len(orders) == 9 * 576 + 2
    assert {row["status"] for row in orders[:-2]} == {"Filled"}
    # A day has 576 orders and 1,440 quotes; one object kept of each order would be seen.
    assert max(counts[6:]) < max(counts[3:6]) + 576, counts

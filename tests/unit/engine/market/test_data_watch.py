"""Lines that bring nothing: asked for again within their session, told once, and left alone."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, OTHER_CON, World, an_instrument
from trader.core.ids import ConId
from trader.engine.market.data_watch import DataWatch
from trader.ports import DataProblem, LinkDown, QuoteTick, WorldError


class Lines:
    """Two subscribed instruments, and a watch that looks every five seconds as the link does."""

    def __init__(self, **changes: object) -> None:
        self.world = World(symbols=("AAA", "BBB"), **changes)  # type: ignore[arg-type]
        self.hub = self.world.hub
        self.asked = self.world.broker.subscribed
        self.watch = DataWatch(self.world.services, random.Random(1))
        self.hub.forget_quotes()
        self.asked.clear()
        self.hub.add(an_instrument(symbol="BBB", con_id=OTHER_CON))
        for con_id in (CON, OTHER_CON):
            self.hub.subscribed(con_id)

    async def look(self, seconds: float, *ticking: ConId) -> None:
        """Let time pass, with a price of some instruments every five seconds."""
        for _ in range(int(seconds / 5)):
            await asyncio.sleep(5)
            for con_id in ticking:
                self.price(con_id)
            await self.watch.renew()

    def price(self, con_id: ConId) -> None:
        for field, value in (("data_type", 1), ("bid", 99)):
            tick = QuoteTick(con_id, field, Decimal(value), self.world.clock.monotonic())
            self.hub.on_tick(tick)


async def test_a_line_that_never_brought_anything_is_asked_for_again_and_then_told() -> None:
    """INC-011: it is silent from the first moment on."""
    lines = Lines()
    await lines.look(125, OTHER_CON)
    assert lines.asked == [CON]
    assert lines.world.pager.titles() == []
    await lines.look(60, OTHER_CON)
    assert lines.world.pager.titles() == ["no quotes of AAA"]
    assert lines.hub.problems[CON].startswith("silent for 185 s")
    await lines.look(3_600, OTHER_CON)
    # Ever less often, and told once.
    assert len(lines.asked) <= 9
    assert lines.world.pager.titles() == ["no quotes of AAA"]
    lines.price(CON)
    assert lines.hub.problems == {}


async def test_a_line_that_falls_silent_in_its_session_is_asked_for_again() -> None:
    lines = Lines()
    await lines.look(100, CON, OTHER_CON)
    assert lines.asked == []
    await lines.look(125, OTHER_CON)
    assert lines.asked == [CON]


async def test_an_index_lives_by_its_last_price() -> None:
    lines = Lines()
    for _ in range(40):
        last = QuoteTick(CON, "last", Decimal(20), lines.world.clock.monotonic())
        lines.hub.on_tick(last)
        await lines.look(5, OTHER_CON)
    assert lines.asked == []


async def test_outside_its_session_nobody_waits_and_nobody_is_called() -> None:
    lines = Lines()
    lines.hub.open_for_s = lambda _con_id: None
    await lines.look(1_000)
    lines.hub.on_problem(DataProblem(OTHER_CON, 322, "duplicate ticker id"))
    await lines.look(10)
    assert lines.world.pager.titles() == []
    assert CON not in lines.asked
    # With the open it is told, and the silence counts from there.
    opened_s = lines.world.clock.monotonic()
    lines.hub.open_for_s = lambda _con_id: lines.world.clock.monotonic() - opened_s
    await lines.look(50)
    assert lines.world.pager.titles() == ["no quotes of BBB"]
    assert CON not in lines.asked
    await lines.look(100)
    assert CON in lines.asked


async def test_what_was_silent_is_no_problem_any_more_once_the_session_ends() -> None:
    lines = Lines()
    await lines.look(200, OTHER_CON)
    assert list(lines.hub.problems) == [CON]
    lines.hub.open_for_s = lambda _con_id: None
    await lines.look(5)
    assert lines.hub.problems == {}


@pytest.mark.parametrize("code", [101, 354, 10168])
async def test_what_is_denied_is_told_at_once_and_not_asked_for_in_a_loop(code: int) -> None:
    """INC-149."""
    lines = Lines()
    lines.hub.on_problem(DataProblem(CON, code, "max number of tickers reached"))
    await lines.look(400, OTHER_CON)
    assert lines.asked == []
    assert lines.world.pager.titles() == ["no quotes of AAA"]
    assert lines.hub.problems == {CON: f"{code} max number of tickers reached"}
    await lines.look(3_600, OTHER_CON)
    assert 2 <= len(lines.asked) <= 9


async def test_what_was_taken_is_probed_while_its_session_is_on_and_seldom_outside_it() -> None:
    """QUA-06: nobody waits for a closed index, and each question costs two messages."""
    lines = Lines()
    lines.hub.open_for_s = lambda con_id: 600.0 if con_id == CON else None
    for con_id in (CON, OTHER_CON):
        lines.hub.on_problem(DataProblem(con_id, 10197, "another session"))
    await lines.look(60)
    assert lines.asked.count(CON) >= 8
    assert lines.asked.count(OTHER_CON) <= 1
    lines.price(CON)
    await lines.look(600, CON)
    assert 1 <= lines.asked.count(OTHER_CON) <= 6
    lines.hub.open_for_s = lambda con_id: 600.0
    lines.asked.clear()
    await lines.look(60, CON)
    assert lines.asked.count(OTHER_CON) >= 8


async def test_a_planned_restart_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    is_on = True
    monkeypatch.setattr(lines.world.sessions, "is_restarting", lambda: is_on)
    lines.hub.on_problem(DataProblem(CON, 10182, "disconnected"))
    await lines.look(10, OTHER_CON)
    assert lines.world.pager.titles() == []
    is_on = False
    await lines.look(10, OTHER_CON)
    assert lines.world.pager.titles() == ["no quotes of AAA"]


async def test_no_room_for_the_request_is_not_the_end_and_a_lost_link_is() -> None:
    lines = Lines()
    lines.world.broker.subscribe_error = WorldError("no room for a request within 5 s")
    await lines.look(200, OTHER_CON)
    assert lines.asked == []
    lines.world.broker.subscribe_error = LinkDown("reset")
    with pytest.raises(LinkDown):
        await lines.look(400, OTHER_CON)

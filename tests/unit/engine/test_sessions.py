"""Hours, restart and day as a review sees them: from what was told, and None beyond it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from tests.unit.engine.world import (
    CON,
    OTHER_CON,
    POLICY,
    T0,
    World,
    an_instrument,
    an_intent,
    running,
)
from trader.core import events as ev
from trader.core.calendar import contract_hours
from trader.core.ids import ConId
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.risk import SessionView
from trader.engine.sessions import SessionSettings
from trader.ports import WorldError

NEW_YORK = ZoneInfo("America/New_York")
# The world's time begins on Monday at 10:00 in New York.
HOURS = contract_hours("20260302:0400-20260302:2000", "20260302:0930-20260302:1600", NEW_YORK)


def a_world(hours: TradingHours = TradingHours.REGULAR, **changes: object) -> World:
    session = SessionPolicy(hours=hours)
    world = World(policy=replace(POLICY, session=session), **changes)  # type: ignore[arg-type]
    world.hub.add(an_instrument(hours=HOURS))
    return world


async def test_the_standing_of_an_instrument_is_that_of_its_hours() -> None:
    world = a_world()
    assert world.sessions.view(CON) == SessionView(True, True, 1_800.0, 21_600.0)
    await asyncio.sleep(6 * 3600)
    assert world.sessions.view(CON) == SessionView(False, True, 43_200.0, 14_400.0)


async def test_what_was_not_told_is_not_known() -> None:
    world = a_world()
    world.hub.add(an_instrument(con_id=OTHER_CON))
    for con_id in (OTHER_CON, ConId(CON + 100)):
        assert world.sessions.view(con_id) == SessionView(None, None)
    await asyncio.sleep(24 * 3600)
    assert world.sessions.view(CON) == SessionView(None, None)


async def test_new_risk_waits_for_the_regular_hours_and_an_exit_does_not() -> None:
    world = a_world(held=10)
    world.quote()
    assert (await world.gateway.submit(an_intent(1))).order_id is not None
    await asyncio.sleep(6 * 3600)
    world.quote()
    refused = await world.gateway.submit(an_intent(2))
    assert refused.code == "SESSION_CLOSED"


async def test_hours_that_nobody_told_take_no_new_risk() -> None:
    world = a_world()
    world.hub.add(an_instrument())
    refused = await world.gateway.submit(an_intent())
    assert refused.code == "SESSION_CLOSED"
    checks = {row.code: row for row in world.journal.events(ev.IntentReviewed)[-1].checks}
    assert checks["SESSION_CLOSED"].value == "unavailable"


async def test_the_restart_counts_down_and_is_zero_while_it_lasts() -> None:
    settings = SessionSettings(NEW_YORK, restart_at=time(10, 30), restart_s=600.0)
    world = a_world(sessions=settings)
    assert world.sessions.view(CON).until_restart_s == 1_800.0
    assert not world.sessions.is_restarting()
    await asyncio.sleep(1_799)
    assert world.sessions.view(CON).until_restart_s == 1.0
    for _ in range(2):
        await asyncio.sleep(300)
        assert world.sessions.view(CON).until_restart_s == 0.0
        assert world.sessions.is_restarting()
    await asyncio.sleep(1)
    assert world.sessions.view(CON).until_restart_s == 86_400.0 - 600.0


async def test_the_restart_itself_takes_no_new_risk_even_without_a_guard() -> None:
    # INC-153
    settings = SessionSettings(NEW_YORK, restart_at=time(10, 0), restart_s=600.0)
    world = a_world(TradingHours.ALWAYS, sessions=settings, held=10)
    refused = await world.gateway.submit(an_intent(1))
    assert refused.code == "RESTART_WINDOW"
    await asyncio.sleep(601)
    world.quote()
    assert (await world.gateway.submit(an_intent(2))).order_id is not None


async def test_the_account_has_a_day_of_its_own() -> None:
    world = a_world(sessions=SessionSettings(NEW_YORK))
    assert world.sessions.day_start_utc() == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert world.sessions.day() == "2026-03-02"
    # T0 is 15:00 UTC; New York's midnight is 14 hours later.
    await asyncio.sleep(14 * 3600 - 1)
    assert world.sessions.day_start_utc() == datetime(2026, 3, 2, 5, tzinfo=UTC)
    await asyncio.sleep(1)
    assert world.sessions.day_start_utc() == datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert (T0.day, world.sessions.day()) == (2, "2026-03-03")


async def test_the_trades_of_a_day_are_counted_by_the_exchanges_day() -> None:
    """CAP-07: at 19:00 in New York the account's day goes on, and Tokyo's has begun."""
    world = a_world(sessions=SessionSettings(NEW_YORK))
    tokyo = contract_hours(
        "20260302:0900-20260302:1500;20260303:0900-20260303:1500",
        "20260302:0900-20260302:1500;20260303:0900-20260303:1500",
        ZoneInfo("Asia/Tokyo"),
    )
    world.hub.add(an_instrument(con_id=OTHER_CON, hours=tokyo))
    start = world.sessions.trading_day_start_utc
    assert start(CON) == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert start(OTHER_CON) == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert start(ConId(CON + 100)) == world.sessions.day_start_utc()
    # The world began at 15:00 UTC, which is midnight in Tokyo.
    await asyncio.sleep(24 * 3600)
    assert start(OTHER_CON) == world.sessions.day_start_utc()
    assert start(CON) == datetime(2026, 3, 3, 5, tzinfo=UTC)


async def test_an_order_of_yesterdays_trading_day_leaves_room_today() -> None:
    policy = replace(POLICY, rate=replace(POLICY.rate, daily_trades_max=1))
    world = World(policy=policy, sessions=SessionSettings(NEW_YORK))
    # Chicago's evening session: until 16:00 it is Monday, from 17:00 on it is Tuesday.
    text = "20260301:1700-20260302:1600;20260302:1700-20260303:1600"
    world.hub.add(an_instrument(hours=contract_hours(text, text, ZoneInfo("America/Chicago"))))
    world.broker.word = world.mirror
    assert (await world.gateway.submit(an_intent(1))).order_id is not None
    assert (await world.gateway.submit(an_intent(2))).code == "DAILY_TRADES"
    # 22:59 UTC is a minute before it, and midnight in New York is six hours away.
    await asyncio.sleep(8 * 3600 - 60)
    world.quote()
    assert (await world.gateway.submit(an_intent(3))).code == "DAILY_TRADES"
    await asyncio.sleep(60)
    world.quote()
    assert (await world.gateway.submit(an_intent(4))).order_id is not None


async def test_the_hours_are_asked_for_anew_several_times_a_day() -> None:
    world = World(is_armed=False)
    world.broker.is_connected = False
    with running(world.link.run):
        await asyncio.sleep(7 * 3600 - 60)
        assert world.hub.instruments[CON].hours is None
        world.broker.hours = HOURS
        await asyncio.sleep(6 * 3600)
        assert world.hub.instruments[CON].hours is HOURS
        world.broker.resolve_errors["AAA"] = WorldError("no contract details within 15 s")
        await asyncio.sleep(7 * 3600)
        assert world.hub.instruments[CON].hours is HOURS
        assert world.broker.connect_count == 1

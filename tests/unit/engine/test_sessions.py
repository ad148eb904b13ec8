"""Hours, restart and day as a review sees them: from what was told, and None beyond it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

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
from trader.core.calendar import ContractHours, Standing, contract_hours, standing
from trader.core.ids import ConId
from trader.core.intents import Side
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.risk import SessionView
from trader.core.shipped_calendars import SHIPPED
from trader.engine.hub import MarketHub
from trader.engine.sessions import Sessions, SessionSettings
from trader.ports import WorldError

NEW_YORK = ZoneInfo("America/New_York")
# The world's time begins on Monday at 10:00 in New York.
HOURS = contract_hours("20260302:0400-20260302:2000", "20260302:0930-20260302:1600", NEW_YORK)


def a_world(hours: TradingHours = TradingHours.REGULAR, **changes: object) -> World:
    session = SessionPolicy(hours=hours)
    world = World(policy=replace(POLICY, session=session), **changes)  # type: ignore[arg-type]
    world.hub.add(an_instrument(hours=HOURS))
    return world


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (TradingHours.REGULAR, "14:29", None),
        (TradingHours.REGULAR, "14:31", 60.0),
        (TradingHours.REGULAR, "21:30", None),
        (TradingHours.EXTENDED, "14:29", (5 * 60 + 29) * 60.0),
        (TradingHours.EXTENDED, "08:30", None),
        (TradingHours.ALWAYS, "08:30", None),
        (TradingHours.ALWAYS, "09:01", 60.0),
    ],
)
async def test_quotes_are_expected_while_a_session_is_on_that_is_traded(
    hours: TradingHours, at: str, expected: float | None
) -> None:
    now = datetime.fromisoformat(f"2026-03-02T{at}:00+00:00")
    hub = MarketHub(Hand(now))
    hub.add(an_instrument(hours=HOURS))
    sessions = Sessions(hub, Hand(now), SessionSettings(NEW_YORK))
    assert sessions.open_for_s(CON, hours) == expected


async def test_where_no_hours_were_told_only_who_trades_at_any_time_expects_quotes() -> None:
    world = World()
    found = [world.sessions.open_for_s(CON, hours) for hours in TradingHours]
    assert found == [None, None, float("inf")]


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


# ---- the broker's word and the shipped calendars

DOUBTING = SessionSettings(NEW_YORK, calendars=SHIPPED)
# The calendar has Monday, the 2nd of March 2026, open from 9:30 to 16:00, and Good Friday shut.
SHORT = contract_hours("20260302:0400-20260302:2000", "20260302:0930-20260302:1300", NEW_YORK)
LONG = contract_hours("20260302:0400-20260302:2000", "20260302:0800-20260302:1800", NEW_YORK)
SHUT = contract_hours("20260302:CLOSED", "20260302:CLOSED", NEW_YORK)


def told(world: World, hours: ContractHours | None, **changes: object) -> None:
    world.hub.add(an_instrument(hours=hours, **changes))


async def test_hours_that_the_calendar_knows_too_are_as_before() -> None:
    world = a_world(sessions=DOUBTING)
    assert world.sessions.view(CON) == SessionView(True, True, 1_800.0, 21_600.0)
    assert list(world.sessions.disagreeing()) == []


async def test_on_a_day_of_disagreement_new_risk_is_held_to_the_stricter_word() -> None:
    world = a_world(sessions=DOUBTING)
    told(world, LONG)
    assert world.sessions.view(CON) == SessionView(True, True, 1_800.0, 21_600.0)
    told(world, SHORT)
    assert world.sessions.view(CON) == SessionView(True, True, 1_800.0, 10_800.0)
    told(world, SHUT)
    assert world.sessions.view(CON) == SessionView(False, False)
    ((instrument, (row,)),) = world.sessions.disagreeing()
    assert (instrument.con_id, row.day.isoformat()) == (CON, "2026-03-02")


async def test_a_closing_that_the_broker_has_not_heard_of_takes_no_new_risk_but_exits() -> None:
    """DAT-06: on Good Friday, told as a day like any other."""
    world = a_world(sessions=DOUBTING, held=10, heartbeat_age_s_max=1e9)
    told(world, contract_hours("20260403:0400-2000", "20260403:0930-1600", NEW_YORK))
    # From Monday 10:00 in winter to Friday 10:00 in summer.
    await asyncio.sleep(32 * 86_400 - 3600)
    world.quote()
    refused = await world.gateway.submit(an_intent(1))
    assert refused.code == "SESSION_CLOSED"
    leaving = replace(an_intent(2), side=Side.SELL, is_reduce_only=True)
    assert (await world.gateway.submit(leaving)).order_id is not None
    # To forgive old prices the broker's own word is needed.
    assert not world.sessions.is_closed(CON)
    assert world.sessions.told(CON) == Standing(True, True, 1_800.0, 21_600.0)


async def test_what_nobody_told_stays_unknown_whatever_the_calendar_says() -> None:
    world = a_world(sessions=DOUBTING)
    told(world, None)
    assert world.sessions.view(CON) == SessionView(None, None)
    assert world.sessions.told(CON) is None
    told(world, HOURS)
    await asyncio.sleep(24 * 3600)
    assert world.sessions.view(CON) == SessionView(None, None)
    world.quote()
    refused = await world.gateway.submit(an_intent(1))
    assert refused.code == "SESSION_CLOSED"


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "EUR"},
        {"sec_type": "FUT", "exchange": "CME"},
        {"sec_type": "FUT", "exchange": "CME", "symbol": "ES"},
        {"exchange": "LSE"},
        {"primary_exchange": "IBIS"},
        {"hours": contract_hours("20260302:0700-1500", "20260302:0700-1500", ZoneInfo("UTC"))},
    ],
)
async def test_of_another_exchange_the_calendar_says_nothing(changes: dict[str, object]) -> None:
    world = a_world(sessions=DOUBTING)
    world.hub.add(replace(an_instrument(hours=SHORT), **changes))  # type: ignore[arg-type]
    assert list(world.sessions.disagreeing()) == []


CHICAGO = ZoneInfo("US/Central")
FUTURE = {"sec_type": "FUT", "exchange": "CME", "symbol": "ES"}
# Good Friday's session begins on Thursday, the 2nd of April 2026, at 17:00 and ends at 8:15.
NIGHTS = "20260401:1700-20260402:1600;20260402:1700-20260403:1600;20260405:1700-20260406:1600"


async def a_world_at(at: datetime, **changes: object) -> World:
    """Return a world of one instrument, so late."""
    world = a_world(sessions=DOUBTING)
    await asyncio.sleep((at.astimezone(UTC) - world.clock.utc()).total_seconds())
    world.hub.add(replace(an_instrument(), **changes))  # type: ignore[arg-type]
    return world


@pytest.mark.parametrize(
    ("hour", "until_close_s"),
    [
        (datetime(2026, 4, 2, 15, tzinfo=CHICAGO), 3_600.0),
        # From here on it is Friday for the exchange, of which the broker knows nothing special.
        (datetime(2026, 4, 2, 18, tzinfo=CHICAGO), 14.25 * 3_600),
        (datetime(2026, 4, 3, 8, tzinfo=CHICAGO), 900.0),
        (datetime(2026, 4, 3, 8, 15, tzinfo=CHICAGO), None),
    ],
)
async def test_a_doubt_about_a_holiday_holds_from_the_evening_before_it(
    hour: datetime, until_close_s: float | None
) -> None:
    world = await a_world_at(hour, hours=contract_hours(NIGHTS, "", CHICAGO), **FUTURE)
    assert world.sessions.view(CON).until_close_s == until_close_s
    assert world.sessions.view(CON).is_extended is (until_close_s is not None)
    told = world.sessions.told(CON)
    assert told is not None
    assert told.is_extended
    ((_, (row,)),) = world.sessions.disagreeing()
    assert row.day == date(2026, 4, 3)


async def test_the_day_of_a_future_begins_in_the_evening() -> None:
    evening = datetime(2026, 4, 2, 18, tzinfo=CHICAGO)
    world = await a_world_at(evening, hours=contract_hours(NIGHTS, "", CHICAGO), **FUTURE)
    assert world.sessions.trading_day_start_utc(CON) == evening.replace(hour=17).astimezone(UTC)
    assert world.sessions.now(CON).begun_utc == evening.replace(hour=17).astimezone(UTC)


async def test_a_stock_is_held_against_the_calendar_of_where_it_is_listed() -> None:
    """On Easter Monday, that the broker has as a day like any other."""
    berlin = ZoneInfo("MET")
    hours = contract_hours("20260406:0900-1730", "20260406:0900-1730", berlin)
    listed = {"currency": "EUR", "hours": hours}
    noon = datetime(2026, 4, 6, 12, tzinfo=berlin)
    world = await a_world_at(noon, primary_exchange="IBIS", **listed)
    assert world.sessions.view(CON) == SessionView(False, False)
    assert not world.sessions.is_closed(CON)
    # Listed nobody knows where, the broker's word is all there is.
    world = await a_world_at(noon, **listed)
    assert world.sessions.view(CON) == SessionView(True, True, 10_800.0, 19_800.0)


async def test_what_is_not_traded_disagrees_with_nobody() -> None:
    world = a_world(sessions=DOUBTING)
    told(world, SHUT, is_tradeable=False)
    assert list(world.sessions.disagreeing()) == []


@pytest.mark.parametrize("seed", range(40))
def test_no_review_is_more_permissive_for_the_calendar(seed: int) -> None:
    """DAT-06, whatever the broker says; 40 days of random hours, every quarter of an hour of each.

    The checks of the session refuse a view that is not known, and compare seconds with guards: a
    view that allows no more in any field lets nothing more pass.
    """
    chance = random.Random(seed)
    day = date(2026, 3, 2) + timedelta(days=chance.randrange(600))
    first, last = sorted(chance.sample(range(24 * 4), 2))
    start, end = sorted((chance.randint(first, last), chance.randint(first, last)))
    hours = contract_hours(quarters(day, first, last), quarters(day, start, end), NEW_YORK)
    clock = Hand(hours.known.start_utc)
    hub = MarketHub(clock)
    hub.add(an_instrument(hours=hours))
    doubting = Sessions(hub, clock, DOUBTING)
    plain = Sessions(hub, clock, SessionSettings(NEW_YORK))
    for _ in range(25 * 4):
        before, after = plain.view(CON), doubting.view(CON)
        assert (before.is_regular is None) is (after.is_regular is None)
        assert before.is_regular or not after.is_regular
        assert before.is_extended or not after.is_extended
        for name in ("since_open_s", "until_close_s"):
            seconds, allowed = getattr(after, name), getattr(before, name)
            assert seconds is None or (allowed is not None and seconds <= allowed)
        assert standing(hours, clock.now_utc) == doubting.told(CON) == plain.told(CON)
        clock.now_utc += timedelta(minutes=15)


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self, now_utc: datetime) -> None:
        self.now_utc = now_utc

    def utc(self) -> datetime:
        return self.now_utc

    def monotonic(self) -> float:
        return self.now_utc.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody sleeps here: {seconds}")


def quarters(day: date, start: int, end: int) -> str:
    if start == end:
        return f"{day:%Y%m%d}:CLOSED"
    texts = [f"{count // 4:02}{15 * (count % 4):02}" for count in (start, end)]
    return f"{day:%Y%m%d}:{'-'.join(texts)}"

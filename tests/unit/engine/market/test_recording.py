"""Rows of a recording say exactly what was recorded, and anything else is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.world import CON, T0, an_instrument
from trader.core.bars import Bar, BarSource
from trader.core.calendar import ContractHours, Span
from trader.core.history_pacing import HistoryAnswer, HistoryTrouble
from trader.core.ids import ConId
from trader.core.instruments import Instrument, PriceBand
from trader.core.moments import microseconds_of, moment_of
from trader.engine.hub import Forgotten
from trader.engine.market.recording import (
    Ended,
    Head,
    Lost,
    MarketEvent,
    MarketFact,
    UnreadableRow,
    clock_line,
    events_in,
    fact_line,
    tick_line,
)
from trader.ports import DataProblem, LinkWord, QuoteTick

NOW = datetime(2026, 3, 2, 15, 0, 0, 123_456, tzinfo=UTC)
NOW_S = 5_000.25
ORIGIN_US = 5_000_250_000
HOUR = timedelta(hours=1)
HOURS = ContractHours(
    (Span(NOW, NOW + 8 * HOUR),),
    (Span(NOW + HOUR, NOW + 7 * HOUR),),
    Span(NOW - HOUR, NOW + 48 * HOUR),
    ZoneInfo("America/New_York"),
)
FULL = an_instrument(
    bands=(PriceBand(Decimal(0), Decimal("0.0001")), PriceBand(Decimal(1), Decimal("0.01"))),
    multiplier=Decimal("0.5"),
    size_increment=Decimal(10),
    price_magnifier=100,
    is_tradeable=False,
    mismatch="currency",
    primary_exchange="NASDAQ",
    hours=HOURS,
)
TICK = QuoteTick(CON, "bid", Decimal("99.5"), NOW_S + 0.25)


def a_bar(number: int, **changes: Any) -> Bar:
    prices = Decimal("100.005"), Decimal("100.5"), Decimal("99.9"), Decimal("100.10")
    start_utc = T0 + number * timedelta(minutes=1)
    return replace(Bar(CON, start_utc, 60, *prices, BarSource.HISTORY), **changes)


def read(*lines: str) -> list[MarketEvent]:
    return list(events_in([clock_line(NOW, NOW_S), *lines]))


def test_a_tick_comes_back_with_the_wall_time_of_its_arrival() -> None:
    (event,) = read(tick_line(TICK, ORIGIN_US))
    assert event == MarketEvent(microseconds_of(NOW) + 250_000, NOW_S + 0.25, TICK)
    assert moment_of(event.at_us) == NOW + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    "fact",
    [
        QuoteTick(CON, "ask", None, NOW_S),
        an_instrument(),
        FULL,
        Forgotten(CON),
        Forgotten(None),
        DataProblem(CON, 354, 'not subscribed, "delayed"\nor so'),
        LinkWord("farm", is_up=False, code=2103, text="usfarm"),
        HistoryAnswer(CON, 60, 2, NOW, (a_bar(0), a_bar(1, is_whole=False))),
        HistoryAnswer(CON, 5, 720, NOW, trouble=HistoryTrouble.PACING, text="too \"often\""),
        HistoryAnswer(CON, 60, 1, NOW, (a_bar(0, source=BarSource.TICKS),), is_standing=True),
        Lost(17, "no room"),
        Ended(),
        Head(
            "run1", 3, "0.1.0", "paper", (FULL,), (TICK,),
            (LinkWord("upstream", is_up=True, code=1102, text=""),), (DataProblem(CON, 200, "x"),),
        ),
    ],
)  # fmt: skip
def test_each_fact_comes_back_as_it_was(fact: MarketFact) -> None:
    (event,) = read(fact_line(fact, NOW_S, ORIGIN_US))
    assert event.fact == fact
    assert event.at_s == NOW_S


def test_no_field_of_an_instrument_is_left_out() -> None:
    """A field that is added and not recorded would silently be another in a replay."""
    plain = an_instrument()
    differ = [
        row.name
        for row in fields(Instrument)
        if getattr(FULL, row.name) != getattr(plain, row.name)
    ]
    same = {"con_id", "symbol", "sec_type", "exchange", "currency"}
    assert {*differ, *same} == {row.name for row in fields(Instrument)}


@given(
    value=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    after_us=st.integers(-(10**9), 10**9),
)
def test_every_decimal_keeps_its_digits_and_every_time_its_microsecond(
    value: Decimal | None, after_us: int
) -> None:
    at_s = (ORIGIN_US + after_us) / 1e6
    (event,) = read(tick_line(QuoteTick(ConId(7), "last", value, at_s), ORIGIN_US))
    assert isinstance(event.fact, QuoteTick)
    assert str(event.fact.value) == str(value)
    assert event.at_us == microseconds_of(NOW) + after_us


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("no json", "JSONDecodeError"),
        ("[1,2]", "ValueError"),
        ('["other",1]', "KeyError"),
        ('[1,2,"bid","x1"]', "InvalidOperation"),
        ('["link",0]', "TypeError"),
        ('["head",0,{"version":9}]', "version 9, allowed is 1 or 2"),
        ("7", "TypeError"),
    ],
)
def test_what_is_no_row_is_refused_and_named_by_its_line(line: str, problem: str) -> None:
    with pytest.raises(UnreadableRow, match=problem) as raised:
        read(tick_line(TICK, ORIGIN_US), line)
    assert "line 3" in str(raised.value)


def test_a_row_without_a_clock_before_it_is_refused() -> None:
    with pytest.raises(UnreadableRow, match="before the first clock row"):
        list(events_in([tick_line(TICK, ORIGIN_US)]))


def test_an_instrument_of_before_its_listing_was_recorded_has_none() -> None:
    line = fact_line(FULL, NOW_S, ORIGIN_US)
    (event,) = read(line.replace('"primary_exchange":"NASDAQ",', ""))
    assert event.fact == replace(FULL, primary_exchange="")


def test_a_record_of_before_history_was_recorded_says_so() -> None:
    line = fact_line(Head("run1", 1, "0.1.0", "paper", version=1), NOW_S, ORIGIN_US)
    (event,) = read(line)
    assert isinstance(event.fact, Head)
    assert not event.fact.has_history
    assert Head("run1", 1, "0.1.0", "paper").has_history
    with pytest.raises(UnreadableRow, match="version 3, allowed is 1 or 2"):
        read(line.replace('"version":1', '"version":3'))

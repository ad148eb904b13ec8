"""Hours are written as a gateway writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from trader.sim.reference import calendar, hours

SPAN = re.compile(r"(\d{8}):(CLOSED|(\d{4})-(\d{8}):(\d{4}))")


def moment(text: str, zone: str = "America/New_York") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_a_stocks_hours_name_the_days_it_is_shut() -> None:
    found = hours.hours("US-STOCKS", moment("2022-12-29 11:00"))
    assert found.zone == "US/Eastern"
    assert found.trading == (
        "20221229:0400-20221229:2000;20221230:0400-20221230:2000;20221231:CLOSED;"
        "20230101:CLOSED;20230102:CLOSED;20230103:0400-20230103:2000"
    )
    assert found.liquid.startswith("20221229:0930-20221229:1600;20221230:0930-20221230:1600;2022")


def test_a_futures_hours_have_no_entry_for_a_sunday_that_belongs_to_monday() -> None:
    found = hours.hours("CME", moment("2025-05-22 09:00", "America/Chicago"))
    assert found.zone == "US/Central"
    assert found.trading == (
        "20250521:1700-20250522:1600;20250522:1700-20250523:1600;20250524:CLOSED;"
        "20250525:1700-20250526:1200;20250526:1700-20250527:1600;20250527:1700-20250528:1600"
    )
    assert found.liquid.startswith("20250522:0830-20250522:1600;20250523:0830-20250523:1600;2025")


def test_hours_of_a_market_that_never_closes_are_open_now_in_every_zone() -> None:
    now_s = datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp()
    for zone, day in (("US/Eastern", 21), ("US/Pacific", 20), ("Asia/Tokyo", 21), ("", 21)):
        found = hours.hours("ALWAYS", now_s, zone=zone)
        assert found.trading == found.liquid
        assert found.trading.startswith(f"202611{day}:0000-202611{day + 1}:0000;202611{day + 1}")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from(calendar.NAMES), st.integers(1_550_000_000, 2_050_000_000))
def test_the_texts_say_the_same_as_the_calendar(name: str, epoch_s: int) -> None:
    found = hours.hours(name, epoch_s)
    zone = ZoneInfo(
        {"MET": "Europe/Berlin", "GB-Eire": "Europe/London"}.get(found.zone, found.zone)
    )
    for text, is_open in (
        (found.trading, calendar.is_open(name, epoch_s, outside_rth=True)),
        (found.liquid, calendar.is_open(name, epoch_s)),
    ):
        entries = [SPAN.fullmatch(part) for part in text.split(";")]
        assert len(entries) == hours.DAYS_SHOWN
        spans = []
        for entry in entries:
            assert entry is not None, text
            if entry[2] != "CLOSED":
                ends = (entry[1] + entry[3], entry[4] + entry[5])
                start, end = (
                    datetime.strptime(one, "%Y%m%d%H%M").replace(tzinfo=zone).timestamp()
                    for one in ends
                )
                spans.append((start, end))
        assert spans == sorted(spans)
        # The closing auction is the second after the close.
        inside = any(start <= epoch_s < end + calendar.AUCTION_S for start, end in spans)
        assert inside >= is_open
        assert is_open or not any(start <= epoch_s < end for start, end in spans)


def test_a_schedule_lists_the_sessions_of_a_span() -> None:
    days = hours.last_days("US-STOCKS", moment("2026-04-07 12:00"), 4)
    regular = hours.schedule("US-STOCKS", days, regular=True)
    assert [one.day for one in regular] == ["20260401", "20260402", "20260406", "20260407"]
    assert (regular[0].start, regular[0].end) == ("20260401-09:30:00", "20260401-16:00:00")
    whole = hours.schedule("US-STOCKS", days, regular=False)
    assert (whole[0].start, whole[0].end) == ("20260401-04:00:00", "20260401-20:00:00")


def test_the_last_days_end_with_the_one_that_has_opened() -> None:
    before, after = moment("2026-04-06 09:00"), moment("2026-04-06 10:00")
    assert [day.day.day for day in hours.last_days("US-STOCKS", before, 2)] == [1, 2]
    assert [day.day.day for day in hours.last_days("US-STOCKS", after, 2)] == [2, 6]

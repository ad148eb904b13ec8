"""Hours and auctions come from the calendar; with `always` only auctions do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.sim.broker.floors import aapl
from tests.unit.sim.support import Bench
from trader.sim.broker.terms.cutoffs import CLOSED, LATE
from trader.sim.broker.terms.kinds import Auction
from trader.sim.broker.terms.sessions import NEVER, Sessions
from trader.sim.clock import VirtualClock
from trader.sim.model.instruments import Instrument

ITEM, ALWAYS = aapl(Bench(always_open=False)), aapl(Bench())


def at(text: str) -> Sessions:
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return Sessions(VirtualClock(moment.timestamp()))


def utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


# New York is five hours behind UTC on these days.
@pytest.mark.parametrize(
    ("moment", "regular", "extended"),
    [
        ("2026-11-20 15:00", True, True),
        ("2026-11-20 13:00", False, True),
        ("2026-11-20 22:00", False, True),
        ("2026-11-21 15:00", False, False),
    ],
)
def test_a_market_is_open_in_its_session(moment: str, regular: bool, extended: bool) -> None:
    assert at(moment).is_open(ITEM, outside_rth=False) is regular
    assert at(moment).is_open(ITEM, outside_rth=True) is extended
    assert at(moment).is_open(ALWAYS, outside_rth=False)


@pytest.mark.parametrize(
    ("moment", "outside", "opens"),
    [
        ("2026-11-20 15:00", False, "2026-11-20 15:00:00"),
        ("2026-11-20 13:00", False, "2026-11-20 14:30:00"),
        ("2026-11-20 22:00", False, "2026-11-23 14:30:00"),
        ("2026-11-21 15:00", True, "2026-11-23 09:00:00"),
    ],
)
def test_the_next_opening_is_that_of_the_session_wanted(
    moment: str, outside: bool, opens: str
) -> None:
    assert utc(at(moment).opens_s(ITEM, outside_rth=outside)) == opens


def test_the_warning_names_the_place_s_own_time() -> None:
    text = at("2026-11-21 15:00").opens_text(ITEM, outside_rth=False)
    assert text == "2026-11-23 09:30:00 US/Eastern"


@pytest.mark.parametrize(
    ("moment", "outside", "ends"),
    [
        ("2026-11-20 15:00", False, "2026-11-20 21:00:01"),
        ("2026-11-20 15:00", True, "2026-11-21 01:00:00"),
        ("2026-11-20 22:00", False, "2026-11-23 21:00:01"),
        ("2026-11-20 22:00", True, "2026-11-21 01:00:00"),
    ],
)
def test_a_day_order_ends_with_its_session(moment: str, outside: bool, ends: str) -> None:
    assert utc(at(moment).day_end_s(ITEM, outside_rth=outside)) == ends


def test_where_markets_do_not_close_a_day_has_no_end() -> None:
    sessions = at("2026-11-20 15:00")
    assert sessions.day_end_s(ALWAYS, outside_rth=False) == NEVER
    assert sessions.next_change_s(ALWAYS) == NEVER
    assert sessions.next_change_s(ITEM) < NEVER


def test_an_auction_order_may_come_too_late_where_markets_close() -> None:
    late, closed = at("2026-11-20 20:57"), at("2026-11-20 21:00")
    assert late.auction_refusal(ITEM, Auction.CLOSING) == LATE
    assert closed.auction_refusal(ITEM, Auction.OPENING) == CLOSED
    assert late.auction_refusal(ITEM, Auction.NONE) == ""
    assert late.auction_refusal(ALWAYS, Auction.CLOSING) == ""


@pytest.mark.parametrize("item", [ITEM, ALWAYS])
def test_auctions_are_at_the_open_and_at_the_close(item: Instrument) -> None:
    sessions = at("2026-11-20 15:00")
    assert sessions.has_auctions(item)
    assert utc(sessions.auction_s(item, Auction.CLOSING)) == "2026-11-20 21:00:00"
    assert utc(sessions.auction_s(item, Auction.OPENING)) == "2026-11-23 14:30:00"
    assert at("2026-11-20 21:00").is_auction(ITEM, Auction.CLOSING)
    assert not at("2026-11-20 21:01").is_auction(ITEM, Auction.CLOSING)

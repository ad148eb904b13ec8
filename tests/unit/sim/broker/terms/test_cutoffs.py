"""Until when auction orders may come, second by second around the open and the close."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from trader.sim.broker.terms.cutoffs import CLOSED, LATE, refusal
from trader.sim.broker.terms.kinds import Auction
from trader.sim.reference import calendar

OPENING, CLOSING = Auction.OPENING, Auction.CLOSING
# Opens at 14:30 and closes at 21:00 UTC.
DAY = calendar.trading_day("US-STOCKS", date(2026, 11, 23))


def moment(text: str) -> float:
    return datetime.fromisoformat(f"2026-11-23T{text}").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("auction", "exchange", "text", "reason"),
    [
        (OPENING, "NASDAQ", "14:27:59", ""),
        (OPENING, "NASDAQ", "14:28:00", LATE),
        (OPENING, "NASDAQ", "14:30:00.9", LATE),
        (OPENING, "NASDAQ", "14:30:01", ""),
        (OPENING, "NYSE", "14:29:59", ""),
        (OPENING, "NYSE", "14:30:00", LATE),
        (OPENING, "ARCA", "14:28:59", ""),
        (OPENING, "ARCA", "14:29:00", LATE),
        # The turn of the day: INC-106.
        (OPENING, "NASDAQ", "20:59:59", ""),
        (OPENING, "NASDAQ", "21:00:00", CLOSED),
        (OPENING, "NYSE", "21:00:10", CLOSED),
        (OPENING, "NYSE", "21:00:10.1", ""),
        (CLOSING, "NASDAQ", "20:54:59", ""),
        (CLOSING, "NASDAQ", "20:55:00", LATE),
        (CLOSING, "NYSE", "20:49:59", ""),
        (CLOSING, "NYSE", "20:50:00", LATE),
        (CLOSING, "NYSE", "21:00:00.9", LATE),
        (CLOSING, "NYSE", "21:00:01", ""),
        # Without a time of its own an exchange takes orders until the auction begins.
        (CLOSING, "IBIS", "20:59:59", ""),
        (CLOSING, "IBIS", "21:00:00", LATE),
        (Auction.NONE, "NYSE", "21:00:00", ""),
    ],
)
def test_an_order_comes_in_time_or_is_told_why_not(
    auction: Auction, exchange: str, text: str, reason: str
) -> None:
    assert DAY is not None
    assert refusal(auction, exchange, DAY, moment(text)) == reason

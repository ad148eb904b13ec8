"""Moments are read in every form clients write, and in no other."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from trader.sim.broker.terms.moments import read_moment, read_zone

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC).timestamp()


def text_of(moment: float | None) -> str:
    assert moment is not None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d %H:%M:%S")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("20260102-15:30:00", "20260102 15:30:00"),
        ("20260102 15:30:00 UTC", "20260102 15:30:00"),
        ("20260102 15:30:00 US/Eastern", "20260102 20:30:00"),
        ("20260702 15:30:00 EST", "20260702 19:30:00"),
        ("20260702 15:30:00 MET", "20260702 13:30:00"),
        ("20260102  15:30:00", "20260102 14:30:00"),
        ("15:59:00", "20260701 13:59:00"),
        ("15:59 US/Eastern", "20260701 19:59:00"),
    ],
)
def test_a_moment_is_read_in_its_zone_or_the_gateway_s(text: str, utc: str) -> None:
    assert text_of(read_moment(text, now_s=NOON, zone=ZoneInfo("Europe/Berlin"))) == utc


@pytest.mark.parametrize(
    "text",
    ["", "soon", "20260230 10:00:00", "20260102 25:00:00", "20260102 10:00:00 Nowhere/Town",
     "2026-01-02 10:00:00", "20260102-10:00:00 US/Eastern"],
)  # fmt: skip
def test_what_is_no_moment_is_none(text: str) -> None:
    assert read_moment(text, now_s=NOON) is None


def test_a_zone_is_known_by_its_usual_names() -> None:
    assert read_zone("UTC") is UTC
    assert read_zone("EST") == ZoneInfo("US/Eastern")
    assert read_zone("../etc/passwd") is None

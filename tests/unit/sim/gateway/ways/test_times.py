"""The time of an execution in each of its forms."""

from __future__ import annotations

import pytest

from trader.sim.gateway.ways.times import FORMS, execution_time

# 2026-07-06 16:00:01 UTC, daylight saving everywhere.
MOMENT_S = 1_783_353_601.0


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("utc", "20260706 16:00:01 UTC"),
        ("dash-utc", "20260706-16:00:01"),
        ("us-eastern", "20260706 12:00:01 US/Eastern"),
        ("met", "20260706 18:00:01 MET"),
        ("no-zone", "20260706  16:00:01"),
        ("unknown-zone", "20260706 16:00:01 British Summer Time"),
        ("garbage", "not a time"),
        ("empty", ""),
    ],
)
def test_a_moment_is_written_in_its_form(form: str, text: str) -> None:
    assert execution_time(form, MOMENT_S) == text


def test_every_form_is_tested_above() -> None:
    assert len(FORMS) == 8

"""Futures by rule: months, expiries, names and ids."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from trader.sim.reference import futures, underlyings

ES, _, VX, *_others = futures.ROOTS
INDEX = underlyings.listed()["SPX"]


@pytest.mark.parametrize(
    ("root", "month", "day"),
    [
        (ES, (2026, 3), date(2026, 3, 20)),
        (ES, (2025, 6), date(2025, 6, 20)),
        # The third Friday is Juneteenth.
        (ES, (2026, 6), date(2026, 6, 18)),
        (VX, (2026, 1), date(2026, 1, 21)),
        (VX, (2025, 12), date(2025, 12, 17)),
        # The third Friday of the month after is Good Friday; 30 days before is counted from it.
        (VX, (2025, 3), date(2025, 3, 19)),
    ],
)
def test_a_contract_ends_on_its_published_day(
    root: futures.Root, month: tuple[int, int], day: date
) -> None:
    assert futures.expiry(root, *month) == day


def test_the_listed_months_are_the_next_and_turn_after_expiry() -> None:
    on_the_day = futures.months(ES, date(2026, 3, 20), expired=False)
    assert on_the_day == [(2026, 3), (2026, 6), (2026, 9), (2026, 12), (2027, 3)]
    assert futures.months(ES, date(2026, 3, 21), expired=False)[0] == (2026, 6)
    assert len(futures.months(VX, date(2026, 3, 20), expired=False)) == VX.listed


def test_expired_months_reach_two_years_back() -> None:
    found = futures.months(ES, date(2026, 3, 21), expired=True)
    assert found[0] == (2024, 6)
    assert len(found) == 8 + ES.listed


def test_a_contract_is_named_and_sized_like_the_real_one() -> None:
    item = futures.contract(ES, INDEX, 2026, 3)
    assert (item.local_symbol, item.contract_month, item.multiplier) == (
        "ESH6",
        "202603",
        Decimal(50),
    )
    assert (item.exchange, item.under_con_id, item.calendar) == ("CME", INDEX.con_id, "CME")
    assert futures.contract(VX, underlyings.listed()["VIX"], 2026, 11).local_symbol == "VXX6"


@pytest.mark.parametrize("root", futures.ROOTS)
def test_ids_read_back_and_are_unique(root: futures.Root) -> None:
    seen = set()
    day = date(2019, 1, 1)
    while day.year < 2040:
        if day.month in root.months:
            con_id = futures.contract(root, INDEX, day.year, day.month).con_id
            assert futures.read_id(con_id) == (root, day.year, day.month)
            seen.add(con_id)
        day = (day + timedelta(days=31)).replace(day=1)
    assert len(seen) == 21 * len(root.months)


@pytest.mark.parametrize(
    "con_id", [0, 799_999_999, 800_000_000, 800_000_001, 800_009_999, 800_990_003]
)
def test_what_is_no_future_reads_as_none(con_id: int) -> None:
    assert futures.read_id(con_id) is None

"""The broker's result of its day and ours: only what both moved by since one moment compares.

The broker's side is reckoned here once more from the guide's formula, with other code than ours:
position now x price now - position at the reset x price at the reset + net amount traded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON, T0
from trader.core.day_result import Comparison, Point, Tolerance, day_at_broker, followed
from trader.core.marks import Mark, Source
from trader.core.positions import Position, traded
from trader.core.valuation import valued

D = Decimal
RULE = Tolerance(amount=D(5), share=D("0.01"), readings=3)
NEW_YORK = ZoneInfo("America/New_York")


def a_point(at_s: float, told: str | int, own: str | int, **changes: Any) -> Point:
    point = Point("day 0", D(told), D(own), D(0), D(0), D(0), at_s, T0)
    return replace(point, **changes)


def after(*points: Point, rule: Tolerance = RULE) -> Comparison:
    known: Comparison | None = None
    for point in points:
        known = followed(known, point, rule)
    assert known is not None
    return known


# ---- against a second implementation


@dataclass
class Floor:
    """The broker's side: what it held and what that cost, added up trade by trade."""

    held: Decimal
    price: Decimal
    is_commission_in: bool

    def __post_init__(self) -> None:
        self.reset_value = self.held * self.price
        self.net_amount = D(0)

    def trade(self, signed: Decimal, price: Decimal, commission: Decimal) -> None:
        self.held += signed
        self.net_amount -= signed * price
        if self.is_commission_in:
            self.net_amount -= commission

    def daily(self) -> Decimal:
        return self.held * self.price - self.reset_value + self.net_amount


@dataclass
class Desk:
    """Our side: the functions that the daemon values its book with."""

    position: Position
    price: Decimal
    cash: Decimal
    paid: Decimal

    def trade(self, signed: Decimal, price: Decimal, commission: Decimal) -> None:
        self.position = traded(self.position, signed, price)
        self.cash -= signed * price + commission
        self.paid += commission

    def point(self, at_s: float, told: Decimal) -> Point:
        mark = Mark(self.price, "USD", "STK", Source.QUOTE, at_s)
        worth = valued(
            {CON: self.position}, {CON: mark}, {"USD": self.cash}, rates={"USD": D(1)}, as_of_s=at_s
        )
        return Point("day 0", told, worth.nav, worth.gross, self.paid, D(0), at_s, T0)


PRICES = st.integers(1_000, 20_000).map(lambda cents: D(cents) / 100)
# A trade that both count, a move of the price, or nothing but a reading.
STEPS = st.lists(
    st.tuples(
        st.integers(-300, 300), PRICES, st.integers(0, 500).map(lambda cents: D(cents) / 100)
    ),
    max_size=25,
)


def both(
    steps: list[tuple[int, Decimal, Decimal]], held: int, price: Decimal, *, is_commission_in: bool
) -> tuple[Floor, Desk, Comparison]:
    """Play the steps on both sides, which began their days long ago and apart."""
    floor = Floor(D(held), price, is_commission_in)
    floor.net_amount = D("123.45")
    desk = Desk(Position(CON, "AAA", D(held), D(90)), price, D(50_000), D(0))
    known = followed(None, desk.point(0.0, floor.daily()), RULE)
    for at_s, (signed, now, commission) in enumerate(steps, start=1):
        floor.price = desk.price = now
        if signed:
            floor.trade(D(signed), now, commission)
            desk.trade(D(signed), now, commission)
        known = followed(known, desk.point(float(at_s), floor.daily()), RULE)
    return floor, desk, known


@given(steps=STEPS, held=st.integers(-500, 500), price=PRICES, is_commission_in=st.booleans())
def test_two_sides_that_count_the_same_never_differ(
    steps: list[tuple[int, Decimal, Decimal]], held: int, price: Decimal, is_commission_in: bool
) -> None:
    """CAP-31: whatever was counted before, and whether commissions are in it or not."""
    *_, known = both(steps, held, price, is_commission_in=is_commission_in)
    assert (known.apart, known.is_apart) == (0, False)
    assert known.together == len(steps)
    if is_commission_in:
        assert known.difference == 0


@given(
    steps=STEPS,
    held=st.integers(-500, 500),
    price=PRICES,
    signed=st.integers(1, 300),
    gap=st.integers(1, 50),
)
def test_a_fill_that_only_the_broker_knows_is_found_once_its_price_has_moved_far_enough(
    steps: list[tuple[int, Decimal, Decimal]], held: int, price: Decimal, signed: int, gap: int
) -> None:
    floor, desk, known = both(steps, held, price, is_commission_in=True)
    last_s = known.now.at_s
    floor.trade(D(signed), floor.price, D(0))
    floor.price = desk.price = floor.price + gap
    for number in (1, 2, 3):
        known = followed(known, desk.point(last_s + number, floor.daily()), RULE)
    hidden = D(signed * gap)
    # Unless it could be the commissions that the broker might have left out.
    is_apart = hidden > known.allowed and abs(hidden - desk.paid) > known.allowed
    assert known.apart == (3 if is_apart else 0)
    assert known.difference in (hidden, hidden - desk.paid)


# ---- what is allowed, and for how long


def test_the_bound_itself_is_allowed_and_a_cent_beyond_is_not() -> None:
    begun = a_point(0, 100, 1_000, held=D(1_000), commission_pending=D(1))
    last: dict[str, Any] = {"held": D(3_000), "commission_pending": D(2)}
    # 5, a hundredth of 1000 and of 3000, 1 and 2 that may still be paid.
    at_bound = after(begun, a_point(1, 148, 1_000, **last))
    assert (at_bound.allowed, at_bound.difference, at_bound.is_apart) == (D(48), D(48), False)
    assert after(begun, a_point(1, "148.01", 1_000, **last)).is_apart
    assert after(begun, a_point(1, "51.99", 1_000, **last)).is_apart
    assert not after(begun, a_point(1, 52, 1_000, **last)).is_apart


@pytest.mark.parametrize(
    ("told", "is_apart"),
    [("-35.01", True), (-35, False), (-25, False), (-15, True), (-5, False), (5, False), (6, True)],
)
def test_commissions_are_in_it_or_not_and_their_sum_is_no_room_for_anything_else(
    told: str | int, is_apart: bool
) -> None:
    """Ours fell by 30 of commission; the broker's may have, or not, and 5 is allowed each way."""
    known = after(a_point(0, 0, 0), a_point(1, told, -30, commission_paid=D(30)))
    assert known.is_apart is is_apart


def test_readings_in_a_row_are_counted_and_one_that_fits_ends_the_row() -> None:
    far = [a_point(at, 100, 0) for at in (1, 2)]
    begun = a_point(0, 0, 0)
    assert after(begun, *far).apart == 2
    back = after(begun, *far, a_point(3, 0, 0))
    assert (back.apart, back.together) == (0, 1)
    again = after(begun, *far, a_point(3, 0, 0), a_point(4, 100, 0))
    assert (again.apart, again.together) == (1, 0)


@pytest.mark.parametrize("at_s", [2.0, 1.5])
def test_a_reading_that_is_not_newer_is_not_counted_again(at_s: float) -> None:
    known = after(a_point(0, 0, 0), a_point(1, 100, 0), a_point(2, 100, 0))
    assert followed(known, a_point(at_s, 100, 0), RULE) is known


def test_another_day_of_the_broker_begins_anew_with_nothing_counted() -> None:
    known = after(a_point(0, 0, 0), a_point(1, 100, 0), a_point(2, 0, 0, span="day 1"))
    assert known.since.at_s == 2
    assert (known.apart, known.together, known.difference) == (0, 0, D(0))


# ---- the broker's day


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-02 10:00", "2026-03-01 23:55"),
        ("2026-03-02 23:44", "2026-03-01 23:55"),
        ("2026-03-02 23:45", None),
        ("2026-03-02 23:55", None),
        ("2026-03-03 00:04", None),
        ("2026-03-03 00:05", "2026-03-02 23:55"),
        # The clocks go forward on the 8th and back on 1 November.
        ("2026-03-08 12:00", "2026-03-07 23:55"),
        ("2026-11-01 12:00", "2026-10-31 23:55"),
    ],
)
def test_the_brokers_day_is_named_by_when_it_began(local: str, expected: str | None) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).astimezone(UTC)
    assert day_at_broker(now, NEW_YORK, (time(23, 55),)) == expected


def test_of_several_resets_each_begins_a_day() -> None:
    resets = (time(23, 55), time(17, 0))
    now = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)  # 19:30 in New York
    assert day_at_broker(now, NEW_YORK, resets) == "2026-03-02 17:00"
    assert day_at_broker(now - timedelta(hours=4), NEW_YORK, resets) == "2026-03-01 23:55"
    assert day_at_broker(now - timedelta(hours=2, minutes=25), NEW_YORK, resets) is None


@given(minutes=st.integers(0, 800 * 1440), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_at_any_moment_the_day_began_within_the_last_day_and_names_sort(
    minutes: int, hour: int, minute: int
) -> None:
    now = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    name = day_at_broker(now, NEW_YORK, (time(hour, minute),))
    later = day_at_broker(now + timedelta(hours=30), NEW_YORK, (time(hour, minute),))
    if name is None or later is None:
        return
    assert name < later
    begun = datetime.strptime(name, "%Y-%m-%d %H:%M").replace(tzinfo=NEW_YORK)
    assert timedelta(0) <= now - begun.astimezone(UTC) <= timedelta(hours=25)

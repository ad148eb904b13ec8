"""Conditions hold as written, joined from left to right."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.unit.sim.broker.floors import aapl, quote
from tests.unit.sim.support import EPOCH_S, Bench
from trader.sim.broker.terms import conditions
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import Condition

ITEM = aapl(Bench())
LATER, EARLIER = "20300101 00:00:00 UTC", "20200101-00:00:00"


def price(level: str, *, more: bool = True, joined: str = "a") -> Condition:
    return Condition(1, (joined, str(int(more)), level, str(ITEM.con_id), "SMART", "0"))


def time(moment: str, *, more: bool = True, joined: str = "a") -> Condition:
    return Condition(3, (joined, str(int(more)), moment))


def seen(con_id: int) -> Quote | None:
    changed = quote(ITEM, "200.00", close=Decimal(160), volume=5000)
    return changed if con_id == ITEM.con_id else None


@pytest.mark.parametrize(
    ("terms", "is_true"),
    [
        ((price("199"),), True),
        ((price("201"),), False),
        ((price("201", more=False),), True),
        ((time(EARLIER),), True),
        ((time(LATER),), False),
        ((time(LATER, more=False),), True),
        ((price("199"), time(LATER)), False),
        ((price("201", joined="o"), time(EARLIER)), True),
        ((price("201", joined="o"), price("199"), time(LATER)), False),
        ((Condition(6, ("a", "1", "4000", str(ITEM.con_id), "SMART")),), True),
        ((Condition(7, ("a", "1", "25", str(ITEM.con_id), "SMART")),), True),
        ((Condition(7, ("a", "1", "26", str(ITEM.con_id), "SMART")),), False),
        ((Condition(4, ("a", "1", "30")),), False),
        ((Condition(5, ("a", "STK", "SMART", "AAPL")),), False),
        ((Condition(1, ("a", "1", "1", "999", "SMART", "0")),), False),
    ],
)
def test_conditions_are_true_or_not(terms: tuple[Condition, ...], is_true: bool) -> None:
    assert conditions.flaw(terms, EPOCH_S) == ""
    assert conditions.hold(terms, EPOCH_S, seen) is is_true


@pytest.mark.parametrize("zone", ["UTC", "US/Eastern", "Asia/Tokyo"])
def test_a_time_without_a_zone_is_of_the_place_it_is_asked_at(zone: str) -> None:
    place = ZoneInfo(zone)
    terms = (time("20261121 05:46:40"),)
    (moment_s,) = conditions.times(terms, EPOCH_S, place)
    assert datetime.fromtimestamp(moment_s, place).strftime("%H:%M:%S") == "05:46:40"
    assert conditions.hold(terms, moment_s, seen, place)
    assert not conditions.hold(terms, moment_s - 1, seen, place)


def test_what_must_be_watched_is_told_once() -> None:
    both = (price("1"), time(LATER), price("2"))
    assert conditions.watched(both) == [ITEM.con_id]
    assert len(conditions.times(both, EPOCH_S)) == 1


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (Condition(2, ()), "type"),
        (Condition(1, ("a", "1")), "fields"),
        (Condition(3, ("a", "1", "soon")), "time"),
        (Condition(1, ("a", "1", "x", "1", "SMART", "0")), "value"),
        (Condition(1, ("a", "1", "5", "x", "SMART", "0")), "conId"),
    ],
)
def test_a_wrong_condition_is_named(condition: Condition, field: str) -> None:
    assert field in conditions.flaw((condition,), EPOCH_S)


def test_a_price_condition_can_change_only_where_its_price_is_reached() -> None:
    price = Condition(1, ("a", "1", "100", "5", "SMART", "0"))
    volume = Condition(6, ("a", "1", "1000", "6", "SMART"))
    both = (price, volume)
    assert conditions.may_change(both, 5, Decimal(99), Decimal(100))
    assert not conditions.may_change(both, 5, Decimal(101), Decimal(105))
    assert not conditions.may_change(both, 7, Decimal(99), Decimal(101))
    # Of volumes nothing is known beforehand.
    assert conditions.may_change(both, 6, Decimal(1), Decimal(2))

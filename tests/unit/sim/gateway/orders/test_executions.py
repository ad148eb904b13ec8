"""The filter of reqExecutions lets through what it says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.unit.sim.support import ACCOUNT, EPOCH_S, Bench, request
from trader.sim.clock import stamp
from trader.sim.gateway.orders import executions
from trader.sim.model.orders import Execution
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_orders import ExecutionFilter

NOW_S = EPOCH_S + 1010.0


def matching(items: list[Execution], wanted: ExecutionFilter) -> list[Execution]:
    return executions.matching(items, wanted, now_s=NOW_S)


ANY = ExecutionFilter(1, 0, "", "", "", "", "", "")


def traded() -> list[Execution]:
    bench = Bench()
    bench.gateway.place(7, request(1))
    bench.clock.advance(10)
    bench.gateway.place(8, request(1, action="SELL", quantity=Decimal(10)))
    return bench.exchange.executions


def test_an_empty_filter_lets_all_through() -> None:
    items = traded()
    assert matching(items, ANY) == items


@pytest.mark.parametrize(
    "wanted",
    [
        replace(ANY, client_id=8),
        replace(ANY, side="SELL"),
        replace(ANY, side="SLD"),
        replace(ANY, symbol="AAPL", client_id=8, account=ACCOUNT, sec_type="STK"),
    ],
)
def test_each_field_narrows(wanted: ExecutionFilter) -> None:
    assert {item.client_id for item in matching(traded(), wanted)} == {8}


def test_a_time_cuts_off_what_was_before() -> None:
    items = traded()
    later = stamp(items[-1].time_s)
    assert {item.client_id for item in matching(items, replace(ANY, since=later))} == {8}


@pytest.mark.parametrize(
    "wanted",
    [replace(ANY, account="OTHER"), replace(ANY, symbol="IBM"), replace(ANY, exchange="LSE")],
)
def test_a_filter_may_let_nothing_through(wanted: ExecutionFilter) -> None:
    assert matching(traded(), wanted) == []


@pytest.mark.parametrize("wanted", [replace(ANY, side="UP"), replace(ANY, since="soon")])
def test_a_filter_that_makes_no_sense_is_refused(wanted: ExecutionFilter) -> None:
    with pytest.raises(FieldError):
        matching(traded(), wanted)


def test_only_the_current_day_is_known() -> None:
    items = traded()
    midnight = NOW_S - NOW_S % 86_400 + 86_400
    assert executions.matching(items, ANY, now_s=midnight - 1) == items
    assert executions.matching(items, ANY, now_s=midnight) == []


def test_earlier_days_are_known_to_who_asks_for_them() -> None:
    items = traded()
    tomorrow = NOW_S - NOW_S % 86_400 + 86_400
    assert executions.matching(items, replace(ANY, last_days=2), now_s=tomorrow) == items
    assert executions.matching(items, replace(ANY, last_days=1), now_s=tomorrow) == []
    day = stamp(NOW_S)[:8]
    assert executions.matching(items, replace(ANY, dates=(day,)), now_s=tomorrow) == items
    assert executions.matching(items, replace(ANY, dates=("20200101",)), now_s=tomorrow) == []


@pytest.mark.parametrize(
    "wanted", [replace(ANY, last_days=0), replace(ANY, last_days=8), replace(ANY, dates=("x",))]
)
def test_days_out_of_reach_are_refused(wanted: ExecutionFilter) -> None:
    with pytest.raises(FieldError, match=r"allowed: 1 to 7|expected yyyymmdd"):
        matching(traded(), wanted)


def test_the_day_begins_at_midnight_where_the_gateway_is() -> None:
    items, zone = traded(), ZoneInfo("America/New_York")
    # 06:03 UTC on 21 November is 01:03 in New York: the day there began an hour ago.
    next_utc_day = NOW_S - NOW_S % 86_400 + 86_400 + 60
    assert executions.matching(items, ANY, now_s=next_utc_day) == []
    assert executions.matching(items, ANY, now_s=next_utc_day, zone=zone) == items
    assert executions.matching(items, ANY, now_s=next_utc_day + 5 * 3600, zone=zone) == []


@pytest.mark.parametrize(
    ("since", "is_before"),
    [
        ("20261121 01:03:15", True),
        ("20261121 01:03:25", False),
        ("20261121-06:03:25", False),
        ("20261121 06:03:25 UTC", False),
        ("20261121 01:03:15 US/Eastern", True),
    ],
)
def test_a_time_is_of_the_gateway_s_zone_unless_it_says_otherwise(
    since: str, is_before: bool
) -> None:
    items, zone = traded(), ZoneInfo("America/New_York")
    found = executions.matching(items, replace(ANY, since=since), now_s=NOW_S, zone=zone)
    assert (items[0] in found) is is_before

"""Order messages have the layouts that real gateways were recorded with."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, request, split
from trader.sim.model.orders import Execution, Margin, Order
from trader.sim.wire import messages_orders
from trader.sim.wire.frames import UNSET_DOUBLE


def done() -> tuple[Order, Execution]:
    bench = Bench()
    bench.gateway.place(7, request(5, order_ref="ref-5"))
    return next(iter(bench.exchange.orders.values())), bench.exchange.executions[-1]


@pytest.mark.parametrize(
    ("version", "count"),
    [
        (157, 128),
        (160, 130),
        (163, 131),
        (170, 136),
        (173, 136),
        (176, 136),
        (177, 135),
        (178, 135),
    ],
)
def test_open_order_has_the_fields_of_its_version(version: int, count: int) -> None:
    order, _ = done()
    (fields,) = split(messages_orders.open_order(version, order))
    assert len(fields) == count
    assert fields[:4] == ["5", "5", "265598", "AAPL"]
    assert (fields[23], fields[24]) == ("ref-5", "7")


def test_commission_and_currency_follow_the_margin_block() -> None:
    order, _ = done()
    (fields,) = split(messages_orders.open_order(178, order))
    place = fields.index("Filled")
    assert fields[place + 1 : place + 10] == [UNSET_DOUBLE] * 9
    assert fields[place + 10 : place + 14] == ["1.0", "", "", "USD"]


def test_a_what_if_answer_carries_the_margin() -> None:
    order, _ = done()
    margin = Margin(("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), Decimal("1.5"))
    (fields,) = split(messages_orders.open_order(178, order, margin))
    place = fields.index("PreSubmitted")
    assert fields[place - 1] == "1"
    assert fields[place + 1 : place + 14] == [*"123456789", "1.5", "1.5", "1.5", "USD"]
    assert len(fields) == 135


def test_order_status_has_twelve_fields() -> None:
    order, _ = done()
    (fields,) = split(messages_orders.order_status(order))
    assert len(fields) == 12
    assert fields[2:5] == ["Filled", "100", "0"]


@pytest.mark.parametrize(("version", "count"), [(157, 31), (173, 31), (177, 31), (178, 32)])
def test_an_execution_has_the_fields_of_its_version(version: int, count: int) -> None:
    _, execution = done()
    (fields,) = split(messages_orders.execution(version, -1, execution, "20260101 00:00:00 UTC"))
    assert len(fields) == count
    assert (fields[1], fields[18], fields[26]) == ("-1", "BOT", "ref-5")


def test_a_commission_report_has_eight_fields_and_no_result_for_an_opening_trade() -> None:
    _, execution = done()
    (fields,) = split(messages_orders.commission_report(execution))
    assert len(fields) == 8
    assert fields[3:6] == ["1.0", "USD", UNSET_DOUBLE]


@pytest.mark.parametrize(("version", "count"), [(157, 96), (169, 96), (173, 101), (178, 100)])
def test_a_completed_order_has_the_fields_of_its_version(version: int, count: int) -> None:
    order, _ = done()
    (fields,) = split(messages_orders.completed_order(version, order, "20260101 00:00:00 UTC"))
    assert len(fields) == count
    # A filled order shows quantity 0 here; its size stands in filledQuantity.
    assert fields[13] == "0"
    assert "Filled Size: 100" in fields


def test_execution_times_name_their_zone() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert messages_orders.execution_time(moment) == "20260102 03:04:05 UTC"

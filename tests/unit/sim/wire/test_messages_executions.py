"""Fills and commissions have the layouts that real gateways were recorded with."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.wire.samples import AAPL, CALL, ES, fill, only
from trader.sim.model.orders import Side
from trader.sim.wire import messages_executions
from trader.sim.wire.frames import UNSET_DOUBLE


@pytest.mark.parametrize(
    ("version", "count"), [(157, 31), (173, 31), (177, 31), (178, 32), (197, 32), (200, 33)]
)
def test_an_execution_has_the_fields_of_its_version(version: int, count: int) -> None:
    fields = only(messages_executions.execution(version, -1, fill(), "20260101 00:00:00 UTC"))
    assert len(fields) == count
    assert fields[:14] == [
        "11", "-1", "5", "265598", "AAPL", "STK", "", "0.0", "", "", "IEX", "USD", "AAPL", "NMS",
    ]  # fmt: skip
    assert fields[16:31] == [
        "DU1", "IEX", "BOT", "100", "201.94", "1824933227", "7", "0", "100", "201.94", "ref-5",
        "", "", "", "2",
    ]  # fmt: skip


def test_an_execution_names_the_derivative_and_a_liquidation() -> None:
    item = fill(CALL, side=Side.SELL, liquidation=1, liquidity=1)
    fields = only(messages_executions.execution(178, 9, item, "t"))
    assert fields[6:10] == ["20261218", "202.5", "C", "100"]
    assert (fields[18], fields[23], fields[30]) == ("SLD", "1", "1")


def test_an_execution_is_in_the_currency_where_quotes_are_in_hundredths_of_it() -> None:
    fields = only(
        messages_executions.execution(178, 9, fill(replace(AAPL, price_magnifier=100)), "t")
    )
    assert (fields[20], fields[25]) == ("2.0194", "2.0194")


def test_a_commission_report_has_eight_fields_and_no_result_for_an_opening_trade() -> None:
    fields = only(messages_executions.commission_report(fill()))
    assert fields == [
        "59", "1", "0000e0d5.67fe667b.01.01", "1.0", "USD", UNSET_DOUBLE, UNSET_DOUBLE, "",
    ]  # fmt: skip


def test_a_closing_trade_reports_its_result_in_the_currency_it_was_charged_in() -> None:
    item = fill(ES, realized=Decimal("-12.50"), commission_currency="EUR")
    assert only(messages_executions.commission_report(item))[4:6] == ["EUR", "-12.5"]


def test_a_commission_may_not_be_known_yet() -> None:
    fields = only(messages_executions.commission_report(fill(AAPL), "-1"))
    assert (len(fields), fields[3], fields[4]) == (8, "-1", "USD")

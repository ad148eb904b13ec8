"""Account requests are read as the real client writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ib_async import Option

from tests.unit.sim.wire.client import written
from trader.sim.wire import requests_account as requests
from trader.sim.wire.frames import FieldError

MULTI = requests.MultiRequest(9, "DU1", "model")


def test_updates_and_summary_are_read() -> None:
    read = requests.parse_account_updates(written(178, "reqAccountUpdates", True, "DU1"))
    assert read == requests.UpdatesRequest(True, "DU1")
    summary = requests.parse_account_summary(
        written(178, "reqAccountSummary", 9, "All", "NetLiquidation, BuyingPower,")
    )
    assert summary == requests.SummaryRequest(9, "All", ("NetLiquidation", "BuyingPower"))


def test_requests_of_one_account_and_model_are_read() -> None:
    asked = written(178, "reqAccountUpdatesMulti", 9, "DU1", "model", False)
    assert requests.parse_account_updates_multi(asked) == MULTI
    asked = written(178, "reqPositionsMulti", 9, "DU1", "model")
    assert requests.parse_positions_multi(asked) == MULTI
    assert requests.parse_pnl(written(178, "reqPnL", 9, "DU1", "model")) == MULTI
    single = requests.parse_pnl_single(written(178, "reqPnLSingle", 9, "DU1", "model", 8314))
    assert (single.account, single.con_id) == ("DU1", 8314)


def test_an_exercise_is_read() -> None:
    option = Option("IBM", "20261218", 150.5, "PUT", "SMART", "100", "USD", tradingClass="IBM")
    asked = written(178, "exerciseOptions", 9, option, 1, 3, "DU1", 1)
    read = requests.parse_exercise(asked, 178)
    query = read.contract
    assert (query.symbol, query.expiry, query.right) == ("IBM", "20261218", "P")
    assert (query.strike, query.multiplier, query.trading_class) == (Decimal("150.5"), "100", "IBM")
    assert (read.action, read.quantity, read.account, read.is_forced) == (
        1,
        Decimal(3),
        "DU1",
        True,
    )


@pytest.mark.parametrize(("version", "more"), [(178, 0), (180, 1), (183, 2), (184, 3), (200, 3)])
def test_an_exercise_has_the_fields_of_its_version(version: int, more: int) -> None:
    option = Option("IBM", "20261218", 150.5, "C", "SMART")
    asked = written(178, "exerciseOptions", 9, option, 1, 3, "DU1", 0)
    asked += ["20260101 10:00:00", "cust", "1"][:more]
    read = requests.parse_exercise(asked, version)
    assert (read.manual_time != "", read.customer_account != "", read.is_professional) == (
        more > 0, more > 1, more > 2,
    )  # fmt: skip
    with pytest.raises(FieldError):
        requests.parse_exercise(asked[:-1], version)

"""Account messages have exact field counts, for every security type."""

from __future__ import annotations

import pytest

from tests.unit.sim.wire.samples import AAPL, CALL, EVERY, only
from trader.sim.wire import messages_account

ROW = ("NetLiquidation", "1.00", "USD")


def test_values_and_their_end() -> None:
    assert only(messages_account.account_value(*ROW, "DU1")) == ["6", "2", *ROW, "DU1"]
    assert only(messages_account.account_time("12:30")) == ["8", "1", "12:30"]
    assert only(messages_account.account_download_end("DU1")) == ["54", "1", "DU1"]


def test_a_summary_row_and_an_update_of_several_accounts_carry_the_same_row() -> None:
    assert only(messages_account.account_summary(9, "DU1", ROW)) == ["63", "1", "9", "DU1", *ROW]
    multi = only(messages_account.account_update_multi(9, "DU1", ROW, model="m"))
    assert multi == ["73", "1", "9", "DU1", "m", *ROW]


@pytest.mark.parametrize("sec_type", EVERY)
def test_positions_have_their_counts_for_every_type(sec_type: str) -> None:
    item = EVERY[sec_type]
    assert len(only(messages_account.portfolio(item, ["1"] * 6, "DU1"))) == 20
    assert len(only(messages_account.position("DU1", item, "5", "1"))) == 16
    assert len(only(messages_account.position_multi(1, "DU1", item, "5", "1"))) == 18


def test_a_stock_in_the_portfolio_is_written_as_recorded() -> None:
    values = ["-100", "291.62", "-29162.34", "291.27", "-35.74", "-71.44"]
    assert only(messages_account.portfolio(AAPL, values, "DU1")) == [
        "7", "8", "265598", "AAPL", "STK", "", "0", "0", "", "NASDAQ", "USD", "AAPL", "NMS",
        *values, "DU1",
    ]  # fmt: skip


def test_an_option_position_shows_what_it_is() -> None:
    fields = only(messages_account.position("DU1", CALL, "-1", "150.5"))
    assert fields[4:12] == ["AAPL", "OPT", "20261218", "202.5", "C", "100", "", "USD"]
    fields = only(messages_account.position_multi(1, "DU1", CALL, "-1", "150.5", model="m"))
    assert fields[-3:] == ["-1", "150.5", "m"]


def test_profit_and_loss_has_three_and_five_values() -> None:
    assert only(messages_account.pnl(4, ["1", "2", "3"])) == ["94", "4", "1", "2", "3"]
    assert len(only(messages_account.pnl_single(4, ["1"] * 5))) == 7

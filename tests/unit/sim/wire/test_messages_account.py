"""Account messages have exact field counts."""

from __future__ import annotations

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_account


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


def test_account_messages_have_their_counts() -> None:
    item, row = aapl(), ("NetLiquidation", "1.00", "USD")
    assert len(split(messages_account.account_value(*row, "DU1"))[0]) == 6
    assert split(messages_account.account_time("12:30")) == [["8", "1", "12:30"]]
    assert split(messages_account.account_download_end("DU1")) == [["54", "1", "DU1"]]
    assert len(split(messages_account.portfolio(item, ["1"] * 6, "DU1"))[0]) == 20
    assert len(split(messages_account.position("DU1", item, "5", "1"))[0]) == 16
    assert len(split(messages_account.position_multi(1, "DU1", item, "5", "1"))[0]) == 18
    assert len(split(messages_account.account_summary(1, "DU1", row))[0]) == 7
    assert len(split(messages_account.account_update_multi(1, "DU1", row))[0]) == 8
    assert len(split(messages_account.pnl(1, ["1"] * 3))[0]) == 5
    assert len(split(messages_account.pnl_single(1, ["1"] * 5))[0]) == 7

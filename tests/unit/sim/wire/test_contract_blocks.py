"""Each message writes the contract's strike, right and exchange in its own way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.wire.samples import AAPL, CALL, ES, EURO, EVERY, SPREAD, instrument
from trader.sim.wire import contract_blocks


def cut(block: str) -> list[str]:
    return block.split("\0")


@pytest.mark.parametrize("sec_type", EVERY)
def test_every_type_has_eleven_fields_in_every_message(sec_type: str) -> None:
    item = EVERY[sec_type]
    for block in (
        contract_blocks.of_order(item, "ARCA"), contract_blocks.of_execution(item, "IEX"),
        contract_blocks.of_portfolio(item), contract_blocks.of_position(item),
    ):  # fmt: skip
        assert len(cut(block)) == 11
        assert cut(block)[:3] == [str(item.con_id), item.symbol, item.sec_type]


def test_a_stock_has_no_strike_and_no_right_written_four_ways() -> None:
    head, tail = ["265598", "AAPL", "STK", ""], ["USD", "AAPL", "NMS"]
    assert cut(contract_blocks.of_order(AAPL, "ARCA")) == [*head, "0", "?", "", "ARCA", *tail]
    assert cut(contract_blocks.of_execution(AAPL, "IEX")) == [*head, "0.0", "", "", "IEX", *tail]
    assert cut(contract_blocks.of_portfolio(AAPL)) == [*head, "0", "0", "", "NASDAQ", *tail]
    assert cut(contract_blocks.of_position(AAPL)) == [*head, "0.0", "", "", "NASDAQ", *tail]


def test_a_derivative_shows_expiry_strike_right_and_multiplier() -> None:
    assert cut(contract_blocks.of_order(CALL, ""))[3:7] == ["20261218", "202.5", "C", "100"]
    assert cut(contract_blocks.of_portfolio(ES))[3:7] == ["20261218", "0", "0", "50"]


def test_a_position_in_a_derivative_names_no_exchange() -> None:
    assert cut(contract_blocks.of_position(ES))[7] == ""
    assert cut(contract_blocks.of_position(EURO))[7] == "IDEALPRO"


def test_a_future_of_multiplier_one_still_shows_it() -> None:
    assert contract_blocks.multiplier(instrument(1, "X", "FUT")) == "1"
    assert contract_blocks.multiplier(SPREAD) == ""
    assert contract_blocks.multiplier(instrument(1, "X", "WAR", multiplier=Decimal("0.1"))) == "0.1"

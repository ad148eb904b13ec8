"""Contract details and market rules have exact field counts at every version."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, split
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_reference


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


@pytest.mark.parametrize(
    ("version", "count"), [(157, 41), (163, 42), (164, 42), (173, 42), (178, 42)]
)
def test_contract_details_have_the_fields_of_their_version(version: int, count: int) -> None:
    (fields,) = split(messages_reference.contract_details(version, 9, aapl(), "SMART", ("t", "l")))
    # A stock with one security id: 42 fields at 173, as recorded.
    assert len(fields) == count
    shift = 1 if version < 164 else 0
    assert fields[1 + shift : 4 + shift] == ["9", "AAPL", "STK"]
    assert "265598" in fields
    assert "US0378331005" in fields


def test_a_market_rule_lists_its_bands() -> None:
    (fields,) = split(messages_reference.market_rule(26, [(Decimal(0), Decimal("0.01"))]))
    assert fields == ["93", "26", "1", "0", "0.01"]

"""Options are exercised overnight, without an execution; what makes no sense is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.script.stages import Wire, memory_host
from tests.unit.sim.support import ACCOUNT
from trader.sim.host.memory import MemoryHost
from trader.sim.model.instruments import ContractQuery, Instrument


def deep_call(host: MemoryHost) -> Instrument:
    """Return a call that is in the money."""
    chain = host.market.catalogue.find_all(
        ContractQuery(symbol="AAPL", sec_type="OPT", right="C", exchange="SMART")
    )
    return min(chain, key=lambda item: (item.strike or Decimal(0), item.con_id))


def exercise(
    item: Instrument, action: int = 1, quantity: int = 1, account: str = ""
) -> list[object]:
    return [
        21, 2, 5, item.con_id, item.symbol, item.sec_type, "", 0.0, "", "", "SMART", "USD", "", "",
        action, quantity, account, 0,
    ]  # fmt: skip


def test_an_exercised_call_becomes_shares_overnight() -> None:
    host = memory_host()
    item = deep_call(host)
    host.exchange.bank.endow("", item, Decimal(2))
    wire = Wire(host)
    wire.send(61, 1)
    wire.frames()
    wire.send(*exercise(item))
    assert wire.ids() == []
    host.exchange.bank.nights.process()
    rows = wire.frames(61, 11)
    assert [(row[0], row[5], row[14]) for row in rows] == [
        ("61", "OPT", "1"), ("61", "STK", "100"),
    ]  # fmt: skip
    assert host.exchange.executions == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"account": "DUX"}, "Invalid account code"), ({"action": 3}, "Invalid exercise action"),
        ({"quantity": 9}, "No unlapsed position"), ({"action": 2}, "in-the-money"),
    ],
)  # fmt: skip
def test_a_senseless_request_is_refused(change: dict[str, object], reason: str) -> None:
    host = memory_host()
    item = deep_call(host)
    host.exchange.bank.endow("", item, Decimal(2))
    wire = Wire(host)
    wire.send(*exercise(item, **change))  # type: ignore[arg-type]
    (error,) = wire.frames(4)
    assert error[2:4] == ["5", "321"]
    assert reason in error[4]
    assert host.exchange.bank.account(ACCOUNT).exercises == {}


def test_only_options_that_exist_can_be_exercised() -> None:
    host = memory_host()
    share = host.market.catalogue.symbol("AAPL")
    assert share is not None
    wire = Wire(host)
    wire.send(*exercise(share))
    unknown = exercise(share)
    unknown[3:5] = [999_999, "NONE"]
    wire.send(*unknown)
    assert [frame[3] for frame in wire.frames(4)] == ["321", "200"]

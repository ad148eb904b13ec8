"""The broker warns and then closes positions by force: order id -1, marked as liquidation."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.script.stages import Wire, memory_host
from tests.unit.sim.support import ACCOUNT
from trader.sim.host.memory import MemoryHost


def in_trouble() -> MemoryHost:
    """Return a simulator whose account is short and out of money."""
    host = memory_host()
    bank = host.exchange.bank
    bank.endow("", host.market.catalogue.all()[0], Decimal(-100))
    bank.deposit("", "USD", -bank.funds("").net)
    return host


def test_a_warning_precedes_the_executions_and_the_account_stands_afterwards() -> None:
    host = in_trouble()
    wire = Wire(host)
    wire.send(61, 1)
    wire.frames()
    host.faults.account.liquidates = True
    wire.wait(5.5)
    assert [frame[3] for frame in wire.frames(4)] == ["2148"]
    assert host.exchange.executions == []
    wire.wait(5)
    (done,) = host.exchange.executions
    assert (done.order_id, done.liquidation, done.account) == (-1, 1, ACCOUNT)
    assert wire.frames(61)[-1][14] == "0"
    wire.wait(60)
    assert len(host.exchange.executions) == 1


def test_nothing_is_closed_while_the_switch_is_off() -> None:
    host = in_trouble()
    host.clock.advance(120)
    assert host.exchange.executions == []


def test_one_position_can_be_closed_whatever_the_margin() -> None:
    host = memory_host()
    item = host.market.catalogue.all()[0]
    host.exchange.bank.endow("", item, Decimal(10))
    wire = Wire(host)
    host.liquidator.force(ACCOUNT, item, Decimal(10))
    wire.wait(5)
    assert [frame[3] for frame in wire.frames(4)][:1] == ["2148"]
    assert host.exchange.bank.main.quantity(item) == 0

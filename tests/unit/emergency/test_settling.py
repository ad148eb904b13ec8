"""What is left of an order that is over counts until a later look has told all executions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.ops.test_emergency_history import an_execution
from trader.core.executions import Execution
from trader.core.flatten import Resting
from trader.core.ids import ClientId, ConId, ExecId, OrderId, PermId
from trader.core.intents import Side
from trader.emergency.settling import Settling

CON = ConId(265598)
TEN = Decimal(10)


def an_order(order_id: int = 12, client_id: int = 7, remaining: int = 10) -> Resting:
    return Resting(
        con_id=CON, symbol="AAPL", side=Side.SELL, remaining=Decimal(remaining), order_type="STP",
        client_id=ClientId(client_id), order_id=OrderId(order_id), perm_id=PermId(900012),
    )  # fmt: skip


def looked(settling: Settling, *rows: Resting, at_s: float) -> None:
    settling.looked(((row, TEN) for row in rows), began_s=at_s, now_s=at_s + 0.1)


def executions(*rows: Execution) -> dict[ExecId, Execution]:
    return {row.exec_id: row for row in rows}


def test_an_order_that_is_gone_counts_until_a_look_that_began_late_enough() -> None:
    settling = Settling(5.0)
    looked(settling, an_order(), at_s=0)
    assert settling.left(CON, {}) == []
    looked(settling, at_s=1)
    assert [row.remaining for row in settling.left(CON, {})] == [TEN]
    looked(settling, at_s=6)
    assert settling.is_open({}), "asked for 4.9 s after its end"
    looked(settling, at_s=6.1)
    assert not settling.is_open({})


def test_what_its_executions_have_told_is_not_to_come() -> None:
    settling = Settling(5.0)
    looked(settling, an_order(), at_s=0)
    looked(settling, at_s=1)
    part = replace(an_execution(), quantity=Decimal(4))
    told = executions(part, replace(part, exec_id=ExecId("0001.aa.01.02")))
    assert [row.remaining for row in settling.left(CON, told)] == [6], "a correction is no fill"
    assert not settling.is_open(executions(an_execution()))
    assert settling.left(ConId(1), {}) == []


def test_one_that_is_listed_again_works_again() -> None:
    settling = Settling(5.0)
    settling.ended(an_order(), TEN, 0.0)
    assert settling.is_open({})
    looked(settling, an_order(), at_s=1)
    assert not settling.is_open({})
    looked(settling, at_s=2)
    assert settling.is_open({})


def test_an_order_entered_by_hand_is_known_by_its_permanent_id() -> None:
    settling = Settling(5.0)
    looked(settling, an_order(0, 0), at_s=0)
    looked(settling, at_s=1)
    assert settling.is_open({})
    by_hand = replace(an_execution(), client_id=ClientId(0), order_id=OrderId(0))
    assert not settling.is_open(executions(by_hand))


def test_the_instruments_of_orders_that_have_just_ended_are_named() -> None:
    """Also of one that has wholly filled: the positions may not show that yet."""
    settling = Settling(5.0)
    looked(settling, an_order(), at_s=0)
    assert settling.unsettled() == frozenset()
    looked(settling, at_s=1)
    assert settling.unsettled() == {CON}
    looked(settling, at_s=6.1)
    assert settling.unsettled() == frozenset()

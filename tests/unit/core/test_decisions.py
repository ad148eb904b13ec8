"""What is a decision becomes a row, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, World, a_status, an_execution, an_intent
from trader.core import events as ev
from trader.core.decisions import CONSEQUENCES, Row, mark_of, plain, rows_of
from trader.core.executions import Commission
from trader.core.ids import ExecId, OrderId, StrategyName
from trader.core.intents import BracketTerms
from trader.core.orders import OrderTerms
from trader.core.risk.change import Revision
from trader.core.strategy_events import StrategyFailed


async def told(world: World) -> list[Row]:
    rows: list[Row] = []

    def terms_of(order_id: OrderId) -> OrderTerms | None:
        order = world.book.orders.get(order_id)
        return None if order is None else order.terms

    world.ledger.observe(
        lambda recorded: rows.extend(rows_of(recorded, terms_of, lambda con_id: f"<{con_id}>"))
    )
    return rows


async def test_an_intent_and_what_came_of_it_are_rows() -> None:
    world = World()
    rows = await told(world)
    await world.gateway.submit(an_intent(reason="because"))
    (order,) = world.book.orders.values()
    world.ledger.record(a_status(order))
    await world.gateway.modify(
        order.order_id, Revision(limit_price=Decimal("99.50"), reason="nearer")
    )
    world.gateway.cancel(order.order_id, "enough")
    world.ledger.record(ev.ExecutionSeen(an_execution(order)))
    name = str(order.terms.intent_id)
    for row in rows:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(row.pop("at_us")))
        assert timedelta(0) <= world.clock.utc() - at < timedelta(seconds=1)
    base = {"intent_id": name, "strategy": "alpha"}
    assert rows == [
        {
            "kind": "intent", **base, "symbol": f"<{CON}>", "con_id": CON, "side": "BUY",
            "quantity": "10",
            "order_type": "LMT", "time_in_force": "DAY", "limit_price": "100", "stop_price": "",
            "is_reduce_only": "false", "reason": "because", "verdict": "approved", "code": "",
            "text": "",
        },
        {
            "kind": "change", **base, "symbol": "AAA", "quantity": "10", "limit_price": "99.5",
            "stop_price": "", "reason": "nearer",
        },
        {"kind": "cancel", **base, "symbol": "AAA", "reason": "enough"},
        {
            "kind": "fill", **base, "symbol": "AAA", "side": "BUY", "quantity": "10",
            "price": "100", "exec_id": "0001.aa.01.01", "multiplier": "1", "currency": "USD",
        },
    ]  # fmt: skip


async def test_a_refusal_says_its_code_and_a_fill_of_nobodys_is_none_of_ours() -> None:
    world = World()
    rows = await told(world)
    await world.gateway.submit(an_intent(quantity=Decimal(10**9)))
    world.ledger.record(ev.ExecutionSeen(an_execution()))
    (row,) = rows
    assert row["verdict"] == "refused"
    assert row["code"]
    assert str(row["text"]).startswith(str(row["code"]))


async def test_what_a_fill_cost_and_the_end_of_a_strategy_are_rows() -> None:
    world = World()
    rows = await told(world)
    paid = Commission(ExecId("0001.aa.01.01"), Decimal("1.50"), "USD")
    world.ledger.record(ev.CommissionSeen(paid))
    world.ledger.record(StrategyFailed(StrategyName("alpha"), "ValueError: no"))
    assert [{k: v for k, v in row.items() if k != "at_us"} for row in rows] == [
        {"kind": "commission", "exec_id": "0001.aa.01.01", "amount": "1.5", "currency": "USD"},
        {"kind": "stopped", "strategy": "alpha", "text": "ValueError: no"},
    ]
    assert {row["kind"] for row in rows} == set(CONSEQUENCES)


async def test_a_bracket_says_where_its_legs_are() -> None:
    world = World()
    rows = await told(world)
    terms = BracketTerms(Decimal("110.0"), Decimal("95"))
    await world.gateway.submit(an_intent(limit_price=Decimal(100), bracket=terms))
    row = rows[0]
    assert (row["take_profit_price"], row["stop_loss_price"]) == ("110", "95")


def test_a_leg_is_told_by_its_mark() -> None:
    names = ("abc123-alpha-7", "abc123-alpha-7s", "abc123-alpha-7p")
    assert [mark_of(name) for name in names] == ["", "s", "p"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("10", "10"), ("100.50", "100.5"), ("1E+3", "1000"), ("0.0001", "0.0001"), ("-0.10", "-0.1")],
)
def test_a_number_is_written_in_one_way(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
    assert plain(None) == ""

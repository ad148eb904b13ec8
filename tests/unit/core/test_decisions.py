"""What is a decision becomes a row, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, World, a_status, an_execution, an_intent
from trader.core import events as ev
from trader.core.decisions import Row, plain, rows_of
from trader.core.ids import OrderId
from trader.core.orders import OrderTerms
from trader.core.risk.change import Revision


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
            "kind": "intent", **base, "symbol": f"<{CON}>", "side": "BUY", "quantity": "10",
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
            "price": "100", "exec_id": "0001.aa.01.01",
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


@pytest.mark.parametrize(
    ("value", "text"),
    [("10", "10"), ("100.50", "100.5"), ("1E+3", "1000"), ("0.0001", "0.0001"), ("-0.10", "-0.1")],
)
def test_a_number_is_written_in_one_way(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
    assert plain(None) == ""

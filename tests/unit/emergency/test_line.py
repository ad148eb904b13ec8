"""A line counts only when the broker behind the gateway is proven."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, Resting, on_line, scene
from trader.core.ids import ClientId, OrderId
from trader.emergency.line import Line
from trader.ports import ConnectRefused, LinkDown


async def test_a_look_tells_what_works_and_what_is_held(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(5, 7, AAPL, "SELL", 4, "STP"))
        look = await line.look()
        assert [(row.con_id, row.quantity) for row in look.positions] == [(AAPL, Decimal(10))]
        (row,) = line.resting(look)
        assert (row.order_id, row.remaining, row.is_stop) == (5, Decimal(4), True)


async def test_a_look_tells_which_order_holds_one_back(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.orders += [
            Resting(5, 7, AAPL, "BUY", 4), Resting(6, 7, AAPL, "SELL", 4, "STP", parent=5),
        ]  # fmt: skip
        rows = line.resting(await line.look())
        assert [row.parent_id for row in rows] == [0, 5]


async def test_what_an_order_may_still_trade_is_what_its_status_says(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        order = Resting(5, 7, AAPL, "SELL", 4)
        found.exchange.orders.append(order)
        found.exchange.served.replies["16"] = lambda f: [
            *(row for row in found.exchange._listed()[:1]),
            "3|5|Submitted|3|1|190|900005|0|0|7||0",
            "53|1",
        ]
        (row,) = line.resting(await line.look())
        assert row.remaining == 1
        order.status = "Filled"
        assert line.resting(await line.look()) == []


async def test_a_gateway_without_a_broker_is_no_link(tmp_path: Path) -> None:
    # INC-132
    async with scene(tmp_path) as found:
        found.exchange.served.replies["71"] = lambda f: ["15|1|DU1", "9|1|1"]
        line = Line(found.settings, ClientId(7), found.clock)
        with pytest.raises(LinkDown, match="not proven: no data farm answered"):
            await line.open(OrderId(0))
        assert not line.is_up


async def test_a_look_of_a_gateway_that_has_lost_the_broker_proves_nothing(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.served.say("4|2|-1|1100|Connectivity between IB and TWS has been lost|")
        with pytest.raises(LinkDown, match="1100"):
            await line.look()


async def test_another_account_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.served.replies["71"] = lambda f: ["15|1|DU9", "9|1|1"]
        line = Line(found.settings, ClientId(7), found.clock)
        with pytest.raises(ConnectRefused, match="the link reports DU9"):
            await line.open(OrderId(0))
        assert not line.is_up


async def test_ids_begin_above_what_an_emergency_has_used(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        line = Line(found.settings, ClientId(7), found.clock)
        await line.open(OrderId(41))
        assert line.broker.allocate_order_id() == 42
        line.close()


async def test_what_has_filled_nothing_is_so_by_its_status_and_by_all_executions(
    tmp_path: Path,
) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.orders += [Resting(number, 7, AAPL, "BUY", 10) for number in (5, 6, 7)]
        exchange.executed(AAPL, "BUY", 4, 7, 6)
        # Of the third the status alone says that a part has filled.
        listed = exchange.served.replies["16"]
        exchange.served.replies["16"] = lambda f: [
            row.replace("|Submitted|0|10|", "|Submitted|4|6|") if row.startswith("3|7|") else row
            for row in listed(f)
        ]
        look = await line.look()
        assert [row.order_id for row in line.untouched(look)] == [5]
        assert [row.order_id for row in line.resting(look)] == [5, 6, 7]

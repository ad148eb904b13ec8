"""A look that is complete or none, contracts by their id, and orders that can only shrink."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, IBM, Resting, on_line
from trader.core.closing import ClosingOrder
from trader.core.ids import AccountId, ClientId, OrderRef
from trader.core.instruments import InstrumentSpec
from trader.core.intents import Side
from trader.ports import LinkDown, SnapshotUnavailable, WorldError


async def test_a_look_has_orders_of_everybody_positions_and_executions(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(0, 0, AAPL, "SELL", 4, "STP", perm_id=777))
        found.exchange.executed(AAPL, "BUY", 10, 7, 3, "T1-x")
        look = await line.broker.look()
        assert [(row.con_id, row.quantity) for row in look.positions] == [(AAPL, Decimal(10))]
        assert [(row.client_id, row.perm_id) for row in look.open_orders] == [(0, 777)]
        assert [row.quantity for row in look.executions] == [Decimal(10)]
        # The positions' subscription is given up again, and no account value was asked for.
        await line.broker.heartbeat()
        assert found.exchange.frames("64")
        assert not found.exchange.frames("76")


@pytest.mark.parametrize("silent", ["16", "7", "61"])
async def test_a_list_without_its_end_is_no_list(tmp_path: Path, silent: str) -> None:
    # INC-005
    async with on_line(tmp_path) as (found, line):
        line.broker._settings = line.broker._settings.__class__(
            host="127.0.0.1", port=1, client_id=ClientId(7), account=AccountId("DU1"),
            snapshot_deadline_s=0.2,
        )  # fmt: skip
        found.exchange.served.silence(silent)
        with pytest.raises(SnapshotUnavailable, match=r"no end within 0\.2 s"):
            await line.broker.look()


async def test_a_message_that_was_lost_spoils_the_look(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.served.replies["61"] = lambda f: ["61|3|DU1|many", "62|1"]
        with pytest.raises(SnapshotUnavailable, match="could not be decoded"):
            await line.broker.look()


async def test_a_contract_is_managed_only_to_the_letter(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (_, line):
        specs = (InstrumentSpec("AAPL"), InstrumentSpec("VIX", is_tradeable=False))
        managed = line.broker.managed
        found = await managed(AAPL, "AAPL", specs)
        assert found is not None
        assert (found.con_id, found.size_increment, found.is_tradeable) == (AAPL, Decimal(1), True)
        assert await managed(IBM, "IBM", specs) is None
        assert await managed(AAPL, "VIX", specs) is None
        assert await managed(AAPL, "AAPL", (InstrumentSpec("AAPL", sec_type="OPT"),)) is None


async def test_a_contract_that_nobody_knows_is_told(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        assert (await line.broker.resolve_id(IBM)).symbol == "IBM"
        found.exchange.unknown = (IBM,)
        assert await line.broker.contract(IBM) is None
        with pytest.raises(WorldError, match="the broker does not know it"):
            await line.broker.resolve_id(IBM)


async def test_a_close_is_a_market_order_for_the_day_with_our_reference(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.on_place = lambda order: None
        order = ClosingOrder(
            order_id=line.broker.allocate_order_id(),
            client_id=ClientId(7),
            order_ref=OrderRef("kill-abc123-1"),
            account=AccountId("DU1"),
            instrument=await line.broker.resolve_id(AAPL),
            side=Side.SELL,
            quantity=Decimal(10),
            held=Decimal(10),
        )
        line.broker.close(order)
        await line.broker.look()
        (frame,) = found.exchange.frames("3")
        assert {"SELL", "10", "MKT", "DAY", "kill-abc123-1", "DU1"} <= set(frame)
        line.close()
        with pytest.raises(LinkDown):
            line.broker.close(order)


async def test_a_global_cancel_is_one_message(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        line.broker.cancel_everything()
        await line.broker.look()
        assert found.exchange.frames("58") == [["58", "1"]]
        line.close()
        with pytest.raises(LinkDown):
            line.broker.cancel_everything()

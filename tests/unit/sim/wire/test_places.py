"""A named field stands where the codec puts it, at every version."""

from __future__ import annotations

import pytest

from tests.unit.sim.wire.samples import AAPL, LATER, VERSIONS, fill, only, order
from trader.sim.wire import (
    messages_account,
    messages_completed,
    messages_executions,
    messages_market,
    messages_orders,
    messages_reference,
    messages_session,
)
from trader.sim.wire.places import INBOUND, field_names, outbound, places


def named(frame: bytes, version: int, *names: str) -> list[str]:
    """Return the fields of a frame that stand at the places of these names."""
    fields = only(frame)
    found = places(int(fields[0]), version)
    return [fields[found[name]] for name in names]


@pytest.mark.parametrize("version", VERSIONS + LATER)
def test_names_of_order_messages_point_to_their_fields(version: int) -> None:
    item, perm = order(), "1824933227"
    names = ("orderId", "symbol", "action", "orderRef", "permId")
    plain = ["5", "AAPL", "BUY", "ref-5", perm]
    assert named(messages_orders.open_order(version, item), version, *names) == plain
    done = messages_completed.completed_order(version, item, "t")
    assert named(done, version, *names[1:]) == plain[1:]
    status = messages_orders.order_status(item)
    assert named(status, version, "orderId", "remaining", "permId") == ["5", "100", perm]
    trade = messages_executions.execution(version, 3, fill(), "t")
    assert named(trade, version, "reqId", "execId", "shares", "orderRef") == [
        "3", "0000e0d5.67fe667b.01.01", "100", "ref-5",
    ]  # fmt: skip


@pytest.mark.parametrize("version", [157, 163, 164, 193, 194, 200])
def test_version_fields_that_went_away_move_the_places(version: int) -> None:
    error = messages_session.error(version, 7, 201, "text", time_ms=5)
    assert named(error, version, "reqId", "code", "text") == ["7", "201", "text"]
    details = messages_reference.contract_details(version, 9, AAPL, "SMART", ("t", "l"))
    assert named(details, version, "reqId", "symbol", "secType") == ["9", "AAPL", "STK"]


def test_names_of_account_and_market_messages_point_to_their_fields() -> None:
    row = messages_account.portfolio(AAPL, ["5", "1", "2", "3", "4", "6"], "DU1")
    assert named(row, 178, "conId", "position", "realizedPNL", "account") == [
        "265598", "5", "6", "DU1",
    ]  # fmt: skip
    held = messages_account.position("DU1", AAPL, "5", "1.5")
    assert named(held, 178, "account", "position", "avgCost") == ["DU1", "5", "1.5"]
    depth = messages_market.market_depth_by_maker(9, (2, 0, 1), "ARCA", ("1.5", 200, True))
    assert named(depth, 178, "position", "marketMaker", "price", "isSmart") == [
        "2", "ARCA", "1.5", "1",
    ]  # fmt: skip


def test_each_message_has_one_name() -> None:
    for table in (INBOUND, outbound()):
        assert len(set(table.values())) == len(table)
    assert set(outbound().values()) >= {*range(1, 22), *range(45, 60), 61, 62, 63, 64} - {48}
    assert {"orderId", "permId", "reqId"} <= set(field_names())
    assert places(999, 178) == {}

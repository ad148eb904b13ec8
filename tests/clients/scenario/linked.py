"""Steps about orders that hang together, trail, or only ask."""

from __future__ import annotations

from typing import Any

from tests.clients.scenario.stage import FIRST, PRICE, Stage


def bracket(stage: Stage) -> None:
    """Send parent and two children as a chain; the children live and die as a bracket does."""
    parent, target, stop = (stage.new_id() for _ in range(3))
    mark = stage.place(
        parent, action="BUY", quantity=5, type="LMT", limit=PRICE - 10, transmit=False
    )
    stage.place(
        target, action="SELL", quantity=5, type="LMT", limit=PRICE + 10, parent_id=parent,
        transmit=False,
    )  # fmt: skip
    stage.driver.settle(0.3)
    assert not stage.seen("order_status", after=mark, order_id=parent, status="Submitted")
    chain = stage.place(
        stop, action="SELL", quantity=5, type="STP", stop=PRICE - 20, parent_id=parent
    )
    stage.sees("order_status", after=chain, order_id=parent, status="Submitted")
    for child in (target, stop):
        stage.sees("open_order", after=chain, order_id=child, parent_id=parent)
        held = stage.sees("order_status", after=chain, order_id=child, status="PreSubmitted")
        assert "child" in str(held["why_held"]).split(","), held
        assert held["parent_id"] == parent
    stage.pin(PRICE - 11)
    stage.filled(parent, chain, 5)
    stage.sees("order_status", after=chain, order_id=target, status="Submitted")
    stage.pin(PRICE + 11)
    stage.filled(target, chain, 5)
    stage.cancelled(stop, chain)
    stage.pin(PRICE)
    stage.driver.settle()
    stage.driver.forgive(FIRST, 202)


def bracket_cancelled(stage: Stage) -> None:
    """Cancel the parent of a bracket: its children go with it."""
    parent, stop = stage.new_id(), stage.new_id()
    mark = stage.place(
        parent, action="BUY", quantity=5, type="LMT", limit=PRICE - 10, transmit=False
    )
    stage.place(stop, action="SELL", quantity=5, type="STP", stop=PRICE - 20, parent_id=parent)
    stage.rests(parent, mark)
    stage.rests(stop, mark)
    cancelled = stage.tell("cancel", order_id=parent)
    for order_id in (parent, stop):
        stage.cancelled(order_id, cancelled)
        stage.sees_error(202, after=cancelled, request=order_id)


def oca(stage: Stage) -> None:
    """Put two orders into a group: one fills, the other is cancelled."""
    one, other = stage.new_id(), stage.new_id()
    group: dict[str, Any] = {"oca_group": f"group-{one}", "oca_type": 1}
    mark = stage.place(one, action="BUY", quantity=5, type="LMT", limit=PRICE - 5, **group)
    stage.place(other, action="BUY", quantity=5, type="LMT", limit=PRICE - 15, **group)
    for order_id in (one, other):
        stage.rests(order_id, mark)
        stage.sees("open_order", after=mark, order_id=order_id, oca_group=group["oca_group"])
    stage.pin(PRICE - 6)
    stage.filled(one, mark, 5)
    stage.cancelled(other, mark)
    stage.pin(PRICE)
    stage.driver.settle()
    stage.driver.forgive(FIRST, 202)


def trail(stage: Stage) -> None:
    """Trail the market with a stop: it rises with the price, stays, and triggers."""
    stage.pin(PRICE)
    order_id = stage.new_id()
    mark = stage.place(order_id, action="SELL", quantity=5, type="TRAIL", trail=1)
    stage.rests(order_id, mark)

    def near(price: float) -> dict[str, Any]:
        return {"trail_stop": lambda seen: seen is not None and abs(float(seen) - price) < 0.1}

    # A library with a record of its own (ib_async) takes over other fields of openOrder only.
    stop = near(PRICE - 1) if stage.is_raw else {}
    stage.sees("open_order", after=mark, order_id=order_id, type="TRAIL", **stop)
    stage.pin(PRICE + 5)
    listed = stage.tell("time")
    stage.sees("time", after=listed)
    stage.pin(PRICE + 3.5)
    stage.filled(order_id, mark, 5)
    stage.pin(PRICE)
    for item in stage.seen("execution", after=mark, order_id=order_id):
        assert abs(float(item["price"]) - (PRICE + 3.5)) < 0.1, "it must follow the price up"


def what_if(stage: Stage) -> None:
    """Ask what an order would cost: margins and commission, and the broker holds no order."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="BUY", quantity=10, type="MKT", what_if=True)
    seen = stage.sees("open_order", after=mark, order_id=order_id, what_if=True)
    assert abs(float(seen["margin_change"])) < 1e12
    assert float(seen["margin_after"]) >= 0
    # A gateway names the commission, or the range in which it will lie.
    costs = [seen.get(name) for name in ("commission", "commission_min")]
    assert any(cost is not None and 0 < float(cost) < 1e6 for cost in costs), costs
    stage.driver.settle()
    assert not stage.seen("order_status", after=mark, order_id=order_id, status="Filled")
    assert stage.truth_order(order_id) is None

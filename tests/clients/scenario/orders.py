"""Steps about single orders: fills, changes, cancels, stops, refusals."""

from __future__ import annotations

from tests.clients.scenario.stage import FIRST, PRICE, SECOND, WORKING, Stage


def market_order(stage: Stage) -> None:
    """Buy and sell at market: filled for the client, the broker and the position alike."""
    stage.pin(PRICE)
    positions = stage.tell("positions")
    stage.sees("positions_end", after=positions)
    for action, quantity in (("BUY", 10), ("SELL", 4)):
        before = float(stage.truth_position()["quantity"])
        order_id = stage.new_id()
        mark = stage.place(order_id, action=action, quantity=quantity, type="MKT")
        row = stage.filled(order_id, mark, quantity)
        assert row["order_type"] == "MKT"
        assert row["order_ref"] == f"ref-{FIRST}-{order_id}"
        after = before + quantity if action == "BUY" else before - quantity
        stage.sees("position", after=mark, quantity=after)
        assert float(stage.truth_position()["quantity"]) == after
    stage.tell("cancel_positions")


def limit_order(stage: Stage) -> None:
    """Place a limit order away from the market, change price and quantity, cancel it."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="BUY", quantity=6, type="LMT", limit=PRICE - 10)
    row = stage.rests(order_id, mark)
    assert float(row["limit_price"]) == PRICE - 10
    stage.sees("order_status", after=mark, order_id=order_id, status="Submitted", filled=0)
    stage.sees(
        "open_order", after=mark, order_id=order_id, limit=PRICE - 10, quantity=6, action="BUY",
        type="LMT", perm_id=row["perm_id"], ref=row["order_ref"], client_id=FIRST, tif="DAY",
        # ib_async keeps its own order, which names no account.
        account=lambda seen: seen in ("", stage.simulator.account),
    )  # fmt: skip
    changed = stage.place(order_id, action="BUY", quantity=8, type="LMT", limit=PRICE - 12)
    later = stage.await_truth(
        order_id, lambda row: float(row["limit_price"]) == PRICE - 12, "is changed"
    )
    assert later["perm_id"] == row["perm_id"], "a change must not make a new order"
    assert float(later["quantity"]) == 8
    listed = stage.tell("open_orders")
    stage.sees("open_orders_end", after=listed)
    stage.sees("open_order", after=changed, order_id=order_id, limit=PRICE - 12, quantity=8)
    stage.cancel(order_id)


def limit_fill(stage: Stage) -> None:
    """Rest a limit order and let the market come to it: filled at its price or better."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="SELL", quantity=5, type="LMT", limit=PRICE + 5)
    stage.rests(order_id, mark)
    stage.pin(PRICE + 6)
    stage.filled(order_id, mark, 5)
    stage.pin(PRICE)
    for item in stage.seen("execution", after=mark, order_id=order_id):
        assert float(item["price"]) >= PRICE + 5


def stop_order(stage: Stage) -> None:
    """Place a stop: held until its trigger, then filled at market; cancel another."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="SELL", quantity=5, type="STP", stop=PRICE - 5)
    row = stage.rests(order_id, mark)
    assert float(row["stop_price"]) == PRICE - 5
    stage.sees("open_order", after=mark, order_id=order_id, stop=PRICE - 5, type="STP")
    stage.sees(
        "order_status", after=mark, order_id=order_id, status="PreSubmitted", why_held="trigger"
    )
    stage.pin(PRICE - 6)
    stage.filled(order_id, mark, 5)
    stage.pin(PRICE)
    other = stage.new_id()
    mark = stage.place(
        other, action="BUY", quantity=2, type="STP LMT", stop=PRICE + 20, limit=PRICE + 21
    )
    row = stage.rests(other, mark)
    assert (float(row["stop_price"]), float(row["limit_price"])) == (PRICE + 20, PRICE + 21)
    stage.cancel(other)


def refusals(stage: Stage) -> None:
    """Send what a gateway refuses: one error with the order's id, and the broker hears nothing."""
    for code, symbol, limit in ((110, "AAPL", PRICE - 10.123), (200, "NOSUCH", 10.0)):
        order_id = stage.new_id()
        mark = stage.place(
            order_id, symbol=symbol, action="BUY", quantity=1, type="LMT", limit=limit
        )
        stage.sees_error(code, after=mark, request=order_id)
        assert stage.truth_order(order_id) is None
    stranger = stage.new_id()
    mark = stage.tell("cancel", order_id=stranger)
    stage.sees_error(10147, after=mark, request=stranger)


def old_order_id(stage: Stage) -> None:
    """Place with an id that is used up: error 103, and no second order."""
    order_id = stage.new_id()
    mark = stage.place(order_id, action="BUY", quantity=1, type="MKT")
    stage.filled(order_id, mark, 1)
    count = len(stage.truth_orders())
    mark = stage.place(order_id, action="BUY", quantity=1, type="MKT")
    stage.sees_error(103, after=mark, request=order_id)
    assert len(stage.truth_orders()) == count


def global_cancel(stage: Stage) -> None:
    """Cancel everything at once: each owner hears of its own orders and only of those."""
    own = [stage.new_id(), stage.new_id()]
    placed = len(stage.driver.events)
    for number, order_id in enumerate(own):
        mark = stage.place(
            order_id, action="BUY", quantity=1, type="LMT", limit=PRICE - 20 - number
        )
        stage.rests(order_id, mark)
    other = stage.new_id(SECOND)
    mark = stage.place(other, client=SECOND, action="BUY", quantity=1, type="LMT", limit=PRICE - 30)
    stage.rests(other, mark, client=SECOND)
    mark = stage.tell("global_cancel")
    for order_id in own:
        stage.cancelled(order_id, mark)
        stage.sees_error(202, after=mark, request=order_id)
    stage.cancelled(other, mark, SECOND)
    stage.sees_error(202, client=SECOND, after=mark, request=other)
    stage.driver.settle()
    assert not stage.seen("order_status", after=placed, client_id=SECOND)
    assert [row for row in stage.truth_orders() if row["status"] in WORKING] == []

"""Steps that ask for lists and account values, and hold each answer against the truth."""

from __future__ import annotations

from decimal import Decimal

from tests.clients.scenario.stage import CON_ID, DONE, FIRST, PRICE, WORKING, Json, Stage

CENT = 0.011


def is_close(seen: object, wanted: float) -> bool:
    """Compare amounts of money that were rounded to cents."""
    return abs(float(str(seen)) - wanted) <= CENT


def open_orders(stage: Stage) -> None:
    """List open orders with two at rest: the same orders as the broker's, with their terms."""
    ids = [stage.new_id(), stage.new_id()]
    for number, order_id in enumerate(ids):
        mark = stage.place(
            order_id, action="BUY", quantity=2 + number, type="LMT", limit=PRICE - 40 - number
        )
        stage.rests(order_id, mark)
    for command in ("open_orders", "all_open_orders"):
        mark = stage.tell(command)
        stage.sees("open_orders_end", after=mark)
        seen = {row["perm_id"]: row for row in stage.seen("open_order", after=mark)}
        wanted = {r["perm_id"]: r for r in stage.truth_orders() if r["status"] in WORKING}
        assert set(seen) == set(wanted), command
        for perm_id, row in wanted.items():
            assert _terms(seen[perm_id]) == _truth_terms(row)
    for order_id in ids:
        stage.cancel(order_id)


def _terms(seen: Json) -> tuple[object, ...]:
    return (
        seen["order_id"], seen["client_id"], seen["action"], Decimal(str(seen["quantity"])),
        seen["type"], Decimal(str(seen["limit"])), seen["ref"], seen["con_id"], seen["tif"],
    )  # fmt: skip


def _truth_terms(row: Json) -> tuple[object, ...]:
    return (
        row["order_id"], row["client_id"], row["side"], Decimal(row["quantity"]),
        row["order_type"], Decimal(row["limit_price"]), row["order_ref"], row["con_id"],
        row["tif"],
    )  # fmt: skip


def completed_orders(stage: Stage) -> None:
    """List completed orders: every filled and cancelled order of the broker's, and no other."""
    mark = stage.tell("completed_orders")
    stage.sees("completed_orders_end", after=mark)
    seen = {row["perm_id"]: row for row in stage.seen("completed_order", after=mark)}
    wanted = {row["perm_id"]: row for row in stage.truth_orders() if row["status"] in DONE}
    assert len(wanted) > 3
    assert set(seen) == set(wanted)
    for perm_id, row in wanted.items():
        found = seen[perm_id]
        assert found["status"] == row["status"]
        assert found["ref"] == row["order_ref"]
        assert found["type"] == row["order_type"]
        assert float(found["filled"]) == float(row["filled"])


def executions(stage: Stage) -> None:
    """Ask for executions: the same as the broker's, each once, with their commissions."""
    request = next(stage.requests)
    mark = stage.tell("executions", request=request)
    stage.sees("executions_end", after=mark, request=request)
    rows = stage.seen("execution", after=mark, request=request)
    seen = {row["exec_id"]: row for row in rows}
    assert len(seen) == len(rows), "an execution came twice"
    truth = {item["exec_id"]: item for item in stage.simulator.truth()["executions"]}
    own = {key for key, item in truth.items() if item["client_id"] == FIRST}
    assert len(own) > 3
    assert own <= set(seen) <= set(truth)
    for exec_id, row in seen.items():
        item = truth[exec_id]
        assert row["perm_id"] == item["perm_id"]
        assert row["side"] == ("BOT" if item["side"] == "BUY" else "SLD")
        assert Decimal(str(row["quantity"])) == Decimal(item["quantity"])
        assert Decimal(str(row["price"])) == Decimal(item["price"])
        assert row["account"] == stage.simulator.account
        assert stage.seen("commission", exec_id=exec_id, commission=float(item["commission"]))


def positions(stage: Stage) -> None:
    """Ask for positions: the same as the broker's."""
    mark = stage.tell("positions")
    stage.sees("positions_end", after=mark)
    seen = {row["con_id"]: row for row in stage.seen("position", after=mark)}
    rows = [r for r in stage.simulator.truth()["positions"] if Decimal(r["quantity"])]
    assert {row["con_id"] for row in rows} == {
        key for key, row in seen.items() if float(row["quantity"])
    }
    for row in rows:
        found = seen[row["con_id"]]
        assert float(found["quantity"]) == float(row["quantity"])
        assert abs(float(found["average_cost"]) - float(row["average_cost"])) < 0.0001
        assert found["account"] == stage.simulator.account
    stage.tell("cancel_positions")


def account_updates(stage: Stage) -> None:
    """Subscribe to the account: cash, value and portfolio are those of the broker."""
    stage.pin(PRICE)
    account = stage.simulator.account
    mark = stage.tell("account", account=account, is_on=True)
    stage.sees("account_end", after=mark, account=account)
    truth = stage.simulator.truth()
    cash, held = float(truth["cash"]["USD"]), stage.truth_position()
    worth = cash + PRICE * float(held["quantity"])
    values = {
        (row["key"], row["currency"]): row["value"]
        for row in stage.seen("account_value", after=mark)
    }
    assert is_close(values["TotalCashValue", "USD"], cash)
    assert is_close(values["NetLiquidation", "USD"], worth)
    for key in ("BuyingPower", "AvailableFunds", "ExcessLiquidity", "EquityWithLoanValue"):
        assert float(values[key, "USD"]) > 0, key
    row = stage.seen("portfolio", after=mark, con_id=CON_ID)[-1]
    assert float(row["quantity"]) == float(held["quantity"])
    assert is_close(row["price"], PRICE)
    assert is_close(row["value"], PRICE * float(held["quantity"]))
    assert is_close(row["unrealized"], _unrealized(held))
    order_id = stage.new_id()
    traded = stage.place(order_id, action="BUY", quantity=1, type="MKT")
    stage.filled(order_id, traded, 1)
    stage.sees("portfolio", after=traded, con_id=CON_ID, quantity=float(held["quantity"]) + 1)
    stage.tell("account", account=account, is_on=False)


def _unrealized(held: Json) -> float:
    return float((PRICE - Decimal(held["average_cost"])) * Decimal(held["quantity"]))


def account_summary(stage: Stage) -> None:
    """Ask for a summary: the tags that were asked for, with the broker's values."""
    stage.pin(PRICE)
    request = next(stage.requests)
    tags = "NetLiquidation,TotalCashValue,BuyingPower"
    mark = stage.tell("summary", request=request, tags=tags)
    stage.sees("summary_end", after=mark, request=request)
    rows = stage.seen("summary", after=mark, request=request)
    values = {row["tag"]: row["value"] for row in rows}
    cash = float(stage.simulator.truth()["cash"]["USD"])
    assert set(tags.split(",")) <= set(values)
    assert is_close(values["TotalCashValue"], cash)
    worth = cash + PRICE * float(stage.truth_position()["quantity"])
    assert is_close(values["NetLiquidation"], worth)
    assert {row["account"] for row in rows} == {stage.simulator.account}
    stage.tell("cancel_summary", request=request)


def profit_and_loss(stage: Stage) -> None:
    """Subscribe to profit and loss of the account: the open result is the broker's."""
    stage.pin(PRICE)
    request = next(stage.requests)
    mark = stage.tell("pnl", request=request, account=stage.simulator.account)
    held = stage.truth_position()
    stage.sees(
        "pnl", after=mark, request=request,
        unrealized=lambda seen: seen is not None and is_close(seen, _unrealized(held)),
        daily=lambda seen: seen is not None,
    )  # fmt: skip
    stage.tell("cancel_pnl", request=request)


def profit_and_loss_single(stage: Stage) -> None:
    """Subscribe to profit and loss of one position: size, value and open result."""
    stage.pin(PRICE)
    request = next(stage.requests)
    held = stage.truth_position()
    mark = stage.tell("pnl_single", request=request, account=stage.simulator.account, con_id=CON_ID)
    stage.sees(
        "pnl_single", after=mark, request=request, quantity=float(held["quantity"]),
        value=lambda seen: is_close(seen, PRICE * float(held["quantity"])),
        unrealized=lambda seen: is_close(seen, _unrealized(held)),
    )  # fmt: skip
    stage.tell("cancel_pnl_single", request=request)

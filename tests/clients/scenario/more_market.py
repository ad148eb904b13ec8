"""Steps about the rest of market data: snapshots, depth, tick by tick, schedules, chains, rules."""

from __future__ import annotations

import re
from typing import Any

from tests.clients.scenario.stage import CON_ID, PRICE, SYMBOL, Stage

NEAR = 0.06
ROWS = 3
ASKS, BIDS = 0, 1


def near(wanted: float) -> Any:
    """Return a condition on a price."""
    return lambda seen: abs(float(seen) - wanted) <= NEAR


def snapshot(stage: Stage) -> None:
    """Ask for one look at the market: the quote, then the end, then nothing."""
    stage.pin(PRICE)
    request = next(stage.requests)
    mark = stage.tell("snapshot", request=request, symbol=SYMBOL)
    stage.sees("snapshot_end", after=mark, request=request)
    for kind in (1, 2, 4):
        stage.sees("tick_price", after=mark, request=request, kind=kind, price=near(PRICE))
    silent_from = len(stage.driver.events)
    stage.pin(PRICE + 2)
    stage.driver.settle(0.3)
    assert not stage.seen("tick_price", after=silent_from, request=request)
    stage.pin(PRICE)


def tick_by_tick(stage: Stage) -> None:
    """Follow each trade and each quote; both stop when they are cancelled."""
    for kind, event, key in (("AllLast", "trade_tick", "price"), ("BidAsk", "quote_tick", "bid")):
        request = next(stage.requests)
        mark = stage.tell("tick_by_tick", request=request, symbol=SYMBOL, kind=kind)
        stage.sees(event, after=mark, request=request)
        stage.pin(PRICE + 2)
        seen = stage.sees(event, after=mark, request=request, **{key: near(PRICE + 2)})
        if kind == "BidAsk":
            assert seen["bid"] < seen["ask"]
        stage.tell("cancel_tick_by_tick", request=request)
        answered = stage.tell("time")
        stage.sees("time", after=answered)
        silent_from = len(stage.driver.events)
        stage.pin(PRICE)
        stage.driver.settle(0.3)
        assert not stage.seen(event, after=silent_from, request=request)


def depth(stage: Stage) -> None:
    """Subscribe to the book of SMART: both sides, best price first, sorted away from the middle."""
    request = next(stage.requests)
    mark = stage.tell("depth", request=request, symbol=SYMBOL, rows=ROWS)
    # The depth of SMART begins by saying which exchanges are in it.
    stage.sees_error(2152, after=mark, request=request)
    for side in (ASKS, BIDS):
        for position in range(ROWS):
            stage.sees("depth", after=mark, request=request, side=side, position=position)
    book: dict[int, dict[int, float]] = {ASKS: {}, BIDS: {}}
    for row in stage.seen("depth", after=mark, request=request):
        rows = book[row["side"]]
        if row["operation"] == 2:
            rows.pop(row["position"], None)
        else:
            rows[row["position"]] = float(row["price"])
        assert row["position"] < ROWS
    asks = [price for _, price in sorted(book[ASKS].items())]
    bids = [price for _, price in sorted(book[BIDS].items())]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert bids[0] < asks[0]
    stage.tell("cancel_depth", request=request)


def history_kept(stage: Stage) -> None:
    """Keep a historical request up to date: bars, the end, then the growing bar."""
    request = next(stage.requests)
    terms: dict[str, Any] = {
        "symbol": SYMBOL,
        "duration": "300 S",
        "bar_size": "5 secs",
        "show": "TRADES",
    }
    mark = stage.tell("history_more", request=request, keep=True, **terms)
    stage.sees("history_end", after=mark, request=request)
    assert stage.seen("history_bar", after=mark, request=request)
    update = stage.sees("history_update", after=mark, request=request)
    assert update["low"] <= update["close"] <= update["high"]
    stage.tell("cancel_history", request=request)
    answered = stage.tell("time")
    stage.sees("time", after=answered)
    stage.driver.forgive(1, 162)


def schedule(stage: Stage) -> None:
    """Ask for a schedule: five sessions, each on another day."""
    request = next(stage.requests)
    terms: dict[str, Any] = {
        "symbol": SYMBOL,
        "duration": "5 D",
        "bar_size": "1 day",
        "show": "SCHEDULE",
    }
    mark = stage.tell("history_more", request=request, keep=False, **terms)
    found = stage.sees("schedule", after=mark, request=request)
    assert len(found["days"]) == 5
    assert found["days"] == sorted(set(found["days"]))
    assert found["zone"]


def head_timestamp(stage: Stage) -> None:
    """Ask how far back bars go: a moment in the past."""
    request = next(stage.requests)
    mark = stage.tell("head", request=request, symbol=SYMBOL)
    found = stage.sees("head", after=mark, request=request)
    assert re.match(r"(19|20)\d\d-?\d\d-?\d\d", str(found["time"])), found


def symbols(stage: Stage) -> None:
    """Search by the beginning of a symbol: the one meant is among what is found."""
    request = next(stage.requests)
    mark = stage.tell("symbols", request=request, pattern=SYMBOL[:3])
    found = stage.sees("symbols", after=mark, request=request)["found"]
    assert [SYMBOL, CON_ID] in found


def market_rule(stage: Stage) -> None:
    """Ask for the rule that the contract names: steps that begin at zero."""
    contract = stage.seen("contract", symbol=SYMBOL)[0]
    rule = int(contract["market_rules"].split(",")[0])
    mark = stage.tell("market_rule", rule=rule)
    steps = stage.sees("market_rule", after=mark, rule=rule)["steps"]
    assert steps[0][0] == 0
    assert steps[0][1] == contract["min_tick"]


def option_chain(stage: Stage) -> None:
    """Ask for the options of a stock: expirations and strikes, then the end."""
    request = next(stage.requests)
    mark = stage.tell("chain", request=request, symbol=SYMBOL, con_id=CON_ID)
    stage.sees("chain_end", after=mark, request=request)
    rows = stage.seen("chain", after=mark, request=request)
    assert rows
    for row in rows:
        assert row["con_id"] == CON_ID
        assert float(row["multiplier"]) == 100
        assert len(row["expirations"]) > 1
        assert len(row["strikes"]) > 5

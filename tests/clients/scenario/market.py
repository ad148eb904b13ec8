"""Steps about contracts and market data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.clients.scenario.stage import CON_ID, PRICE, SYMBOL, Stage

BID, ASK, LAST = 1, 2, 4
BAR_S = 5


def contract_known(stage: Stage) -> None:
    """Ask for a stock's details: one contract, all that identifies it, then the end."""
    request = next(stage.requests)
    mark = stage.tell("contract", request=request, symbol=SYMBOL)
    stage.sees("contract_end", after=mark, request=request)
    (found,) = stage.seen("contract", after=mark, request=request)
    expected = {
        "con_id": CON_ID, "symbol": SYMBOL, "sec_type": "STK", "currency": "USD",
        "exchange": "SMART", "primary_exchange": "NASDAQ", "local_symbol": SYMBOL,
        "trading_class": "NMS", "min_tick": 0.01,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert "SMART" in found["valid_exchanges"].split(",")
    assert {"LMT", "MKT", "STP"} <= set(found["order_types"].split(","))
    assert found["long_name"]
    assert found["trading_hours"].count(";") >= 1
    assert found["zone"]


def contract_unknown(stage: Stage) -> None:
    """Ask for a symbol that does not exist: error 200 for the request, and no contract."""
    request = next(stage.requests)
    mark = stage.tell("contract", request=request, symbol="NOSUCH")
    stage.sees_error(200, after=mark, request=request)
    stage.driver.settle()
    assert not stage.seen("contract", after=mark, request=request)


def ticks(stage: Stage) -> None:
    """Stream quotes: they follow the price, bid below ask, and stop when they are cancelled."""
    stage.pin(PRICE)
    request = next(stage.requests)
    mark = stage.tell("ticks", request=request, symbol=SYMBOL)

    def near(price: float) -> dict[str, Any]:
        return {"request": request, "price": lambda seen: abs(float(seen) - price) <= 0.05}

    for kind in (BID, ASK, LAST):
        stage.sees("tick_price", after=mark, kind=kind, **near(PRICE))
    bids, asks = (
        stage.seen("tick_price", after=mark, kind=kind, request=request) for kind in (BID, ASK)
    )
    assert bids[0]["price"] < asks[0]["price"]
    stage.pin(PRICE + 3)
    for kind in (BID, ASK, LAST):
        stage.sees("tick_price", after=mark, kind=kind, **near(PRICE + 3))
    stage.tell("cancel_ticks", request=request)
    stage.tell("time")
    stage.sees("time", after=mark)
    silent_from = len(stage.driver.events)
    stage.pin(PRICE)
    stage.driver.settle(0.3)
    assert not stage.seen("tick_price", after=silent_from, request=request)


def begin_bars(stage: Stage) -> None:
    """Subscribe to five-second bars; a later step looks at what came meanwhile."""
    stage.notes["bars"] = next(stage.requests)
    stage.tell("bars", request=stage.notes["bars"], symbol=SYMBOL)


def bars(stage: Stage) -> None:
    """Look at the five-second bars: on the five seconds, each consistent, none twice."""
    request = stage.notes["bars"]
    stage.sees("realtime_bar", request=request)
    stage.tell("cancel_bars", request=request)
    seen = stage.seen("realtime_bar", request=request)
    for bar in seen:
        assert bar["low"] <= min(bar["open"], bar["close"]) <= bar["high"], bar
        assert bar["low"] <= max(bar["open"], bar["close"]) <= bar["high"], bar
        assert bar["epoch"] % BAR_S == 0
        assert Decimal(str(bar["volume"])) >= 0
    moments = [bar["epoch"] for bar in seen]
    assert moments == sorted(set(moments)), moments


def history(stage: Stage) -> None:
    """Ask for daily and intraday bars: in order, consistent, as many as the duration holds."""
    for duration, size, count_min in (("5 D", "1 day", 4), ("1800 S", "5 mins", 5)):
        request = next(stage.requests)
        mark = stage.tell(
            "history", request=request, symbol=SYMBOL, duration=duration, bar_size=size
        )
        stage.sees("history_end", after=mark, request=request)
        seen = stage.seen("history_bar", after=mark, request=request)
        assert count_min <= len(seen) <= count_min + 3, f"{duration}: {len(seen)} bars"
        for bar in seen:
            assert bar["low"] <= min(bar["open"], bar["close"]), bar
            assert bar["high"] >= max(bar["open"], bar["close"]), bar
            assert float(bar["volume"]) >= 0
        dates = [bar["date"] for bar in seen]
        assert dates == sorted(set(dates))


def history_unknown(stage: Stage) -> None:
    """Ask for bars of a symbol that does not exist: error 200 for the request."""
    request = next(stage.requests)
    mark = stage.tell(
        "history", request=request, symbol="NOSUCH", duration="1 D", bar_size="1 hour"
    )
    stage.sees_error(200, after=mark, request=request)

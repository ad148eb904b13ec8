"""Actions on the market and its data: prices, halts, farms, silent lines, false ticks, limits."""

from decimal import Decimal
from typing import Any

from trader.sim.gateway.feeds.farms import NOTICES
from trader.sim.gateway.feeds.lines import Mode
from trader.sim.gateway.feeds.market_faults import Distortion, Falsity, Permission
from trader.sim.gateway.feeds.permissions import COMPETING
from trader.sim.gateway.ways.pacing import Penalty
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage, on_grid

_MODES = {mode.name.lower().replace("_", "-"): mode for mode in Mode}
LIMIT_MAX = 10_000


def _price(stage: Stage, given: Given) -> dict[str, Any]:
    item, price = stage.instrument(given.text("symbol")), given.maybe_decimal("price")
    on_grid("price", price, item)
    symbol, pins = item.symbol, stage.host.market.pins
    if price is None:
        pins.pop(symbol, None)
    else:
        pins[symbol] = price
    stage.host.feeds.refresh(symbol)
    return {"symbol": symbol, "price": None if price is None else str(price)}


def _price_move(stage: Stage, given: Given) -> dict[str, Any]:
    item, percent = stage.instrument(given.text("symbol")), given.decimal("percent")
    if percent <= -100:
        raise InputError("percent", str(percent), "more than -100")
    market = stage.host.market
    now = market.middle(item, market.slot())
    price = max(round(now * (1 + percent / 100)), 1) * item.tick
    market.pins[market.pin_key(item)] = price
    stage.host.feeds.refresh(item.symbol)
    return {"symbol": item.symbol, "from": str(now * item.tick), "price": str(price)}


def _halt(stage: Stage, given: Given) -> dict[str, Any]:
    item, kind = stage.instrument(given.text("symbol")), given.text("kind")
    stage.host.feeds.halt(item, 2 if kind == "volatility" else 1)
    return {"symbol": item.symbol, "con_id": item.con_id}


def _reopen(stage: Stage, given: Given) -> dict[str, Any]:
    item, price = stage.instrument(given.text("symbol")), given.maybe_decimal("price")
    on_grid("price", price, item)
    if price is not None:
        stage.host.market.pins[item.symbol] = price
    stage.host.feeds.reopen(item)
    return {"symbol": item.symbol, "con_id": item.con_id}


def _farm(stage: Stage, given: Given) -> dict[str, Any]:
    code = given.integer("code")
    if code not in NOTICES:
        raise InputError("code", code, ", ".join(map(str, NOTICES)))
    text = stage.host.feeds.note_farm(code, given.text("farm"))
    if given.flag("announce"):
        stage.host.gateway.tell_all(code, text)
    return {"code": code, "text": text}


def _silence(stage: Stage, given: Given) -> dict[str, Any]:
    symbol, con_id = given.maybe_text("symbol"), None
    if symbol is not None:
        con_id = stage.instrument(symbol).con_id
    return {"lines": stage.host.feeds.silence(con_id, given.maybe_integer("request_id"))}


def _distort(stage: Stage, given: Given) -> dict[str, Any]:
    item, kind = stage.instrument(given.text("symbol")), given.text("kind")
    amount, falsities = given.decimal("amount"), stage.host.feeds.trouble.falsities
    if kind == "none":
        falsities.pop(item.con_id, None)
    elif kind == Distortion.OFFSET and not amount:
        raise InputError("amount", str(amount), "what is added to each price")
    else:
        falsities[item.con_id] = Falsity(Distortion(kind), amount)
    stage.host.feeds.refresh(item.symbol)
    return {"symbol": item.symbol, "kind": kind}


def _data_type(stage: Stage, given: Given) -> dict[str, Any]:
    item, mode = stage.instrument(given.text("symbol")), _MODES[given.text("type")]
    return {"lines": len(stage.host.feeds.switch(item, mode)), "type": int(mode)}


def _permission(stage: Stage, given: Given) -> dict[str, Any]:
    item, granted = stage.instrument(given.text("symbol")), Permission(given.text("data"))
    stage.host.feeds.permit(item, granted)
    return {"symbol": item.symbol, "data": str(granted)}


def _stale_first(stage: Stage, given: Given) -> dict[str, Any]:
    item = stage.instrument(given.text("symbol"))
    stage.host.feeds.trouble.stale_first[item.con_id] = True
    return {"symbol": item.symbol}


def _bars(stage: Stage, given: Given) -> dict[str, Any]:
    item, stopped = stage.instrument(given.text("symbol")), stage.host.feeds.trouble.stopped_bars
    if given.flag("on"):
        stopped.pop(item.con_id, None)
    else:
        stopped[item.con_id] = True
    return {"symbol": item.symbol, "on": given.flag("on")}


def _competing(stage: Stage, given: Given) -> dict[str, Any]:
    feeds, is_on = stage.host.feeds, given.flag("on")
    feeds.trouble.is_competing = is_on
    told = feeds.lines() if is_on else []
    for line in told:
        for link in stage.links():
            if link.session.outlet is line.outlet:
                link.session.show_error(line.request_id, *COMPETING)
    return {"on": is_on, "lines": len(told)}


def _limits(stage: Stage, given: Given) -> dict[str, Any]:
    trouble = stage.host.feeds.trouble
    for name in ("lines", "depth", "tick_by_tick"):
        value = given.maybe_integer(name)
        if value is not None:
            setattr(trouble, f"{name}_max", value)
    paced = given.maybe_integer("history_pacing")
    if paced is not None:
        stage.host.feeds.history_meter.is_on = bool(paced)
    return {
        "lines": trouble.lines_max, "depth": trouble.depth_max,
        "tick_by_tick": trouble.tick_by_tick_max,
    }  # fmt: skip


def _rate(stage: Stage, given: Given) -> dict[str, Any]:
    rule = stage.host.world.rate
    rule.limit_per_s = given.maybe_integer("per_s")
    rule.penalty, rule.violations_max = Penalty(given.text("then")), given.integer("violations")
    return {"per_s": rule.limit_per_s}


_SYMBOL = fields.text("symbol", "a known symbol")
ACTIONS = (
    Action(
        "price", "Hold the price of a symbol, or let it go again.", ("S15",),
        (
            _SYMBOL,
            fields.decimal("price", "the middle price, null to let go", above_zero=True,
                           nullable=True),
        ),
        _price,
        is_deferred=True,
    ),
    Action(
        "price-move", "Move the price of a symbol by some percent, and hold it there.", ("S15",),
        (_SYMBOL, fields.decimal("percent", "of the present price; negative for a fall")),
        _price_move,
        is_deferred=True,
    ),
    Action(
        "halt", "Stop trading of a symbol: tick 49, the last quote stays, orders wait.",
        ("S15",),
        (_SYMBOL, fields.choice("kind", "which halt", ["general", "volatility"], "general")),
        _halt,
    ),
    Action(
        "reopen", "End a halt; the price jumps.", ("S15",),
        (_SYMBOL, fields.decimal("price", "hold it at this price", None, above_zero=True)),
        _reopen,
        is_deferred=True,
    ),
    Action(
        "farm", "Let a data farm come or go, and say so.", ("S15",),
        (
            fields.integer("code", "2103, 2105, 2119, 2157: gone; the others: back", low=2103,
                           high=2158),
            fields.text("farm", "its name; empty for the usual one", ""),
            fields.flag("announce", "false to say nothing", default=True),
        ),
        _farm,
    ),
    Action(
        "silence", "Let subscriptions die without a word; the client still has them.", ("S15",),
        (
            fields.text("symbol", "only of this symbol", None),
            fields.integer("request_id", "only of this request", None),
        ),
        _silence,
    ),
    Action(
        "distort", "Show false prices of a symbol; the exchange matches at the true ones.",
        ("S15",),
        (
            _SYMBOL,
            fields.choice("kind", "how they are false", ["none", *map(str, Distortion)]),
            fields.decimal("amount", "what an offset adds", Decimal(0)),
        ),
        _distort,
    ),
    Action(
        "market-data-type", "Turn the subscriptions of a symbol into another kind of data.",
        ("S15",), (_SYMBOL, fields.choice("type", "the kind", list(_MODES))), _data_type,
    ),
    Action(
        "permission", "Choose what the account may see of a symbol: 354, 10089, 10090, 10167.",
        ("S15", "S16"),
        (_SYMBOL, fields.choice("data", "what is granted", list(map(str, Permission)))),
        _permission,
    ),
    Action(
        "stale-first-tick", "Open the next subscription of a symbol with yesterday's last price.",
        ("S15",), (_SYMBOL,), _stale_first,
    ),
    Action(
        "bars", "Stop the bars of a symbol that are under way, or send them again.", ("S15",),
        (_SYMBOL, fields.flag("on", "false to stop")), _bars,
    ),
    Action(
        "competing-session", "Let another session take the market data: 10197 on every line.",
        ("S15", "S16"), (fields.flag("on", "true while it has them"),), _competing,
    ),
    Action(
        "data-limits", "Set how many subscriptions the account may have.", ("S15", "S19"),
        (
            fields.integer("lines", "market data lines (101)", None, high=LIMIT_MAX),
            fields.integer("depth", "depth subscriptions", None, high=LIMIT_MAX),
            fields.integer("tick_by_tick", "tick-by-tick subscriptions", None, high=LIMIT_MAX),
            fields.integer("history_pacing", "1 to pace historical requests, 0 not", None,
                           high=1),
        ),
        _limits,
    ),
    Action(
        "rate-limit", "Hold clients to messages a second: error 100, then the end or a freeze.",
        ("S19",),
        (
            fields.integer("per_s", "the limit; null for none", low=1, high=LIMIT_MAX,
                           nullable=True),
            fields.choice("then", "what repeated violations lead to",
                          list(map(str, Penalty)), str(Penalty.DROP)),
            fields.integer("violations", "how many lead to it", 3, low=1, high=LIMIT_MAX),
        ),
        _rate,
    ),
)  # fmt: skip

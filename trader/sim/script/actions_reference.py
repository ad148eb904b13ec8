"""Actions on reference data: what is not answered, what is unknown, how prices are stepped."""

from typing import Any

from trader.sim.reference import rules
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage

_KINDS = ("STK", "FUT", "OPT", "CASH", "IND", "CRYPTO", "BAG")
_MAGNIFIERS = ("1", "100")


def _details(stage: Stage, given: Given) -> dict[str, Any]:
    kinds = given.texts("unanswered")
    for kind in kinds:
        if kind not in _KINDS:
            raise InputError("unanswered", kind, ", ".join(_KINDS))
    stage.host.faults.unanswered_details = tuple(kinds)
    return {"unanswered": list(kinds)}


def _delist(stage: Stage, given: Given) -> dict[str, Any]:
    symbol, is_gone = given.text("symbol"), given.flag("on")
    item = stage.host.market.catalogue.symbol(symbol)
    if item is None:
        raise InputError("symbol", symbol, "a symbol or local symbol of the catalogue")
    stage.host.market.catalogue.delist(item.con_id, is_gone=is_gone)
    return {"symbol": symbol, "con_id": item.con_id, "on": is_gone}


def _stepping(stage: Stage, given: Given) -> dict[str, Any]:
    item = stage.instrument(given.text("symbol"))
    rule, magnifier = given.integer("market_rule"), int(given.text("price_magnifier"))
    allowed = [number for number in rules.RULES if rules.finest(number) == item.tick]
    if rule not in allowed:
        raise InputError("market_rule", rule, ", ".join(map(str, allowed)))
    catalogue = stage.host.market.catalogue
    catalogue.amend(item.con_id, market_rule_id=rule, price_magnifier=magnifier)
    return {"symbol": item.symbol, "market_rule": rule, "price_magnifier": magnifier}


ACTIONS = (
    Action(
        "details", "Never answer requests for contract details of some security types.", ("S22",),
        (fields.texts("unanswered", f"of {', '.join(_KINDS)}; an empty list answers all"),),
        _details,
    ),
    Action(
        "delist", "Answer every request for an instrument with error 200, or know it again.",
        ("S22",),
        (
            fields.text("symbol", "a symbol or local symbol (ESH7, EUR.USD)"),
            fields.flag("on", "whether it is unknown", True),
        ),
        _delist,
    ),
    Action(
        "stepping", "Give a symbol other price bands or a magnifier, before it is traded.",
        ("S22",),
        (
            fields.text("symbol", "a known symbol"),
            fields.integer("market_rule", "id of a rule with the same finest step",
                           rules.STOCK_BANDED, high=10_000),
            fields.choice("price_magnifier", "prices are divided by this for money", _MAGNIFIERS,
                          "1"),
        ),
        _stepping,
    ),
)  # fmt: skip

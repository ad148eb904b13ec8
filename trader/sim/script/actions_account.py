"""Actions on what clients are shown of positions and account values (S13, S14)."""

from typing import Any

from trader.sim.broker.money.account_values import KEYS
from trader.sim.broker.money.accounts import Position
from trader.sim.gateway.ways.account_view import SENTINELS, AccountSwitches
from trader.sim.model.instruments import Instrument
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage

# What ends a list, by a name that says which.
_ENDS = {
    "account-download": 54, "positions": 62, "summary": 64, "positions-multi": 72,
    "account-updates-multi": 74,
}  # fmt: skip
_OFF = "off"


def _switches(stage: Stage) -> AccountSwitches:
    return stage.host.faults.account


def _missing_end(stage: Stage, given: Given) -> dict[str, Any]:
    name, ends = given.text("end"), _switches(stage).missing_ends
    if given.flag("on"):
        ends[_ENDS[name]] = None
    else:
        ends.pop(_ENDS[name], None)
    return {"missing": sorted(ends)}


def _position_lag(stage: Stage, given: Given) -> dict[str, Any]:
    switches, seconds, count = _switches(stage), given.number("seconds"), given.integer("fills")
    if seconds and count:
        raise InputError("fills", count, "0 when seconds are given")
    if seconds or count:
        stage.host.gateway.account_view.start_lag()
    switches.position_lag_s, switches.position_lag_fills = seconds, count
    if not switches.has_lag:
        stage.host.gateway.end_position_lag()
    return {"seconds": seconds, "fills": count}


def _omit_position(stage: Stage, given: Given) -> dict[str, Any]:
    con_id, omitted = given.integer("con_id"), _switches(stage).omitted
    if given.flag("on"):
        omitted[con_id] = None
    else:
        omitted.pop(con_id, None)
    return {"omitted": sorted(omitted)}


def _phantom_position(stage: Stage, given: Given) -> dict[str, Any]:
    con_id, phantoms = given.integer("con_id"), _switches(stage).phantoms
    known = stage.host.market.catalogue.by_id(con_id)
    if known is not None:
        raise InputError("con_id", con_id, "a contract id that no instrument has")
    quantity, symbol = given.decimal("quantity"), given.text("symbol")
    if quantity:
        item = Instrument(con_id, symbol, "STK", "NYSE", "USD", symbol, symbol)
        phantoms[con_id] = Position(item, quantity, given.decimal("average_cost"))
    else:
        phantoms.pop(con_id, None)
    return {"phantoms": sorted(phantoms)}


def _values_lag(stage: Stage, given: Given) -> dict[str, Any]:
    _switches(stage).values_lag_s = given.number("seconds")
    return {"seconds": given.number("seconds")}


def _value(stage: Stage, given: Given) -> dict[str, Any]:
    key, marker, sentinels = given.text("key"), given.text("shows"), _switches(stage).sentinels
    if key.removesuffix("-C").removesuffix("-S") not in KEYS and key not in KEYS:
        raise InputError("key", key, "an account value's key")
    if marker == _OFF:
        sentinels.pop(key, None)
    else:
        sentinels[key] = SENTINELS[marker]
    return {"replaced": sorted(sentinels)}


def _portfolio(stage: Stage, given: Given) -> dict[str, Any]:
    switches, rows = _switches(stage), given.text("rows")
    switches.portfolio_is_unset, switches.portfolio_is_missing = rows == "unset", rows == "missing"
    return {"rows": rows}


def _summary_cancel(stage: Stage, given: Given) -> dict[str, Any]:
    _switches(stage).cancel_stops_all = given.flag("stops_all")
    return {"stops_all": given.flag("stops_all")}


def _noise(stage: Stage, given: Given) -> dict[str, Any]:
    switches = _switches(stage)
    switches.noise, switches.noisy_lists = given.decimal("amount"), given.integer("lists")
    return {"lists": switches.noisy_lists}


ACTIONS = (
    Action(
        "missing-end", "Never send the end marker of a list of positions or values.",
        ("S13", "S14"),
        (
            fields.choice("end", "which list", list(_ENDS)),
            fields.flag("on", "true to leave it out", default=True),
        ),
        _missing_end,
    ),
    Action(
        "position-lag", "Show position changes only later; zero for both shows all that waits.",
        ("S13",),
        (
            fields.number("seconds", "so many seconds later", 0, high=86_400),
            fields.integer("fills", "after so many later changes", 0, high=1000),
        ),
        _position_lag,
    ),
    Action(
        "omit-position", "Leave an instrument out of every list of positions.", ("S13",),
        (
            fields.integer("con_id", "its contract id", low=1),
            fields.flag("on", "true to leave it out", default=True),
        ),
        _omit_position,
    ),
    Action(
        "phantom-position", "List a position in an instrument that nobody can look up.", ("S13",),
        (
            fields.integer("con_id", "a contract id that does not exist", low=1),
            fields.text("symbol", "the symbol it is listed under"),
            fields.decimal("quantity", "how many; 0 takes it off the lists"),
            fields.decimal("average_cost", "its average cost"),
        ),
        _phantom_position,
    ),
    Action(
        "values-lag", "Show account values that may be so many seconds old.", ("S14",),
        (fields.number("seconds", "how old; 0 for the present ones", high=86_400),), _values_lag,
    ),
    Action(
        "account-value", "Show a marker in place of one account value.", ("S14",),
        (
            fields.text("key", "the value's key, such as NetLiquidation"),
            fields.choice("shows", "what stands there", [*SENTINELS, _OFF]),
        ),
        _value,
    ),
    Action(
        "portfolio-rows", "Send portfolio rows (7) as they are, with unset numbers, or none.",
        ("S14",), (fields.choice("rows", "which", ["normal", "unset", "missing"]),), _portfolio,
    ),
    Action(
        "summary-cancel", "Let a cancel of one account summary end all of a client's.", ("S14",),
        (fields.flag("stops_all", "true for all"),), _summary_cancel,
    ),
    Action(
        "account-noise", "Put the equity of the next lists of values off, up and down by turns.",
        ("S14",),
        (
            fields.decimal("amount", "by how much"),
            fields.integer("lists", "in how many lists", 2, high=1000),
        ),
        _noise,
    ),
)  # fmt: skip

"""Actions of the broker on accounts, without any order of a client (S10)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trader.sim.broker.money.accounts import Account, Position
from trader.sim.broker.money.corporate import Split
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Action, Stage
from trader.sim.wire.frames import plain

# How far in the money an option is that is not named: its strike as a share of the price.
_DEEP_CALL, _DEEP_PUT = Decimal("0.8"), Decimal("1.2")


def _account(stage: Stage, given: Given) -> Account:
    bank, name = stage.host.exchange.bank, given.maybe_text("account")
    if name is not None and name not in bank.accounts:
        raise InputError("account", name, ", ".join(bank.names))
    return bank.account(name or "")


def _instrument(stage: Stage, given: Given, field: str = "symbol") -> Instrument:
    """Return the instrument of a symbol, a local name or a contract id. Raises InputError."""
    name, catalogue = given.text(field), stage.host.market.catalogue
    found = catalogue.symbol(name)
    if found is None and name.isascii() and name.isdigit() and len(name) < 11:
        found = catalogue.find(ContractQuery(con_id=int(name), include_expired=True))
    if found is None:
        raise InputError(field, name, "a symbol, a local name or a contract id")
    return found


def _held(stage: Stage, given: Given) -> tuple[Account, Position]:
    account, item = _account(stage, given), _instrument(stage, given)
    entry = account.positions.get(item.con_id)
    if entry is None or not entry.quantity:
        raise InputError("symbol", given.text("symbol"), "an instrument that the account holds")
    return account, entry


def _checked(field: str, value: object, step: Callable[[], Any]) -> Any:
    """Do a step of the broker's; what it refuses is a wrong input, by the words it ends with."""
    try:
        return step()
    except ValueError as error:
        allowed = str(error).rpartition("; allowed: ")[2]
        raise InputError(field, value, allowed) from None


def _deposit(stage: Stage, given: Given) -> dict[str, Any]:
    account, currency = _account(stage, given), given.text("currency")
    amount = given.decimal("amount")
    bank = stage.host.exchange.bank
    _checked("currency", currency, lambda: bank.deposit(account.name, currency, amount))
    return {"account": account.name, "balance": plain(account.balance(currency))}


def _hold(stage: Stage, given: Given) -> dict[str, Any]:
    account, item = _account(stage, given), _contract(stage, given)
    if item.sec_type in ("IND", "CASH", "BAG"):
        raise InputError("symbol", given.text("symbol"), "an instrument that can be held")
    entry = stage.host.exchange.bank.endow(account.name, item, given.decimal("quantity"))
    return {"positions": [_row(entry)]}


def _contract(stage: Stage, given: Given) -> Instrument:
    """Return what is named, or its nearest future, or its nearest option in the money."""
    kind, name = given.text("contract"), given.text("symbol")
    if kind == "itself":
        return _instrument(stage, given)
    market, is_future = stage.host.market, kind == "future"
    right = "" if is_future else kind[0].upper()
    query = ContractQuery(symbol=name, sec_type="FUT" if is_future else "OPT", right=right)
    found = market.catalogue.find_all(query)
    if not found:
        raise InputError("symbol", name, f"one that has a {kind}")
    first = min(item.expiry for item in found if item.expiry is not None)
    below = stage.host.exchange.bank.below(found[0])
    spot = market.quote(below or found[0]).last
    aim = spot * (_DEEP_CALL if right == "C" else _DEEP_PUT)
    nearest = [item for item in found if item.expiry == first]
    return min(nearest, key=lambda item: (abs((item.strike or aim) - aim), item.con_id))


def _split(stage: Stage, given: Given) -> dict[str, Any]:
    item, ratio = _instrument(stage, given), given.decimal("ratio")
    exchange, market = stage.host.exchange, stage.host.market
    if item.sec_type != "STK":
        raise InputError("symbol", item.symbol, "a share")
    becomes = None if given.maybe_text("becomes") is None else _instrument(stage, given, "becomes")
    price = (market.quote(item).last / ratio).quantize(item.tick)
    terms = _checked("ratio", str(ratio), lambda: Split(ratio, price, becomes))
    cancelled = _cancel_resting(stage, item)
    name = given.maybe_text("becomes")
    moved = _checked("becomes", name, lambda: exchange.bank.split(item, terms))
    if becomes is None:
        # From now on a share is worth so much less.
        market.pins[item.local_symbol] = price
        stage.host.feeds.refresh(item.local_symbol)
    return {"positions": [_row(entry) for entry in moved], "cancelled": cancelled}


def _cancel_resting(stage: Stage, item: Instrument) -> int:
    """Cancel the orders that stand on old terms, as the broker does before the action."""
    orders = [o for o in stage.host.exchange.working() if o.instrument.con_id == item.con_id]
    for order in orders:
        stage.host.exchange.cancel(order)
    return len(orders)


def _dividend(stage: Stage, given: Given) -> dict[str, Any]:
    item, amount = _instrument(stage, given), given.decimal("amount")
    paid = _checked("amount", str(amount), lambda: stage.host.exchange.bank.dividend(item, amount))
    return {"accounts": [account.name for account in paid]}


def _rename(stage: Stage, given: Given) -> dict[str, Any]:
    item, becomes = _instrument(stage, given), _instrument(stage, given, "becomes")
    cancelled = _cancel_resting(stage, item)
    bank = stage.host.exchange.bank
    moved = _checked("becomes", given.text("becomes"), lambda: bank.rename(item, becomes))
    return {"positions": [_row(entry) for entry in moved], "cancelled": cancelled}


def _expire(stage: Stage, given: Given) -> dict[str, Any]:
    account, entry = _held(stage, given)
    nights, name = stage.host.exchange.bank.nights, given.text("symbol")
    _checked("symbol", name, lambda: nights.end(account, entry))
    return {"positions": [_row(one) for one in account.held()]}


def _assign(stage: Stage, given: Given) -> dict[str, Any]:
    account, entry = _held(stage, given)
    quantity, nights = given.decimal("quantity"), stage.host.exchange.bank.nights
    if entry.instrument.sec_type != "OPT" or entry.quantity > 0:
        raise InputError("symbol", given.text("symbol"), "an option that the account has written")
    _checked("quantity", str(quantity), lambda: nights.assign(account, entry, quantity))
    return {"positions": [_row(one) for one in account.held()]}


def _night(stage: Stage, _given: Given) -> dict[str, Any]:
    stage.host.exchange.bank.nights.process()
    return {}


def _margin_desk(stage: Stage, given: Given) -> dict[str, Any]:
    stage.host.faults.account.liquidates = given.flag("on")
    return {"on": given.flag("on")}


def _liquidate(stage: Stage, given: Given) -> dict[str, Any]:
    account, liquidator = _account(stage, given), stage.host.liquidator
    named = given.maybe_text("symbol")
    if named is not None:
        _, entry = _held(stage, given)
        liquidator.force(account.name, entry.instrument, entry.quantity)
        return {"account": account.name, "symbol": named}
    if not stage.host.exchange.bank.to_liquidate(account.name):
        raise InputError("account", account.name, "one that lacks margin, or any with a symbol")
    liquidator.warn(account.name)
    return {"account": account.name}


def _row(entry: Position) -> dict[str, str]:
    return {
        "symbol": entry.instrument.local_symbol, "con_id": str(entry.instrument.con_id),
        "quantity": plain(entry.quantity), "average_cost": plain(entry.average_cost),
    }  # fmt: skip


_ACCOUNT = fields.text("account", "the account; the first one without", None)
_SYMBOL = fields.text("symbol", "a symbol, a local name or a contract id")
ACTIONS = (
    Action(
        "deposit", "Pay money into an account, or out of it when negative.", ("S10",),
        (
            _ACCOUNT, fields.text("currency", "its currency", "USD"),
            fields.decimal("amount", "how much"),
        ),
        _deposit,
    ),
    Action(
        "endow", "Let an account hold something since before the day began, without an execution.",
        ("S10", "S13"),
        (
            _SYMBOL, _ACCOUNT, fields.decimal("quantity", "how many; negative for short"),
            fields.choice(
                "contract", "that itself, or its nearest contract, options in the money",
                ["itself", "future", "call", "put"], "itself",
            ),
        ),
        _hold,
    ),
    Action(
        "split", "Split a share in every account: other quantity and cost, no execution.",
        ("S10",),
        (
            _SYMBOL, fields.decimal("ratio", "new shares for an old one", above_zero=True),
            fields.text("becomes", "the instrument it comes back as", None),
        ),
        _split, is_deferred=True,
    ),
    Action(
        "dividend", "Pay a cash dividend to every holder of a share.", ("S10",),
        (_SYMBOL, fields.decimal("amount", "for each share", above_zero=True)), _dividend,
    ),
    Action(
        "rename", "Turn every position in an instrument into one of another.", ("S10",),
        (_SYMBOL, fields.text("becomes", "what it is called from now on")), _rename,
        is_deferred=True,
    ),
    Action(
        "expire", "End an option or future as if its last day were over.", ("S10",),
        (_SYMBOL, _ACCOUNT), _expire,
        is_deferred=True,
    ),
    Action(
        "assign", "Assign written options before their last day.", ("S10",),
        (_SYMBOL, _ACCOUNT, fields.decimal("quantity", "how many contracts", above_zero=True)),
        _assign, is_deferred=True,
    ),
    Action(
        "night", "Do now what the broker does at 02:30.", ("S10",), (), _night, is_deferred=True
    ),
    Action(
        "margin-desk", "Let the broker close positions of accounts that lack margin, or not.",
        ("S10",), (fields.flag("on", "true to let it"),), _margin_desk,
    ),
    Action(
        "liquidate", "Warn (2148) and close positions by force seconds later.", ("S10", "S16"),
        (_ACCOUNT, fields.text("symbol", "this position, whatever the margin", None)), _liquidate,
        is_deferred=True,
    ),
)  # fmt: skip

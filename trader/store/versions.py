"""Which version each kind of row has, and what makes a payload of an older version a newer one.

A row that is written stays as it is: the chain of digests was made of its bytes. So when the
fields of an event change, its kind gets a step, and rows of before are read through it. A step
adds what was not known then, as what it was: nothing is guessed (INC-110).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.core.amounts import ZERO
from trader.core.holdings import Holdings
from trader.core.results import OPERATOR

Data = dict[str, Any]
Step = Callable[[Data], Data]


def _planned_without_expiry(data: Data) -> Data:
    """No order had a time until which it was good."""
    return {**data, "terms": {**data["terms"], "good_till_utc": None}}


def _planned_without_bracket(data: Data) -> Data:
    """No order was part of a bracket."""
    return {**data, "terms": {**data["terms"], "bracket": None}}


def _reviewed_without_bracket(data: Data) -> Data:
    """No intent asked for one."""
    return {**data, "intent": {**data["intent"], "bracket": None}}


def _state_without_brackets(data: Data) -> Data:
    """No order was part of a bracket, so none was bounded by one."""
    orders = [{**_planned_without_bracket(order), "room": None} for order in data["orders"]]
    return {**data, "orders": orders}


def _state_without_rounds(data: Data) -> Data:
    """No plan of reductions went by itself yet."""
    return {**data, "safety": {**data["safety"], "reduction_rounds": 0}}


def _state_without_holdings(data: Data) -> Data:
    """Nothing was in quarantine, and since when an order had no answer was forgotten.

    What strategies hold was told by all executions there were, the latest word on each.
    """
    orders = [
        {**_planned_without_expiry(order), "unanswered_utc": None} for order in data["orders"]
    ]
    strategies = {row["order_id"]: row["terms"]["strategy"] for row in orders}
    rows = [(fill["execution"], strategies.get(fill["order_id"])) for _, fill in data["fills"]]
    account = {row["con_id"]: Decimal(row["quantity"]) for row in data["positions"]}
    for execution, _ in rows:
        account[execution["con_id"]] = account.get(execution["con_id"], ZERO) - _moved(execution)
    holdings = Holdings()
    for execution, strategy in rows:
        con_id, moved = execution["con_id"], _moved(execution)
        account[con_id] += moved
        holdings.traded(None if strategy == OPERATOR else strategy, con_id, moved, account[con_id])
    own = [
        {"strategy": row.strategy, "con_id": row.con_id, "quantity": str(row.quantity)}
        for row in holdings.rows()
    ]
    intents = [[key, {**record, "at_utc": None}] for key, record in data["intents"]]
    quarantine: Data = {name: [] for name in ("letters", "not_kept", "settled", "put_right")}
    added = {
        "strategies_own": own,
        "past": {"numbers": {}, "order_id": 0, "before_utc": None},
        "quarantine": {**quarantine, "baseline_seq": 0, "kept_count": 0},
        "letters": [],
    }
    return {**data, **added, "orders": orders, "intents": intents}


def _moved(execution: Data) -> Decimal:
    quantity = Decimal(execution["quantity"])
    return quantity if execution["side"] == "BUY" else -quantity


def _adjusted_without_worth(data: Data) -> Data:
    """What came and went so was counted as a result of trading."""
    return {**data, "unit_value": None, "currency": ""}


def _state_all_told(data: Data) -> Data:
    """What a strategy had not been told when its state was saved was forgotten; none had bars."""
    return {**data, "untold": [], "bars_until_utc": None}


def _book_all_told(data: Data) -> Data:
    return {**data, "strategies": [_state_all_told(row) for row in data["strategies"]]}


def _state_of_all_bars(data: Data) -> Data:
    """Until when it knew bars was one time, of every instrument and whatever size it asked for."""
    data = dict(data)
    until_utc = data.pop("bars_until_utc")
    known = [] if until_utc is None else [{"until_utc": until_utc, "size_s": None, "con_ids": None}]
    return {**data, "bars_known": known}


def _book_of_all_bars(data: Data) -> Data:
    return {**data, "strategies": [_state_of_all_bars(row) for row in data["strategies"]]}


# The first step of a kind leads from version 1 to 2, and so on. A step that has shipped is never
# edited. ``BookState`` is the checkpoint.
STEPS: Mapping[str, tuple[Step, ...]] = {
    "IntentReviewed": (_reviewed_without_bracket,),
    "OrderPlanned": (_planned_without_expiry, _planned_without_bracket),
    "PositionAdjusted": (_adjusted_without_worth,),
    "StrategyCheckpointed": (_state_all_told, _state_of_all_bars),
    "BookState": (
        _state_without_holdings,
        _book_all_told,
        _state_without_brackets,
        _state_without_rounds,
        _book_of_all_bars,
    ),
}


class NotOfThatVersion(Exception):
    """A payload does not have the fields of the version that its row names."""


def version_of(kind: str) -> int:
    """Return the version in which rows of a kind are written now."""
    return 1 + len(STEPS.get(kind, ()))


def is_readable(kind: str, version: object) -> bool:
    """Tell whether rows of a kind were ever written in a version."""
    return type(version) is int and 1 <= version <= version_of(kind)


def brought_up(kind: str, version: int, data: Any) -> Any:
    """Return a parsed payload with the fields of today; raises NotOfThatVersion."""
    try:
        for step in STEPS.get(kind, ())[version - 1 :]:
            data = step(data)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        raise NotOfThatVersion(f"not the fields of version {version}: {error!r}") from None
    return data

"""What the bodies of the orders API say: an order, a change, a cancel; nothing half-said passes."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from trader.core.amounts import decimal_from
from trader.core.halts import Mode
from trader.core.ids import OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.engine.orders.wishes import CancelWish, ChangeWish, Wish
from trader.ops.halt_record import without_repeats
from trader.ops.http_guard import shown

_NEEDED = ("symbol", "side", "type", "quantity", "mode")
_FIELDS = (*_NEEDED, "price", "stop_price", "time_in_force", "reduce_only", "reason")
_TERMS = ("quantity", "price", "stop_price")
_TYPES = {"MARKET": OrderType.MARKET, "LIMIT": OrderType.LIMIT, "STOP": OrderType.STOP}
_REASON_LENGTH_MAX = 200
# Digits enough for any price or quantity, and few enough that no arithmetic takes long.
_NUMBER_FORM = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?", re.ASCII)
Kind = TypeVar("Kind", bound=StrEnum)


class BadOrder(ValueError):
    """The request says nothing usable; the message names field, value and what is allowed."""


def wish_in(content: bytes) -> Wish:
    """Read an order from a request's body; raises BadOrder."""
    body = _object_in(content, _FIELDS, _NEEDED)
    return Wish(
        symbol=_text_in(body, "symbol", 32),
        side=_word_in(body, "side", {str(side): side for side in Side}),
        quantity=_amount_in(body, "quantity"),
        order_type=_word_in(body, "type", {**_TYPES, **{str(kind): kind for kind in OrderType}}),
        time_in_force=_word_in(
            {"time_in_force": "DAY", **body},
            "time_in_force",
            {str(tif): tif for tif in TimeInForce},
        ),
        limit_price=_perhaps_in(body, "price"),
        stop_price=_perhaps_in(body, "stop_price"),
        is_reduce_only=_flag_in(body, "reduce_only"),
        mode=_mode_in(body),
        reason=_reason_in(body),
    )


def change_in(order_id: OrderId, content: bytes) -> ChangeWish:
    """Read a change of an order from a request's body; raises BadOrder."""
    body = _object_in(content, (*_TERMS, "mode", "reason"), ("mode",))
    wish = ChangeWish(
        order_id=order_id,
        quantity=_perhaps_in(body, "quantity"),
        limit_price=_perhaps_in(body, "price"),
        stop_price=_perhaps_in(body, "stop_price"),
        mode=_mode_in(body),
        reason=_reason_in(body),
    )
    if wish.quantity is wish.limit_price is wish.stop_price is None:
        raise BadOrder(f"the body changes nothing; needed is one of {', '.join(_TERMS)}")
    return wish


def cancel_in(order_id: OrderId, content: bytes) -> CancelWish:
    """Read the cancel of an order from a request's body; raises BadOrder."""
    body = _object_in(content, ("mode", "reason"), ("mode",))
    return CancelWish(order_id, _mode_in(body), _reason_in(body))


def number_in(query: Mapping[str, str], name: str, most: int) -> int | None:
    """Read a number of a query, or None where there is none; raises BadOrder."""
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise BadOrder(f"{name} is {text[:80]!r}, allowed is 1 to {most}")
    return int(text)


def _object_in(content: bytes, fields: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, Any]:
    try:
        body = json.loads(
            content, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=without_repeats
        )
    except (ValueError, RecursionError) as error:
        raise BadOrder(f"the body is not JSON ({error})") from error
    if not isinstance(body, dict):
        raise BadOrder(f"the body is {shown(body)}, allowed is an object")
    for name in body:
        if name not in fields:
            raise BadOrder(f"{shown(name)} is no field, allowed are {', '.join(fields)}")
    for name in needed:
        if name not in body:
            raise BadOrder(f"{name} is missing; needed are {', '.join(needed)}")
    return body


def _mode_in(body: Mapping[str, Any]) -> Mode:
    return _word_in(body, "mode", {mode.upper(): mode for mode in Mode})


def _reason_in(body: Mapping[str, Any]) -> str:
    return _text_in({"reason": "asked for", **body}, "reason", _REASON_LENGTH_MAX)


def _perhaps_in(body: Mapping[str, Any], name: str) -> Decimal | None:
    return _amount_in(body, name) if body.get(name) is not None else None


def _text_in(body: Mapping[str, Any], name: str, length_max: int) -> str:
    value = body[name]
    if not isinstance(value, str) or not value.strip() or len(value) > length_max:
        raise BadOrder(f"{name} is {shown(value)}, allowed is a text of 1 to {length_max}")
    if not value.isprintable():
        raise BadOrder(f"{name} is {shown(value)}, allowed are printable characters")
    return value.strip()


def _word_in(body: Mapping[str, Any], name: str, allowed: Mapping[str, Kind]) -> Kind:
    value = body[name]
    # A letter of another alphabet may become one of ours when it is made large.
    if not isinstance(value, str) or not value.isascii() or value.upper() not in allowed:
        raise BadOrder(f"{name} is {shown(value)}, allowed is one of {', '.join(allowed)}")
    return allowed[value.upper()]


def _amount_in(body: Mapping[str, Any], name: str) -> Decimal:
    value = body[name]
    text = str(value) if isinstance(value, Decimal | str) else ""
    number = decimal_from(text) if _NUMBER_FORM.fullmatch(text) else None
    if number is None or number <= 0:
        raise BadOrder(
            f"{name} is {shown(value)}, allowed is a number above 0 (also as text), with at most "
            "15 digits before the point and 10 after it"
        )
    return number


def _flag_in(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadOrder(f"{name} is {shown(value)}, allowed is true or false")
    return value

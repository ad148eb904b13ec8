"""The orders API: place one order a key, list orders in pages, look one up.

    POST /api/v1/orders      Authorization: Bearer TOKEN, Idempotency-Key: KEY
    GET  /api/v1/orders      ?limit=50&before=ORDER_ID
    GET  /api/v1/orders/ID   by order id

A POST answers 202 once the verdict is durable, approved or refused: the verdict is in the body.
The same key and body answer the same; the same key with another body answers 409. 503 means that
nothing was decided, and the same request may be sent again.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from aiohttp import web

from trader.core.amounts import decimal_from
from trader.core.halts import Mode
from trader.core.intents import OrderType, Side, TimeInForce
from trader.engine.door import Turn, Verdict, Wish
from trader.engine.status import OrderStatus
from trader.ops.http_access import Access
from trader.ops.http_guard import answer, refusal
from trader.ops.roles import Principal
from trader.ops.status_json import plain

KEY_FORM = re.compile(r"[!-~]{1,200}", re.ASCII)
PAGE_ROWS_MAX = 200
_PAGE_ROWS = 50
_CODES = {Turn.DECIDED: 202, Turn.CONFLICT: 409, Turn.UNAVAILABLE: 503}
_NEEDED = ("symbol", "side", "type", "quantity", "mode")
_FIELDS = (*_NEEDED, "price", "stop_price", "time_in_force", "reduce_only", "reason")
_TYPES = {"MARKET": OrderType.MARKET, "LIMIT": OrderType.LIMIT, "STOP": OrderType.STOP}
_REASON_LENGTH_MAX = 200
# Digits enough for any price or quantity, and few enough that no arithmetic takes long.
_NUMBER_FORM = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?", re.ASCII)
Kind = TypeVar("Kind", bound=StrEnum)


class BadOrder(ValueError):
    """The body is no order; the message names field, value and what is allowed."""


class Door(Protocol):
    """The engine's door."""

    async def submit(self, key: str, wish: Wish, by: str) -> Verdict:
        """Decide on a wish, once for each key."""


class OrderRows(Protocol):
    """Orders as rows for reading, newest first."""

    def page(self, before: int | None, limit: int) -> tuple[OrderStatus, ...]:
        """Return at most ``limit`` orders with ids below ``before``."""

    def one(self, order_id: int) -> OrderStatus | None:
        """Return one order, or None."""


class OrdersApi:
    """The routes below /api/v1/orders."""

    def __init__(self, door: Door, rows: OrderRows, access: Access) -> None:
        self._door = door
        self._rows = rows
        self._access = access

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/api/v1/orders", self._place),
            web.get("/api/v1/orders", self._list, allow_head=False),
            web.get("/api/v1/orders/{order_id}", self._one, allow_head=False),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "place-order")
        if not isinstance(principal, Principal):
            return principal
        key = request.headers.get("Idempotency-Key", "")
        content = await request.read()
        try:
            if not KEY_FORM.fullmatch(key):
                raise BadOrder(
                    f"Idempotency-Key is {key[:80]!r}, allowed are 1 to 200 printable characters "
                    "without spaces"
                )
            wish = wish_in(content)
        except BadOrder as error:
            self._access.note(principal, "place-order", key, f"400 {error}")
            return refusal(400, str(error))
        # A key belongs to who used it: two people may choose the same one.
        verdict = await self._door.submit(f"{principal.name} {key}", wish, principal.name)
        code = _CODES[verdict.turn]
        asked = f"{key} {wish.side} {wish.quantity} {wish.symbol} {wish.order_type}"
        told = f"{code} {verdict.intent_id or ''} {verdict.code} {verdict.text}"
        self._access.note(principal, "place-order", asked, told)
        return answer(code, verdict_json(verdict))

    async def _list(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "read-orders")
        if not isinstance(principal, Principal):
            return principal
        try:
            limit = _number_in(request.query, "limit", PAGE_ROWS_MAX) or _PAGE_ROWS
            before = _number_in(request.query, "before", 2**63 - 1)
        except BadOrder as error:
            return refusal(400, str(error))
        rows = self._rows.page(before, limit)
        following = rows[-1].order_id if len(rows) == limit else None
        return answer(200, {"orders": plain(rows), "next_before": following})

    async def _one(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "read-orders")
        if not isinstance(principal, Principal):
            return principal
        text = request.match_info["order_id"]
        if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
            return refusal(400, f"order id is {text[:80]!r}, allowed is a number")
        row = self._rows.one(int(text))
        if row is None:
            return refusal(404, f"there is no order {text}")
        return answer(200, {"order": plain(row)})


def wish_in(content: bytes) -> Wish:
    """Read an order from a request's body; raises BadOrder."""
    try:
        body = json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadOrder(f"the body is not JSON ({error})") from error
    if not isinstance(body, dict):
        raise BadOrder(f"the body is {_shown(body)}, allowed is an object")
    for name in body:
        if name not in _FIELDS:
            raise BadOrder(f"{_shown(name)} is no field, allowed are {', '.join(_FIELDS)}")
    for name in _NEEDED:
        if name not in body:
            raise BadOrder(f"{name} is missing; needed are {', '.join(_NEEDED)}")
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
        limit_price=_amount_in(body, "price") if body.get("price") is not None else None,
        stop_price=_amount_in(body, "stop_price") if body.get("stop_price") is not None else None,
        is_reduce_only=_flag_in(body, "reduce_only"),
        mode=_word_in(body, "mode", {mode.upper(): mode for mode in Mode}),
        reason=_text_in({"reason": "asked for", **body}, "reason", _REASON_LENGTH_MAX),
    )


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """Return the verdict as the API answers it."""
    return {
        "turn": verdict.turn,
        "is_approved": verdict.is_approved,
        "code": verdict.code,
        "text": verdict.text,
        "intent_id": verdict.intent_id,
        "order_id": verdict.order_id,
        "state": verdict.state,
    }


def _text_in(body: Mapping[str, Any], name: str, length_max: int) -> str:
    value = body[name]
    if not isinstance(value, str) or not value.strip() or len(value) > length_max:
        raise BadOrder(f"{name} is {_shown(value)}, allowed is a text of 1 to {length_max}")
    if not value.isprintable():
        raise BadOrder(f"{name} is {_shown(value)}, allowed are printable characters")
    return value.strip()


def _word_in(body: Mapping[str, Any], name: str, allowed: Mapping[str, Kind]) -> Kind:
    value = body[name]
    if not isinstance(value, str) or value.upper() not in allowed:
        raise BadOrder(f"{name} is {_shown(value)}, allowed is one of {', '.join(allowed)}")
    return allowed[value.upper()]


def _amount_in(body: Mapping[str, Any], name: str) -> Decimal:
    value = body[name]
    text = str(value) if isinstance(value, Decimal | str) else ""
    number = decimal_from(text) if _NUMBER_FORM.fullmatch(text) else None
    if number is None or number <= 0:
        raise BadOrder(
            f"{name} is {_shown(value)}, allowed is a number above 0 (also as text), with at most "
            "15 digits before the point and 10 after it"
        )
    return number


def _flag_in(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadOrder(f"{name} is {_shown(value)}, allowed is true or false")
    return value


def _number_in(query: Mapping[str, str], name: str, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise BadOrder(f"{name} is {text[:80]!r}, allowed is 1 to {most}")
    return int(text)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."

"""The orders API: place one order a key, change or cancel one, list orders in pages, look one up.

    POST   /api/v1/orders      Authorization: Bearer TOKEN, Idempotency-Key: KEY
    PATCH  /api/v1/orders/ID   the same; other terms of an order
    DELETE /api/v1/orders/ID   the same; cancels it
    GET    /api/v1/orders      ?limit=50&before=ORDER_ID
    GET    /api/v1/orders/ID   by order id

What writes answers 202 once the verdict is durable, approved or refused: the verdict is in the
body. What cannot be done to the order that was named answers 404, 409 or 422, with the same body.
The same key and body answer the same; the same key with another body answers 409. 503 means that
nothing was decided, and the same request may be sent again.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from trader.core.ids import OrderId
from trader.engine.orders.wishes import CancelWish, ChangeWish, Turn, Verdict, Wish
from trader.engine.status import OrderStatus
from trader.ops.http_access import Access
from trader.ops.http_guard import answer, refusal
from trader.ops.order_bodies import BadOrder, cancel_in, change_in, number_in, wish_in
from trader.ops.roles import Principal
from trader.ops.status_json import plain

KEY_FORM = re.compile(r"[!-~]{1,200}", re.ASCII)
PAGE_ROWS_MAX = 200
_PAGE_ROWS = 50
_CODES = {Turn.DECIDED: 202, Turn.CONFLICT: 409, Turn.UNAVAILABLE: 503}
# Decided, and about the order that was named rather than about risk.
_NOT_OF_THIS_ORDER = {
    "ORDER_UNKNOWN": 404,
    "ORDER_NOT_WORKING": 409,
    "ORDER_DOUBLED": 409,
    "CHANGE_OPEN": 409,
    "CHANGE_INVALID": 422,
}
_ID_FORM = re.compile(r"[0-9]{1,15}", re.ASCII)


class Door(Protocol):
    """The engine's door."""

    async def submit(self, key: str, wish: Wish, by: str) -> Verdict:
        """Decide on an order, once for each key."""

    async def change(self, key: str, wish: ChangeWish, by: str) -> Verdict:
        """Decide on a change of an order, once for each key."""

    async def cancel(self, key: str, wish: CancelWish, by: str) -> Verdict:
        """Cancel an order, once for each key."""


class OrderRows(Protocol):
    """Orders as rows for reading, newest first."""

    def page(self, before: int | None, limit: int) -> tuple[OrderStatus, ...]:
        """Return at most ``limit`` orders with ids below ``before``."""

    def one(self, order_id: int) -> OrderStatus | None:
        """Return one order, or None."""


# What was asked for, in words, and the asking itself.
Asking = tuple[str, Callable[[str, str], Awaitable[Verdict]]]


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
            web.patch("/api/v1/orders/{order_id}", self._change),
            web.delete("/api/v1/orders/{order_id}", self._cancel),
            web.get("/api/v1/orders", self._list, allow_head=False),
            web.get("/api/v1/orders/{order_id}", self._one, allow_head=False),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        def asking(content: bytes) -> Asking:
            wish = wish_in(content)
            words = f"{wish.side} {wish.quantity} {wish.symbol} {wish.order_type}"
            return words, lambda key, by: self._door.submit(key, wish, by)

        return await self._decide(request, "place-order", asking)

    async def _change(self, request: web.Request) -> web.Response:
        def asking(content: bytes) -> Asking:
            wish = change_in(_order_id_in(request), content)
            terms = (("quantity", wish.quantity), ("price", wish.limit_price),
                     ("stop_price", wish.stop_price))  # fmt: skip
            told = " ".join(f"{name} {value}" for name, value in terms if value is not None)
            words = f"order {wish.order_id} {told}"
            return words, lambda key, by: self._door.change(key, wish, by)

        return await self._decide(request, "change-order", asking)

    async def _cancel(self, request: web.Request) -> web.Response:
        def asking(content: bytes) -> Asking:
            wish = cancel_in(_order_id_in(request), content)
            words = f"order {wish.order_id}"
            return words, lambda key, by: self._door.cancel(key, wish, by)

        return await self._decide(request, "cancel-order", asking)

    async def _decide(
        self, request: web.Request, verb: str, asking: Callable[[bytes], Asking]
    ) -> web.Response:
        """Admit, read, ask once for the key, and write down what came of it."""
        principal = self._access.admit(request, verb)
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
            words, ask = asking(content)
        except BadOrder as error:
            self._access.note(principal, verb, key, f"400 {error}")
            return refusal(400, str(error))
        # A key belongs to who used it: two people may choose the same one.
        verdict = await ask(f"{principal.name} {key}", principal.name)
        code = _CODES[verdict.turn]
        if verdict.turn is Turn.DECIDED:
            code = _NOT_OF_THIS_ORDER.get(verdict.code, code)
        told = f"{code} {verdict.intent_id or ''} {verdict.code} {verdict.text}"
        self._access.note(principal, verb, f"{key} {words}", told)
        return answer(code, verdict_json(verdict))

    async def _list(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "read-orders")
        if not isinstance(principal, Principal):
            return principal
        try:
            limit = number_in(request.query, "limit", PAGE_ROWS_MAX) or _PAGE_ROWS
            before = number_in(request.query, "before", 2**63 - 1)
        except BadOrder as error:
            return refusal(400, str(error))
        rows = self._rows.page(before, limit)
        following = rows[-1].order_id if len(rows) == limit else None
        return answer(200, {"orders": plain(rows), "next_before": following})

    async def _one(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "read-orders")
        if not isinstance(principal, Principal):
            return principal
        try:
            order_id = _order_id_in(request)
        except BadOrder as error:
            return refusal(400, str(error))
        row = self._rows.one(order_id)
        if row is None:
            return refusal(404, f"there is no order {order_id}")
        return answer(200, {"order": plain(row)})


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
        "change_number": verdict.change_number,
        "change_state": verdict.change_state,
    }


def _order_id_in(request: web.Request) -> OrderId:
    text = request.match_info["order_id"]
    if not _ID_FORM.fullmatch(text):
        raise BadOrder(f"order id is {text[:80]!r}, allowed is a number")
    return OrderId(int(text))

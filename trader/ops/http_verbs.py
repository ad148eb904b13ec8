"""POST: the operator's verbs, each behind the token.

``/ops/halt`` is special twice: the desk is asked before anything else can wait or fail, and a
body that cannot be used does not prevent the halt (INC-030).
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

from trader.engine.operator import Answer, OperatorDesk
from trader.ops.http_guard import answer, refusal
from trader.ports import WorldError

_log = structlog.get_logger(__name__)
_REASON_LENGTH_MAX = 500
_BY_LENGTH_MAX = 100
_HALT_BODY_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and why."""

    reason: str
    by: str
    # Of ``resolve`` alone.
    ticket: str = ""


class BadBody(ValueError):
    """A request's body is not what it has to be; the message names field, value and allowed."""


class OperatorVerbs:
    """The verbs of one desk as POST routes."""

    def __init__(self, desk: OperatorDesk, token: str) -> None:
        self._desk = desk
        self._token = token.encode()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        desk = self._desk
        verbs: dict[str, Callable[[Asked], Awaitable[Answer]]] = {
            "resume": lambda asked: desk.resume(reason=asked.reason, by=asked.by),
            "cancel-orders": lambda asked: desk.cancel_orders(by=asked.by),
            "liquidate": lambda asked: desk.liquidate(by=asked.by),
            "reconcile": lambda asked: desk.reconcile(by=asked.by),
            "baseline": lambda asked: desk.baseline(by=asked.by),
            "resolve": lambda asked: desk.resolve(
                ticket=asked.ticket, reason=asked.reason, by=asked.by
            ),
        }
        waiting = [
            web.post(f"/ops/{name}", self._waiting(name, verb)) for name, verb in verbs.items()
        ]
        return [web.post("/ops/halt", self._halt), *waiting]

    async def _halt(self, request: web.Request) -> web.Response:
        problem = self._refused(request)
        if problem is not None:
            return problem
        fault = ""
        try:
            asked = asked_in(await _body_soon(request))
        except BadBody as error:
            fault = f"the request's body was not usable: {error}"
            asked = Asked(reason="operator's halt without a usable reason", by="unnamed operator")
        outcome = self._desk.halt(reason=asked.reason, by=asked.by)
        if fault:
            outcome = Answer(outcome.is_done, outcome.text, (*outcome.details, fault))
        return _told("halt", asked, outcome)

    def _waiting(
        self, name: str, verb: Callable[[Asked], Awaitable[Answer]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            problem = self._refused(request)
            if problem is not None:
                return problem
            try:
                asked = asked_in(await request.read(), needs_ticket=name == "resolve")
            except BadBody as error:
                return refusal(400, str(error))
            # aiohttp lets a handler finish when its client goes away, so a liquidation does not
            # depend on the patience of a shell.
            try:
                return _told(name, asked, await verb(asked))
            except WorldError as error:
                return refusal(503, f"{name} failed: {error}")

        return handle

    def _refused(self, request: web.Request) -> web.Response | None:
        """Refuse who may not ask. A form of a foreign page cannot send JSON or the token."""
        if request.content_type != "application/json":
            return refusal(415, f"Content-Type {request.content_type!r}; allowed: application/json")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(
            given.strip().encode("utf-8", "surrogateescape"), self._token
        )
        if scheme.lower() == "bearer" and is_right:
            return None
        _log.warning("refused: wrong or missing control token", path=request.path)
        response = refusal(401, "Authorization must be: Bearer <the content of the token file>")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response


async def _body_soon(request: web.Request) -> bytes:
    """Read the body of a halt, or nothing of it when it is late, cut off or too large."""
    try:
        async with asyncio.timeout(_HALT_BODY_TIMEOUT_S):
            return await request.read()
    except (TimeoutError, OSError, web.HTTPException):
        return b""


def asked_in(content: bytes, *, needs_ticket: bool = False) -> Asked:
    """Read {"reason", "by"}, and {"ticket"} where it is needed, from a body; raises BadBody."""
    names = ("reason", "by", "ticket") if needs_ticket else ("reason", "by")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadBody(
            f'the body is not JSON ({error}); allowed: {{"reason": text, "by": text}}'
        ) from error
    if not isinstance(body, dict):
        raise BadBody(f"the body is {_shown(body)}; allowed: an object with reason and by")
    for name in body:
        if name not in names:
            raise BadBody(f"{_shown(name)} is no field; allowed: {', '.join(names)}")
    return Asked(
        reason=_text_in(body, "reason", _REASON_LENGTH_MAX),
        by=_text_in(body, "by", _BY_LENGTH_MAX),
        ticket=_text_in(body, "ticket", _REASON_LENGTH_MAX) if needs_ticket else "",
    )


def _text_in(body: dict[str, object], name: str, length_max: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > length_max:
        raise BadBody(f"{name} is {_shown(value)}; allowed: a text of 1 to {length_max} characters")
    return " ".join(value.split())


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _told(verb: str, asked: Asked, outcome: Answer) -> web.Response:
    _log.info(
        "operator",
        verb=verb,
        by=asked.by,
        reason=asked.reason,
        is_done=outcome.is_done,
        outcome=outcome.text,
    )
    return answer(
        200 if outcome.is_done else 409,
        {"is_done": outcome.is_done, "text": outcome.text, "details": list(outcome.details)},
    )

"""POST: the operator's verbs, each behind a token whose role covers it.

``/ops/halt`` is special twice: the desk is asked before anything else can wait or fail, and a
body that cannot be used does not prevent the halt (INC-030).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web

from trader.core.amounts import decimal_from
from trader.core.ticketing import NOTHING_STATED, Stated
from trader.engine.operator import Answer, LetterVerbs, OperatorDesk, TicketVerbs
from trader.ops.halt_record import readable, without_repeats
from trader.ops.http_access import Access
from trader.ops.http_guard import answer, refusal, shown
from trader.ops.roles import Principal
from trader.ports import WorldError

_REASON_LENGTH_MAX = 500
_BY_LENGTH_MAX = 100
_HALT_BODY_TIMEOUT_S = 0.5
_CURRENCY_LENGTH_MAX = 10
_NUMBER_MAX = 40
# What a verb's body may hold beside reason and by.
_MORE_FIELDS = {
    "adopt": ("ticket",),
    "book": ("ticket", "quantity", "price", "commission", "amount", "currency"),
    "ignore-until": ("ticket", "until"),
    "flatten": ("ticket",),
    "retry-letter": ("letter",),
    "dismiss-letter": ("letter",),
    "liquidate": ("all",),
    "cancel-orders": ("keep_exits", "all"),
    "reset": ("breaker",),
    "override": ("breaker", "minutes"),
    "review": ("action", "verdict"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and why."""

    reason: str
    by: str
    # Of the verbs about a ticket alone.
    ticket: str = ""
    stated: Stated = NOTHING_STATED
    until: str = ""
    # Of the verbs about a letter alone.
    letter: str = ""
    # Of ``liquidate`` and ``cancel-orders`` ("all"), and of the latter alone ("keep_exits").
    is_everything: bool = False
    keeps_exits: bool = False
    # Of ``reset`` and ``override`` alone.
    breaker: str = ""
    minutes: int = 0
    # Of ``review`` alone.
    action: str = ""
    verdict: str = ""


class BadBody(ValueError):
    """A request's body is not what it has to be; the message names field, value and allowed."""


class OperatorVerbs:
    """The verbs of one desk as POST routes."""

    def __init__(self, desk: OperatorDesk, access: Access) -> None:
        self._desk = desk
        self._access = access

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        desk = self._desk
        verbs: dict[str, Callable[[Asked], Awaitable[Answer]]] = {
            "resume": lambda asked: desk.resume(reason=asked.reason, by=asked.by),
            "cancel-orders": lambda asked: desk.cancel_orders(
                by=asked.by, keeps_exits=asked.keeps_exits, is_everything=asked.is_everything
            ),
            "liquidate": lambda asked: desk.liquidate(
                by=asked.by, is_everything=asked.is_everything
            ),
            "reduce": lambda asked: desk.reduce(reason=asked.reason, by=asked.by),
            "reconcile": lambda asked: desk.reconcile(by=asked.by),
            "baseline": lambda asked: desk.baseline(by=asked.by),
            **_ticket_verbs(desk.tickets),
            **_letter_verbs(desk.letters),
            "reset": lambda asked: desk.reset(
                breaker=asked.breaker, reason=asked.reason, by=asked.by
            ),
            "review": lambda asked: desk.review(
                action=asked.action, verdict=asked.verdict, reason=asked.reason, by=asked.by
            ),
            "override": lambda asked: desk.override(
                breaker=asked.breaker, minutes=asked.minutes, reason=asked.reason, by=asked.by
            ),
        }
        waiting = [
            web.post(f"/ops/{name}", self._waiting(name, verb)) for name, verb in verbs.items()
        ]
        return [web.post("/ops/halt", self._halt), *waiting]

    async def _halt(self, request: web.Request) -> web.Response:
        principal = self._access.admit(request, "halt")
        if not isinstance(principal, Principal):
            return principal
        fault = ""
        try:
            asked = asked_in(await _body_soon(request))
        except BadBody as error:
            fault = f"the request's body was not usable: {error}"
            asked = Asked(reason="operator's halt without a usable reason", by="unnamed operator")
        outcome = self._desk.halt(reason=asked.reason, by=asked.by)
        if fault:
            outcome = Answer(outcome.is_done, outcome.text, (*outcome.details, fault))
        return self._told(principal, "halt", asked, outcome)

    def _waiting(
        self, name: str, verb: Callable[[Asked], Awaitable[Answer]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            principal = self._access.admit(request, name)
            if not isinstance(principal, Principal):
                return principal
            try:
                asked = asked_in(await request.read(), name)
            except BadBody as error:
                return refusal(400, str(error))
            if asked.is_everything and not principal.may("liquidate"):
                # What protects positions and what people have entered goes with it.
                return refusal(403, f'{name} with "all" is not for role {principal.role}')
            # aiohttp lets a handler finish when its client goes away, so a liquidation does not
            # depend on the patience of a shell.
            try:
                return self._told(principal, name, asked, await verb(asked))
            except WorldError as error:
                return refusal(503, f"{name} failed: {error}")

        return handle

    def _told(self, principal: Principal, verb: str, asked: Asked, outcome: Answer) -> web.Response:
        done = "done" if outcome.is_done else "not done"
        self._access.note(
            principal,
            verb,
            f"{asked.by}: {asked.reason} {_subject(asked)}".strip(),
            f"{done}: {outcome.text}",
        )
        return answer(
            200 if outcome.is_done else 409,
            {
                "is_done": outcome.is_done,
                "text": outcome.text,
                "details": list(outcome.details),
                "code": outcome.code,
            },
        )


async def _body_soon(request: web.Request) -> bytes:
    """Read the body of a halt, or nothing of it when it is late, cut off, broken or too large."""
    try:
        async with asyncio.timeout(_HALT_BODY_TIMEOUT_S):
            return await request.read()
    except (TimeoutError, OSError, web.HTTPException, web.RequestPayloadError):
        return b""


def asked_in(content: bytes, verb: str = "") -> Asked:
    """Read {"reason", "by"}, and what else the verb may have, from a body; raises BadBody."""
    names = ("reason", "by", *_MORE_FIELDS.get(verb, ()))
    try:
        body = json.loads(content, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        raise BadBody(
            f'the body is not JSON ({error}); allowed: {{"reason": text, "by": text}}'
        ) from error
    if not isinstance(body, dict):
        raise BadBody(f"the body is {shown(body)}; allowed: an object with reason and by")
    for name in body:
        if name not in names:
            raise BadBody(f"{shown(name)} is no field; allowed: {', '.join(names)}")
    return Asked(
        reason=_text_in(body, "reason", _REASON_LENGTH_MAX),
        by=_text_in(body, "by", _BY_LENGTH_MAX),
        ticket=_text_in(body, "ticket", _REASON_LENGTH_MAX) if "ticket" in names else "",
        stated=_stated_in(body),
        until=_text_in(body, "until", _BY_LENGTH_MAX) if "until" in names else "",
        letter=_text_in(body, "letter", _BY_LENGTH_MAX) if "letter" in names else "",
        is_everything=_flag_in(body, "all"),
        keeps_exits=_flag_in(body, "keep_exits"),
        breaker=_text_in(body, "breaker", _BY_LENGTH_MAX) if "breaker" in names else "",
        minutes=_count_in(body, "minutes") if "minutes" in names else 0,
        action=_text_in(body, "action", _BY_LENGTH_MAX) if "action" in names else "",
        verdict=_text_in(body, "verdict", _BY_LENGTH_MAX) if "verdict" in names else "",
    )


def _subject(asked: Asked) -> str:
    told = (
        asked.ticket,
        asked.stated.words,
        asked.until,
        asked.letter,
        asked.breaker,
        asked.action,
    )
    return " ".join(text for text in told if text)


def _ticket_verbs(desk: TicketVerbs) -> dict[str, Callable[[Asked], Awaitable[Answer]]]:
    return {
        "adopt": lambda asked: desk.adopt(ticket=asked.ticket, reason=asked.reason, by=asked.by),
        "book": lambda asked: desk.book(
            ticket=asked.ticket, stated=asked.stated, reason=asked.reason, by=asked.by
        ),
        "ignore-until": lambda asked: desk.ignore(
            ticket=asked.ticket, until=asked.until, reason=asked.reason, by=asked.by
        ),
        "flatten": lambda asked: desk.flatten(
            ticket=asked.ticket, reason=asked.reason, by=asked.by
        ),
    }


def _letter_verbs(desk: LetterVerbs) -> dict[str, Callable[[Asked], Awaitable[Answer]]]:
    return {
        "retry-letter": lambda asked: desk.retry(
            letter=asked.letter, reason=asked.reason, by=asked.by
        ),
        "dismiss-letter": lambda asked: desk.dismiss(
            letter=asked.letter, reason=asked.reason, by=asked.by
        ),
    }


def _stated_in(body: dict[str, object]) -> Stated:
    currency = _text_in(body, "currency", _CURRENCY_LENGTH_MAX) if "currency" in body else ""
    return Stated(
        quantity=_decimal_in(body, "quantity"),
        price=_decimal_in(body, "price"),
        commission=_decimal_in(body, "commission"),
        amount=_decimal_in(body, "amount"),
        currency=currency,
    )


def _decimal_in(body: dict[str, object], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None:
        return None
    # As text, so that no digit of it is lost on the way.
    number = decimal_from(value) if isinstance(value, str) and len(value) <= _NUMBER_MAX else None
    if number is None:
        raise BadBody(f"{name} is {shown(value)}; allowed: a decimal number as text")
    return number


def _count_in(body: dict[str, object], name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadBody(f"{name} is {shown(value)}; allowed: a whole number")
    return value


def _flag_in(body: dict[str, object], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadBody(f"{name} is {shown(value)}; allowed: true or false")
    return value


def _text_in(body: dict[str, object], name: str, length_max: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > length_max:
        raise BadBody(f"{name} is {shown(value)}; allowed: a text of 1 to {length_max} characters")
    return readable(" ".join(value.split()))

"""Changing and cancelling over HTTP: who may, what is asked of the door, and what is answered."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.core.halts import Mode
from trader.core.ids import OrderId
from trader.engine.orders.wishes import CancelWish, ChangeWish, Turn, Verdict
from trader.ops.roles import Role, added, save_entries

PATH = "/api/v1/orders/7"
BODIES: dict[str, dict[str, Any]] = {
    "PATCH": {"quantity": 12, "price": 187.5, "mode": "PAPER", "reason": "moved"},
    "DELETE": {"mode": "PAPER", "reason": "enough"},
}
METHODS = sorted(BODIES)
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Idempotency-Key": "k-1",
}
DECIDED = Verdict(
    Turn.DECIDED, "", "approved", is_approved=True, order_id=OrderId(7), state="WORKING",
    change_number=2, change_state="SENT",
)  # fmt: skip


async def ask(
    site: Site,
    method: str,
    body: object = None,
    headers: dict[str, str] = HEADERS,
    path: str = PATH,
) -> tuple[int, dict[str, Any]]:
    data = json.dumps(BODIES[method] if body is None else body).encode()
    async with site.session.request(method, site.url + path, data=data, headers=headers) as got:
        return got.status, await got.json()


def knocks(site: Site) -> int:
    return len(site.door.calls) + len(site.door.changes) + len(site.door.cancels)


async def test_a_change_knocks_with_its_key_and_who_asks(site: Site) -> None:
    site.door.verdict = DECIDED
    code, answered = await ask(site, "PATCH")
    assert code == 202
    assert answered == {
        "turn": "decided",
        "is_approved": True,
        "code": "",
        "text": "approved",
        "intent_id": None,
        "order_id": 7,
        "state": "WORKING",
        "change_number": 2,
        "change_state": "SENT",
    }
    (call,) = site.door.changes
    wish = ChangeWish(OrderId(7), Decimal(12), Decimal("187.5"), None, Mode.PAPER, "moved")
    assert call == ("local k-1", wish, "local")
    assert knocks(site) == 1


async def test_a_cancel_knocks_with_its_key_and_who_asks(site: Site) -> None:
    code, _ = await ask(site, "DELETE")
    assert code == 202
    assert site.door.cancels == [
        ("local k-1", CancelWish(OrderId(7), Mode.PAPER, "enough"), "local")
    ]
    assert knocks(site) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("turn", "reason", "code"),
    [
        (Turn.DECIDED, "", 202),
        (Turn.DECIDED, "QUANTITY_MAX", 202),
        (Turn.DECIDED, "HALTED", 202),
        (Turn.DECIDED, "ORDER_UNKNOWN", 404),
        (Turn.DECIDED, "ORDER_NOT_WORKING", 409),
        (Turn.DECIDED, "ORDER_DOUBLED", 409),
        (Turn.DECIDED, "CHANGE_OPEN", 409),
        (Turn.DECIDED, "CHANGE_INVALID", 422),
        (Turn.CONFLICT, "KEY_REUSED", 409),
        (Turn.UNAVAILABLE, "LINK", 503),
    ],
)
async def test_what_became_of_it_is_in_the_code(
    site: Site, method: str, turn: Turn, reason: str, code: int
) -> None:
    site.door.verdict = Verdict(turn, reason, "a sentence", order_id=OrderId(7))
    found, answered = await ask(site, method)
    assert found == code
    assert (answered["turn"], answered["code"], answered["text"]) == (turn, reason, "a sentence")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.VIEWER, ""), (Role.TRADER, "PATCH DELETE"), (Role.RISK, "DELETE"),
     (Role.ADMIN, "PATCH DELETE")],
)  # fmt: skip
async def test_each_role_may_what_it_may(site: Site, method: str, role: Role, may: str) -> None:
    entries, token = added((), "x", role)
    save_entries(site.folder / "tokens.json", entries)
    code, _ = await ask(site, method, headers=HEADERS | {"Authorization": f"Bearer {token}"})
    assert (code, knocks(site)) == ((202, 1) if method in may else (403, 0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Idempotency-Key": "a b"}, 400),
        ({"Idempotency-Key": ""}, 400),
    ],
)
async def test_what_is_not_admitted_does_not_knock(
    site: Site, method: str, header: dict[str, str], code: int
) -> None:
    found, _ = await ask(site, method, headers=HEADERS | header)
    assert (found, knocks(site)) == (code, 0)


@pytest.mark.parametrize("method", METHODS)
async def test_a_wrong_id_or_body_is_named_and_does_not_knock(site: Site, method: str) -> None:
    code, answered = await ask(site, method, path="/api/v1/orders/abc")
    assert (code, answered["text"]) == (400, "order id is 'abc', allowed is a number")
    code, answered = await ask(site, method, {"mode": "PAPER", "side": "SELL"})
    assert code == 400
    assert answered["text"].startswith('"side" is no field, allowed are ')
    assert knocks(site) == 0


@pytest.mark.parametrize("method", METHODS)
async def test_who_asks_too_often_waits(site: Site, method: str) -> None:
    codes = [(await ask(site, method))[0] for _ in range(25)]
    assert codes[0] == 202
    assert codes[-1] == 429


async def test_what_was_asked_and_decided_is_on_record(site: Site) -> None:
    site.door.verdict = Verdict(Turn.DECIDED, "CHANGE_OPEN", "change 1 is SENT")
    await ask(site, "PATCH")
    await ask(site, "DELETE", {"mode": "NO"})
    path = site.folder / "audit_logs" / "operators.jsonl"
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert (first["verb"], first["asked"]) == (
        "change-order", "k-1 order 7 quantity 12 price 187.5",
    )  # fmt: skip
    assert first["outcome"] == "409  CHANGE_OPEN change 1 is SENT"
    assert second["verb"] == "cancel-order"
    assert second["outcome"].startswith("400 mode is")

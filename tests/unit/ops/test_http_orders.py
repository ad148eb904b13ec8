"""The orders API: what it takes, what it answers, and that nothing half-said becomes an order."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.core.halts import Mode
from trader.core.ids import IntentId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.engine.orders.wishes import Turn, Verdict
from trader.ops.order_bodies import wish_in
from trader.ops.roles import Role, added, save_entries

ORDER: dict[str, Any] = {
    "symbol": "AAPL",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": 10,
    "price": 187.25,
    "mode": "PAPER",
}
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Idempotency-Key": "k-1",
}


async def post(
    site: Site, body: object = ORDER, headers: dict[str, str] = HEADERS
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with site.session.post(
        site.url + "/api/v1/orders", data=data, headers=headers
    ) as response:
        return response.status, await response.json()


async def get(site: Site, path: str, token: str = TOKEN) -> tuple[int, dict[str, Any]]:
    code, text = await site.get(path, Authorization=f"Bearer {token}")
    return code, json.loads(text)


# ---- placing


async def test_an_order_knocks_at_the_door_with_its_key_and_who_asks(site: Site) -> None:
    code, answered = await post(site)
    assert code == 202
    assert answered == {
        "turn": "decided",
        "is_approved": True,
        "code": "",
        "text": "approved",
        "intent_id": "abc123-api-1",
        "order_id": 7,
        "state": "SENT",
        "change_number": None,
        "change_state": "",
    }
    ((key, wish, by),) = site.door.calls
    assert (key, by) == ("local k-1", "local")
    assert (wish.symbol, wish.side, wish.quantity) == ("AAPL", Side.BUY, Decimal(10))
    assert (wish.order_type, wish.limit_price) == (OrderType.LIMIT, Decimal("187.25"))
    assert (wish.time_in_force, wish.mode) == (TimeInForce.DAY, Mode.PAPER)


@pytest.mark.parametrize(
    ("turn", "code"), [(Turn.DECIDED, 202), (Turn.CONFLICT, 409), (Turn.UNAVAILABLE, 503)]
)
async def test_what_became_of_it_is_in_the_code(site: Site, turn: Turn, code: int) -> None:
    site.door.verdict = Verdict(turn, "CODE", "why", IntentId("abc123-api-1"))
    found, answered = await post(site)
    assert found == code
    assert (answered["turn"], answered["code"], answered["text"]) == (turn, "CODE", "why")


@pytest.mark.parametrize("key", [None, "", "a b", "ä", "x" * 201])
async def test_without_a_usable_key_nothing_knocks(site: Site, key: str | None) -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "Idempotency-Key"}
    if key is not None:
        headers["Idempotency-Key"] = key
    code, answered = await post(site, headers=headers)
    assert code == 400
    assert "Idempotency-Key is" in answered["text"]
    assert not site.door.calls


async def test_keys_of_two_people_are_two_keys(site: Site) -> None:
    entries, tom = added((), "tom", Role.TRADER)
    save_entries(site.folder / "tokens.json", entries)
    await post(site)
    await post(site, headers=HEADERS | {"Authorization": f"Bearer {tom}"})
    assert [key for key, _, _ in site.door.calls] == ["local k-1", "tom k-1"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RISK])
async def test_a_role_that_does_not_trade_places_nothing(site: Site, role: Role) -> None:
    entries, token = added((), "x", role)
    save_entries(site.folder / "tokens.json", entries)
    code, _ = await post(site, headers=HEADERS | {"Authorization": f"Bearer {token}"})
    assert code == 403
    assert not site.door.calls


async def test_what_was_asked_and_decided_is_on_record(site: Site) -> None:
    await post(site)
    await post(site, {**ORDER, "quantity": 0})
    path = site.folder / "audit_logs" / "operators.jsonl"
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert first["asked"] == "k-1 BUY 10 AAPL LMT"
    assert first["outcome"] == "202 abc123-api-1  approved"
    assert second["outcome"].startswith("400 quantity is")


# ---- the body


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"quantity": 0}, 'quantity is "0", allowed is a number above 0'),
        ({"quantity": -1}, 'quantity is "-1"'),
        ({"quantity": True}, "quantity is true"),
        ({"quantity": None}, "quantity is null"),
        ({"quantity": "NaN"}, 'quantity is "NaN"'),
        ({"quantity": "1e3"}, 'quantity is "1e3"'),
        ({"quantity": "Infinity"}, 'quantity is "Infinity"'),
        ({"quantity": 1e300}, "quantity is"),
        ({"quantity": [1]}, "quantity is"),
        ({"price": 0}, 'price is "0"'),
        ({"price": "0.00000000001"}, "price is"),
        ({"stop_price": "-5"}, "stop_price is"),
        ({"side": "HOLD"}, 'side is "HOLD", allowed is one of BUY, SELL'),
        ({"side": None}, "side is null"),
        ({"type": "ICEBERG"}, 'type is "ICEBERG", allowed is one of MARKET, LIMIT, STOP'),
        ({"mode": "DEMOCRACY"}, 'mode is "DEMOCRACY"'),
        ({"time_in_force": "FOREVER"}, 'time_in_force is "FOREVER", allowed is one of DAY'),
        ({"symbol": ""}, 'symbol is ""'),
        ({"symbol": "A" * 33}, "symbol is"),
        ({"symbol": "A\nB"}, "symbol is"),
        ({"symbol": 5}, 'symbol is "5"'),
        ({"reduce_only": "yes"}, 'reduce_only is "yes", allowed is true or false'),
        ({"reason": "x" * 201}, "reason is"),
        ({"strategy": "mine"}, '"strategy" is no field, allowed are symbol, side'),
    ],
)
async def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(
    site: Site, change: dict[str, Any], problem: str
) -> None:
    code, answered = await post(site, ORDER | change)
    assert code == 400
    assert problem in answered["text"]
    assert not site.door.calls


@pytest.mark.parametrize("name", ["symbol", "side", "type", "quantity", "mode"])
async def test_a_missing_field_is_named(site: Site, name: str) -> None:
    body = {key: value for key, value in ORDER.items() if key != name}
    code, answered = await post(site, body)
    assert (code, answered["text"].partition(";")[0]) == (400, f"{name} is missing")


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 9000, b'{"symbol": NaN}'])
async def test_what_is_no_object_is_refused(site: Site, body: bytes) -> None:
    code, answered = await post(site, body)
    assert code == 400
    assert answered["is_done"] is False


def test_numbers_keep_every_digit() -> None:
    wish = wish_in(b'{"symbol":"A","side":"sell","type":"stp","quantity":"0.10","mode":"paper",'
                   b'"stop_price":123456789012.1234567891}')  # fmt: skip
    assert (wish.side, wish.order_type) == (Side.SELL, OrderType.STOP)
    assert str(wish.quantity) == "0.10"
    assert wish.stop_price == Decimal("123456789012.1234567891")
    assert wish.reason == "asked for"


# ---- reading


async def test_orders_are_listed_in_pages(site: Site) -> None:
    code, first = await get(site, "/api/v1/orders?limit=1")
    assert code == 200
    newest = max(row.order_id for row in site.orders.rows)
    assert [row["order_id"] for row in first["orders"]] == [newest]
    assert first["next_before"] == newest
    _, rest = await get(site, f"/api/v1/orders?before={newest}&limit=200")
    assert newest not in [row["order_id"] for row in rest["orders"]]
    assert rest["next_before"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=-1", "before=1e3"])
async def test_a_wrong_page_is_named(site: Site, query: str) -> None:
    code, answered = await get(site, f"/api/v1/orders?{query}")
    assert code == 400
    assert "allowed is 1 to" in answered["text"]


async def test_one_order_is_looked_up(site: Site) -> None:
    known = site.orders.rows[0]
    code, answered = await get(site, f"/api/v1/orders/{known.order_id}")
    assert code == 200
    assert answered["order"]["symbol"] == known.symbol
    assert (await get(site, "/api/v1/orders/999999"))[0] == 404
    assert (await get(site, "/api/v1/orders/abc"))[0] == 400


async def test_reading_orders_needs_a_token(site: Site) -> None:
    code, _ = await get(site, "/api/v1/orders", "wrong")
    assert code == 401
    entries, viewer = added((), "vera", Role.VIEWER)
    save_entries(site.folder / "tokens.json", entries)
    assert (await get(site, "/api/v1/orders", viewer))[0] == 200


async def test_health_has_its_name_in_the_api(site: Site) -> None:
    assert (await site.get("/api/v1/health"))[0] == (await site.get("/healthz"))[0] == 200

"""The orders API as a client of its own uses it: every request with a key, insisted on."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.process.harness import PATIENCE_S, Daemon, Json, until
from trader.ops.control_token import read_endpoint, read_token

# Nothing was decided, or too much was asked: the same again, later.
AGAIN = (429, 503)
# A limit that rests: the collar allows 3 percent, and the market of a test seldom moves by 2.
MODE = {"mode": "DEMO"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API."""

    code: int
    body: Json

    @property
    def order_id(self) -> int:
        """Return the order that it is about."""
        return int(self.body["order_id"])

    @property
    def verdict(self) -> tuple[int, object, object, object, object]:
        """Return what must be the same whenever the same is asked again."""
        names = ("is_approved", "code", "order_id", "change_number")
        approved, code, order_id, number = (self.body[name] for name in names)
        return self.code, approved, code, order_id, number


def ask(
    daemon: Daemon, method: str, path: str, key: str, body: Mapping[str, object]
) -> Answer | None:
    """Send one request; None when there was no whole answer."""
    endpoint = read_endpoint(daemon.state / "control.json")
    token = None if endpoint is None else read_token(endpoint.token_file)
    if endpoint is None or token is None:
        return None
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=10)
    try:
        content = json.dumps(dict(body)) if method != "GET" else None
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def insist(daemon: Daemon, method: str, path: str, key: str, body: Mapping[str, object]) -> Answer:
    """Send the same again and again until it is decided on."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        answer = ask(daemon, method, path, key, body)
        if answer is not None and answer.code not in AGAIN:
            return answer
        assert time.monotonic() < deadline_s, f"{key} was never decided on; last {answer}"
        time.sleep(0.05)


def place(daemon: Daemon, key: str, **terms: object) -> Answer:
    """Place a limit order."""
    body = {"symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": 5, **MODE, **terms}
    return insist(daemon, "POST", "/api/v1/orders", key, body)


def change(daemon: Daemon, key: str, order_id: int, **terms: object) -> Answer:
    """Change an order."""
    return insist(daemon, "PATCH", f"/api/v1/orders/{order_id}", key, {**MODE, **terms})


def cancel(daemon: Daemon, key: str, order_id: int) -> Answer:
    """Cancel an order."""
    return insist(daemon, "DELETE", f"/api/v1/orders/{order_id}", key, MODE)


def order(daemon: Daemon, order_id: int) -> Json:
    """Return an order as the API shows it."""
    found = until("the order", lambda: ask(daemon, "GET", f"/api/v1/orders/{order_id}", "", {}))
    assert found.code == 200, found
    row: Json = found.body["order"]
    return row

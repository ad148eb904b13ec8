"""Goal: one key is one order, however often it is sent, and whenever the daemon is killed.

Method: several clients send the same few keys at once while the daemon trades and is killed at
seeded instants; each key is sent again until it is answered, also after a restart. Then every
key has one verdict, and simulator and journal agree (ORD-06, ORD-07, ORD-08).
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare
from tests.process.harness import PATIENCE_S, Daemon, Json, until, world
from trader.ops.control_token import read_endpoint, read_token

SEED = 20260107
KEYS = 30
CLIENTS = 6
KILLS = 4

pytestmark = [pytest.mark.process, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API."""

    code: int
    body: Json


def place(daemon: Daemon, key: str, **changes: object) -> Answer | None:
    """Send one order; None when there was no whole answer."""
    endpoint = read_endpoint(daemon.state / "control.json")
    token = None if endpoint is None else read_token(endpoint.token_file)
    if endpoint is None or token is None:
        return None
    body = {"symbol": "AAPL", "side": "BUY", "type": "MARKET", "quantity": 1, "mode": "DEMO"}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=10)
    try:
        connection.request("POST", "/api/v1/orders", json.dumps(body | changes), headers)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


class Turnstile:
    """Lets clients ask at the same time, or keeps all of them out while a process is forked."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_shut = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Ask, once it is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Keep everybody out, once the last one has left."""
        with self._changed:
            self._is_shut = True
            assert self._changed.wait_for(lambda: self._inside == 0, PATIENCE_S)
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()


def insist(daemon: Daemon, key: str, deadline_s: float, turnstile: Turnstile) -> Answer:
    """Send a key again and again until it is decided on."""
    while True:
        with turnstile.inside():
            answer = place(daemon, key)
        if answer is not None and answer.code == 202:
            return answer
        assert answer is None or answer.code in (429, 503), answer
        assert time.monotonic() < deadline_s, f"{key} was never decided on; last {answer}"
        time.sleep(0.05)


def requests_in(journal: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return list(
            db.execute(
                "SELECT json_extract(payload, '$.key'), json_extract(payload, '$.intent_id') "
                "FROM events WHERE kind = 'RequestReceived'"
            )
        )


def test_each_key_is_one_order_over_races_and_kills(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    keys = [f"key-{number}" for number in range(KEYS)]
    with world(tmp_path, SEED, options=("--ack-ms", "1:80")) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        deadline_s = time.monotonic() + 3 * PATIENCE_S
        turnstile = Turnstile()

        def work(client: int) -> dict[str, Answer]:
            # Every client sends every key, each in an order of its own.
            mine = random.Random(client).sample(keys, len(keys))
            return {key: insist(daemon, key, deadline_s, turnstile) for key in mine}

        with ThreadPoolExecutor(CLIENTS) as pool:
            at_work = [pool.submit(work, client) for client in range(CLIENTS)]
            for _ in range(KILLS):
                # Not waiting for a condition but choosing the instant of the kill.
                time.sleep(chance.uniform(0.2, 1.5))
                daemon.kill()
                with turnstile.shut():
                    daemon.start()
                daemon.await_armed()
            answers = [job.result() for job in at_work]
        verdicts = {key: {one[key].body["intent_id"] for one in answers} for key in keys}
        assert all(len(intents) == 1 for intents in verdicts.values()), verdicts
        again = [insist(daemon, key, deadline_s, turnstile) for key in keys]
        assert [one.body["intent_id"] for one in again] == [
            next(iter(verdicts[key])) for key in keys
        ]
        story = halt_and_compare(simulator, daemon)
        asked = requests_in(daemon.journal)
        assert len(asked) == len({key for key, _ in asked}) == KEYS
        sent = sum("-api-" in ref for _, ref in story.planned)
        print(f"{KEYS} keys from {CLIENTS} clients over {KILLS} kills: {sent} orders")
        assert 0 < sent <= KEYS


def test_a_smoke_order_is_decided_on_recorded_and_told(tmp_path: Path) -> None:
    with world(tmp_path, SEED) as (_, daemon):
        daemon.start()
        daemon.await_armed()
        answer = until("an answer", lambda: place(daemon, "smoke"))
        assert answer.code == 202, answer
        assert answer.body["is_approved"] is True, answer
        other = place(daemon, "smoke", quantity=2)
        assert other is not None
        assert (other.code, other.body["code"]) == (409, "KEY_REUSED")
        wrong = place(daemon, "live", mode="LIVE")
        assert wrong is not None
        assert (wrong.code, wrong.body["code"]) == (409, "MODE_MISMATCH")

        def newest() -> tuple[int, str] | None:
            # The row that an operator's query of the newest order shows (ORD-09).
            with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
                wanted = (answer.body["intent_id"],)
                row: tuple[int, str] | None = db.execute(
                    "SELECT order_id, state FROM v_orders WHERE intent_id = ?", wanted
                ).fetchone()
                return row if row and row[1] == "FILLED" else None

        order_id, _ = until("the order in the journal, filled", newest)
        assert order_id == answer.body["order_id"]

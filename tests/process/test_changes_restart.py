"""Goal: a daemon killed at any instant applies no change that it did not promise, and none twice.

Method: the daemon trades by itself as fast as pacing allows, a client places, changes and cancels
orders over HTTP, and SIGKILLs come at seeded moments; what has no answer is asked again with its
key. At rest, with orders at work and without, journal, book and simulator hold the same terms, and
at the end every key has the verdict that it had (INC-015, INC-018, INC-029, ORD-06).
``KILLS=200`` makes it a soak.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import (
    assert_nothing_sent_twice,
    assert_terms_agree,
    assert_witness_agrees,
    halt_and_compare,
    read_story,
)
from tests.process.harness import PATIENCE_S, Daemon, Json, Simulator, until, world
from tests.process.orders_api import AGAIN, MODE, Answer, ask

SEED = 20240390
KILLS = int(os.environ.get("KILLS", "12"))
COMPARE_EVERY = 6
ORDERS = 3
_CENT = Decimal("0.01")
_OVER = ("FILLED", "CANCELLED", "REJECTED", "WITHHELD")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and the verdict on it."""

    method: str
    path: str
    body: Json
    verdict: tuple[object, ...]


@dataclass
class Client:
    """Places, changes and cancels; starts the daemon again when somebody has killed it."""

    daemon: Daemon
    chance: random.Random
    kills: int = 0
    number: int = 0
    asked: dict[str, Asked] = field(default_factory=dict)
    alive: list[int] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)

    def aim(self) -> None:
        """Have the daemon killed in a while."""
        threading.Timer(self.chance.uniform(0.2, 2.0), self._strike).start()

    def _strike(self) -> None:
        self.daemon.send(signal.SIGKILL)

    def recover(self) -> None:
        """Start the daemon again, now and then twice, and wait until it may trade."""
        assert self.daemon.ended() == -signal.SIGKILL
        self.kills += 1
        started_s = time.monotonic()
        self.daemon.start()
        if self.chance.random() < 0.25:
            time.sleep(self.chance.uniform(0.2, 2.0))
            self.daemon.kill()
            self.daemon.start()
        self.daemon.await_armed()
        self.recovery_s.append(time.monotonic() - started_s)

    def through(self, method: str, path: str, key: str, body: Json) -> Answer:
        """Ask until it is decided on, over any number of kills."""
        deadline_s = time.monotonic() + 2 * PATIENCE_S
        while True:
            answer = ask(self.daemon, method, path, key, body)
            if answer is not None and answer.code not in AGAIN:
                return answer
            process = self.daemon.process
            if process is not None and process.poll() is not None:
                self.recover()
                if self.kills < KILLS and self.kills % COMPARE_EVERY:
                    self.aim()
            assert time.monotonic() < deadline_s, f"{key} was never decided on; last {answer}"
            time.sleep(0.03)

    def decide(self, method: str, path: str, terms: Json) -> Answer:
        """Ask for something new, and remember the verdict."""
        self.number += 1
        key, body = f"k{self.number}", {**MODE, **terms}
        answer = self.through(method, path, key, body)
        self.asked[key] = Asked(method, path, body, answer.verdict)
        return answer

    def row(self, order_id: int) -> Json:
        """Return an order as the API shows it."""
        answer = self.through("GET", f"/api/v1/orders/{order_id}", "", {})
        assert answer.code == 200, answer
        found: Json = answer.body["order"]
        return found

    def act(self, price: Decimal) -> None:
        """Do one thing at random."""
        if len(self.alive) < ORDERS:
            limit = str((price * self._share(0.975, 0.995)).quantize(_CENT))
            terms = {"symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": 5}
            placed = self.decide("POST", "/api/v1/orders", {**terms, "price": limit})
            if placed.body["order_id"] is not None:
                self.alive.append(placed.order_id)
            return
        order_id = self.chance.choice(self.alive)
        row = self.row(order_id)
        if row["state"] in _OVER:
            self.alive.remove(order_id)
        elif self.chance.random() < 0.1:
            self.decide("DELETE", f"/api/v1/orders/{order_id}", {})
        else:
            self.decide("PATCH", f"/api/v1/orders/{order_id}", self._terms(row, price))

    def _terms(self, row: Json, price: Decimal) -> Json:
        # Above the market it trades at once: a change that is a trade.
        limit = str((price * self._share(0.975, 1.004)).quantize(_CENT))
        whole = int(Decimal(row["filled"])) + self.chance.randint(1, 8)
        return self.chance.choice(
            [{"price": limit}, {"quantity": whole}, {"price": limit, "quantity": whole}]
        )

    def _share(self, least: float, most: float) -> Decimal:
        return Decimal(str(round(self.chance.uniform(least, most), 4)))

    def cancel_all(self) -> None:
        """Leave no order at work."""
        for order_id in self.alive:
            self.decide("DELETE", f"/api/v1/orders/{order_id}", {})
        until("they are over", lambda: all(self.row(one)["state"] in _OVER for one in self.alive))
        self.alive.clear()

    def insist_on_all(self) -> None:
        """Ask for everything again: each key has the verdict that it had."""
        for key, asked in self.asked.items():
            again = self.through(asked.method, asked.path, key, asked.body)
            assert again.verdict == asked.verdict, (key, asked, again)


def market(daemon: Daemon) -> Decimal | None:
    """Return what AAPL is bid, or None where nobody says."""
    status = daemon.status() if daemon.process and daemon.process.poll() is None else None
    bids = [row["bid"] for row in (status or {"quotes": []})["quotes"] if row["symbol"] == "AAPL"]
    return Decimal(bids[0]) if bids and bids[0] else None


def compare_at_work(simulator: Simulator, daemon: Daemon, client: Client) -> None:
    """Compare while orders of the client work and no change is open; the daemon stays halted."""
    daemon.halt()

    def unsettled() -> list[Json]:
        # Of an order that is over nobody asks any more which terms it ended on.
        rows = [row for row in map(client.row, client.alive) if row["state"] not in _OVER]
        return [row for row in rows if row["desired_quantity"] or row["state"] == "UNKNOWN"]

    try:
        until("no change is open", lambda: not unsettled())
    except AssertionError as error:
        raise AssertionError(f"{error}; {unsettled()}") from error
    story, truth = read_story(daemon.journal), simulator.truth()
    assert_nothing_sent_twice(story, truth)
    assert_terms_agree(story, truth)


def promises(journal: Path) -> list[Json]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM events WHERE kind = 'ModifyPlanned' ORDER BY seq")
        return [json.loads(payload) for (payload,) in rows]


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(180 + 30 * KILLS)
def test_no_change_is_lost_doubled_or_unpromised_over_kills(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    # Slow answers, so that most kills meet orders and changes in flight.
    with world(tmp_path, SEED, options=("--ack-ms", "1:80")) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        client = Client(daemon, chance)
        price = until("a price", lambda: market(daemon))
        client.aim()
        while client.kills < KILLS:
            before = client.kills
            price = market(daemon) or price
            client.act(price)
            if client.kills > before and client.kills % COMPARE_EVERY == 0:
                compare_at_work(simulator, daemon, client)
                client.cancel_all()
                halt_and_compare(simulator, daemon)
                daemon.resume()
                if client.kills < KILLS:
                    client.aim()
        compare_at_work(simulator, daemon, client)
        client.cancel_all()
        client.insist_on_all()
        story = halt_and_compare(simulator, daemon)
        assert_witness_agrees(daemon.journal, simulator.truth())
        made = promises(daemon.journal)
        keys = Counter(one["request"] for one in made)
        assert max(keys.values()) == 1, keys
        frames = sum(1 for row in simulator.truth()["place_frames"] if row["modify"])
        told = Counter(f"{one.method} {one.verdict[2] or one.verdict[0]}"
                       for one in client.asked.values())  # fmt: skip
        print(
            f"{client.kills} kills, {len(made)} changes promised, {frames} sent, armed again after "
            f"{max(client.recovery_s):.1f} s at most; {dict(told)}; {dict(story.kinds)}"
        )
        assert frames > KILLS, "too few changes for the kills to meet any"

"""Goal: a crash of prices ends new risk, a deeper one ends all of it, by the simulator's truth.

Method: the account holds shares from before, so that the price of one symbol moves its value; the
daemon trades other symbols heavily meanwhile. The price falls, and from the moment the posture is
told no order that adds risk may reach the simulator, and what rests and adds risk must go, while
what only shrinks a position stays. The process is killed while the broker refuses that cancel, and
started again it must stand where it stood and carry on. It falls further, and everything stops; at
last every verdict that was written is evaluated again (BRK-02, BRK-03, BRK-09, BRK-11, INC-020).
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.test_orders_api import place
from trader.core.breakers.artefact import is_reproduced
from trader.ops.breaker_log import evaluations_in

pytestmark = [pytest.mark.process, pytest.mark.slow]

SEED = 20260220
HELD = 3_000
# A frame that was written before the posture changed may still be on its way.
ON_THE_WAY_S = 0.5


class Strict(Daemon):
    """A daemon with the shipped ladder of losses instead of the wide one of the harness."""

    def write_config(self) -> Path:
        """Write the configuration, with the default limits of the losses."""
        path = super().write_config()
        targets = self.folder / "targets.yaml"
        policy = yaml.safe_load(targets.read_text())
        for name in ("daily_loss", "loss_kill", "drawdown"):
            del policy["breaker"]["rules"][name]
        targets.write_text(yaml.safe_dump(policy))
        return path


def state_of(daemon: Daemon) -> str:
    status = daemon.status()
    return "" if status is None else str(status["agent_state"])


def breaker(daemon: Daemon, name: str) -> Json:
    status = until("a status", daemon.status)
    found: Json = next(row for row in status["breakers"] if row["name"] == name)
    return found


def falls_by(simulator: Simulator, daemon: Daemon, share: str) -> None:
    """Let the account lose a share of its value through the price of what it holds."""
    money = until("a status", daemon.status)["money"]
    (mark,) = [
        row["mark"]
        for row in until("a status", daemon.status)["positions"]
        if row["symbol"] == "AAPL"
    ]
    loss = Decimal(money["equity"]) * Decimal(share) / HELD
    price = (Decimal(mark) - loss).quantize(Decimal("0.01"))
    simulator.tell("/price", symbol="AAPL", price=str(price))


def sides_after(simulator: Simulator, at_s: float) -> list[str]:
    """Return the sides of the orders that reached the simulator after an instant."""
    truth = simulator.truth()
    late = {
        frame["order_id"]
        for frame in truth["place_frames"]
        if frame["received_monotonic_s"] > at_s + ON_THE_WAY_S
    }
    return [row["side"] for row in truth["orders"] if row["order_id"] in late]


def rests(daemon: Daemon, side: str, symbol: str, factor: str) -> int:
    """Place an order that rests beside the market; returns its order id."""
    quotes = until("a status", daemon.status)["quotes"]
    (quote,) = [row for row in quotes if row["symbol"] == symbol]
    limit = (Decimal(quote["bid"]) * Decimal(factor)).quantize(Decimal("0.01"))
    terms = {"symbol": symbol, "side": side, "price": str(limit), "quantity": 5}
    answer = place(daemon, f"rests-{side}", type="LIMIT", **terms)
    assert answer is not None
    assert answer.code == 202, answer.body
    return int(answer.body["order_id"])


def order_in(simulator: Simulator, order_id: int) -> Json:
    rows = [row for row in simulator.truth()["orders"] if row["order_id"] == order_id]
    # It is answered when it is durable, and reaches the simulator a moment later.
    return dict(rows[0]) if rows else {"status": ""}


def cancels_in(daemon: Daemon, order_id: int) -> list[str]:
    """Return the reasons of the cancels that the journal holds of an order, oldest first."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM events WHERE kind = 'CancelSent' ORDER BY seq")
        told = [json.loads(row[0]) for row in rows]
    return [row["reason"] for row in told if row["order_id"] == order_id]


@pytest.mark.timeout(180)
def test_a_crash_of_prices_ends_new_risk_and_then_all_of_it(tmp_path: Path) -> None:
    changes = {"strategies.momentum.symbols": ["MSFT", "GOOG"]}
    with world(tmp_path, SEED, changes=changes) as (simulator, plain):
        daemon = Strict(plain.folder, simulator, plain.changes)
        simulator.tell("/endow", symbol="AAPL", quantity=HELD)
        simulator.tell("/price", symbol="AAPL", price="150")
        try:
            daemon.start()
            daemon.await_armed()
            daemon.await_orders(5)
            resting = rests(daemon, "BUY", "IBM", "0.975")
            until("it rests", lambda: order_in(simulator, resting)["status"] == "Submitted")
            exiting = rests(daemon, "SELL", "AAPL", "1.025")
            until("it rests", lambda: order_in(simulator, exiting)["status"] == "Submitted")
            refusal = {"message": "cancelOrder", "code": 10148, "count": None}
            simulator.tell("/answer", text="cannot be cancelled, state: Submitted", **refusal)

            falls_by(simulator, daemon, "0.03")
            until("SHADOW_MODE", lambda: state_of(daemon) == "SHADOW_MODE")
            at_s = time.monotonic()
            daemon.await_refusals(20)
            assert breaker(daemon, "daily_loss")["phase"] == "tripped"
            assert "BUY" not in sides_after(simulator, at_s)

            until("it is asked for", lambda: cancels_in(daemon, resting))
            assert order_in(simulator, resting)["status"] == "Submitted"

            daemon.kill()
            daemon.start()
            until("SHADOW_MODE again", lambda: state_of(daemon) == "SHADOW_MODE")
            opened = breaker(daemon, "daily_loss")
            assert opened["phase"] == "tripped"
            until(
                "measured again", lambda: breaker(daemon, "daily_loss")["text"].startswith("-0.0")
            )
            assert "BUY" not in sides_after(simulator, at_s)
            assert order_in(simulator, resting)["status"] == "Submitted"
            simulator.tell("/intake-clear")
            until("it is cancelled", lambda: order_in(simulator, resting)["status"] == "Cancelled")
            assert order_in(simulator, exiting)["status"] == "Submitted"
            assert cancels_in(daemon, resting)[0] == "cancelled by breaker daily_loss"
            assert not cancels_in(daemon, exiting)

            falls_by(simulator, daemon, "0.04")
            causes = daemon.await_cause("breaker")
            assert causes["breaker"].startswith("loss_kill: -0.0")
            assert "BUY" not in sides_after(simulator, at_s)
            refused = daemon.verb("resume")
            assert not refused.is_done
            assert any("loss_kill" in line for line in refused.details), refused.details

            lines = (daemon.state / "audit_logs" / "breakers.jsonl").read_text().splitlines()
            kept = [row for line in lines for row in evaluations_in(line)]
            assert len(kept) > 20
            assert [row.verdict for row in kept if not is_reproduced(row)] == []
        finally:
            plain.process = daemon.process

"""Goal: a person who wants out gets out through the daemon, whatever the market data say.

Method: a healthy daemon holds shares while its quotes lose one side, or die. The kill switch is
pressed; the simulator's exchange trades at the true prices. It must end flat with the daemon
alive: nobody is fenced for want of a quote, and nothing crosses zero (OPS-01, INC-032).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import Simulator, until, world
from tests.process.test_kill_states import account, assert_flat
from tests.process.test_kill_switch import LIQUIDATE, kill_switch

SEED = 20240399
# Nothing but the shares from before is held, and nobody trades.
CHANGES = {"strategies.momentum.symbols": ["MSFT"], "strategies.momentum.quantity": 1_000_000}
OPTIONS = ("--position", "AAPL:100")

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]


def without_an_ask(simulator: Simulator) -> None:
    simulator.tell("/distort", symbol="AAPL", kind="no-ask")


def without_a_bid(simulator: Simulator) -> None:
    simulator.tell("/distort", symbol="AAPL", kind="no-bid")


def without_any(simulator: Simulator) -> None:
    simulator.tell("/competing-session", on=True)


@pytest.mark.parametrize(
    ("spoil", "order_type"),
    [(without_an_ask, "LMT"), (without_a_bid, "LMT"), (without_any, "MKT")],
    ids=["a bid alone", "an ask alone", "no data"],
)
def test_a_liquidation_needs_no_two_sides(
    tmp_path: Path, spoil: Callable[[Simulator], None], order_type: str
) -> None:
    with world(tmp_path, SEED, changes=CHANGES, options=OPTIONS) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        spoil(simulator)

        def is_spoilt() -> bool:
            status = until("a status", daemon.status)
            (quote,) = [row for row in status["quotes"] if row["symbol"] == "AAPL"]
            return bool(quote["fault"])

        until("a quote with a fault", is_spoilt)
        done = kill_switch(daemon, *LIQUIDATE, "--json")
        assert done.returncode == 0, done
        assert account(done)["acted"] == "daemon"
        truth = simulator.truth()
        assert_flat(truth, {"AAPL": 100})
        (sale,) = [row for row in truth["orders"] if row["symbol"] == "AAPL"]
        assert (sale["side"], sale["order_type"]) == ("SELL", order_type)
        assert Decimal(sale["quantity"]) == 100
        assert not sale["order_ref"].startswith("kill-")
        assert daemon.causes(), "the daemon must not have been killed"

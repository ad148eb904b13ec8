"""What benchmarks of the whole daemon stand on: the simulator, a policy that lets all through."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.app import Daemon
from trader.config import Configuration, load
from trader.core.halts import Lane
from trader.core.ids import ConId, StrategyName, intent_id
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.ports import Pacer

ROOT = Path(__file__).resolve().parents[2]
_TARGETS = """\
order: {quantity_max: 1000000, notional_max: 1000000000}
position: {quantity_max: 1000000, notional_max: 1000000000, is_wash_prevented: false}
cash: {reserve_min: 0, commission_per_unit_max: 0.01, commission_per_order_min: 1.00}
exposure: {account_type: reg_t, is_baseline_required: false, is_reading_required: false}
price:
  collar_fraction_max: 0.9
  slippage_fraction_max: 0.9
  spread_fraction_max: 1
  illiquid_spread_fraction: 1
  quote_age_s_max: 60
rate:
  orders_max: 1000000
  orders_per_strategy_max: 1000000
  orders_per_instrument_max: 1000000
  cancels_max: 1000000
  cancels_per_strategy_max: 1000000
  messages_max: 1000000
  messages_per_strategy_max: 1000000
  daily_trades_max: 1000000
  repeats_max: 1000000
  executions_max: 1000000
session: {hours: always}
# A burst in one process is no sign of a daemon that hangs.
breaker: {rules: {loop_lag: {is_enabled: false}, journal_latency: {is_enabled: false}}}
"""


class _FreePacer:
    """No pacing: in the benchmark alone, against the own simulator."""

    def try_take(self, lane: Lane) -> bool:
        """Give a token."""
        return True

    async def take(self, lane: Lane, deadline_s: float) -> bool:
        """Give a token."""
        return True


class UnpacedDaemon(Daemon):
    """The daemon as it is, but for the pace of its messages."""

    def _pacer(self) -> Pacer:
        return _FreePacer()


@contextlib.contextmanager
def simulator() -> Iterator[dict[str, Any]]:
    """Run a simulator process, and give what it says of itself."""
    words = ["trader.sim", "--port", "0", "--control-port", "0", "--ack-ms", "0:0"]
    child = subprocess.Popen(
        [sys.executable, "-m", *words, "--cash", "1000000000", "--rate-limit", "off"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(20)
        if child.stdout is not None:
            child.stdout.close()


def configuration(
    folder: Path, simulated: Mapping[str, Any], more: Mapping[str, object] | None = None
) -> Configuration:
    """Return the configuration of a daemon without strategies that trades with the simulator."""
    targets = folder / "targets.yaml"
    targets.write_text(_TARGETS)
    settings: dict[str, object] = {
        "account": simulated["account"],
        "state_dir": folder / "state",
        "targets_file": targets,
        "broker.port": simulated["port"],
        "broker.client_id": 92,
        "control.port": 0,
        "strategies": "{}",
        **(more or {}),
    }
    assignments = [f"{key}={value}" for key, value in settings.items()]
    return load(ROOT / "config" / "demo.yaml", {}, assignments)


def intent(daemon: Daemon, con_id: ConId, strategy: str, number: int, factor: Decimal) -> Intent:
    """Return a wish to buy one at a limit of so many times the bid."""
    lineage = daemon.ledger.book.lineage
    assert lineage is not None
    quote = daemon.services.hub.quotes[con_id]
    assert quote.bid is not None
    return Intent(
        intent_id=intent_id(lineage, StrategyName(strategy), number),
        strategy=StrategyName(strategy),
        con_id=con_id,
        side=Side.BUY,
        quantity=Decimal(1),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=(quote.bid * factor).quantize(Decimal("0.01")),
    )

"""What the benchmarks stand on: a daemon's configuration that lets everything through."""

from __future__ import annotations

from pathlib import Path

from trader.bench.stage import configuration

SIMULATED = {"account": "DUSIM0123456789abcdef", "port": 4002}


def test_the_benchmarks_policy_is_one_that_the_daemon_takes(tmp_path: Path) -> None:
    config = configuration(tmp_path, SIMULATED, {"drain.must_cancel_orders": False})
    assert config.settings.broker.port == 4002
    assert config.settings.state_dir == tmp_path / "state"
    assert not config.settings.drain.must_cancel_orders
    assert config.policy.rate.orders_max == 1_000_000
    assert configuration(tmp_path, SIMULATED).settings.drain.must_cancel_orders

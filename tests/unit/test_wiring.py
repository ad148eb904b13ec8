"""Every setting that a part takes is the one that was configured."""

from dataclasses import replace
from datetime import time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trader import wiring
from trader.config import Configuration, load
from trader.config.model import OwnStrategySection
from trader.core.day_result import Tolerance
from trader.core.halts import Mode
from trader.core.shipped_calendars import SHIPPED
from trader.engine.strategy.runner import RunnerSettings

CONFIG = Path(__file__).resolve().parents[2] / "config" / "paper.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return load(
        CONFIG,
        {"EXECUTION_HALTED": "1"},
        [
            "account=DU1234567",
            f"state_dir={tmp_path}",
            "broker.host=127.0.0.2",
            "broker.port=4002",
            "broker.client_id=31",
            "broker.zone=Europe/Berlin",
            'broker.restart_at="23:45"',
            "broker.restart_s=420",
            "broker.ack_deadline_s=2.5",
            "broker.heartbeat_interval_s=1.5",
            "broker.snapshot_deadline_s=11",
            "reconcile.quiet_s=4.5",
            "reconcile.absence_s=45",
            "reconcile.cash_lag_s=210",
            "reconcile.cash_adjust_max=7",
            "reconcile.result_tolerance=11",
            "reconcile.result_share=0.02",
            "reconcile.result_readings=5",
            "reconcile.result_resets=['17:00', '23:55']",
            "drain.cancel_s=6",
            "drain.must_cancel_orders=true",
            "loop_lag_s_max=0.75",
        ],
    )


def test_the_adapter_connects_where_and_as_whom_is_configured(config: Configuration) -> None:
    settings = wiring.broker_settings(config)
    assert (settings.host, settings.port, settings.client_id) == ("127.0.0.2", 4002, 31)
    assert settings.account == "DU1234567"
    # One zone for the broker's day and for its times without a zone (INC-084, INC-153).
    assert settings.broker_zone == settings.naive_zone == "Europe/Berlin"
    assert settings.snapshot_deadline_s == 11


def test_days_and_restarts_are_those_of_the_brokers_zone(config: Configuration) -> None:
    # INC-153
    settings = wiring.session_settings(config)
    assert str(settings.zone) == "Europe/Berlin"
    assert (settings.restart_at, settings.restart_s) == (time(23, 45), 420.0)
    assert settings.calendars == SHIPPED


def test_no_calendar_speaks_of_a_simulated_exchange(config: Configuration) -> None:
    account = config.settings.model_copy(update={"account": "DUSIM0123456789abcdef"})
    assert wiring.session_settings(replace(config, settings=account)).calendars == ()


def test_the_link_watch_knows_mode_account_and_every_instrument(config: Configuration) -> None:
    settings = wiring.link_settings(config)
    assert settings.mode is Mode.PAPER
    assert settings.account == "DU1234567"
    assert settings.ack_deadline_s == 2.5
    assert settings.heartbeat_interval_s == 1.5
    assert [spec.symbol for spec in settings.instruments] == ["AAPL", "IBM", "MSFT", "GOOG", "VIX"]


def test_reconciler_drain_and_guard_take_their_bounds(config: Configuration) -> None:
    reconcile = wiring.reconcile_settings(config)
    assert reconcile.quiet_s == 4.5
    assert reconcile.absence_s == 45
    assert reconcile.cash_lag_s == 210
    assert reconcile.cash_adjust_max == Decimal(7)
    assert reconcile.policy == config.policy.cash
    drain = wiring.drain_settings(config)
    assert drain.cancel_s == 6
    assert drain.must_cancel_orders is True
    guard = wiring.guard_limits(config)
    assert guard.loop_lag_s_max == 0.75
    assert guard.environment_halt == "EXECUTION_HALTED is set"


def test_the_comparison_of_results_takes_its_tolerance_and_the_brokers_resets(
    config: Configuration,
) -> None:
    settings = wiring.result_settings(config)
    assert settings.tolerance == Tolerance(Decimal(11), Decimal("0.02"), 5)
    assert settings.resets == (time(17), time(23, 55))
    # On the clock of the broker's zone, as the other times of its day.
    assert settings.zone == ZoneInfo(config.settings.broker.zone)
    assert settings.cash == config.policy.cash


def test_the_strategy_judges_quotes_by_the_policys_age(config: Configuration) -> None:
    section = config.settings.strategies.momentum
    assert section is not None
    parameters = wiring.momentum_parameters(section, config.policy)
    assert parameters.symbols == ("AAPL", "IBM", "MSFT")
    assert parameters.quantity == Decimal(10)
    assert parameters.quote_age_s_max == config.policy.price.quote_age_s_max


def test_the_strategy_that_is_configured_is_deployed_at_its_pace(config: Configuration) -> None:
    section = config.settings.strategies.momentum
    assert section is not None, "the paper configuration names one"
    (row,) = wiring.deployments(config)
    assert (row.strategy.name, row.strategy.symbols) == ("momentum", section.symbols)
    assert row.pace.look_interval_s == section.look_interval_s
    assert row.pace.checkpoint_interval_s == section.checkpoint_interval_s


def test_a_strategy_of_ones_own_is_deployed_behind_it(config: Configuration) -> None:
    own = OwnStrategySection(
        name="mine",
        use="trader.strategies.own:OwnStrategy",
        symbols=("IBM",),
        look_interval_s=0.5,
        wishes_per_minute_max=90,
        output_age_s_max=20.0,
    )
    both = config.settings.strategies.model_copy(update={"own": (own,)})
    settings = config.settings.model_copy(update={"strategies": both})
    _, row = wiring.deployments(replace(config, settings=settings))
    assert (row.strategy.name, row.strategy.symbols) == ("mine", ("IBM",))
    assert row.pace == RunnerSettings(0.5, 30.0, wishes_per_minute_max=90, output_age_s_max=20.0)


def test_without_a_configured_strategy_nothing_is_deployed(config: Configuration) -> None:
    bare = config.settings.strategies.model_copy(update={"momentum": None})
    settings = config.settings.model_copy(update={"strategies": bare})
    assert wiring.deployments(replace(config, settings=settings)) == ()

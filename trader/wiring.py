"""What each part takes of the settings: plain translation, nothing is built here but values.

The strategies that the settings name are the one exception: they are the settings' own choice.
"""

from dataclasses import dataclass
from datetime import time
from typing import TypeVar
from zoneinfo import ZoneInfo

from trader.config import Configuration
from trader.config.model import MomentumSection, OwnStrategySection
from trader.config.own_strategies import own_strategies
from trader.config.session_terms import session_terms
from trader.core.day_result import Tolerance
from trader.core.ids import AccountId, ClientId, Lineage
from trader.core.policy import Policy
from trader.core.shipped_calendars import SHIPPED
from trader.engine.acts.drain import DrainSettings
from trader.engine.acts.liquidation import LiquidationSettings
from trader.engine.guard import GuardLimits
from trader.engine.link import LinkSettings
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.engine.sessions import SessionSettings
from trader.engine.strategy.runner import RunnerSettings, StrategyRunner
from trader.engine.strategy.shadow import ShadowTerms
from trader.engine.truth.day_result import ResultSettings
from trader.engine.truth.reconciler import ReconcileSettings
from trader.ibkr.settings import BrokerSettings
from trader.strategies.base import Strategy
from trader.strategies.momentum import MomentumParameters, MomentumStrategy

# How long one liquidation goes on before it says what is left.
_LIQUIDATE_S = 45.0


R = TypeVar("R", bound=StrategyRunner)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A strategy that is to trade, and how often it looks at the market."""

    strategy: Strategy
    pace: RunnerSettings

    def runner(
        self, kind: type[R], services: Services, gateway: OrderGateway, bars: BarKeeper
    ) -> R:
        """Build its task; nothing is connected to it yet."""
        return kind(
            services,
            strategy=self.strategy,
            gateway=gateway,
            settings=self.pace,
            bars_of=bars.bars,
        )


def deployments(config: Configuration) -> tuple[Deployment, ...]:
    """Return the strategies that the settings name, each built anew.

    Raises StrategyUnusable where one of somebody's own cannot be made; a start has asked before.
    """
    section, found = config.settings.strategies.momentum, []
    if section is not None:
        momentum = MomentumStrategy(momentum_parameters(section, config.policy))
        found.append(Deployment(momentum, _pace(section)))
    for own, strategy in own_strategies(config.settings.strategies):
        found.append(Deployment(strategy, _pace(own)))
    return tuple(found)


def _pace(section: MomentumSection | OwnStrategySection) -> RunnerSettings:
    return RunnerSettings(
        look_interval_s=section.look_interval_s,
        checkpoint_interval_s=section.checkpoint_interval_s,
        wishes_per_minute_max=section.wishes_per_minute_max,
        output_age_s_max=section.output_age_s_max,
    )


def broker_settings(config: Configuration) -> BrokerSettings:
    """Return what the adapter takes of the settings."""
    section = config.settings.broker
    return BrokerSettings(
        host=section.host,
        port=section.port,
        client_id=ClientId(section.client_id),
        account=AccountId(config.settings.account),
        tcp_deadline_s=section.tcp_deadline_s,
        version_deadline_s=section.version_deadline_s,
        start_deadline_s=section.start_deadline_s,
        heartbeat_deadline_s=section.heartbeat_deadline_s,
        snapshot_deadline_s=section.snapshot_deadline_s,
        broker_zone=section.zone,
        naive_zone=section.zone,
    )


def reconcile_settings(config: Configuration) -> ReconcileSettings:
    """Return what the reconciler takes of the settings."""
    section = config.settings.reconcile
    return ReconcileSettings(
        quiet_s=section.quiet_s,
        absence_s=section.absence_s,
        cash_lag_s=section.cash_lag_s,
        cash_tolerance=section.cash_tolerance,
        cash_adjust_max=section.cash_adjust_max,
        policy=config.policy.cash,
    )


def result_settings(config: Configuration) -> ResultSettings:
    """Return what the comparison of the day's results takes of the settings."""
    section = config.settings.reconcile
    return ResultSettings(
        tolerance=Tolerance(
            amount=section.result_tolerance,
            share=section.result_share,
            readings=section.result_readings,
        ),
        resets=tuple(time.fromisoformat(text) for text in section.result_resets),
        zone=ZoneInfo(config.settings.broker.zone),
        cash=config.policy.cash,
    )


def link_settings(config: Configuration) -> LinkSettings:
    """Return what the link watch takes of the settings."""
    settings, broker = config.settings, config.settings.broker
    return LinkSettings(
        mode=settings.mode,
        account=AccountId(settings.account),
        instruments=config.instruments,
        heartbeat_interval_s=broker.heartbeat_interval_s,
        silence_s_max=broker.silence_s_max,
        backoff_s_min=broker.backoff_s_min,
        backoff_s_max=broker.backoff_s_max,
        page_after_s=broker.page_after_s,
        first_connect_deadline_s=broker.first_connect_deadline_s,
        ack_deadline_s=broker.ack_deadline_s,
    )


def session_settings(config: Configuration) -> SessionSettings:
    """Return what the sessions take of the settings."""
    terms = session_terms(config)
    return SessionSettings(
        zone=terms.zone,
        restart_at=terms.restart_at,
        restart_s=terms.restart_s,
        calendars=() if terms.is_simulated else SHIPPED,
    )


def drain_settings(config: Configuration) -> DrainSettings:
    """Return what the drain takes of the settings."""
    section = config.settings.drain
    return DrainSettings(
        in_flight_s=section.in_flight_s,
        cancel_s=section.cancel_s,
        reconcile_s=section.reconcile_s,
        checkpoint_s=section.checkpoint_s,
        must_cancel_orders=section.must_cancel_orders,
    )


def liquidation_settings(config: Configuration) -> LiquidationSettings:
    """Return what the operator's actions take of the settings."""
    return LiquidationSettings(
        cancel_s=config.settings.drain.cancel_s,
        liquidate_s=_LIQUIDATE_S,
        settle_s=config.policy.order.settle_s,
        give_away=config.policy.price.slippage_fraction_max,
    )


def guard_limits(config: Configuration) -> GuardLimits:
    """Return what the guard takes of the settings."""
    return GuardLimits(
        heartbeat_age_s_max=config.settings.broker.heartbeat_age_s_max,
        loop_lag_s_max=config.settings.loop_lag_s_max,
        environment_halt=config.environment_halt,
    )


def shadow_terms(config: Configuration, lineage: Lineage) -> ShadowTerms:
    """Return what a compartment without a broker takes of the settings."""
    settings, broker = config.settings, config.settings.broker
    return ShadowTerms(
        lineage=lineage,
        policy=config.policy,
        currency=settings.currency,
        cash=settings.shadow.stake,
        latency_s=settings.shadow.latency_s,
        intent_deadline_s=settings.intent_deadline_s,
        messages_per_s=broker.messages_per_s,
        messages_burst=broker.messages_burst,
    )


def momentum_parameters(section: MomentumSection, policy: Policy) -> MomentumParameters:
    """Return what the momentum strategy takes of the settings."""
    return MomentumParameters(
        symbols=section.symbols,
        quantity=section.quantity,
        sample_s=section.sample_s,
        lookback_samples=section.lookback_samples,
        entry_fraction=section.entry_fraction,
        stop_fraction=section.stop_fraction,
        target_fraction=section.target_fraction,
        pause_s=section.pause_s,
        quote_age_s_max=policy.price.quote_age_s_max,
    )

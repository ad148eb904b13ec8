"""What watches over the market data: which prices are believed, what must come, which bars are."""

import random
from collections.abc import Sequence

from trader.config import Configuration
from trader.core.ids import ConId
from trader.core.plausibility import Belief, PlausibilityLimits
from trader.core.policy import PricePolicy
from trader.engine.beliefs import Beliefs
from trader.engine.data_status import DataStatus, DataView
from trader.engine.hub import MarketHub
from trader.engine.market.bar_gate import BarGate
from trader.engine.market.bar_keeper import BarKeeper, bars_wanted
from trader.engine.services import Services
from trader.ports import Clock
from trader.strategies.base import Strategy


class MarketData:
    """The parts of one daemon that judge its quotes, and keep and judge its bars."""

    def __init__(
        self,
        config: Configuration,
        services: Services,
        strategies: Sequence[Strategy],
        chance: random.Random,
    ) -> None:
        self._services = services
        settings = config.settings.market_data
        self._view = DataView(services, lines_max=settings.lines_max, age_s_max=settings.silence_s)
        hours = config.policy.session.hours
        services.hub.open_for_s = lambda con_id: services.sessions.open_for_s(con_id, hours)
        services.hub.beliefs = Beliefs(
            services.clock,
            plausibility_limits(config.policy.price),
            services.sessions.now,
            self._tell,
        )
        self.bars = BarKeeper(services, bars_wanted(strategies), chance)
        self.gate = BarGate(services, self.bars, strategies, config.policy.price.bar_share_min)

    def start(self) -> None:
        """Start the tasks; none where nobody looks at bars."""
        self.bars.start()
        self.gate.start()

    def status(self) -> DataStatus:
        """Return how the market data are now."""
        return self._view.status()

    def _tell(self, con_id: ConId, belief: Belief) -> None:
        """Call somebody: the market has moved by more than it should, or the feed is wrong."""
        instrument = self._services.hub.instruments.get(con_id)
        symbol = str(con_id) if instrument is None else instrument.symbol
        text = f"from {belief.before} to {belief.now}, and it stays there: now believed"
        self._services.pager.page("warning", f"{symbol} has jumped", text)


def market_hub(config: Configuration, clock: Clock) -> MarketHub:
    """Return the hub of a daemon; whose prices are believed is said once there are sessions."""
    return MarketHub(
        clock,
        is_forced_stale=config.drill.is_forced_stale,
        silence_s=config.settings.market_data.silence_s,
    )


def plausibility_limits(policy: PricePolicy) -> PlausibilityLimits:
    """Return what the policy says about prices to believe."""
    return PlausibilityLimits(
        jump_fraction_max=policy.jump_fraction_max,
        gap_fraction_max=policy.gap_fraction_max,
        stub_spread_fraction=policy.stub_spread_fraction,
        believed_ticks=policy.believed_ticks,
        believed_s=policy.believed_s,
    )

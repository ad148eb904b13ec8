"""Puts strategies, a compartment without a broker and a record together, and plays it to its end.

The one place that knows how a strategy is run: runner and context are those of the daemon.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from trader import __version__
from trader.config import Configuration
from trader.core.decisions import Row
from trader.core.ids import REPLAY
from trader.engine.hub import MarketHub
from trader.engine.market.bar_gate import BarGate
from trader.engine.market.bar_keeper import BarKeeper, bars_wanted
from trader.engine.market.recording import MarketEvent
from trader.engine.sessions import Sessions
from trader.engine.strategy.decision_log import DecisionLog
from trader.engine.strategy.runner import StrategyRunner
from trader.engine.strategy.shadow import Shadow, Surroundings
from trader.engine.supervisor import Supervisor
from trader.replay.feed import ReplayClock, ReplayFeed
from trader.replay.loop import ReplayLoop
from trader.wiring import Deployment, session_settings, shadow_terms

# What is on its way when the record ends still arrives, and is looked at.
_AFTER_S = 2.0
Put = Callable[[Row], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What a replay came to; ``problems`` name each strategy that broke.

    ``lacks_history`` says that strategies want bars of which the record has nothing of the past.
    """

    events: int
    ticks: int
    lost: int
    began_utc: datetime
    ended_utc: datetime
    counts: dict[str, int]
    problems: tuple[str, ...]
    pages: tuple[str, ...]
    lacks_history: bool = False


class _Pages:
    """Keeps what would have been paged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def page(self, severity: str, title: str, text: str) -> None:
        self.lines.append(f"{title}: {text}")


def play(
    config: Configuration,
    deployments: tuple[Deployment, ...],
    events: Iterator[MarketEvent],
    put: Put,
    wait: Callable[[float], None] | None = None,
) -> Played:
    """Play a record to strategies and hand over every decision; raises ValueError if it is empty.

    ``wait`` is called with the seconds that pass between two things; None is as fast as can be.
    """
    feed = ReplayFeed(events)
    loop = ReplayLoop(feed.start_s, wait)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_played(config, deployments, feed, loop, put))


async def _played(
    config: Configuration,
    deployments: tuple[Deployment, ...],
    feed: ReplayFeed,
    loop: ReplayLoop,
    put: Put,
) -> Played:
    clock = ReplayClock(loop.time, feed)
    began_utc = clock.utc()
    supervisor, pages = Supervisor(clock), _Pages()
    hub = MarketHub(clock)
    feed.hub, feed.ended = hub, loop.create_future()
    around = Surroundings(
        clock, supervisor, hub, Sessions(hub, clock, session_settings(config)), pages
    )
    shadow = Shadow(around, shadow_terms(config, REPLAY), __version__)
    shadow.follow(feed.restraint, feed.is_up)
    log = DecisionLog(shadow.services, put)
    shadow.ledger.observe(log.on_recorded)
    # Nothing is asked for, so chance says nothing: history comes as it was recorded.
    wanted = bars_wanted(row.strategy for row in deployments)
    bars = BarKeeper(shadow.services, wanted, random.Random(0))
    share_min = config.policy.price.bar_share_min
    gate = BarGate(shadow.services, bars, [row.strategy for row in deployments], share_min)
    shadow.gateway.bars_of = gate.view
    runners = [
        row.runner(StrategyRunner, shadow.services, shadow.gateway, bars) for row in deployments
    ]
    for runner in runners:
        shadow.ledger.observe(runner.on_recorded)
        bars.follow(runner.on_bar)
    shadow.start()
    feed.bars = bars
    bars.start(is_asking=False)
    for runner in runners:
        runner.start()
    # From here on time moves.
    loop.feed = feed
    await feed.ended
    await clock.sleep(_AFTER_S)
    await supervisor.stop()
    broken = [f"{row.strategy.name}: {row.problem}" for row in runners if row.problem]
    return Played(
        events=feed.event_count,
        ticks=feed.tick_count,
        lost=feed.lost_count,
        began_utc=began_utc,
        ended_utc=clock.utc(),
        counts=dict(log.counts),
        problems=tuple(broken if not shadow.problem else [*broken, shadow.problem]),
        pages=tuple(pages.lines),
        lacks_history=bool(wanted) and not feed.has_history,
    )

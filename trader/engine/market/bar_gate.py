"""Holds back new risk of the strategies whose bars are missing, and says so (DAT-05).

One instrument and size at a time: a strategy that looks at no bars, and another instrument of the
same strategy, trade on. The review asks with each order; whoever watches is called once for each
time that it lasts. It opens by itself: history fills what is missing, or the day goes on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

import structlog

from trader.core.bars import NO_BARS, BarsView
from trader.core.ids import ConId, StrategyName
from trader.engine.bar_status import BarRow
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.services import Services
from trader.strategies.base import Strategy

log = structlog.get_logger(__name__)

BarsReader = Callable[[StrategyName, ConId], BarsView]
TASK = "bar-gate"
LOOK_S = 1.0
# A start, an open and a link that comes back leave the broker so long to tell what is missing,
# before somebody is called; new risk waits all the time.
_PAGE_S = 60.0
# What comes and goes is one lack.
_WELL_S = 30.0
_Key = tuple[str, int]


def no_bars(_strategy: StrategyName, _con_id: ConId) -> BarsView:
    """Stand in where nobody looks at bars."""
    return NO_BARS


@dataclass(slots=True)
class _Lack:
    """One series that lacks bars; monotonic seconds."""

    since_s: float
    seen_s: float
    is_told: bool = False


class BarGate:
    """Asked by the gateway with each order, and once a second by itself."""

    def __init__(
        self,
        services: Services,
        bars: BarKeeper,
        strategies: Iterable[Strategy],
        share_min: Decimal,
    ) -> None:
        self._hub = services.hub
        self._clock = services.clock
        self._pager = services.pager
        self._supervisor = services.supervisor
        self._bars = bars
        self._share_min = share_min
        self._wanting = {
            row.name: (row.symbols, row.bar_spec) for row in strategies if row.bar_spec is not None
        }
        self._lacks: dict[_Key, _Lack] = {}

    def view(self, strategy: StrategyName, con_id: ConId) -> BarsView:
        """Return what is known of the bars that a strategy decides by in an instrument."""
        if strategy not in self._wanting:
            return NO_BARS
        symbols, spec = self._wanting[strategy]
        instrument = self._hub.instruments.get(con_id)
        if instrument is not None and instrument.symbol not in symbols:
            return NO_BARS
        return self._bars.view(con_id, spec.size_s)

    def start(self) -> None:
        """Start the task; none where nobody looks at bars."""
        if self._wanting:
            self._supervisor.start(TASK, lambda: self._supervisor.every(TASK, LOOK_S, self.look))

    def look(self) -> None:
        """Note what has begun to lack bars and what has enough again, and call somebody once."""
        now_s, lacking = self._clock.monotonic(), self._lacking()
        for key, text in lacking.items():
            known = self._lacks.get(key)
            if known is None:
                self._lacks[key] = _Lack(now_s, now_s)
                log.warning("new risk waits for bars", symbol=key[0], size_s=key[1], lack=text)
            else:
                known.seen_s = now_s
        for key, known in tuple(self._lacks.items()):
            if now_s - known.seen_s >= _WELL_S:
                del self._lacks[key]
                log.warning("bars are there again", symbol=key[0], size_s=key[1])
        self._page(now_s, lacking)

    def _page(self, now_s: float, lacking: dict[_Key, str]) -> None:
        if self._bars.deafness:
            # Without a link all is unknown, and somebody is called for the link. What is lost
            # meanwhile has as long to come back as at a start.
            for known in self._lacks.values():
                known.since_s = now_s
            return
        found = []
        for key, text in lacking.items():
            known = self._lacks[key]
            if not known.is_told and now_s - known.since_s >= _PAGE_S:
                known.is_told = True
                found.append((f"{key[0]} {key[1]} s", text))
        if found:
            names = ", ".join(name for name, _ in found)
            text = "; ".join(f"{name}: {lack}" for name, lack in found)
            text += "; new risk of the strategies that look at them waits"
            self._pager.page("warning", f"bars are missing: {names}", text)

    def _lacking(self) -> dict[_Key, str]:
        found: dict[_Key, str] = {}
        for symbols, spec in self._wanting.values():
            for symbol in symbols:
                instrument = self._hub.by_symbol(symbol)
                # Who is not described yet has other pages, and cannot be traded.
                if instrument is None:
                    continue
                lack = self._bars.view(instrument.con_id, spec.size_s).lack(self._share_min)
                if lack:
                    found[symbol, spec.size_s] = lack
        return found

    def status(self) -> tuple[BarRow, ...]:
        """Return every series with what holds back new risk of those who look at it."""
        lacking = self._lacking()
        return tuple(
            row.held_back(lacking.get((row.symbol, row.size_s), "")) for row in self._bars.status()
        )

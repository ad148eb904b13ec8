"""Market data lines (messages 1, 2, 45, 46, 21): first bursts, then only what changed.

Those who watch the same instrument in the same way form a group. A group's changes are computed
and rendered once a round; each subscriber costs only its request id.
"""

from dataclasses import dataclass, field

from trader.sim.gateway.feeds import generic_ticks, option_ticks
from trader.sim.gateway.feeds.generic_ticks import Scene
from trader.sim.gateway.feeds.lines import Line, Mode, Part, render
from trader.sim.gateway.feeds.market_faults import MarketFaults
from trader.sim.gateway.feeds.quote_ticks import DELAYED, LIVE, TickIds, burst, difference, shut
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument

DELAY_S = 900
_DAY_S = 86_400
Key = tuple[int, int]
# Instrument, kind of data, generic tick numbers.
GroupKey = tuple[int, Mode, tuple[int, ...]]


@dataclass(slots=True)
class Group:
    """All who watch one instrument in one way, and what they were shown last."""

    item: Instrument
    mode: Mode
    numbers: tuple[int, ...]
    lines: dict[Key, Line] = field(default_factory=dict)
    shown: Quote | None = None
    generics: list[Part] = field(default_factory=list)
    day: int = -1

    @property
    def ids(self) -> TickIds:
        """Return the tick types of this kind of data."""
        return DELAYED if self.mode.is_delayed else LIVE


class TickStream:
    """All market data lines of one simulator."""

    def __init__(self, market: Market, faults: MarketFaults) -> None:
        self._market, self._faults = market, faults
        # Groups by contract id, so that a round finds those of an instrument at once.
        self._groups: dict[int, dict[GroupKey, Group]] = {}
        self._where: dict[Key, Group] = {}

    @property
    def count(self) -> int:
        """Return how many lines there are, of all clients together."""
        return len(self._where)

    def has(self, line_key: Key) -> bool:
        """Return whether a line of this key exists."""
        return line_key in self._where

    def instruments(self) -> list[Instrument]:
        """Return the instruments that somebody watches."""
        return [next(iter(groups.values())).item for groups in self._groups.values() if groups]

    def lines(self, con_id: int | None = None) -> list[tuple[Line, Mode]]:
        """Return all lines, or those of an instrument, with their kind of data."""
        return [
            (line, group.mode)
            for owner, groups in self._groups.items()
            if con_id in (None, owner)
            for group in groups.values()
            for line in group.lines.values()
        ]

    def add(self, line: Line, mode: Mode, numbers: tuple[int, ...], quote: Quote) -> None:
        """Take a line and send its first burst; the quote is the market's present one."""
        group, shown = self._join(line, mode, numbers, quote)
        self._send(line, self._opening(group, shown))

    def add_silently(self, line: Line, mode: Mode, numbers: tuple[int, ...], quote: Quote) -> None:
        """Take a line without a burst, as while its farm is not connected."""
        self._join(line, mode, numbers, quote)

    def _join(
        self, line: Line, mode: Mode, numbers: tuple[int, ...], quote: Quote
    ) -> tuple[Group, Quote]:
        group = self._group(line.instrument, mode, numbers)
        if group.shown is None or not group.lines:
            group.shown = self._view(group, quote)
        group.lines[line.key] = line
        self._where[line.key] = group
        return group, group.shown

    def snapshot(self, line: Line, mode: Mode, quote: Quote) -> None:
        """Send the present values once."""
        group = Group(line.instrument, mode, ())
        self._send(line, self._opening(group, self._view(group, quote)))

    def drop(self, line_key: Key) -> bool:
        """Forget a line; say whether there was one."""
        group = self._where.pop(line_key, None)
        if group is None:
            return False
        del group.lines[line_key]
        if not group.lines:
            self._forget(group)
        return True

    def leave(self, outlet_id: int) -> None:
        """Forget all lines of a connection."""
        for key in [key for key in self._where if key[0] == outlet_id]:
            self.drop(key)

    def tick(self, quote: Quote, epoch_s: float) -> None:
        """Send everybody who watches an instrument what changed."""
        groups = self._groups.get(quote.instrument.con_id)
        if not groups:
            return
        for group in groups.values():
            parts = self._changes(group, quote, epoch_s)
            if parts:
                for line in group.lines.values():
                    self._send(line, parts)

    def move(self, line: Line, mode: Mode, quote: Quote) -> None:
        """Let a line go on with another kind of data: it begins with all values of that kind."""
        numbers = self._where[line.key].numbers
        self.drop(line.key)
        self.add(line, mode, numbers, quote)

    def _group(self, item: Instrument, mode: Mode, numbers: tuple[int, ...]) -> Group:
        groups = self._groups.setdefault(item.con_id, {})
        key = (item.con_id, mode, numbers)
        found = groups.get(key)
        if found is None:
            found = groups[key] = Group(item, mode, numbers)
        return found

    def _forget(self, group: Group) -> None:
        groups = self._groups[group.item.con_id]
        del groups[(group.item.con_id, group.mode, group.numbers)]
        if not groups:
            del self._groups[group.item.con_id]

    def _slot(self, mode: Mode) -> int:
        slot = self._market.slot()
        return slot - int(DELAY_S / self._market.quantum_s) if mode.is_delayed else slot

    def _view(self, group: Group, quote: Quote) -> Quote:
        """Return the quote as a kind of data shows it, with the faults that are on."""
        if group.mode is Mode.LIVE:
            quote = quote if quote.is_open else shut(quote)
        elif group.mode.is_delayed:
            quote = self._market.quote_at(group.item, self._slot(group.mode))
        return self._faults.shown(quote)

    def _opening(self, group: Group, quote: Quote) -> list[Part]:
        slot, ids = self._slot(group.mode), group.ids
        stale = self._faults.stale_first.pop(group.item.con_id, False)
        first = self._yesterday(quote) if stale else quote
        traded_s = self._market.epoch_of(slot) - (_DAY_S if stale else 0)
        parts = burst(first, traded_s, ids)
        if option_ticks.is_option(group.item):
            parts += option_ticks.computations(self._market, quote, slot, ids.computations)
        if group.numbers:
            scene = Scene(self._market, quote, slot)
            group.day, group.generics = scene.day, generic_ticks.parts(scene, group.numbers)
            parts += group.generics
        return parts

    def _yesterday(self, quote: Quote) -> Quote:
        """Return a quote whose last price is the close of the day before."""
        return Quote(
            quote.instrument, quote.bid, quote.ask, quote.close, quote.bid_size, quote.ask_size,
            quote.last_size, quote.open, quote.high, quote.low, quote.close, quote.volume,
            quote.floor, quote.ceiling, quote.halted, quote.is_open,
        )  # fmt: skip

    def _changes(self, group: Group, quote: Quote, epoch_s: float) -> list[Part]:
        if not quote.is_open and group.mode.is_frozen:
            return []
        new, old = self._view(group, quote), group.shown
        assert old is not None, "a group with lines was shown a quote"
        group.shown = new
        if group.mode is not Mode.LIVE:
            epoch_s -= DELAY_S if group.mode.is_delayed else 0
        parts = difference(old, new, epoch_s, group.ids)
        if group.numbers or option_ticks.is_option(group.item):
            parts += self._more_changes(group, new, has_moved=bool(parts))
        return parts

    def _more_changes(self, group: Group, quote: Quote, *, has_moved: bool) -> list[Part]:
        parts, slot = list[Part](), self._slot(group.mode)
        if has_moved and option_ticks.is_option(group.item):
            parts += option_ticks.computations(self._market, quote, slot, group.ids.computations)
        if group.numbers:
            parts += self._generic_changes(group, Scene(self._market, quote, slot))
        return parts

    def _generic_changes(self, group: Group, scene: Scene) -> list[Part]:
        is_new_day, group.day = scene.day != group.day, scene.day
        numbers = group.numbers if is_new_day else generic_ticks.moving(group.numbers)
        values = generic_ticks.parts(scene, numbers)
        old, group.generics = group.generics, values
        return [part for part in values if part not in old]

    @staticmethod
    def _send(line: Line, parts: list[Part]) -> None:
        if not line.is_deaf:
            line.outlet.push_tick(render(parts, line.request_id), len(parts))

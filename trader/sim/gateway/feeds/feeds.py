"""Market data of one simulator: one round for all, and who watches what.

Each round draws a quote of every instrument that somebody watches or trades, lets the exchange
match against it, and hands it to the streams (ticks, depth, tick by tick). Bars go by the clock.
The faults of market data (S15) are switched here.
"""

from trader.sim.broker.exchange import Exchange
from trader.sim.clock import Clock, Timer
from trader.sim.gateway.feeds import farms
from trader.sim.gateway.feeds.bar_stream import BarStream
from trader.sim.gateway.feeds.depth_stream import DepthStream
from trader.sim.gateway.feeds.grants import Grants
from trader.sim.gateway.feeds.leaps import Leaps
from trader.sim.gateway.feeds.lines import Line, Mode
from trader.sim.gateway.feeds.market_faults import MarketFaults, Permission
from trader.sim.gateway.feeds.print_stream import PrintStream
from trader.sim.gateway.feeds.tick_stream import TickStream
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.outlet import Outlet
from trader.sim.gateway.ways.pacing import HistoryMeter
from trader.sim.market.market import Market
from trader.sim.model.instruments import Instrument


class Feeds:
    """The rounds of one simulator and its streams of market data."""

    def __init__(
        self, clock: Clock, market: Market, exchange: Exchange, faults: Faults, interval_s: float
    ) -> None:
        self._clock, self._market, self._exchange, self._faults = clock, market, exchange, faults
        self._interval_s = interval_s
        self.trouble = MarketFaults()
        self.history_meter = HistoryMeter()
        self.ticks = TickStream(market, self.trouble)
        self.depth = DepthStream(market)
        self.prints = PrintStream(market, self.trouble)
        self.bars = BarStream(clock, market, self.trouble)
        self.grants = Grants(clock, self.trouble, self.ticks, self.bars, (self.depth, self.prints))
        self._leaps = Leaps(clock, market, exchange, interval_s)
        self._is_running = False

    # -- rounds -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the rounds."""
        self._is_running = True
        for item in self._market.catalogue.all():
            self._exchange.quotes[item.con_id] = self._market.quote(item)
        self._clock.call_later(self._interval_s, self._round)
        self._clock.call_later(self.bars.seconds_left(), self._bar_round)

    def stop(self) -> None:
        """End the rounds; timers that are under way do nothing any more."""
        self._is_running = False

    def refresh(self, symbol: str) -> None:
        """Draw new quotes of a symbol and of what follows it now, match and send them."""
        item = self._market.catalogue.symbol(symbol)
        assert item is not None, "only known symbols are refreshed"
        self._tick(item)
        for other in self._active().values():
            if other.con_id != item.con_id and symbol in (other.symbol, other.under_symbol):
                self._tick(other)

    def _round(self) -> None:
        if not self._is_running:
            return
        timer = self._clock.call_later(self._interval_s, self._round)
        if self._leaps.free(timer):
            self._part_of_round()
            self._leap(timer)
        else:
            self._whole_round()

    def _part_of_round(self) -> None:
        """Let the orders that a price concerns meet it; nobody looks at anything else."""
        for item in self._active().values():
            if self._leaps.concerns(item):
                self._exchange.take_quote(self._market.quote(item))

    def _leap(self, timer: Timer) -> None:
        # What has just traded may have set timers that end the leap earlier.
        rounds = self._leaps.length(self._active().values(), self._leaps.free(timer))
        if rounds > 1:
            timer.cancel()
            self._clock.call_later(rounds * self._interval_s, self._round)

    def _whole_round(self) -> None:
        active = self._active()
        for item in active.values():
            self._tick(item)
        if not self._faults.is_upstream_down:
            self.prints.round(self.is_served)
        quotes = self._exchange.quotes
        if len(quotes) > len(active):
            # Nobody keeps these up to date: whoever needs one again draws it anew.
            for con_id in [con_id for con_id in quotes if con_id not in active]:
                del quotes[con_id]

    def _active(self) -> dict[int, Instrument]:
        """Return what somebody watches or trades, and everything with a price file."""
        active = {item.con_id: item for item in self._market.catalogue.all()}
        for items in (self.ticks.instruments(), self._exchange.instruments_traded()):
            active.update((item.con_id, item) for item in items)
        active.update(self.depth.watched())
        active.update(self.grants.due)
        return active

    def _tick(self, item: Instrument) -> None:
        quote, before = self._market.quote(item), self._exchange.quotes.get(item.con_id)
        self._exchange.take_quote(quote)
        if self._faults.is_upstream_down or not self.is_served(item):
            return
        self.grants.review(quote, before)
        self.ticks.tick(quote, self._clock.time())
        self.depth.tick(quote)

    def _bar_round(self) -> None:
        if not self._is_running:
            return
        boundary_s = self.bars.due()
        trouble = self.trouble
        is_cut = (
            self._faults.is_upstream_down
            or trouble.is_competing
            or farms.HISTORY_FARM in trouble.broken_farms
        )
        if boundary_s is not None and not is_cut:
            self.bars.serve(boundary_s)
        self._clock.call_later(self.bars.seconds_left(), self._bar_round)

    # -- lines ----------------------------------------------------------------------------------

    def leave(self, outlet: Outlet) -> None:
        """Drop all lines of a connection."""
        for stream in (self.ticks, self.depth, self.prints, self.bars):
            stream.leave(id(outlet))

    def lines(self) -> list[Line]:
        """Return every line of every kind."""
        ticks = [line for line, _ in self.ticks.lines()]
        return [*ticks, *self.depth.lines(), *self.prints.lines(), *self.bars.lines()]

    # -- faults (S15) -----------------------------------------------------------------------------

    def is_served(self, item: Instrument) -> bool:
        """Return whether data of an instrument flows: its farm is up, no session competes."""
        trouble = self.trouble
        return not trouble.is_competing and farms.farm_of(item) not in trouble.broken_farms

    def note_farm(self, code: int, farm: str = "") -> str:
        """Let a farm come or go as a code says; return the text for the clients."""
        notice = farms.NOTICES[code]
        name = farm or farms.DEFAULT_FARMS[notice.kind]
        if notice.is_up:
            self.trouble.broken_farms.pop(name, None)
        else:
            self.trouble.broken_farms[name] = code
        return farms.text(code, name)

    def silence(self, con_id: int | None = None, request_id: int | None = None) -> int:
        """Let lines go deaf without a word, all or by instrument or request; return how many."""
        chosen = [
            line
            for line in self.lines()
            if con_id in (None, line.instrument.con_id) and request_id in (None, line.request_id)
        ]
        for line in chosen:
            line.is_deaf = True
        return len(chosen)

    def halt(self, item: Instrument, kind: int = 1) -> None:
        """Halt trading of an instrument; its last quote stays, tick 49 shows the kind."""
        self._market.halts.halt(item.con_id, kind)
        self._tick(item)

    def reopen(self, item: Instrument) -> None:
        """End a halt; the price jumps to where it would have come to."""
        self._market.halts.reopen(item.con_id)
        self._tick(item)

    def permit(self, item: Instrument, permission: Permission) -> None:
        """Let the account see so much of an instrument from now on; its lines follow at once."""
        self.grants.permit(item, permission)
        self._tick(item)

    def switch(self, item: Instrument, mode: Mode) -> list[Line]:
        """Move all lines of an instrument to another kind of data; return them."""
        return self.grants.switch(self._exchange.quote(item), mode)

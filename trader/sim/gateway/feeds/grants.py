"""What becomes of lines when what the account may see changes while they run.

A line of quotes goes over to the kind of data it is granted now (58, then 10167 or 10090 and its
values), or ends with the code it would be refused with (354, 10089, 10168). Other lines end. Who
wished for frozen data is frozen at the close and live again at the open. Nothing of this reaches a
client while its farm is gone or another session competes; it is made up for afterwards.
"""

from trader.sim.clock import Clock
from trader.sim.gateway.feeds import permissions
from trader.sim.gateway.feeds.bar_stream import BarStream
from trader.sim.gateway.feeds.depth_stream import DepthStream
from trader.sim.gateway.feeds.lines import Line, Mode
from trader.sim.gateway.feeds.market_faults import MarketFaults, Permission
from trader.sim.gateway.feeds.print_stream import PrintStream
from trader.sim.gateway.feeds.tick_stream import TickStream
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market, messages_session

_FROZEN = {Mode.LIVE: Mode.FROZEN, Mode.DELAYED: Mode.DELAYED_FROZEN}
_THAWED = {frozen: mode for mode, frozen in _FROZEN.items()}


class Grants:
    """Holds the lines of one simulator to what the account may see."""

    def __init__(
        self, clock: Clock, trouble: MarketFaults, ticks: TickStream, bars: BarStream,
        others: tuple[DepthStream, PrintStream],
    ) -> None:  # fmt: skip
        self._clock, self._trouble = clock, trouble
        self._ticks, self._bars, self._others = ticks, bars, others
        # Instruments whose lines have not followed a change yet, by contract id.
        self.due: dict[int, Instrument] = {}

    def permit(self, item: Instrument, permission: Permission) -> None:
        """Let the account see so much of an instrument; its lines follow at the next review."""
        self._trouble.permissions[item.con_id] = permission
        self.due[item.con_id] = item

    def review(self, quote: Quote, before: Quote | None) -> None:
        """Let the lines of an instrument follow what has changed since its quote before."""
        con_id = quote.instrument.con_id
        if self.due.pop(con_id, None) is not None:
            self._follow(quote)
        elif before is not None and before.is_open is not quote.is_open:
            self._follow_session(quote)

    def _follow(self, quote: Quote) -> None:
        item = quote.instrument
        permission = self._trouble.permission(item.con_id)
        for line, mode in self._ticks.lines(item.con_id):
            grant = permissions.decide(line.wish, permission, item, is_open=quote.is_open)
            # What a line was told before is not said again.
            is_news, line.notice = grant.code not in (0, line.notice), grant.code
            if grant.mode is None:
                self._ticks.drop(line.key)
            elif grant.mode is not mode:
                self._tell_mode(line, grant.mode)
            if is_news:
                self._tell(line, grant.code, grant.text)
            if grant.mode not in (None, mode):
                self._ticks.move(line, grant.mode, quote)
        if permission not in permissions.SEEN:
            self._end_others(item)

    def switch(self, quote: Quote, mode: Mode) -> list[Line]:
        """Move all lines of an instrument to a kind of data, whatever is granted; return them."""
        lines = self._ticks.lines(quote.instrument.con_id)
        moved = [line for line, present in lines if present is not mode]
        for line in moved:
            self._tell_mode(line, mode)
            self._ticks.move(line, mode, quote)
        return moved

    def _end_others(self, item: Instrument) -> None:
        for stream in (*self._others, self._bars):
            for line in stream.lines():
                if line.instrument.con_id == item.con_id and stream.drop(line.key):
                    self._tell(line, *permissions.UNSEEN)
        for update in self._bars.updates():
            if update.instrument.con_id == item.con_id:
                self._bars.drop_update(update.key)
                self._tell(update, 162, permissions.no_history(item))

    def _follow_session(self, quote: Quote) -> None:
        modes = _THAWED if quote.is_open else _FROZEN
        for line, mode in self._ticks.lines(quote.instrument.con_id):
            if line.wish.is_frozen and mode in modes:
                self._tell_mode(line, modes[mode])
                self._ticks.move(line, modes[mode], quote)

    @staticmethod
    def _tell_mode(line: Line, mode: Mode) -> None:
        if not line.is_deaf:
            line.outlet.push(58, messages_market.market_data_type(line.request_id, mode))

    def _tell(self, line: Line, code: int, text: str) -> None:
        if line.is_deaf:
            return
        time_ms = int(self._clock.time() * 1000)
        frame = messages_session.error(line.outlet.sv, line.request_id, code, text, time_ms=time_ms)
        line.outlet.push(4, frame)

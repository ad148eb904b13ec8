"""Questions for bars of the past (message 20): paced, bounded, all or nothing.

A question waits for its turn however long that takes, in the lane of data, so that it can never
hold up an order; from when it is sent it has a deadline. Whoever asks is told what came of it:
the bars, or why there are none (INC-128, INC-130).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from trader.core.bars import Bar, checked_size
from trader.core.history_pacing import (
    OPEN_MAX,
    HistoryAsk,
    HistoryPace,
    HistoryTrouble,
    noted,
    wait_s,
)
from trader.core.instruments import Instrument
from trader.ibkr import translate
from trader.ibkr.codes import history_trouble
from trader.ibkr.history_rows import Row, bar_in
from trader.ibkr.settings import BrokerSettings
from trader.ibkr.tap import RequestFailed, Tap
from trader.ports import Clock, HistoryRefused

_SIZES = {
    5: "5 secs", 10: "10 secs", 15: "15 secs", 30: "30 secs", 60: "1 min", 120: "2 mins",
    180: "3 mins", 300: "5 mins", 600: "10 mins", 900: "15 mins", 1200: "20 mins", 1800: "30 mins",
}  # fmt: skip
# An index has trades alone (its values), everything else a middle of bid and ask.
_INDEX = "IND"
_AS_EPOCH = 2
_DAY_S = 86_400
_SMALLEST_S_MAX = 3_600
# Seconds are those of the wall: a night or a weekend may lie in them. Where they bring too few,
# so many bars' worth of trading days are asked for, as one question may bring.
_WIDE_BARS = 1_500
_WIDE_DAYS_MAX = 30
# A look whether it may go now; another may have gone first.
_LOOK_S = 0.25
# The end of what is asked for, by our clock: what ended just before may still change.
_SETTLED = timedelta(seconds=2)
# Rows that are read in one go: orders and fills go first in between.
_ROWS_AT_ONCE = 100


class History:
    """Asks one connection for the past; :meth:`ask` is all of it."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        tap: Tap,
        api: Any,
        paced: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._tap = tap
        self._api = api
        self._paced = paced
        self._pace = HistoryPace()
        self._open_count = 0

    async def ask(self, instrument: Instrument, size_s: int, count: int) -> tuple[Bar, ...]:
        """Return the last ``count`` bars that have ended, oldest first, fewer if there are fewer.

        Raises HistoryRefused, or LinkDown.
        """
        checked_size(size_s)
        assert count >= 1, f"{count} bars"
        # One more: the bar under way is among what comes. Of the smallest an hour is the most.
        seconds = (count + 1) * size_s
        if size_s == min(_SIZES):
            seconds = min(seconds, _SMALLEST_S_MAX)
        wide_days = min(size_s * _WIDE_BARS // _DAY_S, _WIDE_DAYS_MAX)
        found: tuple[Bar, ...] = ()
        if seconds <= _DAY_S:
            try:
                found = await self._bars(instrument, size_s, f"{max(seconds, 60)} S")
            except HistoryRefused as error:
                if error.trouble is not HistoryTrouble.NO_DATA or not wide_days:
                    raise
        if len(found) < count and wide_days:
            found = await self._bars(instrument, size_s, f"{wide_days} D")
        return found[-count:]

    async def _bars(self, instrument: Instrument, size_s: int, duration: str) -> tuple[Bar, ...]:
        show = "TRADES" if instrument.sec_type == _INDEX else "MIDPOINT"
        ask = HistoryAsk(instrument.con_id, size_s, show, duration)
        await self._turn(ask)
        self._open_count += 1
        try:
            until_utc = self._clock.utc() - _SETTLED
            rows = await self._rows(instrument, ask)
        finally:
            self._open_count -= 1
        found = await self._read(rows, instrument, size_s)
        # A row that comes twice is one bar; one under way, or from the future, is none yet.
        ended = {bar.start_utc: bar for bar in found if bar.end_utc <= until_utc}
        return tuple(ended[start] for start in sorted(ended))

    async def _read(self, rows: list[Row], instrument: Instrument, size_s: int) -> list[Bar]:
        found = []
        for at, row in enumerate(rows):
            if at % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
                await self._clock.sleep(0)
            try:
                bar = bar_in(row, instrument.con_id, size_s, instrument.price_magnifier)
            except translate.Unreadable as error:
                raise HistoryRefused(HistoryTrouble.UNAVAILABLE, str(error)) from error
            if bar is not None:
                found.append(bar)
        return found

    async def _turn(self, ask: HistoryAsk) -> None:
        """Wait until the question may go, and note it: the two are one step."""
        while True:
            wait = wait_s(self._pace, ask, self._clock.monotonic())
            if wait <= 0 and self._open_count < OPEN_MAX:
                self._pace = noted(self._pace, ask, self._clock.monotonic())
                return
            await self._clock.sleep(max(wait, _LOOK_S))

    async def _rows(self, instrument: Instrument, ask: HistoryAsk) -> list[Row]:
        requests, limit_s = self._tap.requests, self._settings.history_deadline_s
        request_id = self._tap.ids.take()
        pending = requests.open(request_id)
        contract = translate.contract_out(instrument)
        try:
            await self._paced(
                lambda: self._api.reqHistoricalData(
                    request_id, contract, "", ask.duration, _SIZES[ask.size_s], ask.show,
                    False, _AS_EPOCH, False, [],
                )
            )  # fmt: skip
            async with asyncio.timeout(limit_s):
                return await requests.answer(pending)
        except TimeoutError:
            await self._paced(lambda: self._api.cancelHistoricalData(request_id))
            text = f"no answer within {limit_s:g} s"
            raise HistoryRefused(HistoryTrouble.UNAVAILABLE, text) from None
        except RequestFailed as error:
            trouble = history_trouble(error.code, str(error))
            raise HistoryRefused(trouble, str(error)) from error
        finally:
            requests.abandon(pending)

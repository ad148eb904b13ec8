"""Records the market as the daemon hears it: ticks, instruments, history, words, problems.

A tick costs the loop one append; rows are written twice a second, in pieces, and compressed beside
the loop. Recording never holds up trading and never stops it: what cannot be written is counted,
told and let go, and it is tried again later.
"""

import asyncio
import random
from decimal import Decimal
from functools import partial

import structlog

from trader.core.backoff import Backoff
from trader.core.history_pacing import HistoryAnswer
from trader.core.ids import ConId
from trader.core.market import Quote
from trader.core.moments import microseconds_of
from trader.engine import supervisor
from trader.engine.hub import HubNews
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.market.recording import (
    Ended,
    Head,
    Lost,
    MarketFact,
    clock_line,
    fact_line,
    tick_line,
)
from trader.engine.recording_status import RecordingStatus
from trader.engine.services import Services
from trader.ports import DataProblem, LinkWord, QuoteTick, RecordingSink, SinkFailed

log = structlog.get_logger(__name__)

TASK = "market-recorder"
# A process that is killed loses what came since; well below a second, writing included.
FLUSH_S = 0.4
# In a quiet market a row shows that it was quiet, and that somebody listened.
_QUIET_S = 10.0
# Rows in memory while the disk does not take them: about 30 MB.
_ROWS_MAX = 100_000
# Rows written in one turn of the loop: well below a millisecond.
_PIECE = 400
_FINISH_S = 2.0
_AGAIN = Backoff(5.0, 60.0)
_FIELDS = ("data_type", "bid", "ask", "bid_size", "ask_size", "last")


class Recorder:
    """Collects rows from hub and guard, and hands them to the sink."""

    def __init__(
        self,
        services: Services,
        sink: RecordingSink,
        chance: random.Random,
        program: str,
        bars: BarKeeper,
    ) -> None:
        self._hub = services.hub
        self._guard = services.guard
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._pager = services.pager
        self._bars = bars
        self._sink = sink
        self._chance = chance
        self._program = program
        self._run = f"{microseconds_of(services.clock.utc())}"
        self._part = 0
        self._rows: list[QuoteTick | tuple[float, MarketFact]] = []
        # The last word of each axis and farm, for the head of the next part.
        self._words: dict[tuple[str, str], LinkWord] = {}
        self._problems: dict[ConId, DataProblem] = {}
        self._lost = 0
        # How the next part begins, made when its first row was still to come; None within a part.
        self._head: tuple[float, Head] | None = None
        self._standing: tuple[HistoryAnswer, ...] = ()
        self._state, self._problem = "running", ""
        self._written_s: float | None = None
        self._quiet_s = services.clock.monotonic()
        self.row_count = self.lost_count = 0

    def start(self) -> None:
        """Begin to listen, and start the task."""
        self._hub.follow(self._on_tick)
        self._hub.listen(self._on_news)
        self._guard.heard = self._on_word
        self._bars.heard = self._put
        self._begin_part()
        self._supervisor.start(TASK, self.run, self._on_end)

    async def run(self) -> None:
        """Write what has come, for ever."""
        failures = 0
        while True:
            self._supervisor.beat(TASK)
            wait_s = _AGAIN.wait_s(failures, self._chance.random()) if failures else FLUSH_S
            await self._clock.sleep(wait_s)
            failures = 0 if await self.flush() else failures + 1

    async def finish(self) -> None:
        """Write what is left and an end; to be called when no more ticks come."""
        if self._state == "ended":
            return
        await self._supervisor.stop(TASK)
        self._put(Ended())
        try:
            async with asyncio.timeout(_FINISH_S):
                await self.flush()
        except TimeoutError:
            log.warning("the end of the market's record was not written", place=self._sink.place)
        self._state = "ended"

    def status(self) -> RecordingStatus:
        """Return how it stands."""
        written_s = self._written_s
        return RecordingStatus(
            state=self._state,
            problem=self._problem,
            place=self._sink.place,
            row_count=self.row_count,
            lost_count=self.lost_count,
            byte_count=self._sink.byte_count,
            written_age_s=None if written_s is None else self._clock.monotonic() - written_s,
        )

    # ---- listening

    def _on_tick(self, _quote: Quote, tick: QuoteTick) -> None:
        rows = self._rows
        if len(rows) < _ROWS_MAX:
            rows.append(tick)
        else:
            self._lose(1)

    def _on_news(self, news: HubNews) -> None:
        if isinstance(news, DataProblem):
            self._problems[news.con_id] = news
        self._put(news)

    def _on_word(self, word: LinkWord) -> None:
        self._words[(word.axis, word.text if word.axis == "farm" else "")] = word
        self._put(word)

    def _put(self, fact: MarketFact) -> None:
        if len(self._rows) < _ROWS_MAX:
            self._rows.append((self._clock.monotonic(), fact))
        else:
            self._lose(1)

    def _lose(self, count: int) -> None:
        self._lost += count
        self.lost_count += count

    # ---- writing

    async def flush(self) -> bool:
        """Write what has come since the last time; tells whether that worked."""
        rows, self._rows = self._rows, []
        head, now_utc, now_s = self._head, self._clock.utc(), self._clock.monotonic()
        if not rows and not self._lost and now_s - self._quiet_s < _QUIET_S:
            return True
        try:
            lines = await self._lines(rows, head)
            await self._sink.write(now_utc, lines, is_first=head is not None)
        except SinkFailed as error:
            self._on_failure(str(error), len(rows))
            return False
        self._written_s = self._quiet_s = now_s
        self.row_count += len(rows)
        if self._problem:
            log.info("the market is recorded again", place=self._sink.place)
        self._state, self._problem, self._head, self._lost = "running", "", None, 0
        if self._sink.is_full(self._clock.utc()) and not self._rows:
            self._begin_part()
        return True

    async def _lines(
        self, rows: list[QuoteTick | tuple[float, MarketFact]], head: tuple[float, Head] | None
    ) -> bytes:
        now_s = self._clock.monotonic()
        origin_us = round(now_s * 1_000_000)
        pieces = [clock_line(self._clock.utc(), now_s)]
        if head is not None:
            pieces.append(fact_line(head[1], head[0], origin_us))
        if self._lost:
            lost = Lost(self._lost, self._problem or "more than memory holds")
            pieces.append(fact_line(lost, now_s if head is None else head[0], origin_us))
        standing = () if head is None else [(head[0], answer) for answer in self._standing]
        room = _PIECE
        for row in (*standing, *rows):
            if room <= 0:
                await self._clock.sleep(0)
                room = _PIECE
            if isinstance(row, QuoteTick):
                pieces.append(tick_line(row, origin_us))
                room -= 1
            else:
                pieces.append(fact_line(row[1], row[0], origin_us))
                # A bar takes as long as a tick.
                room -= 1 + len(row[1].bars) if isinstance(row[1], HistoryAnswer) else 1
        return "".join(pieces).encode()

    def _begin_part(self) -> None:
        """Note all that stands now; only what comes after it goes into the part."""
        hub = self._hub
        self._part += 1
        self._problems = {key: row for key, row in self._problems.items() if key in hub.problems}
        head = Head(
            run=self._run,
            part=self._part,
            program=self._program,
            mode=self._guard.mode.value,
            instruments=tuple(hub.instruments.values()),
            ticks=tuple(tick for quote in hub.quotes.values() for tick in _ticks_of(quote)),
            words=tuple(self._words.values()),
            problems=tuple(self._problems.values()),
        )
        self._head = self._clock.monotonic(), head
        # Rows of their own behind it: of hundreds of series they are too much for one.
        self._standing = self._bars.standing()

    def _on_failure(self, problem: str, row_count: int) -> None:
        # What was not written is missing: what follows begins with all that stands.
        self._lose(row_count + len(self._rows))
        self._rows = []
        self._begin_part()
        if self._state != "failing":
            log.warning("the market is not recorded", problem=problem)
            self._pager.page("warning", "the market is not recorded", problem)
        self._state, self._problem = "failing", problem

    def _on_end(self, ended: supervisor.Ended) -> None:
        self._state, self._problem = "ended", ended.problem
        self._rows = []
        self._guard.heard = self._bars.heard = _ignored
        text = f"{ended.problem}; nothing more is recorded until the next start"
        self._pager.page("warning", "the market is not recorded", text)


def _ticks_of(quote: Quote) -> list[QuoteTick]:
    """Return the ticks that make a quote what it is."""
    made = partial(QuoteTick, quote.con_id)
    at_s = {
        "bid": quote.received_s,
        "ask": quote.received_s,
        "last": quote.last_s,
    }
    ticks = []
    for name in _FIELDS:
        value = getattr(quote, name)
        if value is not None:
            ticks.append(made(name, value, at_s.get(name) or quote.received_s or 0.0))
    if quote.is_halted:
        ticks.append(made("halted", Decimal(1), quote.received_s or 0.0))
    return ticks


def _ignored(_told: object) -> None:
    """Hear nothing any more."""

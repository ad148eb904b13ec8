"""Handing the journal's events over to those who follow its streams: in order, none left out.

Each consumer has a name, a task, a sink and a cursor. It reads what is durable behind its cursor,
hands it to the sink, and moves the cursor when the sink has it safe: a crash in between hands the
same events over again, under the same ids, and never loses one. Nothing waits in memory for a slow
sink: what it has not taken yet lies in the journal.

The order path knows nothing of it but a flag that it sets. A sink that fails is tried again by the
rule of all retries, one that does not answer is given up for that time, and one that raises what
it must not is out until the next start; the others go on, and somebody is called.
"""

import asyncio
import random
from dataclasses import dataclass

import structlog

from trader.core.backoff import Backoff
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.core.streams import STREAM_OF, Stream
from trader.engine.services import Services
from trader.engine.status import ConsumerStatus, StreamStatus
from trader.engine.supervisor import Ended
from trader.engine.told.stream_meter import StreamMeter
from trader.ports import Cursor, StreamBatch, StreamSink, StreamSource, WorldError

log = structlog.get_logger(__name__)

# EVT-23: what is recorded is looked for at least so often, and sooner when somebody says so.
POLL_S = 0.5
# On the way down so long is waited for what is not handed over yet.
LAST_S = 2.0
# After the first event of a burst so long is waited for the rest: one commit of the cursor for all.
GATHER_S = 0.2
# Between two parts of a long way to catch up, so that the loop has room for everything else.
_PACE_S = 0.05
# A sink has so long to say that it has a part safe.
TAKE_S = 10.0
PAGE_AFTER_S = 30.0
_AGAIN = Backoff(0.5, 30.0)
# Events of no stream move no cursor on the disk, or a quiet daemon would write all day; neither
# does each part of a long way to catch up, because a promise may have to wait for that commit.
# After so many events it is moved all the same: so many come again after a crash, and no more.
_UNNOTED_MAX = 2_000
# Who is behind by no more than this has as good as caught up.
_NEAR = 200


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who follows the streams: a name for good, which its cursor is kept under, and its sink."""

    name: str
    sink: StreamSink
    streams: frozenset[Stream] = frozenset(Stream)


class Consumer:
    """One subscription at work."""

    def __init__(
        self, services: Services, source: StreamSource, chance: random.Random, who: Subscription
    ) -> None:
        self.name = who.name
        self.task = f"outbox-{who.name}"
        self._sink = who.sink
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._pager = services.pager
        self._source = source
        self._chance = chance
        now_s = services.clock.monotonic()
        self._meters = {row: StreamMeter(now_s) for row in Stream if row in who.streams}
        # What was recorded before this process.
        self._past = services.ledger.seq
        self._cursor: Cursor | None = None
        # Up to here the cursor on the disk has come, and whether the sink has anything behind it.
        self._noted = Seq(0)
        self._is_unnoted = False
        self._woken = asyncio.Event()
        self._failures = 0
        self._failing_since_s: float | None = None
        self._is_told = False
        self._problem = ""
        self._has_ended = False
        # On the way down: it is to end, and there is nothing more to wait for.
        self._is_last = False
        self.is_over = asyncio.Event()

    def on_recorded(self, stream: Stream, seq: Seq, now_s: float) -> None:
        """Note that there is something to hand over; runs in every order's way."""
        meter = self._meters.get(stream)
        if meter is not None:
            meter.recorded(seq, now_s)
            self._woken.set()

    def start(self) -> None:
        """Start the task; its end is nobody else's."""
        self._supervisor.start(self.task, self.run, self._on_end)

    def finish(self) -> None:
        """Hand over what is durable by now, and end; what fails now has the next start."""
        self._is_last = True
        self._woken.set()
        if self._problem:
            self.is_over.set()

    async def run(self) -> None:
        """Hand over what there is, until it is told that this is the end."""
        while not self.is_over.is_set():
            self._supervisor.beat(self.task)
            problem = await self._tried()
            self._tell(problem)
            if self._is_last and (problem or self._is_level()):
                self.is_over.set()
                return
            if problem:
                pause_s = _AGAIN.wait_s(self._failures, self._chance.random())
                await self._clock.sleep(pause_s)
            else:
                await self._rest()

    def _is_level(self) -> bool:
        return self._cursor is not None and self._cursor.seq >= self._source.durable_seq

    async def _tried(self) -> str:
        """Hand over one part and move the cursor; returns what kept it from that, or nothing."""
        try:
            if self._cursor is None:
                self._cursor = await self._source.cursor_of(self.name)
                self._noted = self._cursor.seq
            if self._source.durable_seq > self._cursor.seq:
                batch = await self._source.behind(self._cursor)
                await self._hand_over(batch)
            # Of one that failed to be written nothing is handed over again: only the note is.
            await self._note()
        except WorldError as error:
            return str(error) or type(error).__name__
        return ""

    async def _hand_over(self, batch: StreamBatch) -> None:
        events = tuple(event for event in batch.events if event.stream in self._meters)
        if events:
            is_taken = False
            try:
                async with asyncio.timeout(TAKE_S):
                    await self._sink.take(events)
                is_taken = True
            except TimeoutError as error:
                raise WorldError(f"no answer within {TAKE_S:g} s") from error
            finally:
                if not is_taken:
                    for stream in dict.fromkeys(event.stream for event in events):
                        self._meters[stream].error_count += 1
        for event in events:
            self._meters[event.stream].taken(event.seq)
        self._cursor = batch.after
        self._is_unnoted = self._is_unnoted or bool(events)

    async def _note(self) -> None:
        assert self._cursor is not None, "nothing was handed over yet"
        is_near = self._source.durable_seq - self._cursor.seq <= _NEAR
        is_due = self._cursor.seq - self._noted >= _UNNOTED_MAX
        if is_due or (self._is_unnoted and is_near):
            await self._source.note(self.name, Seq(self._noted + 1), self._cursor)
            self._noted, self._is_unnoted = self._cursor.seq, False

    async def _rest(self) -> None:
        """Wait until there may be more: for a part of the past hardly, and never past the poll."""
        assert self._cursor is not None, "nothing was handed over yet"
        if self._source.durable_seq > self._cursor.seq:
            await self._clock.sleep(_PACE_S)
            return
        try:
            async with asyncio.timeout(POLL_S - GATHER_S):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
        await self._clock.sleep(GATHER_S)

    # ---- what is seen of it

    def _tell(self, problem: str) -> None:
        """Keep what is wrong, and call somebody once when it stays."""
        now_s = self._clock.monotonic()
        if not problem:
            if self._failing_since_s is not None:
                log.info(
                    "outbox goes on", consumer=self.name, after_s=now_s - self._failing_since_s
                )
            self._failures, self._failing_since_s = 0, None
            self._problem, self._is_told = "", False
            return
        self._failures += 1
        if self._failing_since_s is None:
            self._failing_since_s = now_s
            log.warning("outbox stands", consumer=self.name, problem=problem)
        self._problem = problem
        if now_s - self._failing_since_s >= PAGE_AFTER_S and not self._is_told:
            self._is_told = True
            self._page(f"for {now_s - self._failing_since_s:.0f} s: {problem}")

    def _on_end(self, ended: Ended) -> None:
        if self._is_last and self.is_over.is_set():
            return
        self.is_over.set()
        self._has_ended = True
        self._problem = f"out until the next start: {ended.problem}"
        self._page(self._problem)

    def _page(self, text: str) -> None:
        self._pager.page("warning", f"outbox {self.name} stands", text)

    def status(self) -> ConsumerStatus:
        """Return where it stands."""
        now_s = self._clock.monotonic()
        seq = 0 if self._cursor is None else self._cursor.seq
        unseen = max(self._past - seq, 0)
        state = "ended" if self._has_ended else "failing" if self._problem else "running"
        return ConsumerStatus(
            name=self.name,
            state=state,
            problem=self._problem,
            seq=seq,
            noted_seq=self._noted,
            streams=tuple(
                StreamStatus(
                    name=stream.value,
                    pending=meter.pending(unseen),
                    lag_s=meter.lag_s(now_s, unseen),
                    taken_count=meter.taken_count,
                    error_count=meter.error_count,
                )
                for stream, meter in self._meters.items()
            ),
        )


class Outbox:
    """All consumers of one daemon."""

    def __init__(
        self,
        services: Services,
        source: StreamSource,
        chance: random.Random,
        subscriptions: tuple[Subscription, ...],
    ) -> None:
        names = [row.name for row in subscriptions]
        assert len(set(names)) == len(names), f"two consumers of one name: {names}"
        self._clock = services.clock
        self._consumers = tuple(Consumer(services, source, chance, row) for row in subscriptions)

    def on_recorded(self, recorded: Recorded) -> None:
        """Wake those who follow the event's stream."""
        stream = STREAM_OF[type(recorded.event)]
        if stream is not None:
            now_s = self._clock.monotonic()
            for consumer in self._consumers:
                consumer.on_recorded(stream, recorded.seq, now_s)

    def start(self) -> None:
        """Start every consumer."""
        for consumer in self._consumers:
            consumer.start()

    async def finish(self) -> None:
        """Hand over what was recorded last, as far as that takes but a moment.

        Whoever is slow or failing has it at the next start.
        """
        for consumer in self._consumers:
            consumer.finish()
        try:
            async with asyncio.timeout(LAST_S):
                for consumer in self._consumers:
                    await consumer.is_over.wait()
        except TimeoutError:
            log.warning("outbox not drained at the end", within_s=LAST_S)

    def delivered_seq(self) -> int | None:
        """Return how far all of them have come for certain; None without any."""
        return min((consumer.status().noted_seq for consumer in self._consumers), default=None)

    def status(self) -> tuple[ConsumerStatus, ...]:
        """Return where each of them stands."""
        return tuple(consumer.status() for consumer in self._consumers)

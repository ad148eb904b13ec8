"""The journal: what it calls durable survives a power cut, and after any error it says so.

``append`` queues, one writer commits everything queued in one statement, and ``durable`` returns
once the statement that holds its event has been synced. The first error of the database ends the
journal for good: nothing is retried, every waiter and every later call gets ``JournalFailed``
(INC-028). An event is one row and a batch is one transaction, so no crash leaves half of
anything (INC-110); a promise without its row has not left (INC-029).

The statement runs on the connection's own thread, calls in their order. That order carries the
one subtle point: a wait that is cancelled does not stop the statement behind it, so the next
statement, whatever it is, sees how that one ended.

Each row is chained to the one before it as it is queued (:mod:`trader.store.chain`).

A note beside the events may fail alone (:mod:`trader.store.notes`).
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import aiosqlite

from trader.core.checkpoint import BookState
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.core.moments import microseconds_of
from trader.ports import ChainHead, Clock, JournalFailed, NoteFailed
from trader.store import reading
from trader.store.chain import GENESIS, ChainedRow, Seal, chained
from trader.store.connection import closed, fetched, opened
from trader.store.notes import Notes, is_of_the_file
from trader.store.onlooker import describe
from trader.store.rows import JournalUnusable, row_of, state_parts

CHECKPOINTS_KEPT = 3
# The log is copied into the file when this much is in it and nothing waits, and in any case
# when it has grown to the second number. Copying 500 pages takes about 2 ms.
_LOG_PAGES_IDLE = 512
_LOG_PAGES_MAX = 8192
_PAGE_BYTES = 4096

_PUT_PART = "INSERT OR REPLACE INTO checkpoint_parts (seq, part, payload) VALUES (?, ?, ?)"
_PUT_CHECKPOINT = (
    "INSERT OR REPLACE INTO checkpoints (seq, at_us, part_count, crc, digest) VALUES (?,?,?,?,?)"
)
_DIGEST = "SELECT digest FROM events WHERE seq = ?"
_DROP_CHECKPOINTS = (
    "DELETE FROM checkpoints WHERE seq NOT IN "
    "(SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT ?) "
    # Where older events are archived, the book at the first one is all that is here of them.
    "AND seq IS NOT (SELECT nullif(min(seq), 1) FROM events)"
)
# In small steps, like the writing; parts that a crash left behind go the same way.
_DROP_PARTS = (
    "DELETE FROM checkpoint_parts WHERE rowid IN (SELECT rowid FROM checkpoint_parts "
    "WHERE seq NOT IN (SELECT seq FROM checkpoints) LIMIT 32) RETURNING 1"
)


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How much may wait, how much one commit takes, how long another process may hold us up.

    ``linger_s`` is how long events that nobody waits for may gather before they are written.
    """

    queue_rows_max: int = 20_000
    batch_rows_max: int = 256
    busy_timeout_ms: int = 5_000
    linger_s: float = 0.005


@dataclass(slots=True)
class _Job:
    """A statement that waits its turn between batches, and the future of who waits for it."""

    what: str
    sql: str
    values: tuple[object, ...]
    done: asyncio.Future[None]
    rows: list[Any]
    is_done: bool = False
    # A note may fail alone, and then this says why.
    is_note: bool = False
    problem: str = ""


class SqliteJournal:
    """The durable log in one SQLite file; implements ``ports.Journal``."""

    def __init__(
        self, db: aiosqlite.Connection, clock: Clock, limits: JournalLimits, end: reading.End
    ) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._notes = Notes(db)
        self._appended = end
        self._durable = end
        self._checkpoint = (Seq(0), "")
        # The last row of a batch that was handed over and not reported back.
        self._handed: reading.End | None = None
        self._queue: deque[ChainedRow] = deque()
        self._jobs: deque[_Job] = deque()
        self._waiters: dict[Seq, list[asyncio.Future[None]]] = {}
        self._wake: asyncio.Future[None] | None = None
        self._hurry: asyncio.Future[None] | None = None
        self._log_pages = 0
        self._failure: str | None = None
        self._is_running = False
        self._has_ended = False
        self._is_closed = False
        self._saving = asyncio.Lock()

    @classmethod
    async def open(
        cls, path: Path, clock: Clock, limits: JournalLimits | None = None
    ) -> "SqliteJournal":
        """Open, upgrade or create the journal; raises JournalUnusable.

        Nothing is written into a journal that is up to date before it runs.
        """
        limits = limits or JournalLimits()
        db = await opened(path, limits.busy_timeout_ms, clock.utc())
        try:
            return cls(db, clock, limits, await reading.end_of(db))
        except sqlite3.Error as error:
            await db.close()
            raise JournalUnusable(f"{path}: {describe(error)}") from error
        except JournalUnusable:
            # Its thread would keep a process alive that has nothing more to do.
            await db.close()
            raise

    @property
    def failure(self) -> str | None:
        """Say why the journal can write no more, or None while it can."""
        return self._failure

    @property
    def durable_seq(self) -> Seq:
        """Return the last event that survives a power cut, with all before it."""
        return self._durable.seq

    @property
    def head(self) -> ChainHead:
        """Return the digest of all that survives a power cut."""
        return ChainHead(self._durable.seq, self._durable.digest.hex(), *self._checkpoint)

    # ---- for the ledger

    def append(self, recorded: Recorded) -> None:
        """Queue an event for the writer; raises JournalFailed when the journal has failed."""
        self._raise_failure()
        last = self._appended
        assert recorded.seq == last.seq + 1, f"seq {recorded.seq} after {last.seq}"
        if len(self._queue) >= self._limits.queue_rows_max:
            # To drop one event and take the next would leave a gap that nobody could read over.
            self._fail(f"{len(self._queue)} events wait to be written; the disk does not answer")
            self._raise_failure()
        # Encoded here: while a batch is being synced, the next one gets ready.
        row = chained(last.digest, row_of(recorded))
        self._queue.append(row)
        self._appended = reading.End(recorded.seq, row[5])
        self._wake_writer()

    async def durable(self, seq: Seq) -> None:
        """Return once ``seq`` and all before it survive a power cut; raises JournalFailed.

        The caller bounds the wait: a disk that never answers is never reported.
        """
        if seq <= self._durable.seq:
            return
        assert seq <= self._appended.seq, f"seq {seq} was never appended"
        self._raise_failure()
        if not self._has_ended:
            waiter = _future()
            self._waiters.setdefault(seq, []).append(waiter)
            if self._hurry is not None:
                _resolve(self._hurry)
            await waiter
        if seq > self._durable.seq:
            raise JournalFailed(self._failure or f"the writer ended before event {seq}")

    async def save_checkpoint(self, state: BookState) -> None:
        """Write a checkpoint, durable on return; raises JournalFailed.

        It goes in parts between the events' batches, after the event it stands for; the row
        that makes it count comes last. Cancelled, it leaves parts that the next one removes.
        """
        # One at a time: the clearing away at the end takes every part that nothing counts yet.
        async with self._saving:
            await self.durable(state.seq)
            # What was saved at an event is the same later; its digest is written down elsewhere.
            if state.seq != self._checkpoint[0] or state.seq == 0:
                await self._save(state)

    async def _save(self, state: BookState) -> None:
        crc, part_count, seal = 0, 0, Seal()
        for text in state_parts(state):
            part = text.encode()
            crc = crc32(part, crc)
            seal.add(part)
            await self._submit(_PUT_PART, state.seq, part_count, text)
            part_count += 1
        numbers = (state.seq, microseconds_of(self._clock.utc()), part_count, crc)
        digest = seal.digest(numbers, await self._digest_at(state.seq))
        await self._submit(_PUT_CHECKPOINT, *numbers, digest)
        self._checkpoint = (state.seq, digest.hex())
        await self._submit(_DROP_CHECKPOINTS, CHECKPOINTS_KEPT)
        while await self._submit(_DROP_PARTS):
            pass

    async def _digest_at(self, seq: Seq) -> bytes:
        """Return the digest of an event; of the one before the first, that is of none at all."""
        if seq == 0:
            return GENESIS
        rows = await self._submit(_DIGEST, seq)
        if not rows:
            self._fail(f"event {seq} was taken out of the journal")
            self._raise_failure()
        digest: bytes = rows[0][0]
        return digest

    # ---- for boot and for readers

    async def load(self) -> reading.Loaded:
        """Return the newest good checkpoint and the events after it; raises JournalUnusable."""
        return await reading.loaded(self._db)

    def events_between(self, first: Seq, last: Seq) -> AsyncIterator[Recorded]:
        """Give durable events, both ends included, in small reads between the writer's."""
        assert 1 <= first <= last + 1 <= self._durable.seq + 1, f"events {first} to {last}"
        return reading.events_between(self._db, first, last)

    def followed(self, last: Seq, rows_at_once: int) -> AsyncIterator[Seq]:
        """Hold the durable events up to ``last`` against their chain, in reads of so many rows.

        Gives how far it is; raises JournalUnusable where an event is not what was written.
        """
        assert 0 <= last <= self._durable.seq, f"events up to {last}"
        return reading.followed(self._db, last, rows_at_once)

    async def digest_at(self, seq: Seq) -> str:
        """Return the digest of all up to a durable event, as ``head`` was when it was the last.

        Empty when there is no such event; raises JournalUnusable when it cannot be read.
        """
        if not 0 < seq <= self._durable.seq:
            return ""
        return (await reading.digest_behind(self._db, seq)).hex()

    async def seal_at(self, seq: Seq) -> str:
        """Return the digest of the checkpoint at an event; empty when none is kept."""
        seal = await reading.seal_of(self._db, seq) if 0 < seq <= self._durable.seq else b""
        return seal.hex()

    async def fetched(self, sql: str, *values: object) -> list[Any]:
        """Return what a small question to the file gives; raises JournalUnusable."""
        try:
            return await fetched(self._db, sql, *values)
        except (sqlite3.Error, ValueError) as error:  # ValueError: the connection is closed
            raise JournalUnusable(f"cannot be read: {describe(error)}") from error

    async def put_beside(self, what: str, sql: str, *values: object) -> None:
        """Write what is no event, when no event waits; raises NoteFailed, or JournalFailed.

        All of it is written or nothing, and one that fails stops nobody else.
        """
        job = await self._done(_Job(what, sql, values, _future(), [], is_note=True))
        if job.problem:
            raise NoteFailed(f"{what}: {job.problem}")

    # ---- the writer

    async def run(self) -> None:
        """Write until cancelled, and then what is still queued. To be run once, as a root task.

        After a failure it stays, idle: the daemon halts and remains there for its operator.
        """
        assert not self._has_ended, "a journal runs once"
        assert not self._is_running, "the writer runs already"
        self._is_running = True
        try:
            while True:
                await self._step()
        except asyncio.CancelledError:
            await self._write_out()
            raise
        finally:
            self._is_running = False
            self._has_ended = True
            self._release()

    async def close(self) -> None:
        """Write out what is queued, fold the log and close; raises JournalFailed if that fails."""
        assert not self._is_running, "the writer still runs"
        if self._is_closed:
            return
        self._is_closed = self._has_ended = True
        had_failed = self._failure is not None
        try:
            await self._write_out()
            if self._failure is None:
                with suppress(JournalFailed):
                    await self._fold_log()
        finally:
            self._release()
            await closed(self._db, has_failed=self._failure is not None)
        reason, self._failure = self._failure, self._failure or "the journal is closed"
        if reason is not None and not had_failed:
            raise JournalFailed(reason)

    async def _step(self) -> None:
        """Do the most urgent thing: events, then one job, then the log; else wait for work."""
        try:
            if self._failure is not None:
                await self._sleep()
            elif self._queue:
                if not self._waiters:
                    await self._linger()
                await self._write_batch()
            elif self._jobs:
                await self._work_off(self._jobs[0])
            elif self._log_pages >= _LOG_PAGES_IDLE:
                await self._fold_log()
            else:
                await self._sleep()
            if self._log_pages >= _LOG_PAGES_MAX:
                await self._fold_log()
        except JournalFailed:
            # The failure is kept and everybody who waits was told; the next step goes to sleep.
            assert self._failure is not None

    async def _linger(self) -> None:
        """Let facts gather for a moment; a promise that somebody waits for ends it at once.

        A commit of facts that is under way when a promise comes would cost it a whole sync.
        """
        self._hurry = _future()
        try:
            async with asyncio.timeout(self._limits.linger_s):
                await self._hurry
        except TimeoutError:
            pass
        finally:
            self._hurry = None

    async def _write_batch(self) -> None:
        queue = self._queue
        count = min(len(queue), self._limits.batch_rows_max)
        rows = [queue.popleft() for _ in range(count)]
        self._handed = last = reading.End(Seq(rows[-1][0]), rows[-1][5])
        what = f"events up to {last.seq}"
        await self._execute(_insert_of(count), chain.from_iterable(rows), what)
        self._log_pages += 2 + sum(len(row[4]) for row in rows) // _PAGE_BYTES
        self._mark_durable(last)

    async def _work_off(self, job: _Job) -> None:
        work = self._noted(job) if job.is_note else self._execute(job.sql, job.values, job.what)
        rows = await work
        if self._jobs and self._jobs[0] is job:  # gone when the queue overflowed meanwhile
            self._jobs.popleft()
        size = sum(len(value) for value in job.values if isinstance(value, str))
        self._log_pages += 3 + size // _PAGE_BYTES
        job.rows.extend(rows)
        job.is_done = True
        _resolve(job.done)

    async def _noted(self, job: _Job) -> list[Any]:
        """Write a note; what is wrong with it alone stays with it."""
        with self._failing(job.what):
            try:
                return await self._notes.put(job.sql, job.values)
            except sqlite3.Error as error:
                if is_of_the_file(error):
                    raise
                job.problem = describe(error)
                return []
            finally:
                await self._notes.settle()  # at once, so that no promise waits for it

    async def _fold_log(self) -> None:
        # Counted from zero even when a reader held part of it back: the next try comes with the
        # next pages instead of with every write.
        self._log_pages = 0
        await self._execute("PRAGMA wal_checkpoint(PASSIVE)", (), "the log")

    async def _write_out(self) -> None:
        """Settle what a cancellation left open and write what is queued, unless it failed."""
        try:
            await self._settle()
            while self._queue and self._failure is None:
                await self._write_batch()
        except JournalFailed:
            assert self._failure is not None

    async def _settle(self) -> None:
        """Learn how a batch ended whose report a cancellation cut off.

        It has ended when this statement runs. Missing rows mean that it failed: it is not
        tried again, because its error is not known.
        """
        handed = self._handed
        if handed is None or self._failure is not None:
            return
        ((held,),) = await self._execute("SELECT max(seq) FROM events", (), "the last event")
        if held is None or held < handed.seq:
            self._fail(f"events up to {handed.seq} were not written")
            return
        self._mark_durable(handed)

    async def _execute(self, sql: str, values: Iterable[object], what: str) -> list[sqlite3.Row]:
        with self._failing(what):
            await self._notes.settle()
            return list(await self._db.execute_fetchall(sql, tuple(values)))

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """Have an error of the database end the journal: JournalFailed."""
        try:
            yield
        except sqlite3.Error as error:
            self._fail(f"{what}: {describe(error)}")
            raise JournalFailed(self._failure) from error

    async def _submit(self, sql: str, *values: object) -> list[Any]:
        """Have the writer run a checkpoint's statement in its turn; raises JournalFailed."""
        return (await self._done(_Job("a checkpoint", sql, values, _future(), []))).rows

    async def _done(self, job: _Job) -> _Job:
        self._raise_failure()
        if not self._has_ended:
            self._jobs.append(job)
            self._wake_writer()
            await job.done
        if not job.is_done:
            raise JournalFailed(self._failure or f"the writer ended before {job.what}")
        return job

    # ---- waking and failing

    async def _sleep(self) -> None:
        self._wake = _future()
        await self._wake

    def _wake_writer(self) -> None:
        if self._wake is not None:
            _resolve(self._wake)

    def _mark_durable(self, end: reading.End) -> None:
        first, self._durable = self._durable.seq + 1, end
        self._handed = None
        if self._waiters:
            for reached in range(first, end.seq + 1):
                for waiter in self._waiters.pop(Seq(reached), ()):
                    _resolve(waiter)

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._release()

    def _release(self) -> None:
        """Wake everybody who waits; each looks for itself at what was reached."""
        for waiter in chain.from_iterable(self._waiters.values()):
            _resolve(waiter)
        self._waiters.clear()
        for job in self._jobs:
            _resolve(job.done)
        self._jobs.clear()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise JournalFailed(self._failure)


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _resolve(future: asyncio.Future[None]) -> None:
    # A future that is done already belongs to a caller who was cancelled.
    if not future.done():
        future.set_result(None)


@cache
def _insert_of(count: int) -> str:
    places = ",".join(["(?,?,?,?,?,?)"] * count)
    columns = "seq, at_us, kind, version, payload, digest"
    return f"INSERT INTO events ({columns}) VALUES {places}"  # noqa: S608

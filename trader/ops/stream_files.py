"""The streams as files: one JSON line for each event, in ``exec_reports.jsonl`` and its like.

For whoever follows them with ``tail -F``, a log shipper or a program. Every line is whole and has
an id for good; a line may come twice, after a crash, and none is left out. A file that is full gets
another name, ``exec_reports-000001.jsonl`` and so on, counting up; of these the newest are kept.
They are a copy for reading: the record is the journal.

Written and synced beside the loop, and never two writes at a time: a disk that hangs holds up the
files and nothing else. When the disk is nearly full they stand still, so that what is left is for
the journal.
"""

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path

from trader.core.moments import moment_of
from trader.core.streams import Stream
from trader.ports import SinkFailed, StreamEvent

OUTBOX_FOLDER_NAME = "outbox"
# Of the blocks of the file system; the breaker of the disk halts long before.
_FREE_SHARE_MIN = 0.02
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large a file grows before it gets another name, and how many such are kept."""

    rotate_bytes: int
    kept_files: int


class StreamFiles:
    """Implements ``ports.StreamSink``."""

    def __init__(self, folder: Path, limits: FileLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._writing: asyncio.Future[str] | None = None

    async def take(self, events: tuple[StreamEvent, ...]) -> None:
        """Append the events to their files, synced on return; raises SinkFailed."""
        if self._writing is not None and not self._writing.done():
            raise SinkFailed(f"{self._folder}: the disk has not answered yet")
        # Not a task: what was begun goes on when nobody waits any more.
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write, events)
        problem = await asyncio.shield(self._writing)
        if problem:
            raise SinkFailed(problem)

    def _write(self, events: tuple[StreamEvent, ...]) -> str:
        """Write in a thread of its own; returns what went wrong, because nobody may be waiting."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            room = os.statvfs(self._folder)
            if room.f_bavail < room.f_blocks * _FREE_SHARE_MIN:
                return f"{self._folder}: less than {_FREE_SHARE_MIN:.0%} of the disk is free"
            for stream in Stream:
                lines = b"".join(line_of(event) for event in events if event.stream is stream)
                if lines:
                    self._append(stream, lines)
        except OSError as error:
            return f"{error.filename or self._folder}: {error.strerror or error}"
        return ""

    def _append(self, stream: Stream, lines: bytes) -> None:
        path = self._folder / f"{stream}.jsonl"
        is_new = _begins_anew(path, len(lines), self._limits)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = _whole_size(handle)
            _put(handle, lines, size)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(self._folder)


def line_of(event: StreamEvent) -> bytes:
    """Return the line of an event; what the journal holds goes into it as it is."""
    # Between the parts of a JSON text a line may end, within one never.
    payload = event.payload.replace("\n", " ").replace("\r", " ")
    return (
        f'{{"id":"{event.id}","stream":"{event.stream}","seq":{event.seq},'
        f'"at":"{moment_text(event.at_us)}","kind":"{event.kind}","version":{event.version},'
        f'"event":{payload}}}\n'
    ).encode()


def moment_text(at_us: int) -> str:
    """Return a moment as it stands in a line."""
    at = moment_of(at_us).isoformat(timespec="microseconds")
    return at.replace("+00:00", "Z")


def _begins_anew(path: Path, more_bytes: int, limits: FileLimits) -> bool:
    """Give a full file another name and forget the oldest; tells whether there is none now.

    A rename is one step: killed before or after it, every line is in one file.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return True
    if size == 0 or size + more_bytes <= limits.rotate_bytes:
        return False
    full = full_files(path)
    number = max(full, default=0) + 1
    for old in sorted(full)[: max(len(full) + 1 - limits.kept_files, 0)]:
        full[old].unlink(missing_ok=True)
    if limits.kept_files:
        path.rename(path.with_name(f"{path.stem}-{number:06}{path.suffix}"))
    else:
        path.unlink()
    return True


def full_files(path: Path) -> dict[int, Path]:
    """Return the files that had this name before, by their number."""
    form = re.compile(re.escape(path.stem) + r"-([0-9]{6,})" + re.escape(path.suffix), re.ASCII)
    names = [(found, form.fullmatch(found.name)) for found in path.parent.iterdir()]
    return {int(match[1]): found for found, match in names if match}


def _whole_size(handle: int) -> int:
    """Cut off a line that a crash has left unfinished; returns the size without it.

    Its event has never counted as taken, so it comes again.
    """
    size = end = os.fstat(handle).st_size
    while end:
        start = max(end - _CHUNK_BYTES, 0)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != size:
        os.ftruncate(handle, end)
    return end


def _put(handle: int, lines: bytes, size: int) -> None:
    """Write all of it, or leave the file as it was; raises OSError."""
    rest, is_whole = memoryview(lines), False
    try:
        while rest:
            rest = rest[os.write(handle, rest) :]
        is_whole = True
    finally:
        if not is_whole:
            os.ftruncate(handle, size)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The market's record as files: ``YYYY-MM-DD-NNN.jsonl.gz``, one or more for a day of UTC.

Each write is a gzip member of its own, so all that was written can be read whatever becomes of the
process; a kill leaves at most one member cut off, at the end. A process never goes on in a file of
an earlier one: it begins the next part. ``zcat`` reads them, and so does ``trader replay``, which
says where a tail is cut off.

Compressed and written beside the loop, and never two writes at a time: a disk that hangs holds up
the record and nothing else. When the disk is nearly full it stands still, so that what is left is
for the journal.
"""

import asyncio
import contextlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trader.ports import SinkFailed

MARKET_FOLDER_NAME = "market"
PART_NAMES = r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{3,}\.jsonl\.gz"
_PART_FORM = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})-([0-9]{3,})\.jsonl\.gz", re.ASCII)
_DAY_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# A full part is closed: what is kept by size goes part by part.
PART_BYTES = 64 * 1024 * 1024
# Of the blocks of the file system; the breaker of the disk halts long before.
_FREE_SHARE_MIN = 0.05
_LEVEL = 6
_GZIP = 31
_CHUNK = 256 * 1024


class RecordingFiles:
    """Implements ``ports.RecordingSink``."""

    def __init__(self, folder: Path, part_bytes: int = PART_BYTES) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._day = ""
        self._path: Path | None = None
        self._size = 0
        self.byte_count = 0
        self._writing: asyncio.Future[str] | None = None

    @property
    def place(self) -> str:
        """Name the file; empty before the first."""
        return "" if self._path is None else str(self._path)

    def is_full(self, at_utc: datetime) -> bool:
        """Tell whether what is of this moment should begin a part."""
        return f"{at_utc:%Y-%m-%d}" != self._day or self._size >= self._part_bytes

    async def write(self, at_utc: datetime, lines: bytes, *, is_first: bool) -> None:
        """Add lines as a member; raises SinkFailed, and then the next write has to be a first."""
        if self._writing is not None and not self._writing.done():
            raise SinkFailed(f"{self._folder}: the disk has not answered yet")
        # Not a task: what was begun goes on when nobody waits any more.
        loop = asyncio.get_running_loop()
        day = f"{at_utc:%Y-%m-%d}" if is_first else ""
        self._writing = loop.run_in_executor(None, self._write, day, lines)
        problem = await asyncio.shield(self._writing)
        if problem:
            raise SinkFailed(problem)

    def _write(self, new_day: str, lines: bytes) -> str:
        """Write in a thread of its own; returns what went wrong, because nobody may be waiting."""
        try:
            self._append(new_day, _member(lines))
        except OSError as error:
            return f"{error.filename or self._folder}: {error.strerror or error}"
        return ""

    def _append(self, new_day: str, member: bytes) -> None:
        if new_day:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_full_disk(self._folder)
            self._path, self._day, self._size = _new_part(self._folder, new_day), new_day, 0
        assert self._path is not None, "a record goes on that was not begun"
        _refuse_full_disk(self._folder)
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        is_whole = False
        try:
            rest = memoryview(member)
            while rest:
                rest = rest[os.write(handle, rest) :]
            is_whole = True
        finally:
            if not is_whole:
                # Half a member ends the file for every reader; an empty file says nothing.
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, self._size)
                    if self._size == 0:
                        self._path.unlink()
            os.close(handle)
        self._size += len(member)
        self.byte_count += len(member)


def _member(lines: bytes) -> bytes:
    """Compress; the library lets the loop's thread go on meanwhile."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(lines) + packer.flush()


def _new_part(folder: Path, day: str) -> Path:
    """Make the next part of a day; raises OSError."""
    numbers = [number for number, _ in _parts(folder, day)]
    path = folder / f"{day}-{max(numbers, default=0) + 1:03}.jsonl.gz"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path


def _refuse_full_disk(folder: Path) -> None:
    room = os.statvfs(folder)
    if room.f_bavail < room.f_blocks * _FREE_SHARE_MIN:
        raise OSError(28, f"less than {_FREE_SHARE_MIN:.0%} of the disk is free", str(folder))


# ---- reading


class NoRecording(ValueError):
    """What is to be read is not there; the message says what was looked for and where."""


@dataclass(slots=True)
class Tail:
    """What was found at the end of the files that were read: bytes that are no whole member."""

    cut: dict[str, int]


def parts_of(folder: Path, what: str) -> tuple[Path, ...]:
    """Return the parts of a day of UTC, or the one file that is named; raises NoRecording."""
    if _DAY_FORM.fullmatch(what):
        found = tuple(path for _, path in _parts(folder, what))
        if not found:
            raise NoRecording(f"{what} is not recorded in {folder}{_known_days(folder)}")
        return found
    path = Path(what)
    if not path.is_file():
        raise NoRecording(f"{what} is no day (YYYY-MM-DD) and no file")
    return (path,)


def lines_of(path: Path, tail: Tail) -> Iterator[str]:
    """Give every whole line of a part; what a kill has cut off at its end is told in ``tail``."""
    rest = ""
    for text in _texts(path, tail):
        *lines, rest = (rest + text).split("\n")
        yield from lines
    if rest:
        tail.cut.setdefault(path.name, len(rest))


def _texts(path: Path, tail: Tail) -> Iterator[str]:
    unpacker = zlib.decompressobj(_GZIP)
    # Of the member that is being read: it counts once it is whole.
    member: list[bytes] = []
    taken = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            while chunk:
                try:
                    member.append(unpacker.decompress(chunk))
                except zlib.error as error:
                    raise NoRecording(
                        f"{path}: not readable behind byte {taken}: {error}"
                    ) from None
                if not unpacker.eof:
                    break
                yield b"".join(member).decode()
                member, chunk = [], unpacker.unused_data
                taken = file.tell() - len(chunk)
                unpacker = zlib.decompressobj(_GZIP)
        end = file.tell()
    if end != taken:
        # The lines that a cut member still gives are whole up to the last end of a line.
        text = b"".join(member).decode(errors="ignore")
        yield text[: text.rfind("\n") + 1]
        tail.cut[path.name] = end - taken


def _parts(folder: Path, day: str) -> list[tuple[int, Path]]:
    try:
        names = [(path, _PART_FORM.fullmatch(path.name)) for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = [(int(form[2]), path) for path, form in names if form and form[1] == day]
    return sorted(found)


def _known_days(folder: Path) -> str:
    try:
        names = sorted(
            {path.name[:10] for path in folder.iterdir() if _PART_FORM.fullmatch(path.name)}
        )
    except OSError:
        return ""
    return f"; there are {', '.join(names[-5:])}" if names else "; there is none"

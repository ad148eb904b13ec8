"""The head of the journal's chain, written down outside the journal: evidence of how far it went.

One JSON line in the audit folder at the start, every minute in which something was recorded, and at
the end. What the journal has not got any more, or has otherwise, ``trader verify`` then sees, and
the next start sees it in the newest line (:mod:`trader.proof`). The shutdown record and the status
page tell the same head. Only what the journal has committed and synced is one, so no line is ever
ahead of it.

The newest lines are in ``chain.jsonl``. When that is full, the next write first turns it over
(:mod:`trader.ops.json_lines`):

- The names count up. The number of a first event would be no name: a journal begun anew, or an old
  one that was put back, has that event again, and its file would take the other's place.
- Full files are kept, and never written again. Together they are small beside the events they speak
  for, and which of them somebody will need cannot be told: of a history that was written anew, the
  last that still agrees says from where on. Whoever archives them may move them away; ``trader
  verify`` then knows less.

What grows is bounded where it matters: a start reads the newest file, and an older one only when
there is no anchor in that. ``trader verify`` reads all of them, line by line: a year of minutes is
about 150 MB on disk, 4 s to read, and 220 MB in the memory of that process.
"""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import structlog

from trader.core.halts import HaltCause
from trader.core.ids import Seq
from trader.ops.halt_record import utc_text
from trader.ops.json_lines import BYTES_MAX, append_line, full_files, turn_over
from trader.ops.last_status import LAST_STATUS_FILE_NAME
from trader.ops.state_dir import AUDIT_FOLDER_NAME
from trader.ports import Anchor, ChainHead, Clock

_log = structlog.get_logger(__name__)
ANCHORS_FILE_NAME = "chain.jsonl"
LOOK_S = 60.0

# Where something was read, and its bytes.
_Line = tuple[str, bytes]


class AnchorLog:
    """Appends the head to one file whenever it has moved, and turns it over when it is full."""

    def __init__(
        self,
        state_dir: Path,
        clock: Clock,
        lineage: Callable[[], str | None],
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self._path = state_dir / AUDIT_FOLDER_NAME / ANCHORS_FILE_NAME
        self._clock = clock
        self._lineage = lineage
        self._bytes_max = bytes_max
        self._written: ChainHead | None = None

    def write(self, head: ChainHead) -> None:
        """Add a line; never raises: a disk that is full is told elsewhere."""
        if head == self._written or head.seq == 0:
            return
        line = {
            "at_utc": utc_text(self._clock.utc()),
            "journal": self._lineage() or "",
            "seq": head.seq,
            "digest": head.digest,
            "checkpoint_seq": head.checkpoint_seq,
            "checkpoint_digest": head.checkpoint_digest,
        }
        try:
            turn_over(self._path, self._bytes_max)
        except OSError as error:
            # It goes on growing, because no line may be lost.
            _log.error("the chain's file stays", path=str(self._path), problem=str(error))
        try:
            append_line(self._path, line)
            self._written = head
        except OSError as error:
            _log.error("not in the chain's file", path=str(self._path), problem=str(error))


def anchors_in(state_dir: Path) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """Return every anchor below a state directory, the oldest first, and what was no anchor.

    A daemon may write meanwhile. Raises OSError when there is a file that cannot be read.
    """
    problems: list[str] = []
    folder = state_dir / AUDIT_FOLDER_NAME
    with ExitStack() as stack:
        # Opened before the others are looked for: turned over meanwhile, it is one of them.
        current = _opened(folder / ANCHORS_FILE_NAME, stack)
        newest = _lines(folder / ANCHORS_FILE_NAME, current)
        every = chain(
            _last_status(state_dir), _older(full_files(folder / ANCHORS_FILE_NAME), current), newest
        )
        return tuple(_anchors(every, problems)), tuple(problems)


def newest_anchor(state_dir: Path) -> tuple[Anchor | None, tuple[str, ...]]:
    """Return the anchor written last, or None without any, and what was no anchor on the way.

    The shutdown record counts only where no line does: it may be of an earlier run. Nobody writes
    meanwhile. Raises OSError when a file that is looked at cannot be read.
    """
    problems: list[str] = []
    folder = state_dir / AUDIT_FOLDER_NAME
    full = full_files(folder / ANCHORS_FILE_NAME)
    newest_first = (folder / ANCHORS_FILE_NAME, *(full[number] for number in sorted(full)[::-1]))
    for path in newest_first:
        with ExitStack() as stack:
            last = deque(_anchors(_lines(path, _opened(path, stack)), problems), maxlen=1)
        if last:
            return last[0], tuple(problems)
    last = deque(_anchors(_last_status(state_dir), problems), maxlen=1)
    return last[0] if last else None, tuple(problems)


def _anchors(lines: Iterable[_Line], problems: list[str]) -> Iterator[Anchor]:
    for source, text in lines:
        try:
            yield _anchor(source, json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError):
            # A line that a crash cut off is no lie; it is said and not counted.
            problems.append(f"{source} is not an anchor")


def _opened(path: Path, stack: ExitStack) -> BinaryIO | None:
    try:
        return stack.enter_context(path.open("rb"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _older(full: dict[int, Path], current: BinaryIO | None) -> Iterator[_Line]:
    for number in sorted(full):
        with ExitStack() as stack:
            file = _opened(full[number], stack)
            if file is not None and not _is_same(file, current):
                yield from _lines(full[number], file)


def _is_same(one: BinaryIO, other: BinaryIO | None) -> bool:
    return other is not None and os.path.sameopenfile(one.fileno(), other.fileno())


def _lines(path: Path, file: BinaryIO | None) -> Iterator[_Line]:
    for number, line in enumerate(file or (), start=1):
        if line.strip():
            yield f"{path.parent.name}/{path.name} line {number}", line


def _last_status(state_dir: Path) -> Iterator[_Line]:
    path = state_dir / LAST_STATUS_FILE_NAME
    if not path.exists():
        return
    try:
        status = json.loads(path.read_bytes())
        journal, causes = status["journal"], dict(status.get("causes", ()))
        digest = journal.get("digest")
        # A journal that the start did not believe cannot vouch for itself.
        is_believed = HaltCause.JOURNAL_UNPROVEN not in causes
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield path.name, b""
        return
    # The status of a program that did not chain its journal yet names no digest.
    if digest and is_believed:
        row = {
            "journal": journal.get("lineage"),
            "seq": journal.get("durable_seq"),
            "digest": digest,
        }
        yield path.name, json.dumps(row).encode()


def _anchor(source: str, row: dict[str, object]) -> Anchor:
    digest, checkpoint_digest = row["digest"], row.get("checkpoint_digest", "")
    journal, seq, checkpoint_seq = row["journal"], row["seq"], row.get("checkpoint_seq", 0)
    if not (isinstance(digest, str) and isinstance(checkpoint_digest, str)):
        raise TypeError("a digest is text")
    if not (isinstance(journal, str) and type(seq) is int and type(checkpoint_seq) is int):
        raise TypeError("a journal is text, a place in it a number")
    if seq < 1 or not digest:
        raise ValueError("it is about no event")
    # The same in many lines: kept once.
    journal, checkpoint_digest = sys.intern(journal), sys.intern(checkpoint_digest)
    return Anchor(
        source, journal, ChainHead(Seq(seq), digest, Seq(checkpoint_seq), checkpoint_digest)
    )

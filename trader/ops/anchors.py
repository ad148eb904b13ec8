"""The head of the journal's chain, written down outside the journal: evidence of how far it went.

One JSON line in the audit folder at the start, every minute in which something was recorded, and at
the end. What the journal has not got any more, or has otherwise, ``trader verify`` then sees. The
shutdown record and the status page tell the same head.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from trader.core.ids import Seq
from trader.ops.halt_record import utc_text
from trader.ops.json_lines import append_line
from trader.ops.run_archive import LAST_STATUS_FILE_NAME
from trader.ports import Anchor, ChainHead, Clock

_log = structlog.get_logger(__name__)
AUDIT_FOLDER_NAME = "audit_logs"
ANCHORS_FILE_NAME = "chain.jsonl"
LOOK_S = 60.0


class AnchorLog:
    """Appends the head to one file whenever it has moved."""

    def __init__(self, state_dir: Path, clock: Clock, lineage: Callable[[], str | None]) -> None:
        self._path = state_dir / AUDIT_FOLDER_NAME / ANCHORS_FILE_NAME
        self._clock = clock
        self._lineage = lineage
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
            append_line(self._path, line)
            self._written = head
        except OSError as error:
            _log.error("not in the chain's file", path=str(self._path), problem=str(error))


def anchors_in(state_dir: Path) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """Return every anchor below a state directory, the oldest first, and what was no anchor.

    Raises OSError when there is a file that cannot be read.
    """
    found: list[Anchor] = []
    problems: list[str] = []
    for source, text in (*_last_status(state_dir), *_lines(state_dir)):
        try:
            found.append(_anchor(source, json.loads(text)))
        except (ValueError, KeyError, TypeError, RecursionError):
            # A line that a crash cut off is no lie; it is said and not counted.
            problems.append(f"{source} is not an anchor")
    return tuple(found), tuple(problems)


def _lines(state_dir: Path) -> Iterator[tuple[str, bytes]]:
    path = state_dir / AUDIT_FOLDER_NAME / ANCHORS_FILE_NAME
    if path.exists():
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if line.strip():
                yield f"{path.parent.name}/{path.name} line {number}", line


def _last_status(state_dir: Path) -> Iterator[tuple[str, bytes]]:
    path = state_dir / LAST_STATUS_FILE_NAME
    if path.exists():
        try:
            journal = json.loads(path.read_bytes())["journal"]
            digest = journal.get("digest")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield path.name, b""
            return
        # The status of a program that did not chain its journal yet names no digest.
        if digest:
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
    head = ChainHead(Seq(seq), digest, Seq(checkpoint_seq), checkpoint_digest)
    return Anchor(source, journal, head)

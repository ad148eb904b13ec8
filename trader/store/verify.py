"""Whether a journal is what was written: every event, every checkpoint, its schema, its anchors.

Nothing is changed: a journal at rest is read as the file that it is, one that a daemon has open at
one instant of it. The rules of the chain are in :mod:`trader.store.chain`. SQLite's own check of
the file comes first, because what it cannot read nobody can compare.

Not guarded, because nobody reads it: free pages and the unused ends of pages, the file's counters,
and parts of a checkpoint that no checkpoint counts. A checkpoint that is gone is not missed: it is
the sum of events that are there. What was handed on outside is a note, not evidence: it has no
digest.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from trader.core.ids import Seq
from trader.core.journal_events import JournalArchived
from trader.ports import Anchor
from trader.store.chain import GENESIS, Seal, link, seam
from trader.store.free_pages import free_pages_problem
from trader.store.onlooker import describe
from trader.store.rows import JournalUnusable, RowUnreadable, recorded_of
from trader.store.schema import APPLICATION_ID, CHAINED, LATEST, MIGRATIONS

# More than anybody reads; the rest is counted.
FINDINGS_MAX = 100
# Python cannot read SQLite's words when they quote a damaged name.
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
_INTEGRITY = f"PRAGMA integrity_check({FINDINGS_MAX})"
_EVENTS = (
    "SELECT seq, at_us, version, kind, payload, digest, "
    # The bytes may be the same and the type another: then it is not what was written.
    "typeof(kind) = 'text' AND typeof(payload) = 'text' AND typeof(digest) = 'blob' "
    "FROM events WHERE seq > ? ORDER BY seq"
)
_ARCHIVED = "SELECT seq, at_us, version, payload FROM events WHERE kind = 'JournalArchived'"
_SEAMS = "SELECT seq, at_us, digest, typeof(digest) = 'blob' FROM journal_seams ORDER BY seq"
_CHECKPOINTS = (
    "SELECT seq, at_us, part_count, crc, digest, typeof(digest) = 'blob' FROM checkpoints "
    "ORDER BY seq"
)
_PARTS = (
    "SELECT part, CAST(payload AS BLOB), typeof(payload) = 'text' FROM checkpoint_parts "
    "WHERE seq = ? ORDER BY part"
)
_UNCOUNTED = "SELECT count(*) FROM checkpoint_parts WHERE seq NOT IN (SELECT seq FROM checkpoints)"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written; ``seq`` is the event it is about, where it is one.

    ``kind`` is damage, schema, missing, altered, seam, checkpoint, truncated or rewritten.
    """

    kind: str
    seq: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a journal is; ``findings`` are the first of ``finding_count``, none when it is whole."""

    version: int
    journal: str
    event_count: int
    last_seq: int
    digest: str
    # Up to here the digests were computed at an upgrade, not when the events were written.
    reconstructed_to: int
    checkpoints: tuple[int, ...]
    anchor_count: int
    anchored_to: int
    findings: tuple[Finding, ...]
    finding_count: int
    notes: tuple[str, ...]
    # More than 1 where the events before it are archived.
    first_seq: int = 1
    # The files that the events before the journal's own are in, the newest first.
    archives: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was found."""
        return not self.finding_count


def verified(
    path: Path, anchors: Sequence[Anchor] = (), links: Sequence[JournalArchived] = ()
) -> Verdict:
    """Hold a journal against itself and its anchors; raises JournalUnusable if it cannot be read.

    ``links`` are told elsewhere: of an archive, whose first event a later file may speak of.

    The anchors are in the order in which they were written down, and were read before: what a
    running daemon writes down later is not yet in this look.
    """
    try:
        for is_last in (False, False, True):
            before = _standing(path)
            with _opened(path, is_at_rest=before[0] == 0) as db:
                check = _Check(db, anchors, links)
                version = _version(path, db)
                if before[0] == 0:
                    check.free_pages(path)
                verdict = check.verdict(version)
            # A daemon that began meanwhile may have written where a file at rest was read.
            if before[0] or is_last or _standing(path) == before:
                return verdict
    except _UNREADABLE as error:
        raise JournalUnusable(f"{path}: {describe(error)}") from error
    except OSError as error:
        raise JournalUnusable(f"{path}: {error.strerror}") from error
    raise AssertionError("the last try returns or raises")


def _standing(path: Path) -> tuple[int, int, int]:
    """Return how long the log beside a journal is, and what tells whether the file was written."""
    if not path.is_file():
        raise JournalUnusable(f"{path}: there is no journal")
    log = path.with_name(path.name + "-wal")
    state = path.stat()
    return log.stat().st_size if log.exists() else 0, state.st_size, state.st_mtime_ns


@contextmanager
def looked_into(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal to read it as verifying does: at rest, nothing is made beside it."""
    with _opened(path, is_at_rest=_standing(path)[0] == 0) as db:
        db.text_factory = str
        yield db


@contextmanager
def _opened(path: Path, *, is_at_rest: bool) -> Iterator[sqlite3.Connection]:
    # Only a file that nobody writes is read without making SQLite's own files beside it.
    how = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{how}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        # Text is compared as the bytes it is.
        db.text_factory = bytes
        db.execute("PRAGMA cell_size_check = 1")
        db.execute("BEGIN")
        yield db


def _version(path: Path, db: sqlite3.Connection) -> int:
    ((application_id,),) = db.execute("PRAGMA application_id")
    if application_id != APPLICATION_ID:
        raise JournalUnusable(f"{path}: not a journal of this program")
    version: int
    ((version,),) = db.execute("PRAGMA user_version")
    if not CHAINED <= version <= LATEST:
        reason = "its events have no digests yet" if version < CHAINED else "of a newer program"
        raise JournalUnusable(f"{path}: version {version}: {reason}")
    return version


class _Check:
    """One look at a journal."""

    def __init__(
        self,
        db: sqlite3.Connection,
        anchors: Sequence[Anchor],
        links: Sequence[JournalArchived],
    ) -> None:
        self._db = db
        self._anchors = anchors
        self._links = {link.last: link for link in links}
        self._findings: list[Finding] = []
        self._count = 0
        self._notes: list[str] = []
        self._journal = ""
        # The names that a restore has given up: up to which event each is the name of this
        # history, and 0 where it never was.
        self._former: dict[str, int] = {}
        self._events, self._first = 0, 1
        self._last, self._digest = 0, GENESIS
        self._seams: dict[int, tuple[object, object]] = {}
        # Of those events that somebody outside, or a checkpoint, names: the digest in the row,
        # and what the next one follows, which differs where a seam lies between.
        self._named: dict[int, tuple[bytes, bytes]] = {}
        self._names: set[int] = set()

    def verdict(self, version: int) -> Verdict:
        """Look at everything."""
        seals: dict[int, str] = {}
        self._tried(self._integrity)
        compared: list[Anchor] = []
        if self._tried(lambda: self._schema(version)):
            self._tried(self._read_seams)
            seals = self._contents()
            compared = self._compared()
        else:
            self._notes.append("nothing was compared: the tables are not this program's")
        behind = {seq: digest.hex() for seq, (_, digest) in self._named.items()}
        for finding in _against(compared, self._last, behind, seals):
            self._find(finding.kind, finding.seq, finding.text)
        return Verdict(
            version=version,
            journal=self._journal,
            event_count=self._events,
            last_seq=self._last,
            digest=self._digest.hex(),
            reconstructed_to=max(self._seams, default=0),
            checkpoints=tuple(seals),
            anchor_count=len(compared),
            anchored_to=max((anchor.head.seq for anchor in compared), default=Seq(0)),
            findings=tuple(self._findings),
            finding_count=self._count,
            notes=tuple(self._notes),
            first_seq=self._first,
        )

    def _contents(self) -> dict[int, str]:
        """Go through the events and then the checkpoints; returns these with their digests."""
        rows = self._tried(lambda: self._db.execute(_CHECKPOINTS).fetchall()) or []
        self._names = {row[0] for row in rows} | {one.head.seq for one in self._anchors}
        self._tried(self._walk)
        return self._tried(lambda: dict(self._sealed(row) for row in rows)) or {}

    def _find(self, kind: str, seq: int | None, text: str) -> None:
        self._count += 1
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(Finding(kind, seq, text))

    def _tried(self, step: Any) -> Any:
        """Do a step; what SQLite cannot read is one more finding, and the others go on."""
        try:
            return step()
        except _UNREADABLE as error:
            where = f" behind event {self._last}" if self._last else ""
            self._find("damage", None, f"the file cannot be read{where}: {describe(error)}")
            return None

    def _integrity(self) -> None:
        for (line,) in self._db.execute(_INTEGRITY):
            text = _words(line)
            if text != "ok":
                self._find("damage", None, f"SQLite's own check: {text}")

    def free_pages(self, path: Path) -> None:
        """Look at the list of free pages; of a file that somebody writes it cannot be read."""
        problem = self._tried(lambda: free_pages_problem(path, self._db))
        if problem:
            self._find("damage", None, f"the list of free pages: {problem}")

    def _schema(self, version: int) -> bool:
        """Compare the schema; tells whether the tables are ours, so that the rest can be read."""
        found = {(kind, name): rest for kind, name, *rest in self._db.execute(_SCHEMA)}
        made = _schema_of(version)
        for key in sorted(found.keys() | made.keys(), key=repr):
            if found.get(key) != made.get(key):
                said = " ".join(_words(part) for part in key)
                how = "is missing" if key not in found else "is not this program's"
                self._find("schema", None, f"the sealed digest fails: the {said} {how}")
        tables = [key for key in made if key[0] == b"table"]
        return all(found.get(key) == made[key] for key in tables)

    def _read_seams(self) -> None:
        for seq, at_us, digest, is_typed in self._db.execute(_SEAMS):
            self._seams[seq] = (at_us, digest if is_typed else None)

    # ---- events

    def _walk(self) -> None:
        """Go from event to event; each is compared with what was stored for the one before it."""
        previous: bytes | None = GENESIS
        # What the row before should have had as its digest, if its own is another.
        better: bytes | None = None
        for seq, *numbers, kind, payload, digest, is_typed in self._rows():
            if seq != self._last + 1:
                previous, better = self._gap(seq, digest), None
            # Of a column that has another type nothing follows, which no digest agrees with.
            content = (kind, payload) if is_typed else (b"", b"")
            after = partial(link, numbers=(seq, *numbers), kind=content[0], payload=content[1])
            # Behind a gap nobody knows what it should follow.
            made = digest if previous is None and is_typed else after(previous or b"")
            is_explained = better is not None and after(better) == digest
            if made != digest and not is_explained:
                self._altered(seq)
            better = made if made != digest and not is_explained else None
            self._events += 1
            self._last = seq
            own = digest if isinstance(digest, bytes) else b""
            previous = own
            self._name(seq, kind, payload)
            if seq in self._seams:
                previous, better = self._seam(seq, own), None
            if seq in self._names:
                self._named[seq] = (own, previous)
            self._digest = previous
        for seq in self._seams:
            if seq > self._last:
                self._find("truncated", seq, f"a seam is behind event {seq}, which is not there")

    def _name(self, seq: int, kind: bytes, payload: bytes) -> None:
        """Take in how this journal is called from an event on."""
        if kind == b"JournalOpened" and not self._journal:
            self._journal = str(_field(payload, "lineage") or "")
        elif kind == b"JournalRestored":
            former = _field(payload, "former")
            names = map(str, former) if isinstance(former, list) else ()
            self._former = dict.fromkeys(names, 0) | self._former | {self._journal: seq - 1}
            self._journal = str(_field(payload, "lineage") or "")
            self._notes.append(f"restored from a copy that ended with event {seq - 1}")

    def _rows(self) -> Iterable[tuple[Any, ...]]:
        for (low,) in self._db.execute("SELECT min(seq) FROM events"):
            if low is not None and low < 1:
                self._find("altered", low, f"event {low} is not ours: numbers begin with 1")
        return self._db.execute(_EVENTS, (0,))

    def _gap(self, seq: int, digest: bytes) -> bytes | None:
        """Say what is missing before an event; returns what it follows if that is archived."""
        first, last = self._last + 1, seq - 1
        link = self._link(seq) if first == 1 else None
        if link is not None and link.digest == digest.hex():
            self._journal, self._first = link.lineage, seq
            # Up to where each was the name of this history is known to the archives alone.
            self._former = dict.fromkeys(link.former, 0)
            return bytes.fromhex(link.before)
        what = f"event {first} is" if first == last else f"events {first} to {last} are"
        self._find("missing", first, f"{what} missing")
        return None

    def _link(self, seq: int) -> JournalArchived | None:
        """Return what was said when the events before this one were archived."""
        for row in self._db.execute(_ARCHIVED):
            try:
                event = recorded_of((row[0], row[1], "JournalArchived", *row[2:])).event
            except RowUnreadable:
                continue  # the chain says that it was altered
            if isinstance(event, JournalArchived):
                self._links[event.last] = event
        return self._links.get(Seq(seq))

    def _altered(self, seq: int) -> None:
        text = (
            f"event {seq} is not the one that was written there: its digest does not follow from "
            f"event {seq - 1} (altered, moved, or put in)"
        )
        self._find("altered", seq, text)

    def _seam(self, seq: int, digest: bytes) -> bytes:
        at_us, found = self._seams[seq]
        if found != seam(digest, seq, at_us):
            text = f"the seam behind event {seq}, of an upgrade, is not the one made there"
            self._find("seam", seq, text)
        return found if isinstance(found, bytes) else b""

    # ---- checkpoints

    def _sealed(self, row: tuple[Any, ...]) -> tuple[int, str]:
        """Compare a checkpoint with its digest; returns its event and that digest."""
        *numbers, digest, is_typed = row
        seq, _, part_count, _ = numbers
        seal, count = Seal(), 0
        for part, payload, is_text in self._db.execute(_PARTS, (seq,)):
            is_typed = is_typed and is_text and part == count
            seal.add(payload or b"")
            count += 1
        event, _ = self._named.get(seq, (GENESIS, GENESIS))
        if seq > self._last:
            text = f"the checkpoint of event {seq} is ahead of the last event, {self._last}"
            self._find("truncated", seq, text)
        elif not is_typed or count != part_count or digest != seal.digest(tuple(numbers), event):
            self._find("checkpoint", seq, f"checkpoint of event {seq}: the sealed digest fails")
        return seq, digest.hex() if isinstance(digest, bytes) else ""

    # ---- anchors

    def _compared(self) -> list[Anchor]:
        """Return the anchors of this journal; that there are others, or none, is said."""
        here = self._journal
        named = [anchor for anchor in self._anchors if anchor.journal]
        known = {here, *self._former}
        if here and named and named[-1].journal not in known:
            newest = named[-1]
            text = (
                f"the newest anchor, {newest.source}, is of the journal {newest.journal}, and this "
                f"one is {here}: it was put in that one's place"
            )
            self._find("rewritten", None, text)
        others = sorted({anchor.journal for anchor in named} - known) if here else []
        if others:
            self._notes.append(f"anchors of other journals: {', '.join(others)}")
        ours = [one for one in self._anchors if self._is_ours(one) or not here]
        given_up = sum(1 for one in named if one.journal in self._former) - sum(
            1 for one in ours if one.journal in self._former
        )
        if given_up and here:
            self._notes.append(f"{given_up} anchors are of what the restore has given up")
        if not ours:
            self._notes.append(
                "no anchor: a tail that was cut off, or a history written anew, does not show"
            )
        return ours

    def _is_ours(self, anchor: Anchor) -> bool:
        """Tell whether an anchor is about an event of this history."""
        if anchor.journal in ("", self._journal):
            return True
        return anchor.head.seq <= self._former.get(anchor.journal, 0)


def _words(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else repr(value)
    return " ".join(text.split())


def _field(payload: bytes, name: str) -> object:
    try:
        found: object = json.loads(payload)[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found


@cache
def _schema_of(version: int) -> dict[tuple[bytes, bytes], list[bytes | None]]:
    """Return the schema that the migrations make, to be compared byte by byte."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.text_factory = bytes
        for number, statements in MIGRATIONS:
            for statement in statements if number <= version else ():
                db.execute(statement)
        return {(kind, name): rest for kind, name, *rest in db.execute(_SCHEMA)}


# ---- anchors


def _against(
    anchors: Sequence[Anchor], last: int, behind: dict[int, str], seals: dict[int, str]
) -> Iterator[Finding]:
    """Compare what was written down outside: first the furthest, then the first that differs."""
    beyond = max(anchors, key=lambda anchor: anchor.head.seq, default=None)
    if beyond is not None and beyond.head.seq > last:
        yield Finding(
            "truncated",
            last + 1,
            f"the journal ends with event {last}, and {beyond.source} knows event "
            f"{beyond.head.seq}: {beyond.head.seq - last} events are gone from its end",
        )
    agreed = 0
    for anchor in sorted(anchors, key=lambda anchor: anchor.head.seq):
        head = anchor.head
        found = behind.get(head.seq)
        if found is None:
            continue  # beyond the end, or missing: said already
        # The page shows the beginning of a digest, and people note what they see.
        if not found.startswith(head.digest):
            yield Finding(
                "rewritten",
                head.seq,
                f"event {head.seq} is not what {anchor.source} knows: what is up to there was "
                f"written anew, behind event {agreed}",
            )
            break
        agreed = head.seq
    for anchor in anchors:
        head = anchor.head
        sealed = seals.get(head.checkpoint_seq, "")
        if head.checkpoint_digest and sealed not in ("", head.checkpoint_digest):
            yield Finding(
                "checkpoint",
                head.checkpoint_seq,
                f"the checkpoint of event {head.checkpoint_seq} is not what {anchor.source} knows",
            )
            break

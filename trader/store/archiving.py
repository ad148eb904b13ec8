"""Making an archive of a journal's older events, and the journal that goes on without them.

Nothing is ever deleted from a journal: its triggers forbid it, and stay as they are. The journal is
cut into two new files, and the shorter one takes its place in one step:

1. the archive: the events up to the cut, compressed, read back from the disk and verified;
2. the journal: the event at the cut, which is the link, and all behind it, the checkpoints, the
   book at the cut as one more checkpoint, which stays, the cursors of those who follow the
   streams, and ``JournalArchived``, in the chain.

Killed before that one step, the old journal is in its place with every event, and a file that no
event names lies in the archive's folder; the next try writes it anew. Killed after it, the archive
was verified and the journal names it. At no instant is an event in neither, and in both is the link
alone. To delete rows in place would need a journal that allows it, leave a file full of free pages,
and be half done at some instant; whoever had it open for reading would see it change. Here he goes
on reading the file that he has opened.
"""

import gzip
import hashlib
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zlib import crc32

from trader.core.book import Book
from trader.core.checkpoint import BookState, state_of
from trader.core.ids import Seq
from trader.core.journal_events import JournalArchived
from trader.core.moments import microseconds_of
from trader.store.archives import PIECE_BYTES, archived_in, first_seq, unpacked
from trader.store.chain import GENESIS, Seal, seam
from trader.store.cursors import carry_over, must_be_handed_on
from trader.store.onlooker import describe, read_only
from trader.store.replay import book_near, events_from
from trader.store.rows import JournalUnusable, state_parts
from trader.store.schema import upgrade_from
from trader.store.upgrade import discard, synced
from trader.store.verify import verified

_LEVEL = 6
# The first event that must stay; before it everything may go.
_FIRST_KEPT = "SELECT min(seq) FROM events WHERE at_us >= ?"
_LAST = "SELECT max(seq) FROM events"
_DIGEST = "SELECT digest, at_us FROM events WHERE seq = ?"
_SEAM = "SELECT at_us FROM journal_seams WHERE seq = ?"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a journal is cut: its first event, the link, its last, and digests at the link."""

    first: Seq
    link: Seq
    last: Seq
    at_us: int
    digest: bytes
    # What the link follows.
    before: bytes

    @property
    def file_name(self) -> str:
        """Return the name of the archive; another history has another digest."""
        return f"journal-{self.first:012}-{self.link:012}-{self.digest.hex()[:16]}.db.gz"


def looked_at(
    journal: Path, keep_from: datetime, forgotten: Sequence[str] = ()
) -> tuple[Cut | None, tuple[JournalArchived, ...]]:
    """Return where to cut, or None, and what is archived already; raises JournalUnusable.

    ``forgotten`` are the consumers that are left behind.
    """
    with _reading(journal) as db:
        cut = _cut_of(db, microseconds_of(keep_from))
        if cut is not None:
            must_be_handed_on(db, cut.link, forgotten)
        return cut, archived_in(db)


@contextmanager
def _reading(journal: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(read_only(journal)) as db:
            yield db
    except sqlite3.Error as error:
        raise JournalUnusable(f"{journal}: {describe(error)}") from error


def _cut_of(db: sqlite3.Connection, keep_from_us: int) -> Cut | None:
    """Return where to cut so that every event since ``keep_from_us`` stays; None for nowhere.

    A clock that was set back leaves younger events among older ones: those stay, too.
    """
    first = first_seq(db)
    ((kept,),) = db.execute(_FIRST_KEPT, (keep_from_us,))
    ((last,),) = db.execute(_LAST)
    # The last event stays in any case: a journal is never without one.
    link = min(kept or last or 0, last or 0) - 1
    if link <= first:
        return None
    ((digest, at_us),) = db.execute(_DIGEST, (link,))
    return Cut(Seq(first), Seq(link), Seq(last), at_us, digest, _behind(db, link - 1))


def _behind(db: sqlite3.Connection, seq: int) -> bytes:
    if seq == 0:
        return GENESIS
    ((digest, _),) = db.execute(_DIGEST, (seq,))
    for (at_us,) in db.execute(_SEAM, (seq,)):
        return seam(digest, seq, at_us)
    return bytes(digest)


def folded(journal: Path, cut: Cut) -> tuple[BookState, BookState]:
    """Fold all events; return the books at the link and at the end. Raises JournalUnusable."""
    with _reading(journal) as db:
        book = book_near(db, cut.first) if cut.first > 1 else Book()
        for recorded in events_from(db, Seq(book.seq + 1), cut.link):
            book.apply(recorded)
        at_link = state_of(book)
        for recorded in events_from(db, Seq(cut.link + 1), cut.last):
            book.apply(recorded)
        return at_link, state_of(book)


def must_fit(journal: Path) -> None:
    """Refuse when the disk has no room for both files; raises JournalUnusable."""
    size, free = journal.stat().st_size, shutil.disk_usage(journal.parent).free
    if free < 2 * size:
        raise JournalUnusable(
            f"{journal}: it has {size} bytes, to archive takes twice as much for a while, and "
            f"{free} are free"
        )


def make_archive(journal: Path, cut: Cut, folder: Path) -> str:
    """Write the archive, durable on return; returns its SHA-256.

    Raises JournalUnusable and OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / "making.db"
    packed = folder / "making.db.gz"
    for path in (draft, packed):
        discard(path)
    try:
        _begin(draft, journal, f"seq <= {cut.link}")
        found = _packed(draft, packed)
        synced(packed)
        packed.replace(folder / cut.file_name)
        synced(folder)
        synced(folder.parent)
    finally:
        discard(draft)
        discard(packed)
    return found


def must_hold(folder: Path, record: JournalArchived, links: Sequence[JournalArchived]) -> None:
    """Read an archive back from the disk; raises JournalUnusable unless it holds what it should."""
    read_back = folder / "reading.db"
    discard(read_back)
    try:
        unpacked(folder, record, read_back)
        verdict = verified(read_back, links=links)
        if not verdict.is_whole:
            raise JournalUnusable(f"{record.file}: {verdict.findings[0].text}")
        found = (verdict.last_seq, verdict.digest, verdict.event_count)
        if found != (record.last, record.digest, record.last - record.first + 1):
            raise JournalUnusable(f"{record.file}: it ends with {found[0]}:{found[1]}")
    finally:
        discard(read_back)


def _packed(draft: Path, target: Path) -> str:
    """Compress a file; the same content gives the same bytes. Returns their SHA-256."""
    with (
        draft.open("rb") as source,
        target.open("xb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file,
    ):
        target.chmod(0o600)
        while piece := source.read(PIECE_BYTES):
            file.write(piece)
    with target.open("rb") as made:
        return hashlib.file_digest(made, "sha256").hexdigest()


def make_rest(
    journal: Path, cut: Cut, at_link: BookState, draft: Path, forgotten: Sequence[str] = ()
) -> None:
    """Write the journal that goes on from the link, without the word of it yet; not synced.

    Raises JournalUnusable and OSError.
    """
    assert at_link.lineage is not None, "the first event names it"
    discard(draft)
    _begin(draft, journal, f"seq >= {cut.link}")
    with _writing(draft) as db:
        db.execute("ATTACH ? AS old", (f"{journal.absolute().as_uri()}?mode=ro",))
        db.execute("BEGIN")
        for table in ("checkpoints", "checkpoint_parts"):
            db.execute(f"INSERT INTO {table} SELECT * FROM old.{table} WHERE seq > {cut.link}")
        put_checkpoint(db, at_link, (cut.link, cut.at_us), cut.digest)
        carry_over(db, cut.link, at_link.lineage, forgotten)
        db.execute("COMMIT")


def put_checkpoint(
    db: sqlite3.Connection, state: BookState, place: tuple[int, int], digest: bytes
) -> None:
    """Write a checkpoint in a transaction that is open; ``place`` is its seq and its time."""
    crc = part = 0
    seal = Seal()
    for text in state_parts(state):
        content = text.encode()
        crc = crc32(content, crc)
        seal.add(content)
        db.execute("INSERT INTO checkpoint_parts VALUES (?,?,?)", (place[0], part, text))
        part += 1
    numbers = (*place, part, crc)
    row = (*numbers, seal.digest(numbers, digest))
    db.execute("INSERT INTO checkpoints VALUES (?,?,?,?,?)", row)


def _begin(draft: Path, journal: Path, which: str) -> None:
    """Make a new journal file with some of another one's events, in their order."""
    with _writing(draft) as db:
        draft.chmod(0o600)
        # It is synced once, at the end.
        db.execute("PRAGMA synchronous = OFF")
        _run(db, upgrade_from(0))
        db.execute("ATTACH ? AS old", (f"{journal.absolute().as_uri()}?mode=ro",))
        db.execute("BEGIN")
        for table in ("events", "journal_seams"):
            rows = f"SELECT * FROM old.{table} WHERE {which} ORDER BY seq"
            db.execute(f"INSERT INTO {table} {rows}")
        db.execute("COMMIT")


@contextmanager
def _writing(draft: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(draft, isolation_level=None, uri=True)) as db:
            yield db
    except sqlite3.Error as error:
        raise JournalUnusable(f"{draft}: {describe(error)}") from error


def _run(db: sqlite3.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        db.execute(statement)

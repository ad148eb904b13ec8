"""Reading a journal whose older events are in archives: all of them together, as one history.

An archive is a journal file of its own, compressed: the events of a stretch, and no checkpoint. Its
last event is the first one of what follows, archive or journal, and ``JournalArchived`` says in the
chain itself which file that is and what its bytes amount to. So the way back is followed link by
link, and a file that is missing, altered or in another one's place cannot pass for the right one.
"""

import gzip
import hashlib
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from trader.core.ids import Seq
from trader.core.journal_events import JournalArchived
from trader.store.onlooker import EVENT_ROWS, describe, one_moment, read_only
from trader.store.rows import JournalUnusable, recorded_of

ARCHIVE_FOLDER = "archive"
PIECE_BYTES = 1024 * 1024
# SQLite takes ten files beside the first; what is older is copied together into one.
_ATTACHED_MAX = 8
_FIRST = "SELECT min(seq) FROM events"
_ARCHIVED = f"{EVENT_ROWS}WHERE kind = 'JournalArchived' ORDER BY seq"
_COLUMNS = "seq, at_us, kind, version, payload, digest"
_VIEWS = "SELECT sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY rowid"


class ArchiveUnusable(JournalUnusable):
    """An archive is not there, or is not the file that was archived; ``kind`` is of a finding."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def archive_folder(journal: Path) -> Path:
    """Return where the archives of a journal are: beside its file, wherever links lead to it."""
    return journal.resolve().parent / ARCHIVE_FOLDER


def first_seq(db: sqlite3.Connection) -> int:
    """Return the number of the first event that is here; 1 also when there is none yet."""
    ((first,),) = db.execute(_FIRST)
    return int(first or 1)


def archived_in(db: sqlite3.Connection) -> tuple[JournalArchived, ...]:
    """Return what this file tells of archives, the oldest first; raises RowUnreadable."""
    events = (recorded_of(row).event for row in db.execute(_ARCHIVED))
    return tuple(event for event in events if isinstance(event, JournalArchived))


def unpacked(
    folder: Path, record: JournalArchived, target: Path, others: Sequence[JournalArchived] = ()
) -> None:
    """Write the journal file that an archive holds to ``target``; raises ArchiveUnusable.

    ``others`` may be the archives whose file is found in its place.
    """
    source = folder / record.file
    what = f"the archive {record.file}, events {record.first} to {record.last},"
    try:
        with source.open("rb") as packed:
            found = hashlib.file_digest(packed, "sha256").hexdigest()
            if found != record.sha256:
                whose = [f", that of {other.file}" for other in others if other.sha256 == found]
                text = f"{what} is not the file that was archived: its SHA-256 is {found}"
                text += "".join(whose)
                raise ArchiveUnusable("altered", text)
            packed.seek(0)
            with gzip.open(packed) as content, target.open("xb") as file:
                while piece := content.read(PIECE_BYTES):
                    file.write(piece)
    except FileNotFoundError:
        raise ArchiveUnusable("missing", f"{what} is missing in {folder}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveUnusable("damage", f"{what} cannot be read: {error}") from error


class Way:
    """The way back from a journal through its archives, the newest first."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.first = first_seq(db)
        self._known = {record.last: record for record in archived_in(db)} if self.first > 1 else {}

    @property
    def known(self) -> tuple[JournalArchived, ...]:
        """Return every archive that was heard of so far."""
        return tuple(self._known.values())

    def back(self) -> JournalArchived | None:
        """Return the archive that ends where we are, or None at the beginning of everything."""
        if self.first <= 1:
            return None
        record = self._known.get(Seq(self.first))
        if record is None:
            text = f"events 1 to {self.first - 1} are missing: no event says where they are"
            raise ArchiveUnusable("missing", text)
        return record

    def taken(self, record: JournalArchived, db: sqlite3.Connection) -> None:
        """Go on from the beginning of an archive that was opened; raises ArchiveUnusable."""
        ((first, last),) = db.execute("SELECT min(seq), max(seq) FROM events")
        ((digest,),) = db.execute("SELECT digest FROM events WHERE seq = ?", (last,))
        if (first, last, digest.hex()) != (record.first, record.last, record.digest):
            text = f"the archive {record.file} holds events {first} to {last}, and others than ours"
            raise ArchiveUnusable("altered", text)
        self.first = first
        self._known |= {older.last: older for older in archived_in(db)}


@contextmanager
def history(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal for reading together with its archives; raises JournalUnusable.

    The names of tables and views mean all of it: ``events`` begins with 1.
    """
    with ExitStack() as stack:
        db = stack.enter_context(one_moment(path))
        if first_seq(db) > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="trader-archive-"))
            db = stack.enter_context(_joined(path, Path(folder)))
        yield db


@contextmanager
def _joined(path: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(read_only(path)) as db:
            first, files = _unpacked_all(path, db, folder)
            newest, older = files[:_ATTACHED_MAX], files[_ATTACHED_MAX:]
            if older:
                newest.append(_merged(older, folder / "older.db"))
            parts = [f"SELECT {_COLUMNS} FROM main.events"]
            for number, file in enumerate(newest):
                db.execute(f"ATTACH ? AS part_{number}", (f"{file.as_uri()}?mode=ro",))
                # The link is in both: it is taken from the newer one.
                parts.append(f"SELECT {_COLUMNS} FROM part_{number}.events WHERE seq < {first}")
                first = _least(db, number)
            db.execute(f"CREATE TEMP VIEW events AS {' UNION ALL '.join(parts)}")
            # A view of the file knows the file's events only: each is made once more.
            for (sql,) in db.execute(_VIEWS).fetchall():
                db.execute(sql.replace("CREATE VIEW", "CREATE TEMP VIEW", 1))
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise JournalUnusable(f"{path}: {describe(error)}") from error


def _least(db: sqlite3.Connection, number: int) -> int:
    ((first,),) = db.execute(f"SELECT min(seq) FROM part_{number}.events")
    return int(first)


def _unpacked_all(path: Path, db: sqlite3.Connection, folder: Path) -> tuple[int, list[Path]]:
    """Unpack every archive, the newest first; returns the journal's first event and the files."""
    way, files = Way(db), list[Path]()
    first = way.first
    while (record := way.back()) is not None:
        file = folder / f"{record.last}.db"
        unpacked(archive_folder(path), record, file)
        with closing(read_only(file)) as part:
            way.taken(record, part)
        files.append(file)
    return first, files


def _merged(files: list[Path], target: Path) -> Path:
    with closing(sqlite3.connect(target, isolation_level=None, uri=True)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute(
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, at_us INTEGER, kind TEXT, "
            "version INTEGER, payload TEXT, digest BLOB)"
        )
        for file in files:
            db.execute("ATTACH ? AS part", (f"{file.as_uri()}?mode=ro",))
            db.execute(f"INSERT OR IGNORE INTO events SELECT {_COLUMNS} FROM part.events")
            db.execute("DETACH part")
    return target

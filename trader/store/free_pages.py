"""The list of the free pages of a journal's file, which SQLite's own check may leave out.

With a view in the schema ``integrity_check`` can take itself for the check of one table, and says
nothing of this list (seen with 3.40). Nobody reads a free page, but the next writer writes on it:
a list that names a page in use would have it written over.
"""

import sqlite3
import struct
from pathlib import Path

_HEADER_BYTES = 100
_BIGGEST_PAGE = 65536
_USED = "SELECT DISTINCT pageno FROM dbstat"


def free_pages_problem(path: Path, db: sqlite3.Connection) -> str | None:
    """Say what is wrong with the list, or None; the file is at rest, and so is no lock on it."""
    try:
        listed = _listed(path)
    except ValueError as error:
        return str(error)
    try:
        used = {page for (page,) in db.execute(_USED)}
    except sqlite3.OperationalError:
        return None  # this SQLite does not tell which pages are in use
    both = sorted(used & listed)
    return f"it names page {both[0]}, which is in use" if both else None


def _listed(path: Path) -> set[int]:
    """Return the pages of the list; raises ValueError when it is none."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        (page_bytes,) = struct.unpack(">H", head[16:18])
        page_bytes = _BIGGEST_PAGE if page_bytes == 1 else page_bytes
        trunk, wanted = struct.unpack(">II", head[32:40])
        page_count = path.stat().st_size // page_bytes
        listed: set[int] = set()
        while trunk:
            _take(trunk, page_count, listed)
            file.seek((trunk - 1) * page_bytes)
            page = file.read(page_bytes)
            following, count = struct.unpack(">II", page[:8])
            if count > page_bytes // 4 - 2:
                raise ValueError(f"its page {trunk} is none")
            for leaf in struct.unpack(f">{count}I", page[8 : 8 + 4 * count]):
                _take(leaf, page_count, listed)
            trunk = following
    if len(listed) != wanted:
        raise ValueError(f"it has {len(listed)} pages and should have {wanted}")
    return listed


def _take(page: int, page_count: int, listed: set[int]) -> None:
    if not 2 <= page <= page_count or page in listed:
        raise ValueError(f"it names page {page}")
    listed.add(page)

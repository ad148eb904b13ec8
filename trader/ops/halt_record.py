"""The halt file's content: what it must say, and how it is replaced without a torn moment.

Only a complete, well-formed record that says ``"active": false`` releases; everything else is a
halt (BRK-15, OPS-02). The names of the fields are those that operators know from the seed
procedures. Standard library only, and quick to import: the kill switch starts here.
"""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

HALT_FILE_NAME = "HALT"
HALT_FILE_BYTES_MAX = 64 * 1024
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEXT_FIELDS = ("reason", "activatedBy", "activatedAt")


def write_halt(path: Path, reason: str, by: str, at: datetime) -> None:
    """Replace the halt file by one that halts, durable on return; raises OSError.

    On a full disk the file that stands there is emptied instead, which takes no space: the
    reason is lost, but an empty file halts, over restarts too.
    """
    try:
        record = _record(is_active=True, reason=reason, by=by, at=at)
        replace_file(path, record, newer_than=_mtime_ns(path))
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        _empty(path)


def write_resume(
    path: Path,
    reason: str,
    by: str,
    at: datetime,
    *,
    objection: Callable[[], str] = str,
) -> None:
    """Replace the halt file by one that releases, durable on return; raises OSError.

    ``objection`` is asked when all is on disk but the new name, which takes an instant, while the
    disk may take long: a halt that came meanwhile must not be replaced.
    """
    record = _record(is_active=False, reason=reason, by=by, at=at)
    replace_file(path, record, newer_than=_mtime_ns(path), objection=objection)


def verdict(content: bytes) -> tuple[bool, str]:
    """Return whether this content halts, and the reason in words."""
    if len(content) > HALT_FILE_BYTES_MAX:
        return True, f"the halt file is larger than {HALT_FILE_BYTES_MAX} bytes"
    if not content.strip():
        return True, "the halt file is empty"
    try:
        record = json.loads(content.decode("utf-8"), object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        return True, f"the halt file is not a JSON record ({_short(str(error))})"
    if not isinstance(record, dict):
        return True, "the halt file is not a JSON object"
    return _verdict_of_record(record)


def read_bounded(path: Path) -> bytes:
    """Read a regular file up to just past the limit; raises OSError.

    Opened without blocking, so that a pipe in the file's place cannot hang the event loop.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} is not a regular file")
        chunks = []
        left = HALT_FILE_BYTES_MAX + 1
        while left > 0 and (chunk := os.read(fd, left)):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(fd)


def readable(text: str) -> str:
    """Return a text that can be written down: one typed in another encoding holds no characters."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def utc_text(at: datetime) -> str:
    """Write an instant as ISO 8601 with a Z."""
    assert at.utcoffset() is not None, f"{at} has no zone"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _verdict_of_record(record: dict[str, object]) -> tuple[bool, str]:
    active = record.get("active")
    if not isinstance(active, bool):
        return True, f'"active" in the halt file is not true or false but {_short(repr(active))}'
    if not active:
        for field in _TEXT_FIELDS:
            if not isinstance(record.get(field), str):
                return True, f'the halt file says "active": false, but "{field}" is not a text'
    reason, by, at = (_short(str(record.get(field, "?"))) for field in _TEXT_FIELDS)
    if active:
        return True, f"halted by {by} at {at}: {reason}"
    return False, f"released by {by} at {at}: {reason}"


def without_repeats(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Make an object of JSON in which no key stands twice; raises ValueError.

    Two "active" keys would let the second one release what the first one halted.
    """
    record: dict[str, object] = {}
    for key, value in pairs:
        if key in record:
            raise ValueError(f"the key {key!r} stands twice")
        record[key] = value
    return record


def _record(*, is_active: bool, reason: str, by: str, at: datetime) -> bytes:
    record = {
        "active": is_active,
        "reason": reason[:2000],
        "activatedAt": utc_text(at),
        "activatedBy": by[:200],
    }
    return (json.dumps(record, ensure_ascii=True) + "\n").encode("ascii")


def _empty(path: Path) -> None:
    """Take away what a file says; raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, 0)
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(
    path: Path,
    content: bytes,
    newer_than: int | None = None,
    *,
    objection: Callable[[], str] = str,
) -> None:
    """Write a private file beside ``path``, make it durable and rename it over; raises OSError.

    With ``newer_than`` the new file's time of change is later than that, whatever the
    granularity of the file system's clock: a reader that compares times always sees a change.
    """
    folder = path.parent
    draft = folder / f".{path.name}.{os.getpid()}.tmp"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(fd, 0o600)
            give_to_owner(fd, folder)
            _write_all(fd, content)
            written = os.fstat(fd)
            if newer_than is not None and written.st_mtime_ns <= newer_than:
                os.utime(fd, ns=(written.st_atime_ns, newer_than + 1))
            os.fsync(fd)
        finally:
            os.close(fd)
        if problem := objection():
            raise OSError(errno.EBUSY, problem)
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)


def give_to_owner(fd: int, folder: Path) -> None:
    """Give a file that root writes to the directory's owner: the daemon has to read it."""
    if os.geteuid() != 0:
        return
    # A file system that refuses must not prevent the halt: an unreadable halt file halts too.
    with contextlib.suppress(OSError):
        owner = folder.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _mtime_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _short(text: str) -> str:
    text = readable(text)
    return text if len(text) <= 160 else text[:157] + "..."

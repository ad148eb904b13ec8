"""The write-ahead log of the last process, written anew as it is, so that it is on the disk.

A sync that fails may leave pages that the kernel calls clean: it reads them as they were written,
and no later sync puts them on the disk. The checkpoint of a start reads such a log, puts its pages
into the journal, and asks for the log's sync in vain before it; a power cut in the middle of that
leaves a journal of torn pages, and a log without those that would mend it.
"""

import os
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def renew(log: Path) -> None:
    """Write a file's own bytes again and sync them; nothing where there is none. Raises OSError.

    Nobody else may write it meanwhile: the caller has the journal's lock.
    """
    try:
        fd = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        offset = 0
        while chunk := os.pread(fd, _CHUNK_BYTES, offset):
            offset += os.pwrite(fd, chunk, offset)
        os.fsync(fd)
    finally:
        os.close(fd)

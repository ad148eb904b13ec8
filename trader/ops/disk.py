"""How much room the disk has, asked beside the loop: a disk that hangs must not hang the daemon."""

import asyncio
import os
from decimal import Decimal
from pathlib import Path

from trader.ports import WorldError


class DiskUnreadable(WorldError):
    """The file system does not say how full it is; the message names the path."""


async def free_share(path: Path) -> Decimal:
    """Return the share of a disk that is free for us, 0 to 1; raises DiskUnreadable.

    The smaller of the shares of blocks and of files: either one alone can run out.
    """
    try:
        found = await asyncio.to_thread(os.statvfs, path)
    except OSError as error:
        raise DiskUnreadable(f"{path}: {error.strerror or error}") from error
    shares = [
        Decimal(free) / total
        for free, total in ((found.f_bavail, found.f_blocks), (found.f_favail, found.f_files))
        # Some file systems count no files, and say so with zero.
        if total > 0
    ]
    if not shares:
        raise DiskUnreadable(f"{path}: the file system has no size")
    return min(shares)

"""A disk of a few megabytes for one drill, in a mount namespace of this process alone.

No other process of the machine sees it, nothing has to be unmounted, and the kernel takes it away
with the last process of the drill. Root is not needed where the kernel gives users namespaces.
"""

import ctypes
import os
from pathlib import Path

SIZE_BYTES = 8 * 1024 * 1024
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_BALLAST = "ballast"
_PIECES = (65_536, 4_096, 512)


class NoSmallDisk(Exception):
    """This machine does not let us have one; the message says why."""


def enter_own_namespace() -> None:
    """Take this process, and what it starts from now on, into a namespace; raises NoSmallDisk."""
    kernel = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS if user == 0 else _CLONE_NEWNS | _CLONE_NEWUSER
    if kernel.unshare(flags):
        raise NoSmallDisk(f"no mount namespace: {_errno_text()}")
    try:
        if user:
            # The same user as before, so that files keep their owner.
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as error:
        raise NoSmallDisk(f"no mount namespace: {error}") from None
    if kernel.mount(b"none", b"/", None, _MS_REC_PRIVATE, None):
        raise NoSmallDisk(f"no private mounts: {_errno_text()}")


def mount(place: Path) -> None:
    """Put an empty small disk at a folder; raises NoSmallDisk."""
    kernel = ctypes.CDLL(None, use_errno=True)
    place.mkdir(parents=True)
    options = f"size={SIZE_BYTES},mode=0700".encode()
    if kernel.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, options):
        raise NoSmallDisk(f"no small file system: {_errno_text()}")


def fill(place: Path) -> None:
    """Take every byte that is left; what was freed since the last time is taken too."""
    with (place / _BALLAST).open("ab", buffering=0) as file:
        for size in _PIECES:
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def empty(place: Path) -> None:
    """Give the space back."""
    (place / _BALLAST).unlink(missing_ok=True)


def _errno_text() -> str:
    return os.strerror(ctypes.get_errno())

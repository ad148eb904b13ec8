"""How much room is left: CPU, memory and files of the process, load and memory of the host.

Read from /proc and the control group. What cannot be read is unknown and absent, never zero, and
nothing is concluded from it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from trader.engine.host import HeadroomStatus

# From here on it is told: of one core, of the allowed memory, of the allowed files.
CPU_SHARE_MAX = 0.8
MEMORY_SHARE_MAX = 0.8
FILES_SHARE_MAX = 0.8
# Of the host: processes that want to run for each of its CPUs, and the share of free memory.
LOAD_PER_CPU_MAX = 2.0
HOST_MEMORY_SHARE_MIN = 0.1
SHORTAGES = (
    "cpu", "memory", "files", "host_cpu", "host_memory", "journal", "archives", "audit",
    # A shipped calendar that ends soon; hours of the broker that it contradicts.
    "calendar", "hours",
)  # fmt: skip
_KB = 1024


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the kernel shows itself."""

    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")


def measured(cpu_share: float | None, roots: Roots) -> HeadroomStatus:
    """Return what process and host use now; the share of the CPU is handed in."""
    memory = _memory(roots.proc / "meminfo")
    return HeadroomStatus(
        cpu_share=cpu_share,
        resident_bytes=_resident(roots.proc / "self" / "statm"),
        memory_bytes_max=_memory_max(roots),
        open_files=_open_files(roots.proc / "self" / "fd"),
        open_files_max=_open_files_max(roots.proc / "self" / "limits"),
        host_load=_load(roots.proc / "loadavg"),
        host_cpus=os.cpu_count(),
        host_memory_available_bytes=memory.get("MemAvailable"),
        host_memory_bytes=memory.get("MemTotal"),
    )


def shortages(found: HeadroomStatus) -> dict[str, str]:
    """Return what is nearly used up, by name, in words."""
    low: dict[str, str] = {}
    if found.cpu_share is not None and found.cpu_share > CPU_SHARE_MAX:
        low["cpu"] = f"the daemon uses {found.cpu_share:.0%} of one core"
    if _is_above(found.resident_bytes, found.memory_bytes_max, MEMORY_SHARE_MAX):
        low["memory"] = f"{_mb(found.resident_bytes)} of {_mb(found.memory_bytes_max)} MB used"
    if _is_above(found.open_files, found.open_files_max, FILES_SHARE_MAX):
        low["files"] = f"{found.open_files} of {found.open_files_max} files open"
    if _is_above(found.host_load, found.host_cpus, LOAD_PER_CPU_MAX):
        low["host_cpu"] = f"load {found.host_load:.1f} on {found.host_cpus} CPUs"
    free, total = found.host_memory_available_bytes, found.host_memory_bytes
    if free is not None and total and free < HOST_MEMORY_SHARE_MIN * total:
        low["host_memory"] = f"the host has {_mb(free)} of {_mb(total)} MB left"
    return low


def _is_above(used: float | None, allowed: float | None, share: float) -> bool:
    return used is not None and bool(allowed) and used > share * (allowed or 0)


def _mb(size: int | None) -> int:
    return (size or 0) // (_KB * _KB)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _resident(path: Path) -> int | None:
    words = _text(path).split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else None


def _open_files(path: Path) -> int | None:
    try:
        # The listing itself holds one open.
        return len(os.listdir(path)) - 1
    except OSError:
        return None


def _open_files_max(path: Path) -> int | None:
    for line in _text(path).splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdigit() else None
    return None


def _load(path: Path) -> float | None:
    words = _text(path).split()
    return float(words[0]) if words else None


def _memory(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0].rstrip(":"): int(row[1]) * _KB for row in rows if len(row) > 2}


def _memory_max(roots: Roots) -> int | None:
    """Return the tightest memory.max of our control group (version 2) and those above it."""
    lines = _text(roots.proc / "self" / "cgroup").splitlines()
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        return None
    place = Path(own)
    limits = [_text(roots.cgroup / part / "memory.max").strip() for part in (place, *place.parents)]
    return min((int(text) for text in limits if text.isdigit()), default=None)

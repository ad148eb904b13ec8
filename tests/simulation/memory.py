"""The C library's allocator, set as the daemon's unit sets it: what was freed goes back at once."""

from __future__ import annotations

import ctypes
import re

from tests.simulation.settings import ROOT

_UNIT = ROOT / "systemd" / "trader.service"
_LINE = re.compile(r"^Environment=(MALLOC_[A-Z_]+)=(\d+)$", re.MULTILINE)
# As mallopt numbers them (glibc's malloc.h).
_NUMBERS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3, "MALLOC_ARENA_MAX": -8}


def options() -> dict[str, int]:
    """Return what the unit sets, by its name in the environment."""
    return {name: int(value) for name, value in _LINE.findall(_UNIT.read_text())}


def set_as_in_production() -> None:
    """Set this process's allocator likewise; one without the call is left as it is."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for name, value in options().items():
        assert mallopt(_NUMBERS[name], value) == 1, f"{name}={value}"

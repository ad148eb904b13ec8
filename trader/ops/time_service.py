"""The machine's own time service, asked through the kernel: adjtimex(2), which only reads here.

Whatever disciplines the clock (chrony, ntpd, systemd-timesyncd) tells the kernel how well it does.
A clock that nobody disciplines, or whose error is larger than we assume, is not right; a kernel
that does not answer leaves it unknown, which is no better.
"""

import ctypes
import os
from collections.abc import Callable

from trader.engine.host import TimeServiceStatus

# What the rest of the program assumes of |this clock - UTC|: by estimate, and at worst.
ESTIMATED_ERROR_S_MAX = 0.5
MAXIMUM_ERROR_S_MAX = 2.0
_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_MICROSECONDS = 1_000_000


class Timex(ctypes.Structure):
    """``struct timex`` as far as it is read; ``modes`` 0 changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


# Fills the structure and returns the clock's state; raises OSError.
Adjtimex = Callable[[Timex], int]


def kernel_adjtimex(found: Timex) -> int:
    """Ask the kernel; raises OSError where it is not allowed or there is no such call."""
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except AttributeError as error:
        raise OSError("no adjtimex on this system") from error
    state: int = call(ctypes.byref(found))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return state


def ask(adjtimex: Adjtimex = kernel_adjtimex) -> TimeServiceStatus:
    """Return what the kernel says of the clock; unknown, with its reason, when it does not."""
    found = Timex(modes=0)
    try:
        state = adjtimex(found)
    except OSError as error:
        reason = error.strerror or str(error)
        return unknown(f"the time service cannot be asked: {reason}")
    estimated_s = found.esterror / _MICROSECONDS
    maximum_s = found.maxerror / _MICROSECONDS
    is_synchronised = state != _TIME_ERROR and not found.status & _STA_UNSYNC
    problem = ""
    if not is_synchronised:
        problem = "no time service keeps this machine's clock: unsynchronised"
    elif not 0 <= estimated_s <= ESTIMATED_ERROR_S_MAX:
        problem = f"estimated error {estimated_s:.3f} s, allowed {ESTIMATED_ERROR_S_MAX:g} s"
    elif not 0 <= maximum_s <= MAXIMUM_ERROR_S_MAX:
        problem = f"maximum error {maximum_s:.3f} s, allowed {MAXIMUM_ERROR_S_MAX:g} s"
    return TimeServiceStatus(is_synchronised, estimated_s, maximum_s, problem)


def unknown(reason: str) -> TimeServiceStatus:
    """Return a clock of which nobody knows how right it is."""
    return TimeServiceStatus(None, None, None, reason)

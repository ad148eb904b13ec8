"""Chance as a pure function: the same numbers give the same draw, in any order of asking.

Prices, sizes and trades of a moment are drawn this way, so what is asked for later (a bar, a
historical tick) agrees with what was sent live. One draw of 64 bits is cut into several.
"""

import zlib

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def draw(seed: int, key: int, moment: int) -> int:
    """Return 64 random bits that belong to the three numbers (SplitMix64's finalizer)."""
    value = (seed ^ (key * 0xD1B54A32D192ED03) ^ (moment * _GOLDEN)) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def unit(seed: int, key: int, moment: int) -> float:
    """Return a number from 0 to below 1."""
    return draw(seed, key, moment) / (_MASK + 1)


def name_key(text: str) -> int:
    """Return a number for a name, the same in every process."""
    return zlib.crc32(text.encode())


def wave(seed: int, key: int, where: float) -> float:
    """Return smooth noise from -1 to 1: a draw at each whole number, straight lines between."""
    base = int(where // 1)
    share = where - base
    before, after = (2.0 * unit(seed, key, base + n) - 1.0 for n in (0, 1))
    return before + (after - before) * share

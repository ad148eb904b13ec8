"""What the sentinel says of itself on disk: for people, and for its own next start.

Two files in the state directory. ``sentinel.json`` is replaced at each change of state;
``sentinel.heartbeat`` beats with each look, so that anybody can tell whether it lives.
"""

import json
from pathlib import Path
from typing import NamedTuple

from trader.ops.halt_record import read_bounded, replace_file
from trader.ops.heartbeat import Beat, process_of, read_beat

SENTINEL_FILE_NAME = "sentinel.json"
SENTINEL_BEAT_FILE_NAME = "sentinel.heartbeat"
SENTINEL_LOCK_FILE_NAME = "sentinel.lock"


class SentinelRecord(NamedTuple):
    """The watch at its last change."""

    state: str
    condition: str
    text: str
    silence_s: float
    risk: str
    outcome: str
    at: str
    # Names the last sign of life of the daemon; empty without one.
    sign: str = ""


def sign_of(beat: Beat | None) -> str:
    """Return what names one sign of life, over reused process numbers and reboots."""
    return "" if beat is None else f"{beat.boot_id}/{beat.pid}/{beat.start_ticks}/{beat.number}"


def write_record(path: Path, record: SentinelRecord) -> None:
    """Replace the file, durable on return; raises OSError."""
    replace_file(path, (json.dumps(record._asdict(), ensure_ascii=True) + "\n").encode("ascii"))


def read_record(path: Path) -> SentinelRecord | None:
    """Return what the last sentinel wrote, or None where nothing usable stands."""
    try:
        row = json.loads(read_bounded(path))
        return SentinelRecord(
            state=str(row["state"]),
            condition=str(row["condition"]),
            text=str(row["text"]),
            silence_s=float(row["silence_s"]),
            risk=str(row["risk"]),
            outcome=str(row["outcome"]),
            at=str(row["at"]),
            sign=str(row["sign"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def is_alive(state: Path, boot_id: str) -> bool:
    """Tell whether the process that beat last as this state's sentinel still exists."""
    beat = read_beat(state / SENTINEL_BEAT_FILE_NAME)
    if beat is None or beat.boot_id != boot_id:
        return False
    process = process_of(beat.pid)
    return process is not None and process.start_ticks == beat.start_ticks

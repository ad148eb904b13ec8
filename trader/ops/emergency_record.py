"""The promises of emergency orders: one line of JSON each, on disk before the bytes leave.

Written by whoever liquidates without the daemon, read by the daemon at its next start, which so
knows these orders as ours: it never gives their ids out again, books their executions, and never
repeats them. A full disk must not stop an operator's exit, so a promise that cannot be written
is told and the order leaves all the same: it can only shrink a position, and its reference at the
broker still says whose it is. Standard library only.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from trader.ops.halt_record import give_to_owner

EMERGENCY_FILE_NAME = "emergency.jsonl"
# What a reference of an emergency order looks like: kill-<lineage of the journal>-<number>.
KILL_REF = re.compile(r"kill-([a-z0-9]{6})-([0-9]{1,20})")
NO_LINEAGE = "000000"
_FILE_BYTES_MAX = 32 * 1024 * 1024


class EmergencyOrder(NamedTuple):
    """One promise, as it stands in the file."""

    order_ref: str
    client_id: int
    order_id: int
    account: str
    con_id: int
    symbol: str
    side: str
    quantity: str
    at: str
    by: str


def kill_ref(lineage: str, number: int) -> str:
    """Name the ``number``-th emergency order of a journal's lineage."""
    ref = f"kill-{lineage or NO_LINEAGE}-{number}"
    assert KILL_REF.fullmatch(ref), f"reference {ref!r}"
    return ref


def is_kill_ref(text: str) -> bool:
    """Tell whether a reference is an emergency order's; the broker may have lengthened it."""
    return KILL_REF.match(text) is not None


def promise(path: Path, order: EmergencyOrder) -> None:
    """Write a promise, durable on return; raises OSError."""
    _append(path, {"kind": "order", **order._asdict()})


def note(path: Path, kind: str, values: Mapping[str, object]) -> None:
    """Write a fact (an execution, a report), durable on return; raises OSError."""
    _append(path, {"kind": kind, **values})


def read_lines(path: Path) -> list[dict[str, object]]:
    """Return every whole line of the file; none when there is no file.

    The last line may be torn by a power cut or a full disk: no order has left for it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX)
    except FileNotFoundError:
        return []
    rows = []
    for line in content.split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def read_orders(path: Path) -> list[EmergencyOrder]:
    """Return every promise in the file, the oldest first; raises OSError."""
    orders = []
    for row in read_lines(path):
        if row.get("kind") != "order":
            continue
        try:
            orders.append(
                EmergencyOrder(
                    order_ref=str(row["order_ref"]),
                    client_id=int(str(row["client_id"])),
                    order_id=int(str(row["order_id"])),
                    account=str(row["account"]),
                    con_id=int(str(row["con_id"])),
                    symbol=str(row["symbol"]),
                    side=str(row["side"]),
                    quantity=str(row["quantity"]),
                    at=str(row["at"]),
                    by=str(row["by"]),
                )
            )
        except (KeyError, ValueError):
            continue
    return orders


def next_number(path: Path, at_least: int) -> int:
    """Return a number above every one in the file, and at least ``at_least``."""
    try:
        refs = [KILL_REF.match(order.order_ref) for order in read_orders(path)]
    except OSError:
        return at_least
    return max([at_least, *(int(found[2]) + 1 for found in refs if found)])


def highest_id(path: Path, client_id: int) -> int:
    """Return the highest order id that an emergency has used as this client; 0 for none."""
    try:
        ids = [row.order_id for row in read_orders(path) if row.client_id == client_id]
    except OSError:
        return 0
    return max(ids, default=0)


def _append(path: Path, row: Mapping[str, object]) -> None:
    line = (json.dumps(row, ensure_ascii=True) + "\n").encode("ascii")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(fd, path.parent)
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            line = b"\n" + line  # torn by a crash: the next line must not be lost with it
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)

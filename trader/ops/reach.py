"""How to reach the broker without the daemon: written by each start, read when it is gone.

A kill switch at three in the morning must not depend on which settings somebody passes to it.
The file holds what the daemon runs with: no secret, and nothing that is executed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from trader.ops.halt_record import read_bounded, replace_file

REACH_FILE_NAME = "reach.json"


class Traded(NamedTuple):
    """One managed instrument, as the settings name it."""

    symbol: str
    sec_type: str
    exchange: str
    currency: str
    primary_exchange: str
    is_tradeable: bool


class Reach(NamedTuple):
    """Where the broker is, as whom to come, and what may be touched."""

    mode: str
    account: str
    host: str
    port: int
    client_id: int
    emergency_client_id: int
    zone: str
    lineage: str
    instruments: tuple[Traded, ...]
    messages_per_s: float = 30.0
    messages_burst: float = 15.0
    # What was opened, empty where it is the state's own; None of a daemon that did not say so yet.
    journal: str | None = None


class ReachUnusable(Exception):
    """The file is missing or says nothing usable; the message names it."""


def write_reach(path: Path, reach: Reach) -> None:
    """Write the file, durable on return; raises OSError."""
    record = {**reach._asdict(), "instruments": [row._asdict() for row in reach.instruments]}
    replace_file(path, (json.dumps(record) + "\n").encode())


def read_reach(path: Path) -> Reach:
    """Return what the last daemon ran with; raises ReachUnusable."""
    try:
        record = json.loads(read_bounded(path))
        reach = _reach_in(record)
    except OSError as error:
        raise ReachUnusable(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReachUnusable(f"{path} is not what a daemon writes: {error!r}") from error
    if not 0 < reach.port < 65536 or reach.client_id <= 0 or not reach.account:
        raise ReachUnusable(f"{path}: port, client_id or account cannot be used")
    if reach.emergency_client_id in (0, reach.client_id):
        raise ReachUnusable(f"{path}: emergency_client_id must be above 0 and not client_id")
    return reach


def _reach_in(record: Mapping[str, object]) -> Reach:
    rows = record["instruments"]
    if not isinstance(rows, list):
        raise TypeError("instruments is not a list")
    instruments = tuple(
        Traded(
            symbol=str(row["symbol"]),
            sec_type=str(row["sec_type"]),
            exchange=str(row["exchange"]),
            currency=str(row["currency"]),
            primary_exchange=str(row["primary_exchange"]),
            is_tradeable=row["is_tradeable"] is True,
        )
        for row in rows
    )
    return Reach(
        mode=str(record["mode"]),
        account=str(record["account"]),
        host=str(record["host"]),
        port=int(str(record["port"])),
        client_id=int(str(record["client_id"])),
        emergency_client_id=int(str(record["emergency_client_id"])),
        zone=str(record["zone"]),
        lineage=str(record["lineage"]),
        instruments=instruments,
        messages_per_s=float(str(record["messages_per_s"])),
        messages_burst=float(str(record["messages_burst"])),
        journal=_journal_in(record),
    )


def _journal_in(record: Mapping[str, object]) -> str | None:
    said = record.get("journal")
    if not (said is None or isinstance(said, str)):
        raise TypeError("journal is no text")
    return said

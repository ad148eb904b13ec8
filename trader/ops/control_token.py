"""How a shell finds the running daemon and proves that it may touch it.

Two private files below the state directory: ``control.token`` holds the secret, ``control.json``
says where the daemon listens. Whoever can read the first may halt, resume and liquidate, so it
is readable by its owner only, and one that others could have read is replaced. Standard library
only.
"""

import json
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from trader.ops.halt_record import read_bounded, replace_file

ENDPOINT_FILE_NAME = "control.json"
TOKEN_FILE_NAME = "control.token"  # noqa: S105 - the name of a file, not a secret
_TOKEN_LENGTH_MIN = 32


class Endpoint(NamedTuple):
    """Where a daemon listens."""

    host: str
    port: int
    token_file: Path
    pid: int
    # Where this daemon reads its halt; a shell without its environment could not know.
    halt_file: Path | None = None


def load_or_create(path: Path) -> str:
    """Return the control token at ``path``, making a new one when there is no private one."""
    token = read_token(path)
    if token is None or path.stat().st_mode & 0o077:
        token = secrets.token_urlsafe(32)
        replace_file(path, token.encode("ascii") + b"\n")
    return token


def read_token(path: Path) -> str | None:
    """Return the token in a file, or None when there is no usable one."""
    try:
        token = read_bounded(path).decode("ascii").strip()
    except (OSError, ValueError):
        return None
    return token if len(token) >= _TOKEN_LENGTH_MIN and token.isprintable() else None


def write_endpoint(path: Path, endpoint: Endpoint) -> None:
    """Say where this daemon listens, for ``trader`` and the kill switch; raises OSError."""
    record = {
        "host": endpoint.host,
        "port": endpoint.port,
        "token_file": str(endpoint.token_file.absolute()),
        "pid": endpoint.pid,
        "halt_file": str(endpoint.halt_file.absolute()) if endpoint.halt_file else None,
    }
    replace_file(path, (json.dumps(record) + "\n").encode())


def read_endpoint(path: Path) -> Endpoint | None:
    """Return where a live daemon said it listens, or None without one.

    A file left behind by a process that is gone counts as none: its port may be another's now,
    and the token must not be told to a stranger.
    """
    try:
        record = json.loads(read_bounded(path))
        endpoint = Endpoint(
            host=str(record["host"]),
            port=int(record["port"]),
            token_file=Path(record["token_file"]),
            pid=int(record["pid"]),
            halt_file=Path(halt_file) if (halt_file := record.get("halt_file")) else None,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return endpoint if 0 < endpoint.port < 65536 and _is_alive(endpoint.pid) else None


def remove_endpoint(path: Path) -> None:
    """Take the endpoint file away, as the last thing of an orderly stop."""
    path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # There is such a process, of another user.
    return True

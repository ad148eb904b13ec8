"""What every Python client script shares: commands as JSON lines in, events as JSON lines out.

A script holds one or more connections of its client library and does nothing of its own accord. It
runs in the client's own environment, so this module uses the standard library alone.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from typing import Any


class Lines:
    """The events of one script; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def emit(self, client: int, event: str, **fields: object) -> None:
        """Tell the test one thing that a connection of the client saw."""
        text = json.dumps({"client": client, "event": event, **fields}, default=str)
        with self._lock:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def problem(self, client: int, text: str) -> None:
        """Tell the test what must not happen: it fails the run."""
        self.emit(client, "problem", text=text)

    def crash(self, client: int, what: str) -> None:
        """Report the exception that is being handled as a problem."""
        self.problem(client, f"{what}: {traceback.format_exc()[-1500:]}")


class ProblemLog(logging.Handler):
    """Make a problem of whatever the client library logs as a warning or worse."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Report one record unless it is expected."""
        if not self.is_expected(record):
            trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
            text = f"log {record.name}: {record.getMessage()} {trace}"
            self._lines.problem(-1, text[-1500:])

    def is_expected(self, record: logging.LogRecord) -> bool:
        """Say whether a record is about something that the scenario provoked."""
        return False


def read_command(line: str) -> tuple[str, dict[str, Any]]:
    """Split a command line into what to do and with what."""
    command = json.loads(line)
    return command.pop("do"), command

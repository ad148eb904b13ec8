"""The test's side of a client script: its process, the commands it gets, the events it tells.

Every wait is for an event and has a deadline; a problem that the script reports ends it at once.
Errors of the gateway are kept until a step of the scenario takes them; what nobody took is
unexpected.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.process.harness import PATIENCE_S, die_with_parent, tail

CLIENTS = Path(__file__).resolve().parent
WAIT_S = 10.0
Event = dict[str, Any]


def is_like(event: Event, wanted: Mapping[str, object]) -> bool:
    """Say whether an event has these values; a function as a value is asked, numbers compare."""
    for key, value in wanted.items():
        if key not in event:
            return False
        seen = event[key]
        if callable(value):
            if not value(seen):
                return False
        elif not _same(seen, value):
            return False
    return True


def _same(seen: object, value: object) -> bool:
    if isinstance(value, bool) or value is None or not isinstance(value, int | float):
        return seen == value
    try:
        return abs(float(str(seen)) - value) < 1e-9
    except ValueError:
        return False


@dataclass
class Driver:
    """One client script and everything it said."""

    words: list[str]
    log: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    # How long a wait may take.
    patience_s: float = WAIT_S
    _process: subprocess.Popen[bytes] | None = None
    _buffer: bytes = b""
    _taken: set[int] = field(default_factory=set)

    def start(self) -> None:
        """Start the script. Not from a test with threads: see the hook that ties it to us."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
        with self.log.open("ab") as stderr:
            self._process = subprocess.Popen(
                self.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**own, "PYTHONPATH": str(CLIENTS / "common"), **self.extra},
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - started before any thread
            )

    def stop(self) -> int:
        """End the input, wait for the end of the process, and return its exit code."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            return process.wait(WAIT_S)
        finally:
            self.destroy()

    def destroy(self) -> None:
        """Kill the process with its group and read what it still said."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                if pipe is process.stdout:
                    self._take_bytes(pipe.read())
                pipe.close()

    def tell(self, client: int, what: str, **given: object) -> int:
        """Give a command; returns the mark from which its events count."""
        mark = len(self.events)
        process = self._process
        assert process is not None
        assert process.stdin is not None
        line = json.dumps({"do": what, "client": client, **given}) + "\n"
        process.stdin.write(line.encode())
        process.stdin.flush()
        return mark

    def await_event(self, client: int, name: str, *, after: int = 0, **wanted: Any) -> Event:
        """Return the first event like this from ``after`` on. Fails at the deadline."""
        deadline_s = time.monotonic() + self.patience_s
        while True:
            found = self.find(client, name, after=after, **wanted)
            if found:
                return found[0]
            fresh = [e["text"] for e in self.events[after:] if e["event"] == "problem"]
            assert not fresh, f"no {name}, but a problem: {fresh[0]}"
            if not self._read(deadline_s):
                near = [_short(e) for e in self.events[after:] if e["client"] in (client, -1)]
                raise AssertionError(
                    f"no {name} with {_names(wanted)} within {self.patience_s:g} s; "
                    f"since: {' '.join(near[-25:])}"
                )

    def find(self, client: int, name: str, *, after: int = 0, **wanted: Any) -> list[Event]:
        """Return the events like this from ``after`` on, of those read so far."""
        rows = self.events[after:]
        return [
            row
            for row in rows
            if row["client"] == client and row["event"] == name and is_like(row, wanted)
        ]

    def await_error(self, client: int, code: int, *, after: int = 0, **wanted: Any) -> Event:
        """Return the first error message with this code, which is thereby expected."""
        found = self.await_event(client, "error", after=after, code=code, **wanted)
        self._taken.add(id(found))
        return found

    def forgive(self, client: int, *codes: int) -> None:
        """Take all errors with these codes that were seen so far."""
        for row in self.events:
            if row["event"] == "error" and row["client"] == client and row["code"] in codes:
                self._taken.add(id(row))

    def forgive_all(self) -> None:
        """Take every error and problem seen so far: they belong to a step that has failed."""
        kinds = ("error", "problem")
        self._taken.update(id(row) for row in self.events if row["event"] in kinds)

    def untaken_errors(self) -> list[Event]:
        """Return the errors that no step expected."""
        rows = [row for row in self.events if row["event"] == "error"]
        return [row for row in rows if id(row) not in self._taken]

    def problems(self) -> list[str]:
        """Return what the script called a problem."""
        rows = [row for row in self.events if row["event"] == "problem"]
        return [str(row["text"]) for row in rows if id(row) not in self._taken]

    def settle(self, quiet_s: float = 0.15) -> None:
        """Read until nothing but market data came for a while."""
        until_s = time.monotonic() + quiet_s
        while time.monotonic() < until_s:
            before = len(self.events)
            self._read(until_s)
            if any(not e["event"].startswith("tick_") for e in self.events[before:]):
                until_s = time.monotonic() + quiet_s

    def _read(self, deadline_s: float) -> bool:
        """Read some more; False at the deadline or at the end of the output."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return False
        ready, _, _ = select.select([process.stdout], [], [], left_s)
        if not ready:
            return False
        some = os.read(process.stdout.fileno(), 1 << 16)
        if not some:
            raise AssertionError(f"the client script ended: {tail(self.log, 30)}")
        self._take_bytes(some)
        return True

    def _take_bytes(self, some: bytes) -> None:
        *lines, self._buffer = (self._buffer + some).split(b"\n")
        self.events += [json.loads(line) for line in lines if line.strip()]


def _names(wanted: Mapping[str, object]) -> str:
    return str({k: "(a condition)" if callable(v) else v for k, v in wanted.items()})


def _short(event: Event) -> str:
    return json.dumps({k: v for k, v in event.items() if v not in (None, "", 0)}, default=str)

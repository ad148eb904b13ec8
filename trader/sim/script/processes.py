"""Processes that a play may act on: the port that a host offers, and the host that has none.

Nothing here or on the wire can name a program or a path: a host knows its children and its files
by the names that its operator gave them on the command line.
"""

from collections.abc import Callable
from typing import Any, Protocol

from trader.sim.script.inputs import InputError

CHILD_ALLOWED = "a process that was declared: --child NAME='COMMAND ...'"
FILE_ALLOWED = "a file that was declared: --lockable NAME=PATH"
VIRTUAL_ALLOWED = "a simulator with sockets: under virtual time there are no processes"
# What can be sent, by the name without SIG.
SIGNALS = ("KILL", "TERM", "INT", "STOP", "CONT")
CHILD_STATES = ("waiting", "running", "frozen", "ended")


class Processes(Protocol):
    """Declared children and lockable files; a name of None is the first one declared.

    Spans are seconds of the host's time: a process knows nothing of an advanced clock. Every
    method raises InputError for what is not declared or cannot be done now.
    """

    # Called after a child has started, been frozen or thawed, or ended.
    on_change: Callable[[], None]

    def start(self, child: str | None) -> dict[str, Any]:
        """Start a child that does not run."""

    def restart(self, child: str | None, signal: str, after_s: float) -> dict[str, Any]:
        """End a child if it runs, and start it so long after its end."""

    def send(self, child: str | None, name: str) -> dict[str, Any]:
        """Send one of SIGNALS to a child and its group; KILL returns when it is dead."""

    def freeze(self, child: str | None, seconds: float) -> dict[str, Any]:
        """Stop a child for so long."""

    def limit_files(self, child: str | None, size: int | None, seconds: float) -> dict[str, Any]:
        """Let no file of a child be written beyond so many bytes; None lifts it, 0 s: for good."""

    def lock(self, file: str | None, seconds: float) -> dict[str, Any]:
        """Hold the write lock of a SQLite file for so long."""

    def unlock(self, file: str | None) -> dict[str, Any]:
        """Let a lock go."""

    def state(self, child: str | None) -> str | None:
        """Return one of CHILD_STATES, None for a child that is not declared."""

    def report(self) -> dict[str, Any]:
        """Return what the truth tells of them."""


class NoProcesses:
    """The processes of a host that can have none: everything is refused."""

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None

    def start(self, child: str | None) -> dict[str, Any]:
        """Refuse."""
        raise InputError("child", child, VIRTUAL_ALLOWED)

    def restart(self, child: str | None, signal: str, after_s: float) -> dict[str, Any]:
        """Refuse."""
        raise InputError("child", child, VIRTUAL_ALLOWED)

    def send(self, child: str | None, name: str) -> dict[str, Any]:
        """Refuse."""
        raise InputError("child", child, VIRTUAL_ALLOWED)

    def freeze(self, child: str | None, seconds: float) -> dict[str, Any]:
        """Refuse."""
        raise InputError("child", child, VIRTUAL_ALLOWED)

    def limit_files(self, child: str | None, size: int | None, seconds: float) -> dict[str, Any]:
        """Refuse."""
        raise InputError("child", child, VIRTUAL_ALLOWED)

    def lock(self, file: str | None, seconds: float) -> dict[str, Any]:
        """Refuse."""
        raise InputError("file", file, VIRTUAL_ALLOWED)

    def unlock(self, file: str | None) -> dict[str, Any]:
        """Refuse."""
        raise InputError("file", file, VIRTUAL_ALLOWED)

    def state(self, child: str | None) -> str | None:
        """Return None: there is no child."""
        return None

    def report(self) -> dict[str, Any]:
        """Return that there are none."""
        return {"children": [], "locked": []}

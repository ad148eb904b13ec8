"""Actions on declared processes and files: start, kill, freeze, a full disk, a locked database.

They act on what `--child` and `--lockable` have named and on nothing else. Their spans are
seconds of the host: a process does not feel an `advance`.
"""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.processes import SIGNALS
from trader.sim.script.stage import Action, Stage

SPAN_S_MAX = 3600
SIZE_MAX = 2**40


def _start(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.start(given.maybe_text("child"))


def _restart(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.restart(
        given.maybe_text("child"), given.text("signal"), given.number("after_s")
    )


def _signal(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.send(given.maybe_text("child"), given.text("signal"))


def _freeze(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.freeze(given.maybe_text("child"), given.number("seconds"))


def _full_disk(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.limit_files(
        given.maybe_text("child"), given.maybe_integer("bytes"), given.number("seconds")
    )


def _lock(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.lock(given.maybe_text("file"), given.number("seconds"))


def _unlock(stage: Stage, given: Given) -> dict[str, Any]:
    return stage.host.processes.unlock(given.maybe_text("file"))


_CHILD = fields.text("child", "its declared name; the first one declared without", None)
_FILE = fields.text("file", "its declared name; the first one declared without", None)
_S24 = ("S24",)
ACTIONS = (
    Action(
        "child-start", "Start a declared process that does not run.", _S24, (_CHILD,), _start,
    ),
    Action(
        "child-restart", "End a declared process if it runs, and start it again.", _S24,
        (
            _CHILD,
            fields.choice("signal", "how it is ended", ("KILL", "TERM", "INT"), "KILL"),
            fields.number("after_s", "seconds between its end and its start", 0.0, high=SPAN_S_MAX),
        ),
        _restart,
    ),
    Action(
        "child-signal",
        "Send a signal to a declared process and its group; after KILL it reads nothing more.",
        _S24, (_CHILD, fields.choice("signal", "which", SIGNALS)), _signal,
    ),
    Action(
        "child-freeze", "Stop a declared process for some time; its sockets stay open.", _S24,
        (_CHILD, fields.number("seconds", "how long", high=SPAN_S_MAX)), _freeze,
    ),
    Action(
        "child-disk",
        "Let a declared process write no file beyond a size, as on a full disk (Linux).", _S24,
        (
            _CHILD,
            fields.integer(
                "bytes", "where writing fails; null to lift it", high=SIZE_MAX, nullable=True
            ),
            fields.number("seconds", "how long; 0 until it is lifted", 0.0, high=SPAN_S_MAX),
        ),
        _full_disk,
    ),
    Action(
        "file-lock", "Hold the write lock of a declared SQLite file: others find it locked.", _S24,
        (_FILE, fields.number("seconds", "how long", high=SPAN_S_MAX)), _lock,
    ),
    Action(
        "file-unlock", "Let the write lock of a declared SQLite file go.", _S24, (_FILE,), _unlock,
    ),
)  # fmt: skip

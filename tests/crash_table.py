"""The crash matrix as a table: which step is killed on which side, in which play, and its page.

docs/crash-matrix.md is written by the run itself: ``scripts/make_crash_matrix.py`` sweeps the whole
matrix on real processes and puts here what it saw. ``page`` makes the text of those rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("crash_matrix.yaml")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "crash-matrix.md"
# SQLite's own, by the name of the file that is written.
WRITES = ("journal.db-wal write", "journal.db write")
_COLUMNS = ("step", "killed", "on disk", "at the broker", "the restart", "recovered in")

_HEAD = """\
# The crash matrix

This page is written by a run: `scripts/make_crash_matrix.py` starts the daemon and the simulator as processes and kills the
daemon with SIGKILL at every step below, one life for each row. The steps are read out of the daemon's own text
(`tests/crash_steps.py`): each call by which an event enters book and journal, is awaited on disk, leaves for the broker,
or reaches the halt file. One that is added must be put into `tests/crash_matrix.yaml` before the checks pass. Writes of
SQLite itself are killed inside the system call too, with half of the bytes on disk.

After each kill it is held that the journal and its chain verify, that no placeOrder frame is without its promise and none
was sent twice, and after the restart that every halt on disk still halts and nothing else does, that the daemon is
armed otherwise, and that at rest orders, executions, positions and cash of journal, daemon and simulator are the same.

- *on disk*: the last event that the journal had when the daemon was dead; halts and open tickets, if any.
- *at the broker*: what the last promised order was there at that moment.
- *the restart*: what the next life recorded about orders, executions, halts and tickets until it was ready, and how it was
  ready.
- *recovered in*: seconds from the start of the process to there, the start of the interpreter included.

"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Cell:
    """One kill: a step, a kind of event where it matters, and a side."""

    play: str
    step: str
    kind: str
    side: str

    @property
    def name(self) -> str:
        """Return the step as the page shows it."""
        return f"{self.step} of {self.kind}" if self.kind else self.step


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen of one kill."""

    cell: Cell
    on_disk: str
    at_broker: str
    restart: str
    recovery_s: float


@cache
def _read() -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load(TABLE.read_text("utf-8"))
    return read


def cells() -> tuple[Cell, ...]:
    """Return every kill of the whole matrix."""
    return tuple(
        Cell(play, step, kind, side)
        for play, rows in _read()["plays"].items()
        for step, kinds, sides in map(_entry, rows)
        for kind in kinds
        for side in sides
    )


def core() -> tuple[Cell, ...]:
    """Return the kills of every run."""
    names = [tuple(text.split(" | ")) for text in _read()["core"]]
    found = tuple(cell for cell in cells() if (cell.step, cell.side) in names)
    assert len(found) == len(names), "a core cell is not in the plays"
    return found


def elsewhere() -> dict[str, tuple[str, ...]]:
    """Return the steps that no play reaches, by why."""
    return {row["why"]: tuple(row["steps"]) for row in _read()["elsewhere"]}


def known() -> list[str]:
    """Return every step that the table has."""
    played = [_entry(row)[0] for rows in _read()["plays"].values() for row in rows]
    return [*played, *(step for steps in elsewhere().values() for step in steps)]


def _entry(row: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return a step, the kinds of events at which it is killed, and the sides."""
    rest, _, side = row.partition(" | ")
    step, _, kinds = rest.partition(" @ ")
    both = ("before", "middle", "after") if step in WRITES else ("before", "after")
    return step, tuple(kinds.split(", ")), (side,) if side else both


def not_run(cell: Cell) -> Row:
    """Return the row of a kill that the last sweep did not come to."""
    return Row(cell, "not run yet", "", "", 0.0)


def page(rows: Iterable[Row]) -> str:
    """Return the page of a whole run."""
    rows = list(rows)
    slowest = max(row.recovery_s for row in rows)
    lines = [
        _HEAD
        + f"{sum(row.recovery_s > 0 for row in rows)} of {len(rows)} kills were run, on two cores "
        f"that a dozen other test runs shared; the slowest recovery took {slowest:.1f} s."
    ]
    play = ""
    for row in rows:
        if row.cell.play != play:
            play = row.cell.play
            lines += ["", f"## {play}", "", _line(_COLUMNS), _line(("---",) * len(_COLUMNS))]
        lines.append(
            _line(
                (f"`{row.cell.name}`", row.cell.side, row.on_disk, row.at_broker, row.restart,
                 f"{row.recovery_s:.1f} s" if row.recovery_s else "")
            )
        )  # fmt: skip
    lines += ["", "## Steps that no play reaches"]
    for why, steps in elsewhere().items():
        lines += ["", why.strip(), "", *(f"- `{step}`" for step in steps)]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def structure(text: str) -> list[tuple[str, ...]]:
    """Return of a page what no run may change: which kills it shows, and what is not reached."""
    rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| `")]
    listed = [line for line in text.splitlines() if line.startswith("- `")]
    return [*(tuple(part.strip("| `") for part in row) for row in rows), *((x,) for x in listed)]


def _line(parts: tuple[str, ...]) -> str:
    return f"| {' | '.join(parts)} |"

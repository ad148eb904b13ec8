"""How much is kept on the disk for good, against a budget for each kind, and a page above it.

Journal, archives and audit files are records: nothing here removes them. What is above its budget
is told in status and metrics for as long as it is, and paged when it gets there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trader.ops.anew import Anew
from trader.ops.state_dir import AUDIT_FOLDER_NAME
from trader.ports import Pager

_MB = 1024 * 1024
# Five million quiet events; beyond it backups and looks at the journal take minutes.
JOURNAL_BYTES_MAX = 1024 * _MB
ARCHIVES_BYTES_MAX = 8 * 1024 * _MB
AUDIT_BYTES_MAX = 1024 * _MB


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be how large, and what to do when it is larger."""

    name: str
    place: Path
    bytes_max: int
    advice: str


class KeptWatch:
    """Looks at sizes; a few calls each time, so the loop may do it."""

    def __init__(self, journal: Path, archives: Path, pager: Pager) -> None:
        move = "copy the oldest elsewhere and make room"
        self._pager = pager
        self._anew = Anew()
        self.budgets = (
            Budget("journal", journal, JOURNAL_BYTES_MAX, "stop, and run `trader archive`"),
            Budget("archives", archives, ARCHIVES_BYTES_MAX, move),
            Budget("audit", journal.parent / AUDIT_FOLDER_NAME, AUDIT_BYTES_MAX, move),
        )

    def look(self) -> dict[str, str]:
        """Return what is above its budget, by name, in words; page what is there anew."""
        above = {}
        for budget in self.budgets:
            size = _size(budget.place)
            if size > budget.bytes_max:
                share = f"{size // _MB} of {budget.bytes_max // _MB} MB"
                above[budget.name] = f"{share} in {budget.place}: {budget.advice}"
        for name, text in self._anew.of(above).items():
            self._pager.page("warning", f"{name} above its budget", text)
        return above


def _size(place: Path) -> int:
    """Return the bytes of a file with its log beside it, or of a folder's files; 0 for neither."""
    try:
        files = place.iterdir() if place.is_dir() else _with_log(place)
        return sum(path.stat().st_size for path in files if path.is_file())
    except OSError:
        return 0  # gone meanwhile, or not to be read: said elsewhere


def _with_log(place: Path) -> Iterable[Path]:
    return (place, place.with_name(f"{place.name}-wal"))

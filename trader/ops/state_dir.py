"""Writing into the state directory: what fails says which file, and ends the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trader.ports import WorldError

AUDIT_FOLDER_NAME = "audit_logs"


class StateUnusable(WorldError):
    """The state directory cannot be written; the message names the file."""


@contextmanager
def writing_state() -> Iterator[None]:
    """Make an OSError of the block a StateUnusable."""
    try:
        yield
    except OSError as error:
        raise StateUnusable(f"state_dir: {error.filename}: {error.strerror or error}") from error


def audit_folder(state_dir: Path) -> Path:
    """Return the folder of the audit files, made if need be; raises StateUnusable."""
    folder = state_dir / AUDIT_FOLDER_NAME
    with writing_state():
        folder.mkdir(parents=True, exist_ok=True)
    return folder

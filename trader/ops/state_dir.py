"""Writing into the state directory: what fails says which file, and ends the start."""

from collections.abc import Iterator
from contextlib import contextmanager

from trader.ports import WorldError


class StateUnusable(WorldError):
    """The state directory cannot be written; the message names the file."""


@contextmanager
def writing_state() -> Iterator[None]:
    """Make an OSError of the block a StateUnusable."""
    try:
        yield
    except OSError as error:
        raise StateUnusable(f"state_dir: {error.filename}: {error.strerror or error}") from error

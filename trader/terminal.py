"""What is printed where nobody reads any more (``trader why ID | head``) is lost, and nothing else.

A pipe whose reader has gone raises at the next write: a verb that was done would end in a traceback
and with the exit code of one that was not. What has begun is finished, and said to nobody.
"""

import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer


@contextmanager
def unheard() -> Iterator[None]:
    """Let what is printed meanwhile go on over a reader that leaves."""
    before = sys.stdout, sys.stderr
    # Closed from the start (``>&-``) they are None, and nothing is printed.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is not None:
            setattr(sys, name, _patient(getattr(sys, name)))
    try:
        yield
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        sys.stdout, sys.stderr = before


class Reader:
    """Whoever reads what is printed: a terminal stays, the other end of a pipe may leave."""

    def __init__(self) -> None:
        self._errors = select.poll()
        self._is_there = sys.stdout is not None
        self.is_screen = self._is_there and sys.stdout.isatty()
        if self._is_there:
            self._errors.register(sys.stdout.fileno(), 0)

    def has_left(self) -> bool:
        """Return whether nobody reads any more; also while nothing is printed."""
        return not self._is_there or bool(self._errors.poll(0))


class _Patient(FileIO):
    """Takes what nobody reads."""

    def write(self, given: "Buffer", /) -> int:
        try:
            return super().write(given)
        except BrokenPipeError:
            return memoryview(given).nbytes


def _patient(stream: TextIO) -> TextIO:
    """Return a stream to the same place; what is none of the process's own stays as it is."""
    if type(stream) is not TextIOWrapper:
        return stream
    stream.flush()
    place = BufferedWriter(_Patient(stream.fileno(), "w", closefd=False))
    return TextIOWrapper(
        place,
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )

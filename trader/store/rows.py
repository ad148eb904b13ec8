"""Events and checkpoints as rows: pure, and strict in both directions.

The kind of an event is the name of its class, and the registry is the union ``Event`` itself: a
row whose kind, version, fields or values are not exactly ours raises :class:`RowUnreadable`,
which names them. Nothing is guessed, skipped or given a default (INC-110); what older versions of
a kind have not known is in :mod:`trader.store.versions`.
"""

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, get_args
from zlib import crc32

from trader.core import events as ev
from trader.core.checkpoint import BookState
from trader.core.ids import Seq
from trader.core.moments import microseconds_of, moment_of
from trader.ports import WorldError
from trader.store.codec import Decoder, Encoder, Misfit, decoder, encoder, hints_of, item_hint
from trader.store.versions import NotOfThatVersion, brought_up, is_readable, version_of

# (seq, microseconds since 1970, kind, version, payload)
Row = tuple[int, int, str, int, str]

# The checkpoint says its version in its first field, as the first one did not.
_STATE = BookState.__name__
_STATE_VERSION = "version"
# One part is one small write and one short turn of the loop: a promise that comes in between waits
# about a millisecond, where 10 MB in one row held it up for 35 to 90.
PART_CHARACTERS = 16 * 1024
_VALUE_CHARACTERS = 200


class JournalUnusable(WorldError):
    """The journal cannot be used as it is; nothing in it was changed."""


class RowUnreadable(JournalUnusable):
    """One row is not what we write; ``field`` is empty when it is the row as a whole."""

    def __init__(self, *, seq: int, kind: str, problem: str, field: str, value: object) -> None:
        shown = repr(value)[:_VALUE_CHARACTERS]
        where = f"field {field}" if field else "payload"
        super().__init__(f"row {seq} {kind}: {where}: {problem}: {shown}")
        self.seq = seq
        self.kind = kind
        self.field = field
        self.value = value


def row_of(recorded: ev.Recorded) -> Row:
    """Return the row of an event; a value that could not be read back is our bug."""
    event = recorded.event
    cls = type(event)
    write, version = _writers()[cls]
    try:
        payload = write(event)
    except Misfit as misfit:
        text = f"{cls.__name__}.{misfit.field}: {misfit.problem}: {misfit.value!r}"
        raise AssertionError(text) from None
    return recorded.seq, microseconds_of(recorded.at_utc), cls.__name__, version, payload


def recorded_of(row: Row) -> ev.Recorded:
    """Return the event of a row; raises RowUnreadable."""
    seq, at_us, kind, version, payload = row
    read = _readers().get(kind)
    if read is None or not is_readable(kind, version):
        raise RowUnreadable(
            seq=seq, kind=kind, problem="unknown kind or version", field="", value=version
        )
    event = _read((seq, kind), payload, lambda data: read(brought_up(kind, version, data)))
    return ev.Recorded(seq=Seq(seq), at_utc=_time_of(seq, kind, at_us), event=event)


def state_parts(state: BookState) -> Iterator[str]:
    """Give a checkpoint as JSON text in parts, each a bounded amount of work and of text."""
    pieces: list[str] = []
    size = 0
    for piece in _state_pieces(state):
        pieces.append(piece)
        size += len(piece)
        if size >= PART_CHARACTERS:
            yield "".join(pieces)
            pieces, size = [], 0
    yield "".join(pieces)


def state_of_parts(seq: int, parts: Iterable[bytes], crc: int) -> BookState:
    """Return the checkpoint that the parts hold, as bytes of text; raises RowUnreadable."""
    text = b"".join(parts)
    found = crc32(text)
    kind = _STATE
    if found != crc:
        raise RowUnreadable(seq=seq, kind=kind, problem="wrong checksum", field="", value=found)
    with _uncollected():
        state: BookState = _read((seq, kind), text, _state_in)
    if state.seq != seq:
        raise RowUnreadable(
            seq=seq, kind=kind, problem="of another place", field="seq", value=state.seq
        )
    return state


@cache
def _writers() -> dict[type, tuple[Encoder, int]]:
    return {cls: (encoder(cls), version_of(cls.__name__)) for cls in get_args(ev.Event)}


@cache
def _readers() -> dict[str, Decoder]:
    return {cls.__name__: decoder(cls) for cls in get_args(ev.Event)}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Make millions of values that all stay, without the collector going through them meanwhile.

    It found nothing and took half of the time: of 50,000 orders 1.0 s remain of 2.1.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _state_in(data: Any) -> BookState:
    if type(data) is not dict:
        raise Misfit("not a checkpoint", data)
    version = data.pop(_STATE_VERSION, 1)
    if not is_readable(_STATE, version):
        raise Misfit("unknown version", version).under(_STATE_VERSION)
    state: BookState = decoder(BookState)(brought_up(_STATE, version, data))
    return state


def _read(where: tuple[int, str], payload: str | bytes, read: Decoder) -> Any:
    seq, kind = where
    try:
        return read(json.loads(payload))
    except Misfit as misfit:
        raise RowUnreadable(
            seq=seq,
            kind=kind,
            problem=misfit.problem,
            field=misfit.field,
            value=misfit.value,
        ) from None
    except NotOfThatVersion as error:
        raise RowUnreadable(
            seq=seq, kind=kind, problem=str(error), field="", value=payload
        ) from None
    # TypeError: a column of another type; RecursionError: brackets without end.
    except (ValueError, TypeError, RecursionError) as error:
        raise RowUnreadable(
            seq=seq, kind=kind, problem=f"not JSON ({error})", field="", value=payload
        ) from None


def _time_of(seq: int, kind: str, at_us: int) -> datetime:
    try:
        return moment_of(at_us)
    except (OverflowError, TypeError):
        raise RowUnreadable(
            seq=seq, kind=kind, problem="not a time", field="at_us", value=at_us
        ) from None


def _state_pieces(state: BookState) -> Iterator[str]:
    head = f'{{"{_STATE_VERSION}":{version_of(_STATE)},'
    for name, hint in hints_of(BookState).items():
        yield f'{head}"{name}":'
        head = ","
        value = getattr(state, name)
        item = item_hint(hint)
        if item is None:
            yield encoder(hint)(value)
            continue
        write = encoder(item)
        yield "["
        for place, part in enumerate(value):
            yield ("," if place else "") + write(part)
        yield "]"
    yield "}"

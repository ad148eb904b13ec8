"""The real client's encoder and decoder (ib_async), with nothing between them and a test."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC
from typing import Any

from ib_async import Client
from ib_async.decoder import Decoder

from tests.unit.sim.wire.samples import split


class Pen(Client):
    """The real client's encoder: call a request, take the fields it would send."""

    def __init__(self, version: int) -> None:
        self.version, self.sent = version, ""

    def serverVersion(self) -> int:  # noqa: N802
        return self.version

    def isConnected(self) -> bool:  # noqa: N802
        return True

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        self.sent = msg

    def fields(self) -> list[str]:
        return self.sent.split("\0")[:-1]


def written(version: int, request: str, *values: object) -> list[str]:
    """Return the fields the real client sends for a request."""
    pen = Pen(version)
    getattr(pen, request)(*values)
    return pen.fields()


class _Listener:
    """Keep every call that the decoder makes."""

    defaultTimezone = UTC  # noqa: N815

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.ib = type("Hub", (), {"TimezoneTWS": ""})()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.calls.append((name, values))


def heard(version: int, data: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    """Return what the real client understands of the frames.

    Raises what its decoder raises; a surplus field that it would pass over is an error too.
    """
    listener = _Listener()
    decoder = Decoder(listener, version)  # type: ignore[arg-type]
    for fields in split(data):
        handler = decoder.handlers[int(fields[0])]
        known = inspect.getclosurevars(handler).nonlocals
        if "types" in known:
            wanted = known["skip"] + len(known["types"])
            assert len(fields) == wanted, f"{fields} has not {wanted} fields"
        handler(fields)
    return listener.calls


def one_heard(version: int, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Return the one call that the frames amount to."""
    (call,) = heard(version, data)
    return call

"""Connections begin badly as often as told, and client ids are busy for as long as told."""

from __future__ import annotations

from trader.sim.gateway.ways.handshake import (
    AFTER_START,
    BEFORE_VERSION,
    HandshakeFault,
    Handshakes,
)


def test_a_fault_is_used_up_connection_by_connection() -> None:
    book = Handshakes([HandshakeFault("eof", 2), HandshakeFault("zone", None, "MET")])
    taken = [book.take(BEFORE_VERSION) for _ in range(4)]
    assert [fault.kind for fault in taken if fault] == ["eof", "eof", "zone", "zone"]


def test_a_fault_waits_for_its_moment() -> None:
    book = Handshakes([HandshakeFault("no-accounts")])
    assert book.take(BEFORE_VERSION) is None
    fault = book.take(AFTER_START)
    assert fault is not None
    assert fault.kind == "no-accounts"
    assert book.take(AFTER_START) is None


def test_an_id_is_busy_for_some_time() -> None:
    book = Handshakes(busy_until_s={7: 10.0})
    assert book.is_busy(7, 9.9)
    assert not book.is_busy(7, 10.0)
    assert not book.is_busy(8, 0.0)


def test_an_id_is_busy_for_some_tries() -> None:
    book = Handshakes(busy_tries={7: 2})
    assert [book.is_busy(7, 0.0) for _ in range(3)] == [True, True, False]


def test_an_id_is_busy_until_the_gateway_restarts() -> None:
    book = Handshakes(busy_until_restart={7: True})
    assert book.is_busy(7, 1e9)
    book.restarted()
    assert not book.is_busy(7, 1e9)


def test_an_id_lingers_after_its_connection_only_if_told() -> None:
    book = Handshakes()
    book.left(7, 100.0)
    assert not book.is_busy(7, 100.0)
    book.linger_s = 0.5
    book.left(7, 100.0)
    assert book.is_busy(7, 100.4)
    assert not book.is_busy(7, 100.5)

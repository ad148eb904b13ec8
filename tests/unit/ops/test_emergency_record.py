"""A promise is on disk before its order leaves, and a torn line costs nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trader.ops.emergency_record import (
    EmergencyOrder,
    highest_id,
    is_kill_ref,
    kill_ref,
    next_number,
    note,
    promise,
    read_lines,
    read_orders,
)


def an_order(number: int = 1, client_id: int = 7, order_id: int = 12) -> EmergencyOrder:
    return EmergencyOrder(
        order_ref=kill_ref("abc123", number),
        client_id=client_id,
        order_id=order_id,
        account="DU1",
        con_id=265598,
        symbol="AAPL",
        side="SELL",
        quantity="10",
        at="2026-03-02T15:00:00.000Z",
        by="desk",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emergency.jsonl"


def test_what_is_promised_is_read_back_in_its_order(path: Path) -> None:
    assert read_orders(path) == []
    promise(path, an_order(1))
    note(path, "execution", {"order_ref": kill_ref("abc123", 1)})
    promise(path, an_order(2, order_id=13))
    assert read_orders(path) == [an_order(1), an_order(2, order_id=13)]
    assert [row["kind"] for row in read_lines(path)] == ["order", "execution", "order"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "torn", [b'{"kind": "order", "ord', b"\xff\xfe", b"[1]", b'{"kind":"order"}']
)
def test_a_torn_line_loses_only_itself(path: Path, torn: bytes) -> None:
    promise(path, an_order(1))
    with path.open("ab") as file:
        file.write(torn)
    promise(path, an_order(2))
    assert read_orders(path) == [an_order(1), an_order(2)]


def test_a_write_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promise(path, an_order(1))
    before = path.read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        promise(path, an_order(2))
    assert path.read_bytes() == before


def test_numbers_and_ids_go_on_above_what_was_used(path: Path) -> None:
    assert next_number(path, 5) == 5
    promise(path, an_order(40, order_id=12))
    promise(path, an_order(41, client_id=1007, order_id=99))
    assert next_number(path, 5) == 42
    assert next_number(path, 100) == 100
    assert (highest_id(path, 7), highest_id(path, 1007), highest_id(path, 3)) == (12, 99, 0)


def test_an_unreadable_file_still_gives_numbers(tmp_path: Path) -> None:
    assert next_number(tmp_path, 5) == 5
    assert highest_id(tmp_path, 7) == 0


def test_a_reference_is_known_again_also_when_lengthened() -> None:
    assert is_kill_ref(kill_ref("abc123", 7) + "/x")
    assert is_kill_ref(kill_ref("", 7))
    assert not is_kill_ref("T1-abc123-alpha-1-ffff")
    assert not is_kill_ref("my-kill-abc123-7")
    with pytest.raises(AssertionError):
        kill_ref("WRONG!", 1)

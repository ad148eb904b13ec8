"""One file that says what is still to be done; what cannot be understood is never nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.ops.support import NOW
from trader.ops.standing_order import (
    StandingOrder,
    StandingOrderUnreadable,
    leave,
    leave_also,
    order_now,
    standing,
    withdraw,
)

LEFT = order_now(must_liquidate=True, is_everything=False, by="desk", reason="no link", at=NOW)


def test_what_was_left_stands_until_it_is_withdrawn(tmp_path: Path) -> None:
    path = tmp_path / "standing_order.json"
    assert standing(path) is None
    leave(path, LEFT)
    assert standing(path) == LEFT
    assert path.stat().st_mode & 0o077 == 0
    assert withdraw(path)
    assert standing(path) is None
    assert not withdraw(path)


@pytest.mark.parametrize(
    ("is_everything", "must_liquidate", "words"),
    [
        (False, True, "close every position that is managed, left by desk at 2025-03-14T14:30:05"),
        (True, True, "close every position of the account"),
        (False, False, "cancel every order that is managed"),
    ],
)
def test_it_is_told_in_a_line(is_everything: bool, must_liquidate: bool, words: str) -> None:
    order = LEFT._replace(is_everything=is_everything, must_liquidate=must_liquidate)
    assert order.words.startswith(words)
    assert order.words.endswith(": no link")


CANCEL, CLOSE = LEFT._replace(must_liquidate=False), LEFT._replace(must_liquidate=True)
CANCEL_ALL, CLOSE_ALL = CANCEL._replace(is_everything=True), CLOSE._replace(is_everything=True)


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (CANCEL, CLOSE, CLOSE),
        (CLOSE, CANCEL, CLOSE),
        (CLOSE_ALL, CLOSE, CLOSE_ALL),
        (CLOSE, CLOSE_ALL, CLOSE_ALL),
        # Neither holds the other: a close is not given up for cancels.
        (CLOSE, CANCEL_ALL, CLOSE),
        (CANCEL_ALL, CLOSE, CLOSE),
        (CANCEL_ALL, CANCEL, CANCEL_ALL),
    ],
)
def test_one_that_wants_less_does_not_take_the_place_of_one_that_wants_more(
    tmp_path: Path, first: StandingOrder, second: StandingOrder, stands: StandingOrder
) -> None:
    path = tmp_path / "standing_order.json"
    path.write_text("{")
    assert leave_also(path, first) == first, "what cannot be understood holds nothing up"
    assert leave_also(path, second) == stands
    assert standing(path) == stands


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"liquidate": true}',
        json.dumps({**LEFT._asdict(), "all": 1, "liquidate": "yes"}),
    ],
)
def test_a_file_that_says_nothing_usable_is_an_error_and_not_nothing(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "standing_order.json"
    path.write_text(content)
    with pytest.raises(StandingOrderUnreadable, match="standing_order"):
        standing(path)


def test_a_directory_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StandingOrderUnreadable):
        standing(tmp_path)


def test_what_holds_no_characters_is_told_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "standing_order.json"
    leave(path, LEFT._replace(reason="Gap \udcfcber"))
    found = standing(path)
    assert found is not None
    assert found.words.endswith(": Gap \\udcfcber")

"""What is kept of broken messages is the same letter once, and bounded whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.core import quarantine as qu
from trader.core.ids import Seq
from trader.core.quarantine import BrokenMessage, Quarantine, Sorter, after, broken
from trader.core.quarantine_events import (
    MessageDismissed,
    MessageNotKept,
    MessageQuarantined,
    MessageRepeated,
    MessageRetried,
    QuarantineEvent,
)

T0 = datetime(2026, 3, 2, tzinfo=UTC)
EXECUTION = ["11", "-1", "5", "265598", "AAPL", "BUY", "e.01"]


def a_message(*fields: str, message_id: int = 11) -> BrokenMessage:
    return broken(fields or EXECUTION, message_id=message_id, server_version=178, error="short")


class Shelf:
    """A quarantine as it grows out of what comes."""

    def __init__(self) -> None:
        self.quarantine = Quarantine()
        self.sorter = Sorter()
        self.events: list[QuarantineEvent] = []

    def hears(self, message: BrokenMessage) -> QuarantineEvent | None:
        event = self.sorter.event_for(self.quarantine, message)
        if event is not None:
            self.records(event)
        return event

    def records(self, event: QuarantineEvent) -> None:
        self.events.append(event)
        self.quarantine = after(self.quarantine, event, Seq(len(self.events)), T0)

    @property
    def repeats(self) -> list[int]:
        return [row.count for row in self.events if isinstance(row, MessageRepeated)]


# ---- what is kept of one


def test_a_message_is_kept_whole_under_a_key_of_its_fields() -> None:
    one = a_message()
    assert one.fields == tuple(EXECUTION)
    assert not one.is_truncated
    assert len(one.key) == 12
    assert a_message().key == one.key
    assert a_message(*EXECUTION[:-1], "e.02").key != one.key
    assert a_message(*EXECUTION, "").key != one.key


def test_the_same_execution_in_another_list_is_the_same_letter() -> None:
    """Each reconciliation asks under another id, every few seconds, for as long as it is broken."""
    asked = a_message("11", "4711", *EXECUTION[2:])
    assert asked.key == a_message().key
    assert asked.fields[1] == "4711"
    other = ["5", "-1", "x"]
    assert a_message(*other, message_id=5).key != a_message("5", "7", "x", message_id=5).key


def test_what_is_too_long_is_cut_and_says_so() -> None:
    long = a_message("10", "1", "x" * 5_000, "y", message_id=10)
    assert long.is_truncated
    assert sum(len(text) + 1 for text in long.fields) <= qu.CHARACTERS_MAX + 1
    many = a_message("10", *["z"] * 10_000, message_id=10)
    assert many.is_truncated
    assert len(many.fields) <= qu.CHARACTERS_MAX / 2
    assert a_message("5", "x" * (qu.CHARACTERS_MAX - 3), message_id=5).is_truncated is False
    assert a_message("5", "x" * (qu.CHARACTERS_MAX - 1), message_id=5).is_truncated


def test_of_what_is_no_message_little_is_kept() -> None:
    noise = a_message("Zq" * 2_000, message_id=qu.OUT_OF_STEP)
    assert noise.is_truncated
    assert len(noise.fields[0]) == qu.OUT_OF_STEP_CHARACTERS_MAX


def test_the_error_is_cut_too() -> None:
    long = broken(["5"], message_id=5, server_version=178, error="e" * 9_999)
    assert len(long.error) == qu.ERROR_CHARACTERS_MAX


def test_text_that_is_no_unicode_has_a_key() -> None:
    assert a_message("11", "", "\ud800").key != a_message("11", "", "\ud801").key


# ---- what is recorded


def test_repeats_are_told_at_powers_of_two_alone() -> None:
    shelf = Shelf()
    for _ in range(1_000):
        shelf.hears(a_message())
    assert [type(row) for row in shelf.events] == [MessageQuarantined, *[MessageRepeated] * 9]
    assert shelf.repeats == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    (letter,) = shelf.quarantine.letters
    assert letter.count == 512


def test_a_count_goes_on_after_a_restart_from_what_was_recorded() -> None:
    shelf = Shelf()
    for _ in range(5):
        shelf.hears(a_message())
    shelf.sorter = Sorter()
    for _ in range(4):
        shelf.hears(a_message())
    assert shelf.repeats == [2, 4, 8]


def test_of_one_message_id_so_many_are_kept_and_the_others_still_have_room() -> None:
    shelf = Shelf()
    for number in range(qu.OF_ONE_ID_MAX + 5):
        shelf.hears(a_message("11", "-1", str(number)))
    assert len(shelf.quarantine.letters) == qu.OF_ONE_ID_MAX
    assert shelf.quarantine.not_kept == ((11, 4),)
    assert isinstance(shelf.hears(a_message("59", "x", message_id=59)), MessageQuarantined)


def test_noise_leaves_room_for_messages() -> None:
    shelf = Shelf()
    for number in range(50):
        shelf.hears(a_message(f"noise {number}", message_id=qu.OUT_OF_STEP))
    assert len(shelf.quarantine.letters) == qu.OUT_OF_STEP_MAX
    assert isinstance(shelf.hears(a_message()), MessageQuarantined)


MESSAGES = st.builds(
    lambda message_id, number: a_message("x", "-1", str(number), message_id=message_id),
    st.integers(0, 109),
    st.integers(0, 200),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(MESSAGES, max_size=600), st.integers(1, 4))
def test_letters_and_rows_are_bounded_whatever_comes(
    messages: list[BrokenMessage], rounds: int
) -> None:
    shelf = Shelf()
    heard = [*messages] * rounds
    for message in heard:
        before = len(shelf.events)
        shelf.hears(message)
        assert len(shelf.events) - before <= 1
    letters = shelf.quarantine.letters
    of_id = qu.totals(letters)
    assert len(letters) <= qu.LETTERS_MAX
    assert all(count <= qu.OF_ONE_ID_MAX for count in of_id.values())
    assert of_id.get(qu.OUT_OF_STEP, 0) <= qu.OUT_OF_STEP_MAX
    assert len({row.key for row in letters}) == len(letters)
    ids = {message.message_id for message in heard}
    doublings = log2(len(heard)) + 1 if heard else 0
    assert len(shelf.events) <= (len(letters) + len(ids)) * (doublings + 1)
    # Nothing goes unseen: each message has a letter, or its id a count of what was not kept.
    lost = dict(shelf.quarantine.not_kept)
    for message in heard:
        assert shelf.quarantine.letter(message.key) or lost.get(message.message_id, 0) > 0


# ---- what a person does with it


def test_a_dismissed_letter_makes_room_and_is_another_one_when_it_comes_again() -> None:
    shelf = Shelf()
    key = a_message().key
    shelf.hears(a_message())
    shelf.hears(a_message())
    shelf.records(MessageDismissed(key, "seen", "ann"))
    assert shelf.quarantine.letters == ()
    assert dict(shelf.quarantine.settled) == {key: "dismissed by ann: seen"}
    assert isinstance(shelf.hears(a_message()), MessageQuarantined)
    assert shelf.hears(a_message()) == MessageRepeated(key, 2)
    assert shelf.quarantine.kept_count == 2


def test_a_try_that_settles_nothing_leaves_the_letter() -> None:
    shelf = Shelf()
    shelf.hears(a_message())
    key = a_message().key
    shelf.records(MessageRetried(key, False, "cannot be read", "tried", "ann"))
    assert shelf.quarantine.letter(key) is not None
    shelf.records(MessageRetried(key, True, "booked: x", "mended", "ann"))
    assert shelf.quarantine.letter(key) is None
    assert dict(shelf.quarantine.settled) == {key: "booked: x, by ann"}


def test_what_was_not_kept_is_over_with_the_last_letter() -> None:
    shelf = Shelf()
    for number in range(qu.OF_ONE_ID_MAX + 3):
        shelf.hears(a_message("11", "-1", str(number)))
    assert shelf.quarantine.not_kept_count == 2
    for letter in shelf.quarantine.letters:
        shelf.records(MessageDismissed(letter.key, "seen", "ann"))
    assert shelf.quarantine.not_kept == ()
    assert len(shelf.quarantine.settled) == 100
    for number in range(qu.OF_ONE_ID_MAX + 1):
        shelf.hears(a_message("11", "-1", str(number)))
    assert shelf.events[-1] == MessageNotKept(11, 1)


def test_a_persons_word_counts_against_letters_that_came_before_it() -> None:
    shelf = Shelf()
    assert qu.after_put_right(shelf.quarantine, "5", Seq(1), "x").put_right == ()
    shelf.hears(a_message())
    (early,) = shelf.quarantine.letters
    shelf.quarantine = qu.after_put_right(shelf.quarantine, "5", Seq(2), "first")
    shelf.quarantine = qu.after_put_right(shelf.quarantine, "5", Seq(3), "second")
    shelf.events += [MessageNotKept(0, 1)] * 2
    shelf.hears(a_message("11", "later"))
    late = shelf.quarantine.letters[-1]
    assert late.seq == 4
    assert shelf.quarantine.overtaken(early, "5") == "second"
    assert shelf.quarantine.overtaken(early, "USD") == ""
    assert shelf.quarantine.overtaken(late, "5") == ""


@pytest.mark.parametrize(
    ("message_id", "is_truncated", "verbs"),
    [
        (11, False, ["retry", "dismiss"]),
        (59, False, ["retry", "dismiss"]),
        (5, False, ["retry", "dismiss"]),
        (11, True, ["dismiss"]),
        (qu.OUT_OF_STEP, False, ["dismiss"]),
    ],
)
def test_what_can_be_done_with_a_letter(
    message_id: int, is_truncated: bool, verbs: list[str]
) -> None:
    found = qu.verbs_for(message_id, is_truncated=is_truncated)
    assert list(found) == verbs
    books = "books its" in found.get("retry", "")
    assert books is (message_id in qu.RETRYABLE and not is_truncated)

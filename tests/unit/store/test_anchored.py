"""Whether a journal can be the one of its newest anchor: every way it can be another."""

from __future__ import annotations

import pytest

from trader.core.ids import Seq
from trader.ports import Anchor, ChainHead
from trader.store.anchored import Held, doubt_about, doubt_without_anchors

DIGEST = "ab" * 32
NEWEST = Anchor("chain.jsonl line 9", "abc123", ChainHead(Seq(100), DIGEST))


@pytest.mark.parametrize(
    "held",
    [
        Held("abc123", Seq(100), DIGEST),
        # Killed between a commit and the next anchor: the journal is ahead.
        Held("abc123", Seq(4711), DIGEST),
    ],
)
def test_a_journal_that_has_the_event_with_its_digest_is_believed(held: Held) -> None:
    assert doubt_about(held, NEWEST) == ""


def test_the_beginning_of_a_digest_and_no_name_of_a_journal_are_enough() -> None:
    short = Anchor("last_status.json", "", ChainHead(Seq(100), DIGEST[:16]))
    assert doubt_about(Held("abc123", Seq(100), DIGEST), short) == ""


@pytest.mark.parametrize(
    ("seal", "is_believed"), [("", True), ("ef" * 32, True), ("cd" * 32, False)]
)
def test_another_checkpoint_is_told_and_one_that_is_not_kept_any_more_is_none(
    seal: str, is_believed: bool
) -> None:
    head = ChainHead(Seq(100), DIGEST, Seq(90), "ef" * 32)
    doubt = doubt_about(Held("abc123", Seq(100), DIGEST, seal), Anchor("line 9", "abc123", head))
    if is_believed:
        assert doubt == ""
    else:
        assert doubt.startswith("the checkpoint of event 90 is not the one that line 9 knows; stop")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            Held("abc123", Seq(99), ""),
            "the journal ends with event 99, and chain.jsonl line 9 knows event 100: 1 events are "
            "gone from its end",
        ),
        (
            Held("abc123", Seq(100), "cd" * 32),
            "event 100 is not what chain.jsonl line 9 knows: the history up to it is another",
        ),
        (
            Held("abc123", Seq(4711), "cd" * 32),
            "event 100 is not what chain.jsonl line 9 knows: the history up to it is another",
        ),
        (
            Held("xyz789", Seq(4711), DIGEST),
            "chain.jsonl line 9 knows the journal abc123, and this one is xyz789: it was put in "
            "that one's place",
        ),
    ],
)
def test_another_journal_is_told_with_what_was_found_and_what_to_do(held: Held, words: str) -> None:
    doubt = doubt_about(held, NEWEST)
    assert doubt.startswith(words)
    assert "put the right journal back" in doubt
    assert "RUNBOOK.md, Another journal at the start" in doubt


def test_a_new_journal_beside_the_anchors_of_another_is_told_as_what_it_is() -> None:
    doubt = doubt_about(Held("", Seq(0), ""), NEWEST)
    assert doubt.startswith(
        "this journal is new, and chain.jsonl line 9 knows the journal abc123 up to event 100"
    )
    assert doubt.endswith("go on with `trader baseline` and `trader resume`")


def test_anchors_that_cannot_be_read_are_no_agreement() -> None:
    doubt = doubt_without_anchors("chain.jsonl: Permission denied")
    assert doubt.startswith("its anchors cannot be read (chain.jsonl: Permission denied)")
    assert doubt.endswith("then `trader resume`")


def test_what_a_restore_has_given_up_is_no_doubt_and_another_journal_is() -> None:
    restored = Held("new001", Seq(9), "", "", ("abc123",))
    assert doubt_about(restored, NEWEST) == ""
    strange = Anchor("chain.jsonl line 9", "zzz999", NEWEST.head)
    assert "it was put in that one's place" in doubt_about(restored, strange)

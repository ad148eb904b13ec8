"""A rule picks the frames it means, as often as it is told, and does to them what it says."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from trader.sim.gateway.ways.frame_rules import (
    Delay,
    Drop,
    Edit,
    Effect,
    Frame,
    Hold,
    Match,
    Reorder,
    Repeat,
    Rule,
    through,
)
from trader.sim.wire.frames import encode

STATUS = (3, 7, "Submitted", 0, 100, 0, 900, 0, 0, 1, "", 0)


def run(rules: list[Rule], *frames: bytes, client_id: int = 1, sv: int = 178) -> list[Frame]:
    rng = random.Random(1)
    out: list[Frame] = []
    for data in frames:
        message_id = int(data[4 : data.index(b"\0", 4)])
        out += through(rules, Frame(message_id, data), sv, client_id, rng)
    return out


def fields(frame: Frame) -> list[str]:
    return frame.data[4:].decode().split("\0")[:-1]


def rule(
    effect: Effect, match: Match | None = None, *, skip: int = 0, left: int | None = None
) -> Rule:
    return Rule("r", match or Match(frozenset({3})), effect, skip, left)


def test_a_drop_takes_only_the_frames_it_means() -> None:
    rules = [rule(Drop())]
    out = run(rules, encode(*STATUS), encode(49, 1, 2))
    assert [frame.message_id for frame in out] == [49]


def test_a_rule_passes_over_the_first_and_is_used_up() -> None:
    rules = [rule(Drop(), skip=1, left=2)]
    out = run(rules, *[encode(3, number) for number in range(5)])
    assert [fields(frame)[1] for frame in out] == ["0", "3", "4"]
    assert rules == []


@pytest.mark.parametrize(
    ("where", "is_meant"),
    [
        ((("orderId", "7"),), True),
        ((("orderId", "8"),), False),
        ((("status", "Sub*"), ("clientId", "1")), True),
        ((("2", "Submitted"),), True),
        ((("execId", "x"),), False),
        ((("40", ""),), False),
    ],
)
def test_fields_are_matched_by_name_place_and_prefix(
    where: tuple[tuple[str, str], ...], is_meant: bool
) -> None:
    out = run([rule(Drop(), Match(frozenset({3}), None, where))], encode(*STATUS))
    assert (out == []) is is_meant


def test_a_rule_may_mean_one_client() -> None:
    rules = [rule(Drop(), Match(frozenset(), 5))]
    assert run(rules, encode(*STATUS), client_id=5) == []
    assert len(run(rules, encode(*STATUS), client_id=6)) == 1


def test_frames_are_repeated_held_and_delayed() -> None:
    assert len(run([rule(Repeat(3))], encode(*STATUS))) == 3
    (held,) = run([rule(Hold("b"))], encode(*STATUS))
    assert held.batch == "b"
    (late,) = run([rule(Delay((0.5, 0.5)))], encode(*STATUS))
    assert late.delay_s == 0.5
    (drawn,) = run([rule(Delay((1.0, 2.0)))], encode(*STATUS))
    assert 1.0 <= drawn.delay_s <= 2.0


def test_frames_are_gathered_and_sent_in_another_order() -> None:
    frames = [encode(3, number) for number in range(3)]
    rules = [rule(Reorder(3, (2, 0, 1)))]
    assert run(rules, *frames[:2]) == []
    assert [fields(f)[1] for f in run(rules, frames[2])] == ["2", "0", "1"]
    shuffled = [rule(Reorder(3))]
    assert sorted(fields(f)[1] for f in run(shuffled, *frames)) == ["0", "1", "2"]


def test_a_reorder_taken_away_gives_back_what_it_had() -> None:
    one = rule(Reorder(3), left=2)
    rules = [one]
    run(rules, encode(3, 1), encode(3, 2))
    # It is used up but still holds frames, so it stays.
    assert rules == [one]
    assert len(one.flush()) == 2
    assert one.is_used_up


def test_fields_are_replaced_lengthened_added_to_cut_and_extended() -> None:
    edit = Edit(
        replace=(("permId", "0"), ("execId", "none")), suffix=(("status", "!"),),
        add=(("remaining", Decimal("0.5")), ("status", Decimal(1))), cut=2, extend=("x", "y"),
    )  # fmt: skip
    (out,) = run([rule(edit)], encode(*STATUS))
    assert fields(out) == ["3", "7", "Submitted!", "0", "100.5", "0", "0", "0", "0", "1", "x", "y"]


def test_a_cut_leaves_the_message_id() -> None:
    (out,) = run([rule(Edit(cut=50))], encode(*STATUS))
    assert fields(out) == ["3"]


def test_an_error_has_its_fields_elsewhere_from_version_194() -> None:
    edit = Edit(replace=(("code", "1"),))
    match = Match(frozenset({4}))
    (old,) = run([rule(edit, match)], encode(4, 2, 9, 201, "t", ""))
    (new,) = run([rule(edit, match)], encode(4, 9, 201, "t", "", 5), sv=194)
    assert fields(old)[3] == "1"
    assert fields(new)[2] == "1"


def test_only_rules_that_may_mean_ticks_make_ticks_be_looked_at() -> None:
    assert rule(Drop(), Match(frozenset({1}))).touches_ticks()
    assert rule(Drop(), Match()).touches_ticks()
    assert not rule(Drop(), Match(frozenset({3, 5}))).touches_ticks()

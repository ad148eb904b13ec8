"""The way out: holding, duplicating, dropping in mid-frame, and never growing without bound."""

from __future__ import annotations

from tests.unit.sim.support import hand_clock
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.frame_rules import Delay, Drop, Hold, Match, Rule
from trader.sim.gateway.ways.outlet import (
    HELD_BYTES_MAX,
    HELD_FRAMES_MAX,
    PENDING_BYTES_MAX,
    Outlet,
)
from trader.sim.wire.frames import encode


def outlet(faults: Faults | None = None) -> tuple[Outlet, list[int]]:
    wakes: list[int] = []
    return Outlet(faults or Faults(), lambda: wakes.append(1)), wakes


def test_frames_gather_until_they_are_taken_and_wake_once() -> None:
    out, wakes = outlet()
    out.push(9, b"one")
    out.push(9, b"two")
    assert (out.take(), out.take(), len(wakes), out.frames) == (b"onetwo", b"", 1, 2)


def test_a_held_kind_waits_and_is_released_in_order() -> None:
    faults = Faults(held_messages={53, 62})
    out, _ = outlet(faults)
    for ident, frame in ((53, b"a"), (5, b"b"), (62, b"c"), (53, b"d")):
        out.push(ident, frame)
    assert out.take() == b"b"
    faults.held_messages.clear()
    out.release({53})
    assert out.take() == b"ad"
    out.release({62})
    assert out.take() == b"c"


def test_the_handshake_is_never_duplicated() -> None:
    out, _ = outlet(Faults(copies=3))
    out.push(-1, b"v")
    assert out.take() == b"v"


def test_frames_can_be_duplicated() -> None:
    out, _ = outlet(Faults(copies=3))
    out.push(3, b"x")
    assert out.take() == b"xxx"


def test_a_drop_cuts_the_frame_after_the_last_whole_one() -> None:
    out, _ = outlet()
    out.drop_after = 2
    frame = encode(3, "Submitted")
    for _ in range(5):
        out.push(3, frame)
    assert out.take() == frame * 2 + frame[: len(frame) // 2]
    assert out.is_closing


def test_a_muted_outlet_keeps_orders_and_loses_ticks() -> None:
    faults = Faults(is_muted=True)
    out, _ = outlet(faults)
    out.push(3, b"order")
    out.push_tick(b"tick", 1)
    assert out.take() == b""
    faults.is_muted = False
    assert out.take() == b"order"


def test_ticks_beyond_the_bound_are_lost() -> None:
    out, _ = outlet()
    tick = b"x" * 1_000_000
    for _ in range(100):
        out.push_tick(tick, 1)
    assert len(out.take()) <= PENDING_BYTES_MAX + len(tick)


def test_a_client_that_reads_nothing_is_closed() -> None:
    out, _ = outlet()
    for _ in range(50):
        out.push(3, b"x" * 1_000_000)
    assert out.is_closing
    assert out.overflow == "the client does not read"


def test_nothing_goes_out_after_the_close() -> None:
    out, wakes = outlet()
    out.close()
    out.push(3, b"x")
    out.push_tick(b"x", 1)
    assert (out.take(), len(wakes)) == (b"", 1)


def test_rules_are_applied_and_what_they_hold_is_released() -> None:
    faults = Faults()
    faults.frame_rules.append(Rule("", Match(frozenset({3})), Hold("b"), left=1))
    out, _ = outlet(faults)
    out.push(3, encode(3, 1))
    out.push(3, encode(3, 2))
    assert out.take() == encode(3, 2)
    assert out.release_batch("b") == 1
    assert out.take() == encode(3, 1)


def test_a_delayed_frame_goes_when_its_time_has_come() -> None:
    faults, clock = Faults(), hand_clock()
    faults.frame_rules.append(Rule("", Match(frozenset({3})), Delay((2.0, 2.0))))
    out = Outlet(faults, lambda: None, clock)
    out.push(3, encode(3, 1))
    out.push(5, encode(5, 1))
    assert out.take() == encode(5, 1)
    clock.advance(2.0)
    assert out.take() == encode(3, 1)


def test_ticks_are_looked_at_one_by_one_only_when_a_rule_may_mean_them() -> None:
    faults = Faults()
    faults.frame_rules.append(Rule("", Match(frozenset({1})), Drop()))
    out, _ = outlet(faults)
    out.push_tick(encode(1, 6, 5) + encode(2, 6, 5), 2)
    assert out.take() == encode(2, 6, 5)


def test_one_client_is_frozen_and_a_slow_one_gets_its_bytes_in_drops() -> None:
    faults, clock = Faults(), hand_clock()
    faults.write_bytes_max, faults.write_pause_s = 4, 1.0
    out = Outlet(faults, lambda: None, clock)
    out.client_id = 7
    out.push(3, b"abcdefgh")
    assert (out.take(), out.take()) == (b"abcd", b"")
    faults.frozen[7] = True
    clock.advance(1.0)
    assert out.take() == b""
    faults.frozen[7] = False
    assert out.take() == b"efgh"


def test_what_is_held_back_is_bounded_by_bytes_and_by_frames() -> None:
    out, wakes = outlet(Faults(held_messages={53}))
    frame = b"x" * 1_000_000
    for _ in range(HELD_BYTES_MAX // len(frame)):
        out.push(53, frame)
    assert (out.overflow, out.is_closing, wakes) == ("", False, [])
    out.push(53, frame)
    assert out.overflow.startswith("too much is held back: 34 frames, ")
    assert (out.is_closing, wakes) == (True, [1])
    many, _ = outlet(Faults(held_messages={53}))
    for _ in range(HELD_FRAMES_MAX + 1):
        many.push(53, b"y")
    assert many.overflow == f"too much is held back: {HELD_FRAMES_MAX + 1} frames, 100001 bytes"


def test_what_is_released_counts_no_more() -> None:
    out, _ = outlet(Faults(held_messages={53}))
    frame = b"x" * 1_000_000
    for _ in range(5):
        for _ in range(HELD_BYTES_MAX // len(frame)):
            out.push(53, frame)
        out.release({53})
        out.take()
    assert not out.overflow


def test_delayed_frames_are_bounded_and_count_no_more_once_they_are_sent() -> None:
    clock, frame = hand_clock(), encode(5, "x" * 1_000_000)
    out = Outlet(
        Faults(frame_rules=[Rule("", Match(frozenset({5})), Delay((1.0, 1.0)))]),
        lambda: None,
        clock,
    )
    for _ in range(3):
        for _ in range(HELD_BYTES_MAX // len(frame)):
            out.push(5, frame)
        clock.advance(2.0)
        assert len(out.take()) > HELD_BYTES_MAX - len(frame)
    assert not out.overflow
    for _ in range(HELD_BYTES_MAX // len(frame) + 1):
        out.push(5, frame)
    assert out.overflow

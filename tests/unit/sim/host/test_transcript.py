"""A transcript shows every frame once, whatever way the bytes were cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trader.sim.clock import VirtualClock
from trader.sim.host.transcript import Transcript
from trader.sim.wire.frames import encode

HELLO = b"API\0\x00\x00\x00\x09v157..178"


def lines_of(*pieces: tuple[str, bytes]) -> list[str]:
    clock, lines = VirtualClock(0.0), list[str]()
    transcript = Transcript(clock, lines.append)
    number = transcript.opened()
    clock.advance(1.5)
    for who, data in pieces:
        (transcript.heard if who == ">" else transcript.said)(number, data)
    transcript.closed(number)
    return [line.rstrip("\n") for line in lines]


def test_a_conversation_reads_line_by_line() -> None:
    assert lines_of(
        (">", HELLO + encode(71, 2, 7, "")), ("<", encode(178, "now")), ("<", encode(9, 1, 1))
    ) == [
        "0000000.000000 #1 + connected",
        "0000001.500000 #1 > v157..178",
        "0000001.500000 #1 > 71|2|7|",
        "0000001.500000 #1 < 178|now",
        "0000001.500000 #1 < 9|1|1",
        "0000001.500000 #1 - closed",
    ]  # fmt: skip


def test_what_would_break_a_line_is_escaped() -> None:
    (shown,) = [line for line in lines_of(("<", encode("a|b", "c\nd\\e"))) if "<" in line]
    assert shown.endswith(r"< a\|b|c\nd\\e")


def test_the_rest_of_a_broken_frame_is_shown_at_the_end() -> None:
    lines = lines_of(("<", encode(9, 1, 1)[:6]), (">", HELLO + b"\x7f\x00\x00\x00junk"))
    assert lines[2:4] == [
        "0000001.500000 #1 > ... 7f 00 00 00 6a 75 6e 6b",
        "0000001.500000 #1 < ... 00 00 00 06 39 00",
    ]


@given(st.lists(st.integers(0, 60), max_size=6))
def test_the_cuts_of_a_stream_do_not_matter(cuts: list[int]) -> None:
    data = HELLO + encode(71, 2, 7, "") + encode(8, 1, 1) + encode(49, 1)
    places = sorted({0, *cuts, len(data)})
    pieces = [(">", data[a:b]) for a, b in itertools.pairwise(places)]
    assert lines_of(*pieces) == lines_of((">", data))

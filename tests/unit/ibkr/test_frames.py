"""The framer: any splitting gives the same frames, and a bad length stops everything."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.ibkr.frames import FRAME_BYTES_MAX, FrameReader

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
FRAMES = st.lists(st.lists(FIELD, min_size=1, max_size=6), max_size=8)


def encoded(fields: list[str]) -> bytes:
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


@given(FRAMES, st.data())
def test_however_the_stream_is_split_the_frames_are_the_same(
    frames: list[list[str]], data: st.DataObject
) -> None:
    stream = b"".join(encoded(fields) for fields in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, got, start = FrameReader(), [], 0
    for cut in [*cuts, len(stream)]:
        got += reader.feed(stream[start:cut])
        start = cut
    assert got == frames
    assert reader.violation is None


@given(FRAMES)
def test_a_stream_fed_byte_by_byte_gives_the_same_frames(frames: list[list[str]]) -> None:
    reader, got = FrameReader(), []
    for byte in b"".join(encoded(fields) for fields in frames):
        got += reader.feed(bytes([byte]))
    assert got == frames


@pytest.mark.parametrize("size", [0, FRAME_BYTES_MAX + 1, 0x7F000000, 0xFFFFFFFF])
def test_a_length_out_of_range_breaks_the_stream_after_the_frames_before_it(size: int) -> None:
    reader = FrameReader()
    good = encoded(["3", "1"])
    assert reader.feed(good + size.to_bytes(4, "big") + good) == [["3", "1"]]
    assert reader.violation is not None
    assert str(size) in reader.violation
    assert reader.feed(good) == []


def test_the_longest_allowed_frame_is_read() -> None:
    payload = b"x" * (FRAME_BYTES_MAX - 1) + b"\0"
    frames = FrameReader().feed(FRAME_BYTES_MAX.to_bytes(4, "big") + payload)
    assert len(frames[0][0]) == FRAME_BYTES_MAX - 1


def test_text_that_is_not_utf8_is_read_all_the_same() -> None:
    assert FrameReader().feed(b"\x00\x00\x00\x03\xff1\0") == [["\\xff1"]]


def test_the_time_is_linear_in_the_length_of_the_stream() -> None:
    """A framer that copies the rest for every frame needs minutes for these 40 megabytes."""
    stream = encoded(["1", "6", "9", "1", "100.01", "300", "0"]) * 1_200_000
    started = time.perf_counter()
    assert len(FrameReader().feed(stream)) == 1_200_000
    assert time.perf_counter() - started < 30

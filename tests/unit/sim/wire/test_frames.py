"""Framing survives any splitting, and garbage ends in a WireError, never in something else."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.wire.frames import (
    FieldError,
    FrameReader,
    Hello,
    WireError,
    amount,
    ascii7,
    encode,
    plain,
    quotient,
    read_decimal,
    read_flag,
    read_integer,
)

HELLO = b"API\0\0\0\0\x09v157..178"
FIELD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.lists(FIELD, min_size=1, max_size=6), max_size=6), st.data())
def test_frames_come_out_whole_however_the_stream_is_split(
    messages: list[list[str]], data: st.DataObject
) -> None:
    stream = HELLO + b"".join(encode(*fields) for fields in messages)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    reader, found = FrameReader(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:stop])
    assert found == messages
    assert reader.hello == Hello(157, 178)


@given(st.binary(max_size=200))
def test_garbage_ends_in_a_wire_error_or_in_frames(garbage: bytes) -> None:
    for prefix in (b"", HELLO):
        with contextlib.suppress(WireError):
            FrameReader().feed(prefix + garbage)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1",
        b"API\0\0\0\0\0",
        b"API\0\xff\xff\xff\xff",
        b"API\0\0\0\0\x03abc",
        HELLO + b"\0\0\0\0",
        HELLO + b"\x7f\xff\xff\xff",
        HELLO + b"\0\0\0\x02ab",
    ],
)
def test_broken_framing_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        FrameReader().feed(data)


def test_a_handshake_may_carry_options_and_may_offer_one_version() -> None:
    reader = FrameReader()
    reader.feed(b"API\0\0\0\0\x12v157..178 +PACEAPI")
    assert reader.hello == Hello(157, 178)
    reader = FrameReader()
    reader.feed(b"API\0\0\0\0\x04v178")
    assert reader.hello == Hello(178, 178)


@pytest.mark.parametrize(
    "text", ["", "1.7976931348623157E308", "1.7976931348623157e+308", "2147483647"]
)
def test_every_way_to_write_an_unset_number_is_none(text: str) -> None:
    assert read_decimal(text) is None


def test_numbers_are_exact_decimals() -> None:
    assert read_decimal("172.10") == Decimal("172.10")
    assert read_decimal("1e2") == Decimal(100)
    assert read_integer("-7") == -7
    assert read_integer("") is None


@pytest.mark.parametrize("text", ["x", "nan", "Infinity", "1,5", "0x10", "--1", "1" * 40])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        read_decimal(text)


def test_booleans_are_read_in_both_spellings() -> None:
    assert [read_flag(text) for text in ("1", "true", "True", "0", "false", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(FieldError):
        read_flag("2")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_a_plain_decimal_has_no_exponent_and_keeps_its_value(value: Decimal) -> None:
    text = plain(value)
    assert "E" not in text
    assert Decimal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "2147483647", "1.7976931348623157E308", "1.7976931348623157e+308",
        "9223372036854775807", "170141183460469231731687303715884105727",
    ],
)  # fmt: skip
def test_every_way_to_write_an_unset_number_is_known(text: str) -> None:
    assert read_decimal(text) is None


def test_a_double_is_written_with_a_point_and_without_an_exponent() -> None:
    texts = ["0", "1", "172.250", "1E+3", "1E-7", "-0"]
    assert [amount(Decimal(text)) for text in texts] == [
        "0.0", "1.0", "172.25", "1000.0", "0.0000001", "0.0",
    ]  # fmt: skip


def test_only_characters_beyond_ascii_are_escaped() -> None:
    assert ascii7("a\\b\n") == "a\\b\n"
    assert ascii7("\N{EURO SIGN}") == "\\u20ac"


def test_a_computed_number_has_no_more_digits_than_a_double() -> None:
    assert quotient(Decimal(708) / 7) == "101.14285714285714"
    assert quotient(Decimal("-8.3") / 7) == "-1.1857142857142857"
    assert quotient(Decimal("0.00000012") / 3) == "0.00000004"
    assert quotient(Decimal("172.25")) == "172.25"
    assert quotient(Decimal(0)) == "0"

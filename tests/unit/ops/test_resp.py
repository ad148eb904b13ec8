"""Replies come in any portions, and what is none, or too much, ends the connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.ops.resp import LINE_MAX, ErrorReply, NotResp, Reply, reply, request


async def read(*portions: bytes) -> Reply:
    reader = asyncio.StreamReader(limit=LINE_MAX)

    async def feed() -> None:
        for portion in portions:
            reader.feed_data(portion)
            await asyncio.sleep(0)
        reader.feed_eof()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        answer = group.create_task(reply(reader))
    return answer.result()


def test_a_request_says_how_long_each_part_is() -> None:
    assert request([b"AUTH", "pä\r\n".encode()]) == b"*2\r\n$4\r\nAUTH\r\n$5\r\np\xc3\xa4\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"+PONG\r\n", "PONG"),
        (b"-OOM command not allowed\r\n", ErrorReply("OOM command not allowed")),
        (b"-bad \x1b[31m\xff\r\n", ErrorReply("bad ?[31m\N{REPLACEMENT CHARACTER}")),
        (b":-7\r\n", -7),
        (b"$3\r\n1-0\r\n", b"1-0"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*2\r\n$3\r\n1-0\r\n-WRONGTYPE x\r\n", [b"1-0", ErrorReply("WRONGTYPE x")]),
    ],
)  # fmt: skip
async def test_a_reply_is_read_whole_and_byte_by_byte(data: bytes, expected: Reply) -> None:
    assert await read(data) == expected
    assert await read(*(data[place : place + 1] for place in range(len(data)))) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n", b":many\r\n", b"$99999999\r\n", b"$-2\r\n", b"*99999999\r\n",
        b"$1\r\nabc", b"*1\r\n" * 9 + b":1\r\n", b"\r\n", b"+" + b"x" * 2 * LINE_MAX,
    ],
)  # fmt: skip
async def test_what_is_no_reply_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await read(data)
    assert raised.group_contains(NotResp)


@pytest.mark.parametrize("size", range(1, 21))
async def test_half_a_reply_is_an_end_and_no_answer(size: int) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await read(b"*2\r\n$3\r\n1-0\r\n$3\r\n1-1\r\n"[:size])
    assert raised.group_contains(EOFError)


@given(data=st.binary(max_size=200))
def test_whatever_comes_is_a_reply_or_an_error_that_is_known(data: bytes) -> None:
    async def heard() -> Reply:
        reader = asyncio.StreamReader(limit=LINE_MAX)
        reader.feed_data(data)
        reader.feed_eof()
        with suppress(NotResp, EOFError):
            return await reply(reader)
        return None

    assert isinstance(asyncio.run(heard()), str | int | bytes | list | ErrorReply | None)

"""Whatever a server does, a part is taken whole or handed over again, and no secret is shown.

The server here is a real socket and speaks the protocol; each test gives it one way to go wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from trader.core.ids import Seq
from trader.core.streams import Stream
from trader.ops.redis_streams import RedisKeys, RedisPlace, RedisStreams
from trader.ops.resp import reply, request
from trader.ports import SinkFailed, StreamEvent

SECRET = "correct horse"
NOTES = "trader:exec_reports"


def event(seq: int, stream: Stream = Stream.EXEC_REPORTS) -> StreamEvent:
    return StreamEvent(f"abc123-{seq}", stream, Seq(seq), seq, "ExecutionSeen", 1, '{"a":"ö"}')


@dataclass
class Server:
    """A server with streams in memory; its ``faults`` come one after the other."""

    faults: list[str] = field(default_factory=list)
    streams: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    sinks: list[RedisStreams] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for sink in self.sinks:
                sink.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks)
            # Connections that were aborted end in the turn after.
            for _ in range(3):
                await asyncio.sleep(0)

    def fault(self, *names: str) -> str:
        """Return the fault of now if it is one of these."""
        return self.faults.pop(0) if self.faults and self.faults[0] in names else ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        self.connections += 1
        try:
            await self._answer(reader, writer)
        except (EOFError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queued: list[list[str]] | None = None
        is_bad = False
        while True:
            sent = await reply(reader)
            assert isinstance(sent, list)
            words = [part.decode() for part in sent if isinstance(part, bytes)]
            self.commands.append(words)
            answer = b"+OK\r\n"
            match words[0]:
                case "AUTH" if words[-1] != SECRET or self.fault("WRONGPASS"):
                    answer = f"-WRONGPASS {words[-1]} is not it\r\n".encode()
                case "PING" if self.fault("chatter"):
                    answer = b"HTTP/1.1 400 Bad Request\r\n"
                case "PING" if self.fault("mute"):
                    await asyncio.sleep(3_600)
                case "PING":
                    answer = b"+PONG\r\n"
                case "MULTI":
                    queued, is_bad = [], False
                case "XADD":
                    assert queued is not None
                    kind = self.fault("OOM", "LOADING", "slow", "gone", "pass").replace("pass", "")
                    if kind == "gone":
                        return
                    if kind == "slow":
                        await asyncio.sleep(3_600)
                    is_bad = is_bad or bool(kind)
                    queued.append(words)
                    answer = f"-{kind} no\r\n".encode() if kind else b"+QUEUED\r\n"
                case "EXEC":
                    assert queued is not None
                    answer = self._executed(queued, is_bad=is_bad)
                    queued = None
                    if self.fault("half"):
                        writer.write(answer[: len(answer) // 2])
                        writer.close()
                        return
                    if self.fault("unanswered"):
                        return
            writer.write(answer)
            await writer.drain()

    def _executed(self, queued: list[list[str]], *, is_bad: bool) -> bytes:
        if is_bad:
            return b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        if self.fault("WRONGTYPE"):
            return b"*%d\r\n" % len(queued) + b"-WRONGTYPE of a list\r\n" * len(queued)
        if self.fault("short"):
            return b"*0\r\n"
        for words in queued:
            fields = words[words.index("*") + 1 :]
            entry = dict(zip(fields[::2], fields[1::2], strict=True))
            self.streams.setdefault(words[1], []).append(entry)
        return b"*%d\r\n" % len(queued) + b"$3\r\n1-0\r\n" * len(queued)

    def ids(self, key: str = NOTES) -> list[str]:
        return [entry["id"] for entry in self.streams.get(key, [])]


def sink_of(server: Server, maxlen: int | None = None, **changes: object) -> RedisStreams:
    place = RedisPlace(
        "127.0.0.1", server.port, 0, username="", password=lambda: "", tls=None,
        connect_s=0.5, answer_s=0.5,
    )  # fmt: skip
    made = RedisStreams(
        replace(place, **changes),  # type: ignore[arg-type]
        RedisKeys("trader:", maxlen),
    )
    server.sinks.append(made)
    return made


async def test_each_event_is_an_entry_of_its_stream_with_its_own_id_and_content() -> None:
    async with Server().running() as server:
        sink = sink_of(server, maxlen=5_000)
        await sink.take((event(1), event(2, Stream.ORDER_INTENTS), event(3)))
        await sink.take((event(4),))
        assert server.ids() == ["abc123-1", "abc123-3", "abc123-4"]
        assert server.streams["trader:order_intents"] == [
            {
                "id": "abc123-2", "seq": "2", "at": "1970-01-01T00:00:00.000002Z",
                "kind": "ExecutionSeen", "version": "1", "event": '{"a":"ö"}',
            }
        ]  # fmt: skip
        adds = [words for words in server.commands if words[0] == "XADD"]
        assert {tuple(words[2:6]) for words in adds} == {("MAXLEN", "~", "5000", "*")}
        assert server.connections == 1


async def test_name_secret_and_database_come_first() -> None:
    async with Server().running() as server:
        sink = sink_of(server, username="trader", password=lambda: SECRET, database=3)
        await sink.take((event(1),))
        assert server.commands[:2] == [["AUTH", "trader", SECRET], ["SELECT", "3"]]


async def test_a_secret_that_is_wrong_is_said_without_it_and_a_new_one_is_taken_up() -> None:
    secret = "a wrong one"
    async with Server().running() as server:
        sink = sink_of(server, password=lambda: secret)
        with pytest.raises(SinkFailed, match=r"AUTH: WRONGPASS \*\*\* is not it") as failed:
            await sink.take((event(1),))
        assert secret not in str(failed.value)
        secret = SECRET
        await sink.take((event(1),))
        assert server.ids() == ["abc123-1"]
    assert secret not in repr(sink)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("OOM", "trader:exec_reports: OOM no"), ("LOADING", "LOADING no"),
        ("WRONGTYPE", "WRONGTYPE of a list"), ("gone", "the connection ended|reset|Broken"),
        ("slow", "no answer within 0.5 s"), ("chatter", "a reply begins with b'HTTP"),
        ("short", "3 entries were to be added"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_said_takes_nothing_and_is_over_with_it(
    fault: str, said: str
) -> None:
    async with Server([fault]).running() as server:
        sink = sink_of(server)
        part = (event(1), event(2), event(3))
        with pytest.raises(SinkFailed, match=f"redis 127.0.0.1:{server.port}: .*({said})"):
            await sink.take(part)
        assert server.ids() == []
        await sink.take(part)
        await sink.take((event(4),))
        assert server.ids() == [f"abc123-{seq}" for seq in (1, 2, 3, 4)]


async def test_memory_that_runs_out_in_the_middle_leaves_no_gap() -> None:
    """Entries that were added one by one would have the later of a part before the earlier."""
    async with Server().running() as server:
        sink = sink_of(server)
        await sink.take((event(1),))
        server.faults = ["OOM"]
        with pytest.raises(SinkFailed):
            await sink.take((event(2), event(3)))
        assert server.ids() == ["abc123-1"]


async def test_behind_a_transaction_that_failed_comes_no_other() -> None:
    part = tuple(event(seq) for seq in range(1, 61))
    async with Server().running() as server:
        sink = sink_of(server)
        await sink.take((event(0),))
        server.faults = ["pass"] * 25 + ["OOM"]
        with pytest.raises(SinkFailed):
            await sink.take(part)
        assert server.ids() == [f"abc123-{seq}" for seq in range(26)]
        assert not [words for words in server.commands if "abc123-51" in words]
        await sink.take(part)
        firsts = list(dict.fromkeys(server.ids()))
        assert firsts == [f"abc123-{seq}" for seq in range(61)]


@pytest.mark.parametrize("fault", ["half", "unanswered"])
async def test_an_answer_that_is_lost_brings_the_same_ids_again_and_none_is_left_out(
    fault: str,
) -> None:
    async with Server([fault]).running() as server:
        sink = sink_of(server)
        with pytest.raises(SinkFailed):
            await sink.take((event(1), event(2)))
        await sink.take((event(1), event(2)))
        assert server.ids() == ["abc123-1", "abc123-2"] * 2


async def test_one_that_is_cut_off_from_outside_leaves_no_answer_to_the_next() -> None:
    async with Server(["slow"]).running() as server:
        sink = sink_of(server, answer_s=60.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sink.take((event(1),))
        await sink.take((event(1), event(2)))
        assert server.ids() == ["abc123-1", "abc123-2"]
        assert server.connections == 2


async def test_a_server_that_was_away_is_found_again() -> None:
    server = Server()
    async with server.running():
        sink = sink_of(server)
        await sink.take((event(1),))
    with pytest.raises(SinkFailed, match=r"redis 127\.0\.0\.1"):
        await sink.take((event(2),))
    async with server.running():
        await sink.take((event(2),))
    assert server.ids() == ["abc123-1", "abc123-2"]


async def test_an_idle_connection_that_the_server_has_closed_is_no_failure() -> None:
    async with Server().running() as server:
        sink = sink_of(server)
        await sink.take((event(1),))
        assert sink._link is not None
        sink._link.reader.feed_eof()
        await sink.take((event(2),))
        assert server.connections == 2


async def test_nobody_who_answers_a_connect_is_given_up_in_time() -> None:
    async with Server(["mute"]).running() as server:
        with pytest.raises(SinkFailed, match=r"no connection within 0\.5 s"):
            await sink_of(server).take((event(1),))


async def test_a_password_that_cannot_be_read_is_a_failure_of_the_sink() -> None:
    def gone() -> str:
        raise SinkFailed("password_file is /x, cannot be read")

    async with Server().running() as server:
        with pytest.raises(SinkFailed, match="password_file is /x"):
            await sink_of(server, password=gone).take((event(1),))


def test_a_request_is_what_a_server_reads() -> None:
    assert request([b"PING"]) == b"*1\r\n$4\r\nPING\r\n"

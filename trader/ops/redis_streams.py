"""The streams into Redis: each event an entry of ``<prefix>exec_reports`` and its like, by XADD.

An entry carries the event's own id in the field ``id``: after a crash or a failure the same events
come again under the same ids, in order, and none is left out. They go in small transactions, one
after the other, each added as a whole or not at all, and behind one that failed comes no other: a
server that runs out of memory in the middle leaves no gap in front of what it takes.

The server's answer is what counts as safe. Whether that survives a power cut there is for its own
settings to say (``appendonly``, ``appendfsync``); this sink cannot know it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from trader.core.streams import Stream
from trader.ops.resp import LINE_MAX, ErrorReply, NotResp, Reply, reply, request
from trader.ops.stream_files import moment_text
from trader.ports import SinkFailed, StreamEvent

# A turn of the loop belongs to it: orders wait for no more.
_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """Where the server is and how to get in; ``tls`` is None for a plain connection."""

    host: str
    port: int
    database: int
    username: str
    # Asked for at every connect: a secret that was changed is taken up without a restart.
    password: Callable[[], str]
    tls: ssl.SSLContext | None
    connect_s: float
    answer_s: float


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """What the streams are called there, and about how many entries of each are kept."""

    prefix: str
    maxlen: int | None


@dataclass(frozen=True, slots=True)
class _Link:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class RedisStreams:
    """Implements ``ports.StreamSink`` over one connection, made when it is needed."""

    def __init__(self, place: RedisPlace, keys: RedisKeys) -> None:
        self._place = place
        self._keys = keys
        self._name = f"redis {place.host}:{place.port}"
        self._link: _Link | None = None

    async def take(self, events: tuple[StreamEvent, ...]) -> None:
        """Add the events, a few at a time; raises SinkFailed."""
        is_taken = False
        try:
            link = await self._connected()
            await self._add(link, events)
            is_taken = True
        except (OSError, EOFError, NotResp) as error:
            # An EOFError says how many bytes of a reply came, and nothing that a person needs.
            text = "the connection ended" if isinstance(error, EOFError) else str(error)
            raise SinkFailed(f"{self._name}: {text or type(error).__name__}") from error
        finally:
            # Cut off anywhere, the replies that are still to come belong to nobody.
            if not is_taken:
                self._drop()

    def close(self) -> None:
        """End the connection; the next part would make another."""
        self._drop()

    async def _connected(self) -> _Link:
        link = self._link
        if link is not None and not link.reader.at_eof():
            return link
        # A server closes a connection that was idle for long: that is no failure.
        self._drop()
        place = self._place
        secret = place.password()
        async with self._within(place.connect_s, "no connection"):
            reader, writer = await asyncio.open_connection(
                place.host, place.port, ssl=place.tls, limit=LINE_MAX
            )
            self._link = _Link(reader, writer)
            await self._enter(self._link, secret)
        return self._link

    async def _enter(self, link: _Link, secret: str) -> None:
        """Say who comes and where to; the server's words about it are shown without the secret."""
        place = self._place
        commands = [("PING",)] if not place.database else [("SELECT", str(place.database))]
        if secret:
            names = (place.username, secret) if place.username else (secret,)
            commands.insert(0, ("AUTH", *names))
        for command in commands:
            link.writer.write(_command(*command))
            answer = await reply(link.reader)
            if isinstance(answer, ErrorReply):
                said = answer.text.replace(secret, "***") if secret else answer.text
                raise SinkFailed(f"{self._name}: {command[0]}: {said}")
            if answer not in ("OK", "PONG"):
                raise NotResp(f"{command[0]} was answered by {type(answer).__name__}")

    async def _add(self, link: _Link, events: Sequence[StreamEvent]) -> None:
        async with self._within(self._place.answer_s, "no answer"):
            for stream in Stream:
                own = [event for event in events if event.stream is stream]
                for first in range(0, len(own), _AT_ONCE):
                    await self._transact(link, own[first : first + _AT_ONCE])

    async def _transact(self, link: _Link, part: Sequence[StreamEvent]) -> None:
        link.writer.write(_command("MULTI"))
        link.writer.writelines(request(self._entry(event)) for event in part)
        link.writer.write(_command("EXEC"))
        await link.writer.drain()
        self._judge(part, [await reply(link.reader) for _ in range(len(part) + 2)])

    def _entry(self, event: StreamEvent) -> list[bytes]:
        head = ["XADD", f"{self._keys.prefix}{event.stream}"]
        if self._keys.maxlen is not None:
            head += ["MAXLEN", "~", str(self._keys.maxlen)]
        fields = [
            *("id", event.id, "seq", str(event.seq), "at", moment_text(event.at_us)),
            *("kind", event.kind, "version", str(event.version), "event", event.payload),
        ]
        return [text.encode() for text in (*head, "*", *fields)]

    def _judge(self, part: Sequence[StreamEvent], answers: list[Reply]) -> None:
        """Raise unless the server has added every event of a part."""
        done = answers[-1]
        added = done if isinstance(done, list) else []
        for answer in (*answers[:-1], *added, done):
            if isinstance(answer, ErrorReply):
                key = f"{self._keys.prefix}{part[0].stream}"
                raise SinkFailed(f"{self._name}: {key}: {answer.text}")
        if len(added) != len(part) or not all(isinstance(name, bytes) for name in added):
            raise NotResp(f"{len(part)} entries were to be added, and the answer is {done!r:.80}")

    @asynccontextmanager
    async def _within(self, seconds: float, what: str) -> AsyncIterator[None]:
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise SinkFailed(f"{self._name}: {what} within {seconds:g} s") from error

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            with suppress(OSError, RuntimeError):  # the loop may be closing
                link.writer.transport.abort()


def _command(*words: str) -> bytes:
    return request([word.encode() for word in words])

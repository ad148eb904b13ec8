"""One TCP connection at a time, opened phase by phase, each phase with its own deadline.

A port that answers is not an API that answers, and an API that answers is not one that started:
TCP, the version, and the start (next id and accounts) are waited for separately (INC-010). A
client id that is in use is told at once (326) instead of after the deadline (INC-008). A new
connection waits until the last one is really gone, or it collides with itself (INC-090).
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from trader.core.ids import AccountId, OrderId
from trader.ibkr.client import ApiClient
from trader.ibkr.settings import BrokerSettings
from trader.ports import Clock, ConnectRefused, LinkFacts

# About sixty messages: what one turn of the loop decodes, in a millisecond or two.
SLICE_BYTES = 2_048


@dataclass(slots=True)
class Progress:
    """What a connection attempt has heard so far."""

    version: int = 0
    next_valid_id: int | None = None
    accounts: tuple[AccountId, ...] = ()
    refusal: ConnectRefused | None = None
    last_words: str = ""

    @property
    def has_started(self) -> bool:
        """Tell whether both halves of the start came (messages 9 and 15)."""
        return self.next_valid_id is not None and bool(self.accounts)


class _Socket(asyncio.Protocol):
    """The two ends of one transport's life, and its bytes.

    Thousands of prices can come in one read. They are passed on a slice at a time, and nothing is
    read meanwhile, so that timers, orders and strategies have their turn in between (DAT-02).
    """

    def __init__(
        self,
        received: Callable[[bytes, float], None],
        lost: Callable[["_Socket", str], None],
        now: Callable[[], float],
    ) -> None:
        self._received = received
        self._lost = lost
        self._now = now
        # Slices that wait for their turn, and when each came.
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._is_passing = False
        self.transport: asyncio.Transport | None = None
        self.is_lost = False
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transport is no subclass of asyncio's, so it is not asserted here.
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on, in slices where there are many."""
        at_s = self._now()
        starts = range(0, len(data), SLICE_BYTES)
        self._waiting.extend((data[start : start + SLICE_BYTES], at_s) for start in starts)
        if not self._is_passing:
            self._pass()

    def _pass(self) -> None:
        if self._waiting:
            self._pass_one()
        is_more = bool(self._waiting)
        if is_more:
            asyncio.get_running_loop().call_soon(self._pass)
        if is_more == self._is_passing:
            return
        # Before the transport is told, which may hand over the next bytes in the same breath.
        self._is_passing = is_more
        transport = self.transport
        if transport is not None and not transport.is_closing():
            if is_more:
                transport.pause_reading()
            else:
                transport.resume_reading()

    def _pass_one(self) -> None:
        data, at_s = self._waiting.popleft()
        is_taken = False
        try:
            self._received(data, at_s)
            is_taken = True
        finally:
            # As the loop does with whoever raises in data_received: a stream with a hole is over.
            if not is_taken:
                self._waiting.clear()
                if self.transport is not None:
                    self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the loss, once, after everything that came before it."""
        try:
            while self._waiting:
                self._pass_one()
        finally:
            self.is_lost = True
            self.gone.set()
            self._lost(self, f"connection lost: {exc}" if exc else "closed by the peer")


class Connection:
    """Open, abort, and know the one connection there is."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        client: ApiClient,
        on_lost: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._on_lost = on_lost
        self._socket: _Socket | None = None
        self._lost_s: float | None = None
        self._changed = asyncio.Event()
        self._is_opening = False
        self.progress = Progress()

    async def open(self) -> LinkFacts:
        """Connect and start the API; raises ConnectRefused, and then nothing is left open."""
        assert not self._is_opening, "two connection attempts at a time"
        assert not self._client.isReady(), "already connected"
        self._is_opening = True
        try:
            self.progress = Progress()
            await self._last_one_gone()
            self._check()
            await self._tcp()
            await self._reached(
                lambda: bool(self.progress.version),
                self._settings.version_deadline_s,
                "server version",
            )
            await self._reached(
                lambda: self.progress.has_started,
                self._settings.start_deadline_s,
                "next valid id and accounts",
            )
            self._client.started()
        finally:
            self._is_opening = False
            if not self._client.isReady():
                self.abort()
        heard = self.progress
        assert heard.next_valid_id is not None
        return LinkFacts(
            accounts=heard.accounts,
            server_version=heard.version,
            next_valid_id=OrderId(heard.next_valid_id),
        )

    def abort(self) -> None:
        """Drop the connection now; bytes still queued on our side are discarded (INC-004)."""
        self._client.end()
        self.refuse("handshake", "aborted")
        if self._socket is not None and self._socket.transport is not None:
            self._socket.transport.abort()

    def broke(self, reason: str) -> None:
        """Abort a connection whose stream is out of step."""
        was_ready = self._client.isReady()
        self.refuse("handshake", reason)
        self.abort()
        if was_ready:
            self._on_lost(reason)

    # ---- what is heard while opening

    def heard(self) -> None:
        """Look again: something in ``progress`` changed."""
        self._changed.set()

    def refuse(self, phase: str, text: str) -> None:
        """End the attempt with a reason; the first one counts."""
        if self.progress.refusal is None:
            words = self.progress.last_words
            self.progress.refusal = ConnectRefused(phase, f"{text} ({words})" if words else text)
        self._changed.set()

    # ---- phases

    async def _last_one_gone(self) -> None:
        last = self._socket
        if last is None:
            return
        try:
            async with asyncio.timeout(self._settings.close_deadline_s):
                await last.gone.wait()
        except TimeoutError:
            raise ConnectRefused("tcp", "the last connection does not close") from None
        self._socket = None
        assert self._lost_s is not None
        gap_s = self._lost_s + self._settings.reconnect_gap_s - self._clock.monotonic()
        if gap_s > 0:
            await self._clock.sleep(gap_s)

    async def _tcp(self) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        own = _Socket(self._client.received, self._lost, self._clock.monotonic)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.tcp_deadline_s):
                await loop.create_connection(lambda: own, self._settings.host, self._settings.port)
        except TimeoutError:
            limit_s = self._settings.tcp_deadline_s
            raise ConnectRefused("tcp", f"{where}: no answer within {limit_s} s") from None
        except OSError as error:
            raise ConnectRefused("tcp", f"{where}: {error}") from error
        finally:
            # Also when a deadline struck after the transport was made: it must be waited for.
            if own.transport is not None:
                self._socket = own
        assert own.transport is not None
        if own.is_lost:
            self.refuse("handshake", "closed by the peer at once")
        self._check()
        self._tune(own.transport)
        self._client.begin(own.transport, self._settings.client_id)

    async def _reached(self, is_reached: Callable[[], bool], deadline_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(deadline_s):
                while not is_reached():
                    self._check()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            words = f"; it said: {self.progress.last_words}" if self.progress.last_words else ""
            text = f"no {what} within {deadline_s} s{words}"
            raise ConnectRefused("handshake", text) from None
        self._check()

    def _check(self) -> None:
        if self.progress.refusal is not None:
            raise self.progress.refusal

    def _lost(self, own: _Socket, reason: str) -> None:
        self._lost_s = self._clock.monotonic()
        if not self._client.is_on(own.transport):
            # We aborted it ourselves, or it died before the handshake began.
            return
        was_ready = self._client.isReady()
        self._client.end()
        self.refuse("handshake", reason)
        if was_ready:
            self._on_lost(reason)

    def _tune(self, transport: asyncio.Transport) -> None:
        """Send small frames at once, and let the kernel notice a dead peer as a second line."""
        own = transport.get_extra_info("socket")
        if own is None:
            return
        idle_s = self._settings.keepalive_idle_s
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # Not on every system; where they are missing, the heartbeat alone holds (INC-004).
        for name, value in (
            ("TCP_KEEPIDLE", idle_s),
            ("TCP_KEEPINTVL", max(idle_s // 3, 1)),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", int(self._settings.tcp_user_timeout_s * 1000)),
        ):
            option = getattr(socket, name, None)
            if option is not None:
                own.setsockopt(socket.IPPROTO_TCP, option, value)

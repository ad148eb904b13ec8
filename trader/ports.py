"""What the engine needs from the world. Adapters implement these; the engine sees nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from trader.core.account import AccountReading, MarginPreview, ResultReading
from trader.core.bars import Bar
from trader.core.checkpoint import BookState
from trader.core.events import (
    CommissionSeen,
    ExecutionSeen,
    OpenOrderSeen,
    OrderErrorSeen,
    OrderStatusSeen,
    Recorded,
)
from trader.core.halts import Lane
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import AccountId, ClientId, ConId, Lineage, OrderId, Seq
from trader.core.instruments import Instrument, InstrumentSpec
from trader.core.intents import Intent
from trader.core.quarantine import BrokenMessage
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import BrokerSnapshot, ExecutionList
from trader.core.streams import Stream


class WorldError(Exception):
    """Something outside the daemon failed; handled at a named place, never ignored."""


class LinkDown(WorldError):
    """The API connection is not there; nothing was written."""


class Vetoed(WorldError):
    """The last word before the socket was no; nothing was written."""


class SendUncertain(WorldError):
    """Writing began and failed: the bytes may have left."""


class SnapshotUnavailable(WorldError):
    """A part of the snapshot did not end in time; there is no snapshot."""


class JournalFailed(WorldError):
    """The journal cannot make anything durable any more."""


class NoteFailed(WorldError):
    """A note beside the events was not written, and nothing of it; the events are as they were."""


class SinkFailed(WorldError):
    """A sink has not taken events, or not all of them: they are to be handed over again."""


class HistoryRefused(WorldError):
    """There are no bars of the past, and ``trouble`` says why."""

    def __init__(self, trouble: HistoryTrouble, text: str) -> None:
        super().__init__(f"{trouble}: {text}")
        self.trouble = trouble


class ConnectRefused(WorldError):
    """Connecting failed in ``phase``: tcp, handshake, client id, account."""

    def __init__(self, phase: str, text: str) -> None:
        super().__init__(f"{phase}: {text}")
        self.phase = phase


class Clock(Protocol):
    """Time. ``monotonic`` for every interval, ``utc`` only to write down or to show."""

    def monotonic(self) -> float:
        """Return seconds that never step back."""

    def utc(self) -> datetime:
        """Return the wall time, with its zone."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Pacer(Protocol):
    """One token bucket for every message to the broker."""

    def try_take(self, lane: Lane) -> bool:
        """Take a token if the lane may have one now."""

    async def take(self, lane: Lane, deadline_s: float) -> bool:
        """Wait for a token until the monotonic ``deadline_s``; False when it passed."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How far the journal is durable, and the digest of all up to there, in hexadecimal.

    Written down outside the journal, it shows later whether the journal was cut or rewritten. The
    newest checkpoint of this process goes with it; 0 and empty where there is none.
    """

    seq: Seq
    digest: str
    checkpoint_seq: Seq = Seq(0)
    checkpoint_digest: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the chain as it was written down: by what, and of which journal (its lineage)."""

    source: str
    journal: str
    head: ChainHead


class Journal(Protocol):
    """The durable log of everything recorded."""

    @property
    def failure(self) -> str | None:
        """Say why the journal can write no more, or None while it can."""

    @property
    def durable_seq(self) -> Seq:
        """Return the last sequence number that survives a power cut."""

    @property
    def head(self) -> ChainHead:
        """Return the end of what survives a power cut, as evidence."""

    def append(self, recorded: Recorded) -> None:
        """Queue an event for the writer; raises JournalFailed when the journal has failed."""

    async def durable(self, seq: Seq) -> None:
        """Return once ``seq`` and all before it survive a power cut; raises JournalFailed."""

    async def save_checkpoint(self, state: BookState) -> None:
        """Write a checkpoint, durable on return; raises JournalFailed."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """A durable event of a stream as the journal has it; ``payload`` is its JSON text.

    ``id`` names it for good: the journal's lineage at its place, and its number there.
    """

    id: str
    stream: Stream
    seq: Seq
    at_us: int
    kind: str
    version: int
    payload: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a consumer has come; ``lineage`` is the journal's after the event ``seq``."""

    seq: Seq
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """The events of the streams behind a cursor, and where the cursor stands after them."""

    events: tuple[StreamEvent, ...]
    after: Cursor


class StreamSource(Protocol):
    """The journal, as those who hand its events on see it."""

    @property
    def durable_seq(self) -> Seq:
        """Return the last event that may be handed on."""

    async def cursor_of(self, consumer: str) -> Cursor:
        """Return where a consumer stopped, the beginning for a new one; raises WorldError."""

    async def behind(self, cursor: Cursor) -> StreamBatch:
        """Return what follows a cursor, a bounded part of it; raises WorldError."""

    async def note(self, consumer: str, first: Seq, cursor: Cursor) -> None:
        """Move a consumer's cursor over the events from ``first`` on; raises WorldError."""


class StreamSink(Protocol):
    """Whoever takes the events outside."""

    async def take(self, events: tuple[StreamEvent, ...]) -> None:
        """Return once all of them survive a power cut there; raises SinkFailed.

        The same events may come again, after a failure and after a crash.
        """


class RecordingSink(Protocol):
    """Where the record of the market goes, a file a day and more."""

    @property
    def place(self) -> str:
        """Name what is being written; empty before the first part."""

    @property
    def byte_count(self) -> int:
        """Return how many bytes were written since the process began."""

    def is_full(self, at_utc: datetime) -> bool:
        """Tell whether what is of this moment should begin a part, with a head of its own."""

    async def write(self, at_utc: datetime, lines: bytes, *, is_first: bool) -> None:
        """Add lines, readable on return whatever becomes of the process; raises SinkFailed.

        The first lines begin a part.
        """


@dataclass(frozen=True, slots=True)
class HaltReading:
    """What the halt file says; ``is_active`` is true for missing, empty and unreadable files."""

    is_active: bool
    reason: str
    # Nobody has written one: it halts now, and tells the next start of nobody's halt.
    is_missing: bool = False


class KillSwitch(Protocol):
    """The operator's halt from outside the process."""

    def reading(self) -> HaltReading:
        """Look at the halt file now; cheap enough for every submission."""


class Pager(Protocol):
    """Somebody to wake."""

    def page(self, severity: str, title: str, text: str) -> None:
        """Send a page without waiting."""


@dataclass(frozen=True, slots=True)
class QuoteTick:
    """A change of one field of a quote; ``value`` is None where the broker says "no data"."""

    con_id: ConId
    field: str  # bid, ask, last, bid_size, ask_size, close, traded, halted, data_type
    value: Decimal | None
    received_s: float


@dataclass(frozen=True, slots=True)
class LinkWord:
    """What the broker says of a link: socket, upstream or farms; ``code`` is the message code.

    ``notice`` is any other word that is about no request and no order. ``state`` is a farm's: ok,
    inactive (until somebody needs it), connecting or broken.
    """

    axis: str  # socket, upstream, farm, read_only, notice
    is_up: bool
    code: int
    text: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class DataProblem:
    """A subscription failed or lost its data (10182, 10197, 354, 200 ...)."""

    con_id: ConId
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class ServerTime:
    """A decoded answer to the heartbeat."""

    server_utc: datetime
    round_trip_s: float


BrokerMessage = (
    OrderStatusSeen
    | OpenOrderSeen
    | OrderErrorSeen
    | ExecutionSeen
    | CommissionSeen
    | QuoteTick
    | LinkWord
    | DataProblem
    | AccountReading
    | ResultReading
    | BrokenMessage
)
Sink = Callable[[BrokerMessage], None]


@dataclass(frozen=True, slots=True)
class Reread:
    """What the fields of a message say when they are read again; ``problem`` is why they do not.

    ``facts`` are those of our account that may be taken in late; other messages have none.
    """

    problem: str
    facts: tuple[ExecutionSeen | CommissionSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What a successful connect established."""

    accounts: tuple[AccountId, ...]
    server_version: int
    next_valid_id: OrderId


class Broker(Protocol):
    """The broker: one connection, one client id, one account."""

    @property
    def client_id(self) -> ClientId:
        """Return the client id that owns our orders; never 0."""

    @property
    def is_connected(self) -> bool:
        """Tell whether the socket is up and the API started."""

    @property
    def heard_s(self) -> float | None:
        """Return when a message was last decoded on this connection; monotonic seconds."""

    async def connect(self, order_id_high: OrderId) -> LinkFacts:
        """Connect, each phase with its deadline; raises ConnectRefused.

        Ids are allocated above ``order_id_high`` whatever the broker proposes (INC-006).
        """

    def disconnect(self) -> None:
        """Abort the connection; bytes still queued on our side are discarded."""

    def allocate_order_id(self) -> OrderId:
        """Return the next id; requests and orders share the sequence."""

    def place(self, order: ApprovedOrder) -> None:
        """Write one order, synchronously.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain.
        """

    def place_bracket(self, orders: tuple[ApprovedOrder, ...]) -> None:
        """Write an entry and its two legs in one run, synchronously; the last lets all three go.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain.
        """

    def modify(self, change: ApprovedChange) -> None:
        """Write one change, synchronously.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain.
        """

    async def preview(self, intent: Intent, instrument: Instrument) -> MarginPreview:
        """Ask what an order would leave behind, without placing it; raises WorldError.

        It waits for a valid answer as long as its caller does.
        """

    def cancel(self, order_id: OrderId) -> None:
        """Write one cancel, synchronously; raises LinkDown."""

    def cancel_everything(self) -> None:
        """Take every order of the login off, whoever owns it; raises LinkDown or SendUncertain."""

    async def snapshot(self) -> BrokerSnapshot:
        """Ask for everything; all or nothing, bounded; raises SnapshotUnavailable."""

    async def executions(self) -> ExecutionList:
        """Ask for the day's executions; all of them, bounded; raises SnapshotUnavailable."""

    async def heartbeat(self) -> ServerTime:
        """Ask for the server's time; raises LinkDown when no decoded answer comes in time."""

    def reread(self, fields: Sequence[str], server_version: int) -> Reread:
        """Read a message again that could not be read, as it would be read now; nothing is told."""

    async def resolve(self, spec: InstrumentSpec) -> Instrument:
        """Look an instrument up; raises WorldError when there is none or more than one."""

    async def resolve_id(self, con_id: ConId) -> Instrument:
        """Look a contract up by its id alone, to close it; raises WorldError without one."""

    async def subscribe(self, instrument: Instrument) -> None:
        """Ask for live quotes; they arrive at the sink."""

    async def history(self, instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        """Ask for the last bars that have ended, oldest first; raises HistoryRefused or LinkDown.

        It waits for its turn for as long as the broker's pacing demands, and delays no order.
        """

    async def subscribe_account(self) -> None:
        """Ask for the account's values and its day's result; readings arrive at the sink.

        Asked again, the values begin anew.
        """

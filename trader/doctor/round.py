"""One round of all checks: in order, each by its deadline, each told as soon as it is known.

A look that hangs in the kernel (a dead network disk) is left where it hangs: its finding is
``unknown``, and ``is_stuck`` says that the process must end without waiting for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from trader.config import Configuration
from trader.core.ids import ClientId
from trader.doctor import gateway, looks, machine, state
from trader.doctor.findings import Finding, ok, unknown
from trader.doctor.greeting import greet
from trader.doctor.line import Session
from trader.doctor.state import Held
from trader.ops.halt_file import HaltFile
from trader.ops.headroom import Roots, measured
from trader.ops.time_service import ask
from trader.ports import Clock, ConnectRefused, LinkFacts, WorldError
from trader.wiring import broker_settings

TOTAL_S = 20.0
_LOCAL_S = 2.0
_JOURNAL_S = 5.0
_GREETING_S = 2.5
_CONNECT_S = 4.0
_UPSTREAM_S = 2.0
_SNAPSHOT_S = 6.0
_QUOTES_S = 4.0
# What the connection's own steps may take; above it the check's deadline ends them.
_STEP_S = 3.0
# Lines are shared with whoever else is logged in: a few of them say enough.
_SPECS_MAX = 10
_UNITS = ("trader", "trader-sentinel", "trader-alert")
_BEHIND = ("account", "upstream", "read_only", "skew", "snapshot", "lines")
# In the order in which they are looked at.
NAMES = (
    "settings", "daemon", "lock", "halt", "kill", "disk", "modes", "secrets", "memory", "clock",
    *(f"unit-{name}" for name in _UNITS), "journal", "presets", "port", "zone", "client_id",
    *_BEHIND,
)  # fmt: skip

T = TypeVar("T")
Tell = Callable[[Sequence[Finding]], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at: which settings, as which client, and which checks (none: all)."""

    config: Configuration
    path: Path
    client_id: int
    names: tuple[str, ...] = ()


def taken_client_ids(config: Configuration) -> tuple[int, int, int]:
    """Return the ids that daemon, kill switch and sentinel come with."""
    settings = config.settings
    broker = settings.broker
    return broker.client_id, broker.second_client_id, settings.sentinel_client_id


def own_client_id(config: Configuration) -> int:
    """Return an id that nobody of ours comes with."""
    taken = taken_client_ids(config)
    return next(number for number in range(max(taken) - 3, 0, -1) if number not in taken)


class Round:
    """Looks once; findings go to ``tell`` as they come and stay in ``findings``."""

    def __init__(self, wanted: Wanted, clock: Clock, tell: Tell) -> None:
        self._wanted = wanted
        self._config = wanted.config
        self._settings = wanted.config.settings
        self._clock = clock
        self._tell = tell
        self._end_s = clock.monotonic() + TOTAL_S
        self._held = Held()
        self._status: Any = None
        self.findings: list[Finding] = []
        self.is_stuck = False

    async def run(self, settings: Finding) -> None:
        """Look at everything that is wanted; the settings were judged before."""
        self._found([settings])
        await self._daemon()
        await self._state()
        await self._machine()
        await self._journal()
        await self._gateway()

    # ---- the order of things

    async def _daemon(self) -> None:
        folder, journal = self._settings.state_dir, self._config.journal_file
        held = await self._local(("daemon", "lock"), lambda: looks.held(folder, journal))
        # Whoever may be there is not disturbed.
        self._held = held or Held(problem="whether a daemon runs is not known")
        if held is None:
            return
        said, problem = None, ""
        if held.pid and not held.is_liquidator:
            told = await self._local(("daemon",), lambda: looks.status(folder, self._clock), 3.0)
            if told is None:
                return
            said, problem = told
        self._status = said
        self._found([state.daemon(held, said, problem), state.lock(held)])

    async def _state(self) -> None:
        config, settings, clock = self._config, self._settings, self._clock
        folder = settings.state_dir
        await self._judged("halt", lambda: state.halt(
            HaltFile(config.halt_file).reading(), config.environment_halt))  # fmt: skip
        await self._judged("kill", lambda: state.kill(*looks.kill_standing(folder)))
        free_min = config.policy.breaker.rules.disk_space.limit
        await self._judged("disk", lambda: machine.disk(looks.written(folder, clock), free_min))
        await self._judged("modes", lambda: state.modes(
            *looks.file_modes(config, self._wanted.path)))  # fmt: skip
        await self._judged("secrets", lambda: state.secrets(looks.secrets_of(config)))

    async def _machine(self) -> None:
        room = measured(None, Roots())
        self._found([machine.memory(room.host_memory_available_bytes, room.host_memory_bytes)])
        await self._judged("clock", lambda: machine.clock(ask(), self._settings.mode))
        stop_s = self._settings.drain.stop_timeout_s
        names = tuple(f"unit-{name}" for name in _UNITS)
        units = await self._local(
            names, lambda: [looks.unit_of(f"{n}.service") for n in _UNITS], 6.0
        )
        # Only the daemon's drain is systemd's patience to be held against.
        bounds = (stop_s, None, None)
        self._found([machine.unit(*pair) for pair in zip(units or (), bounds, strict=False)])

    async def _journal(self) -> None:
        journal, folder = self._config.journal_file, self._settings.state_dir
        if self._held.pid:
            # Its own word, and not a second reader while it writes.
            self._found(_journal_of(self._status))
            return
        if self._held.problem:
            self._unseen(("journal", "presets"), self._held.problem)
            return
        await self._judged(
            "journal", lambda: state.journal(looks.glimpse(journal, folder)), _JOURNAL_S
        )
        await self._judged("presets", lambda: gateway.presets(*looks.presets_met(journal)))

    async def _gateway(self) -> None:
        broker, clock = self._settings.broker, self._clock
        if not self._wants("port", "zone", "client_id", *_BEHIND):
            return
        hello = await self._within(
            ("port", "zone", "client_id", *_BEHIND),
            lambda: greet(broker.host, broker.port, _GREETING_S, clock),
            2 * _STEP_S,
        )
        if hello is None:
            return
        self._found([gateway.port(hello)])
        if hello.reached is not gateway.Reached.GREETED:
            reason = "nothing that could be asked listens on broker.port"
            self._unseen(("zone", "client_id", *_BEHIND), reason)
            return
        self._found([gateway.zone(hello.time, clock.utc(), broker.zone)])
        if not self._wants("client_id", *_BEHIND):
            return
        refusal = await self._as_the_daemon()
        if refusal is None or gateway.is_in_use(refusal):
            await self._as_ourselves()
        else:
            self._unseen(_BEHIND, "no session came about")

    async def _as_the_daemon(self) -> str | None:
        """See whether its client id is free, for as short as it takes; not while it runs."""
        number, refusal = self._settings.broker.client_id, None
        if self._held.problem:
            self._unseen(("client_id",), f"not tried: {self._held.problem}")
            return None
        is_running = bool(self._held.pid or self._held.strays)
        if not is_running:
            session = self._session(number)
            try:
                refusal = _text(await self._opened(session))
            finally:
                session.close()
        self._found([gateway.client_id(number, refusal, is_daemon_running=is_running)])
        return refusal

    async def _as_ourselves(self) -> None:
        if not self._wants(*_BEHIND):
            return
        session = self._session(self._wanted.client_id)
        try:
            facts = await self._opened(session)
            if not isinstance(facts, LinkFacts):
                todo = "choose another one: --client-id" if gateway.is_in_use(facts) else ""
                self._unseen(_BEHIND, f"as client {self._wanted.client_id}: {facts}", todo)
                return
            settings = self._settings
            self._found([gateway.account(settings.mode, settings.account, facts)])
            await self._asked(session)
        finally:
            session.close()

    async def _asked(self, session: Session) -> None:
        clock, mode = self._clock, self._settings.mode
        await self._within(("upstream",), lambda: _done(session.upstream(_UPSTREAM_S)), _STEP_S)
        self._found([gateway.upstream(session.is_upstream_up, session.farms)])
        beat = await self._within(("skew",), session.time, _STEP_S + 1.0)
        if beat is not None:
            self._found([gateway.skew(beat.server_utc, clock.utc(), beat.round_trip_s)])
        if self._wants("snapshot", "read_only"):
            begun_s, problem, orders, positions = clock.monotonic(), None, 0, 0
            try:
                async with asyncio.timeout(self._left_s(_SNAPSHOT_S + 1.0)):
                    snapshot = await session.snapshot()
                orders, positions = len(snapshot.open_orders), len(snapshot.positions)
            except TimeoutError:
                problem = f"no end within {_SNAPSHOT_S:g} s"
            except WorldError as error:
                problem = str(error)
            took_s = clock.monotonic() - begun_s
            self._found([gateway.read_only(session.is_read_only, mode)])
            self._found([gateway.snapshot(problem, took_s, orders, positions)])
        await self._lines(session)

    async def _lines(self, session: Session) -> None:
        if not self._wants("lines"):
            return
        if self._status is not None:
            self._found([gateway.lines_told(self._status.get("data") or {})])
            return
        specs = [spec for spec in self._config.instruments if spec.is_tradeable][:_SPECS_MAX]
        heard = await self._within(
            ("lines",), lambda: session.quotes(specs, _QUOTES_S), _QUOTES_S + _STEP_S
        )
        if heard is not None:
            self._found([gateway.lines(heard)])

    # ---- how each is done

    def _session(self, client_id: int) -> Session:
        settings = replace(
            broker_settings(self._config),
            client_id=ClientId(client_id),
            tcp_deadline_s=_STEP_S,
            version_deadline_s=_STEP_S,
            start_deadline_s=_CONNECT_S,
            heartbeat_deadline_s=_STEP_S,
            snapshot_deadline_s=_SNAPSHOT_S,
            resolve_deadline_s=_STEP_S,
        )
        return Session(settings, self._clock)

    async def _opened(self, session: Session) -> LinkFacts | str:
        try:
            async with asyncio.timeout(self._left_s(_CONNECT_S)):
                return await session.open()
        except ConnectRefused as error:
            return str(error)
        except TimeoutError:
            return f"no accounts and next order id within {_CONNECT_S:g} s"

    async def _judged(
        self, name: str, judge: Callable[[], Finding], deadline_s: float = _LOCAL_S
    ) -> None:
        finding = await self._local((name,), judge, deadline_s)
        if finding is not None:
            self._found([finding])

    async def _local(
        self, names: Sequence[str], look: Callable[[], T], deadline_s: float = _LOCAL_S
    ) -> T | None:
        """Look beside the loop: a disk may hang."""
        if not self._wants(*names) and "daemon" not in names:
            return None
        found = await self._within(names, lambda: asyncio.to_thread(look), deadline_s)
        if found is None:
            self.is_stuck = True
        return found

    async def _within(
        self, names: Sequence[str], look: Callable[[], Awaitable[T]], deadline_s: float
    ) -> T | None:
        """Return what a look sees, or None with the finding that it could not."""
        if not self._wants(*names) and "daemon" not in names and "port" not in names:
            return None
        limit_s = self._left_s(deadline_s)
        try:
            async with asyncio.timeout(limit_s):
                return await look()
        except TimeoutError:
            said = f"no answer within {limit_s:.1f} s" if limit_s else f"{TOTAL_S:g} s are over"
            self._unseen(names, said)
        except (WorldError, OSError) as error:
            self._unseen(names, str(error) or type(error).__name__)
        return None

    def _left_s(self, deadline_s: float) -> float:
        return max(0.0, min(deadline_s, self._end_s - self._clock.monotonic()))

    def _wants(self, *names: str) -> bool:
        chosen = self._wanted.names
        return not chosen or any(name in chosen for name in names)

    def _unseen(self, names: Sequence[str], seen: str, todo: str = "") -> None:
        self._found([unknown(name, seen, todo) for name in names])

    def _found(self, findings: Sequence[Finding]) -> None:
        wanted = [one for one in findings if self._wants(one.name)]
        self.findings += wanted
        if wanted:
            self._tell(wanted)


async def _done(awaited: Awaitable[None]) -> bool:
    await awaited
    return True


def _text(opened: LinkFacts | str) -> str | None:
    return opened if isinstance(opened, str) else None


def _journal_of(status: Any) -> list[Finding]:
    """Judge the journal of a daemon that runs, by its own word."""
    if status is None:
        return [unknown("journal", "whoever runs has it, and does not answer")]
    told = status.get("journal") or {}
    if told.get("failure"):
        return [state.journal(state.Glimpse("", exists=True, problem=str(told["failure"])))]
    return [ok("journal", f"the daemon writes it: event {told.get('durable_seq')} is durable")]

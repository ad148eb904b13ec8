"""The one owner of the connection: connect, prove, prepare, watch, and start over.

Attempts never overlap (INC-116), never give up a link that there was (INC-117) and keep the same
client id, which owns the working orders (INC-008, INC-022). A mute peer on an open socket is down
(INC-004): only what was decoded counts as a sign of life. A slow one is not (INC-093): nothing new
leaves while its answers are late, and the connection stays.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from trader.core.backoff import Backoff
from trader.core.halts import HaltCause, Mode
from trader.core.ids import AccountId
from trader.core.instruments import InstrumentSpec
from trader.engine.market.data_watch import DataWatch
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.lost_cancels import LostCancels
from trader.engine.outage import Outage
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.ports import (
    ConnectRefused,
    LinkDown,
    LinkFacts,
    LinkWord,
    ServerTime,
    WorldError,
)

log = structlog.get_logger(__name__)

# Why a daemon ends that never had a link.
FIRST_CONNECT = "first connect"
# IBKR names paper accounts DU…; the simulator announces DUSIM and a nonce.
_PAPER_PREFIXES = ("DU", "DF")
# Before an instrument that the broker could not describe is asked for again.
_MISSING_BACKOFF = Backoff(60.0, 300.0)
# Several times a day, so that a list that is changed on the day itself is seen.
_HOURS_S = 6 * 3_600.0
# The broker tells account values every 180 s at least (INC-037).
_ACCOUNT_SILENCE_S = 240.0
_ACCOUNT_BACKOFF = Backoff(60.0, 300.0)
# A gateway that sends what it likes and answers nothing for so many silences is begun anew too.
_DEAF_FACTOR = 3
# A link that was lost sooner is one that does not hold: the next attempt waits longer.
_STEADY_S = 60.0


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Whom to connect as, and how patiently."""

    mode: Mode
    account: AccountId
    instruments: tuple[InstrumentSpec, ...]
    heartbeat_interval_s: float
    silence_s_max: float
    backoff_s_min: float
    backoff_s_max: float
    page_after_s: float
    # Of the first connect of a process; whoever supervises it begins it anew.
    first_connect_deadline_s: float
    ack_deadline_s: float


def account_problem(mode: Mode, configured: AccountId, facts: LinkFacts) -> str | None:
    """Say why the account behind a link must not be traded in this mode, or None.

    ``paper`` and ``demo`` refuse whatever is not a paper account, ``live`` whatever is one, and
    all refuse an account other than the configured one. ``dry_run`` and ``shadow`` send no
    orders, so they may watch either kind.
    """
    reported = ", ".join(facts.accounts) or "none"
    if configured not in facts.accounts:
        return f"account {configured} is configured, the link reports {reported}"
    is_paper = configured.startswith(_PAPER_PREFIXES)
    if mode is Mode.LIVE and is_paper:
        return f"mode live, but {configured} is a paper account"
    if mode in (Mode.PAPER, Mode.DEMO) and not is_paper:
        return f"mode {mode} allows paper accounts only, {configured} is not one"
    return None


class LinkWatch:
    """The task that keeps the link, and its heartbeat."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        chance: random.Random,
        settings: LinkSettings,
    ) -> None:
        self._ledger = services.ledger
        self._broker = services.broker
        self._guard = services.guard
        self._hub = services.hub
        self._valuer = services.valuer
        self._sessions = services.sessions
        self._gateway = gateway
        self._reconciler = reconciler
        reconciler.duplicates.cancel = gateway.cancel_duplicate
        self._lost_cancels = LostCancels(services, gateway.cancel)
        self._supervisor = services.supervisor
        self._clock = services.clock
        self._pager = services.pager
        self._chance = chance
        self._settings = settings
        self._changed = asyncio.Event()
        self._is_down = True
        self._must_subscribe = False
        self._is_upstream_up = True
        # Instruments that the broker could not describe, and when they are tried again.
        self._missing: tuple[InstrumentSpec, ...] = ()
        self._missing_due_s = 0.0
        self._missing_count = 0
        # Symbols of them that somebody needs now.
        self._wanted: frozenset[str] = frozenset()
        self._hub.describe_now = self._describe_now
        self._hub.healed_now = self._changed.set
        self._account_due_s = 0.0
        self._account_count = 0
        self._hours_due_s = 0.0
        self._is_silence_told = False
        # Of the link, and of what TWS or the gateway has behind it.
        after_s = settings.page_after_s
        self._outage = Outage(told_after_s=after_s, steady_s=_STEADY_S)
        self._cut_off = Outage(told_after_s=after_s, steady_s=_STEADY_S)
        self._data = DataWatch(services, chance)
        self.on_connected: Callable[[], Awaitable[None]] = _nothing
        self.facts: LinkFacts | None = None
        self.connect_count = 0
        self._connected_s = 0.0
        self.problem = "not connected yet"

    # ---- the connection

    async def run(self) -> None:
        """Keep the link for ever, once there was one; without a first one the daemon ends."""
        failures = losses = 0
        is_begun = False
        self._outage.lost(self._clock.monotonic())
        while True:
            self._supervisor.beat("link-watch")
            try:
                await self._connect()
            except WorldError as error:
                self._drop(str(error))
                failures += 1
                now_s = self._clock.monotonic()
                self._outage.lost(now_s)
                self._page_outage(self.problem)
                down_s = self._outage.lasts_s(now_s)
                if not is_begun and down_s >= self._settings.first_connect_deadline_s:
                    self._supervisor.end_daemon(FIRST_CONNECT, self.problem)
                await self._back_off(failures)
                continue
            failures, is_begun = 0, True
            up_s = self._clock.monotonic()
            self._outage.back(up_s)
            await self._stay_connected()
            lost_s = self._clock.monotonic()
            self._outage.lost(lost_s)
            losses = 1 if lost_s - up_s >= _STEADY_S else losses + 1
            # One that falls again and again is an outage too, though every connect succeeds.
            self._page_outage(f"it does not hold: {self.problem}")
            await self._back_off(losses)

    def _page_outage(self, text: str) -> None:
        """Page once when there was no steady link for too long, outside a planned restart."""
        if not self._sessions.is_restarting() and self._outage.take_due(self._clock.monotonic()):
            self._pager.page("critical", "no link to the broker", text)

    def _page_cut_off(self) -> None:
        """Page once when TWS or the gateway itself has had no link for too long (INC-132)."""
        now_s = self._clock.monotonic()
        if not self._guard.has(HaltCause.UPSTREAM):
            self._cut_off.back(now_s)
            return
        self._cut_off.lost(now_s)
        if not self._sessions.is_restarting() and self._cut_off.take_due(now_s):
            text = "the socket is up, and what it leads to has lost IBKR: is the login still valid?"
            self._pager.page("critical", "the gateway is cut off from the broker", text)

    async def _connect(self) -> None:
        self._changed.clear()
        settings = self._settings
        facts = await self._broker.connect(self._ledger.book.order_id_high)
        problem = account_problem(settings.mode, settings.account, facts) or self._book_problem()
        if problem is not None:
            self._guard.set_level(HaltCause.ACCOUNT, problem)
            raise ConnectRefused("account", problem)
        if self._valuer.account_problem:
            # It is the account that is meant, and what its values said of it stands until they
            # say otherwise.
            self._guard.set_level(HaltCause.ACCOUNT, self._valuer.account_problem)
        else:
            self._guard.clear_level(HaltCause.ACCOUNT)
        self._is_down, self._is_upstream_up = False, True
        self.facts = facts
        self.connect_count += 1
        self.problem = ""
        log.info("connected", accounts=facts.accounts, server_version=facts.server_version)
        self._connected_s = self._clock.monotonic()
        answer = await self._first_answer()
        if self._is_down:
            raise LinkDown(f"lost while it was being proven: {self.problem}")
        self._guard.on_heartbeat(answer)
        self._guard.clear_level(HaltCause.LINK)
        await self._subscribe()
        await self._reconciler.run_once("connected")
        await self.on_connected()

    async def _first_answer(self) -> ServerTime:
        """Wait for the proof that the peer answers; raises LinkDown when it does not at all."""
        while True:
            try:
                return await self._broker.heartbeat()
            except LinkDown as error:
                if self._is_down or not self._broker.is_connected or self._silence() is not None:
                    raise
                self._supervisor.beat("link-watch")
                log.warning("not answered yet", problem=str(error))

    def _book_problem(self) -> str | None:
        """Say why the book must not follow this account, or None: it holds another one's."""
        held, configured = self._ledger.book.account, self._settings.account
        if held in (None, configured):
            return None
        return f"account {configured} is configured, the journal is of account {held}"

    async def _subscribe(self) -> None:
        self._must_subscribe = False
        self._hub.forget_quotes()
        await self._ask_account()
        await self._add(self._settings.instruments)
        self._hours_due_s = self._clock.monotonic() + _HOURS_S

    async def _ask_account(self) -> None:
        """Ask for the account's values: new risk needs them, the link does not."""
        self._account_count += 1
        wait_s = _ACCOUNT_BACKOFF.wait_s(self._account_count, self._chance.random())
        self._account_due_s = self._clock.monotonic() + wait_s
        try:
            await self._broker.subscribe_account()
        except LinkDown:
            raise
        except WorldError as error:
            log.warning("account values not asked for", problem=str(error))

    async def _renew_hours(self) -> None:
        """Ask for the instruments anew: their trading hours are told for a few days only."""
        if self._clock.monotonic() < self._hours_due_s:
            return
        self._hours_due_s = self._clock.monotonic() + _HOURS_S
        for spec in self._settings.instruments:
            self._supervisor.beat("link-watch")
            try:
                self._hub.add(await self._broker.resolve(spec))
            except LinkDown:
                raise
            except WorldError as error:
                # The hours that are known hold until they end.
                log.warning("instrument not renewed", symbol=spec.symbol, problem=str(error))

    async def _renew_account(self) -> None:
        """Ask again for account values that have stopped coming (INC-148)."""
        now_s, reading = self._clock.monotonic(), self._valuer.account
        is_silent = reading is None or now_s - reading.as_of_s > _ACCOUNT_SILENCE_S
        self._is_silence_told &= is_silent
        if not is_silent:
            self._account_count = 0
        if not is_silent or now_s < self._account_due_s:
            return
        log.warning("account values asked for again")
        if not self._is_silence_told:
            self._pager.page("warning", "no account values", "the broker has stopped telling them")
        self._is_silence_told = True
        await self._ask_account()

    async def _add(self, specs: tuple[InstrumentSpec, ...]) -> None:
        """Resolve and subscribe; what cannot be resolved must not keep the others offline."""
        missing = []
        for spec in specs:
            # Each may take its whole deadline, and there can be many.
            self._supervisor.beat("link-watch")
            try:
                instrument = await self._broker.resolve(spec)
            except LinkDown:
                raise
            except WorldError as error:
                missing.append(spec)
                log.warning("instrument not resolved", symbol=spec.symbol, problem=str(error))
                if spec not in self._missing:
                    self._pager.page("warning", f"instrument {spec.symbol} missing", str(error))
                continue
            self._hub.add(instrument)
            self._hub.subscribed(instrument.con_id)
            await self._broker.subscribe(instrument)
        self._missing = tuple(missing)
        self._hub.undescribed = frozenset(spec.symbol for spec in missing)
        self._missing_count = self._missing_count + 1 if missing else 0
        wait_s = _MISSING_BACKOFF.wait_s(max(self._missing_count, 1), self._chance.random())
        self._missing_due_s = self._clock.monotonic() + wait_s

    async def _stay_connected(self) -> None:
        while not self._is_down:
            self._supervisor.beat("link-watch")
            try:
                async with asyncio.timeout(5.0):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            if not self._is_down:
                self._page_cut_off()
                await self._subscribe_again()

    async def _subscribe_again(self) -> None:
        wanted, self._wanted = self._wanted, frozenset()
        is_due = bool(wanted) or self._clock.monotonic() >= self._missing_due_s
        # What is to be closed must not wait behind what nobody holds.
        missing = tuple(sorted(self._missing, key=lambda spec: spec.symbol not in wanted))
        try:
            if self._must_subscribe:
                await self._subscribe()
            elif missing and is_due:
                await self._add(missing)
            await self._data.renew()
            await self._renew_account()
            await self._renew_hours()
        except WorldError as error:
            self._drop(f"could not subscribe again: {error}")

    def _describe_now(self, symbols: frozenset[str]) -> None:
        self._wanted = symbols
        self._changed.set()

    def _drop(self, problem: str) -> None:
        self.problem = problem
        log.warning("link down", problem=problem)
        self._broker.disconnect()
        self._guard.on_link(LinkWord("socket", is_up=False, code=0, text=problem))
        self._on_down()

    def _on_down(self) -> None:
        self._is_down = True
        self._gateway.mark_unanswered(0.0, "the link dropped before an answer")
        self._changed.set()

    async def _back_off(self, failures: int) -> None:
        backoff = Backoff(self._settings.backoff_s_min, self._settings.backoff_s_max)
        await self._clock.sleep(backoff.wait_s(failures, self._chance.random()))

    def on_word(self, word: LinkWord) -> None:
        """Follow the broker's words: a lost socket ends the link, a restored one reconciles."""
        if word.axis == "socket" and not word.is_up and not self._is_down:
            self.problem = word.text
            if word.code == 1300:
                self._pager.page("critical", "the broker moved its API port", word.text)
            self._on_down()
        if word.axis == "upstream":
            # 1101 lost the subscriptions; after 1102 freshness is verified all the same.
            if word.code == 1101:
                self._must_subscribe = True
                self._changed.set()
            # One outage is told again and again (INC-033): one question is enough.
            if word.is_up or self._is_upstream_up:
                self._reconciler.wake(f"upstream {word.code}")
            self._is_upstream_up = word.is_up

    # ---- signs of life

    async def beat(self) -> None:
        """Ask for the time every few seconds; only a long silence ends the link (INC-093)."""
        while True:
            self._supervisor.beat("heartbeat")
            await self._clock.sleep(self._settings.heartbeat_interval_s)
            if self._is_down:
                continue
            try:
                self._guard.on_heartbeat(await self._broker.heartbeat())
            except LinkDown as error:
                log.warning("no heartbeat", problem=str(error))
            silence = self._silence()
            if silence is not None and not self._is_down:
                self._drop(silence)

    def _silence(self) -> str | None:
        """Say why a connected peer counts as dead, or None while it is slow at worst."""
        now_s, limit_s = self._clock.monotonic(), self._settings.silence_s_max
        heard_s = max(self._broker.heard_s or 0.0, self._connected_s)
        if now_s - heard_s >= limit_s:
            return f"connected, but nothing was heard for {now_s - heard_s:.0f} s"
        answered_s = max(self._guard.heartbeat_s or 0.0, self._connected_s)
        if now_s - answered_s >= _DEAF_FACTOR * limit_s:
            return f"connected, but the broker does not answer for {now_s - answered_s:.0f} s"
        return None

    def check_answers(self) -> None:
        """Send cancels that waited or were lost; make UNKNOWN what waits too long, and ask."""
        self._lost_cancels.repeat()
        self._gateway.send_cancels()
        late = self._gateway.mark_unanswered(self._settings.ack_deadline_s, "no answer in time")
        if late:
            self._reconciler.wake(f"no answer for {', '.join(map(str, late))}")


async def _nothing() -> None:
    """Stand in until somebody wants to know."""

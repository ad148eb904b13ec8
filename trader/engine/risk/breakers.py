"""The circuit breakers at work: readings in, verdicts recorded, and what they ask of the gate.

Evaluated every second and on demand. What each verdict follows from is recorded with it, and its
state is in the book, so that a restart finds every breaker where it stood (INC-020). When the
round does not come round any more, new risk stays out: no verdict is good for long (BRK-10).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from trader.core import breaker_events as be
from trader.core.breakers.allocation import allocation
from trader.core.breakers.artefact import Evaluation, evaluated
from trader.core.breakers.machine import (
    CLOSED,
    Finding,
    Phase,
    State,
    Step,
    action_of,
)
from trader.core.breakers.rules import BLIND_SPOTS, Action, BreakerName
from trader.core.halts import HaltCause, Restraint, posture
from trader.core.ids import StrategyName
from trader.core.policy import Policy, policy_hash
from trader.core.regime import STORM, Outlook, doubt, step
from trader.core.safety import Safety
from trader.engine.acts.desk import Desk
from trader.engine.operator import Answer
from trader.engine.risk.equity import Equity
from trader.engine.risk.readings import Readings
from trader.engine.risk.strategy_halts import StrategyHalts
from trader.engine.services import Services
from trader.engine.status import BreakerStatus
from trader.ports import JournalFailed

log = structlog.get_logger(__name__)

ROUND_S = 1.0
# Older verdicts let no new risk pass.
_VERDICT_AGE_S_MAX = 10.0
_FULL_AUDIT_S = 60.0
_DISK_S = 10.0
OVERRIDE_MINUTES_MAX = 15


@dataclass(frozen=True, slots=True)
class Round:
    """One round for its audit; ``is_full`` when every breaker is in it, else only what changed."""

    at_utc: datetime
    policy_hash: str
    is_full: bool
    evaluations: tuple[Evaluation, ...]


Audit = Callable[[Round], None]


class Breakers:
    """Every breaker of the account."""

    def __init__(
        self,
        services: Services,
        *,
        policy: Policy,
        equity: Equity,
        readings: Readings,
        desk: Desk,
        audit: Audit,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._clock = services.clock
        self._pager = services.pager
        self._supervisor = services.supervisor
        self._rules = policy.breaker.rules
        self._steps = policy.breaker.steps
        self._blind_share = policy.blind.allocation
        self._hash = policy_hash(policy)
        self._regime_policy = policy.regime
        self._regime = STORM
        self._regime_doubt = "the regime has not been evaluated"
        self._equity = equity
        self._readings = readings
        self._desk = desk
        self._audit = audit
        self._last: dict[BreakerName, Evaluation] = {}
        self._states: dict[BreakerName, State] = {}
        self._evaluated_s: float | None = None
        self._restraint: tuple[Safety, Restraint] | None = None
        # Whether no round was made yet with a book that lacks nothing.
        self._is_of_start = True
        self._audited_s = float("-inf")
        # Of overrides that this process granted: no clock that steps prolongs one.
        self._override_ends_s: dict[BreakerName, float] = {}
        self._told_overrides: dict[BreakerName, datetime] = {}
        self.killed = asyncio.Event()
        # The same breaker for each strategy alone.
        self.strategies = StrategyHalts(services, policy=policy, equity=equity)
        services.guard.restraint = self.restraint
        desk.breakers = self

    # ---- the round

    async def run(self) -> None:
        """Evaluate every second, for ever."""
        while True:
            self._supervisor.beat("breakers")
            self.round()
            await self._clock.sleep(ROUND_S)

    def round(self) -> None:
        """Collect every reading, evaluate, record what follows; synchronous."""
        self._equity.look()
        self._readings.volatility.sample()
        self._drop_disabled()
        findings = {name: kept.verdict.finding for name, kept in self._last.items()}
        day = self._equity.day()
        for name in self._rules.enabled():
            self._evaluate(name, day)
        before = {name: kept.verdict.finding for name, kept in self.strategies.last.items()}
        self.strategies.look(day)
        self._restraint = None
        self._is_of_start = self._is_of_start and self._guard.book_may_lack() is not None
        now_s = self._evaluated_s = self._clock.monotonic()
        self._look_at_regime(now_s)
        self._note_outlook()
        self._tell_of_overrides()
        self._guard.ignored.look()
        self.note_posture()
        self._audit_round(now_s, findings, before)

    def _evaluate(self, name: BreakerName, day: str) -> None:
        rule, reading = self._rules.of(name), self._readings.of(name)
        # After the reading, which took its time: none may look as if it came from the future.
        now_s = self._clock.monotonic()
        kept = evaluated(name, rule, self._state_of(name), reading, now_s, day)
        self._last[name] = kept
        self._restraint = None
        self._states[name] = kept.after
        text = kept.verdict.text
        match kept.verdict.step:
            case Step.TRIP:
                self._trip(kept)
            case Step.PROBE:
                self._ledger.record(be.BreakerProbing(name, text))
            case Step.RESET:
                self._ledger.record(be.BreakerReset(name, "itself", text))
                log.warning("breaker closed", breaker=name, reading=text)
            case None:
                pass
        has_killed = rule.action is Action.KILL and kept.after.phase is not Phase.CLOSED
        is_unknown = HaltCause.BREAKER not in self._ledger.book.halts
        # A process that died between the two records left the trip alone.
        if has_killed and (kept.verdict.step is Step.TRIP or is_unknown):
            self._kill(name, text)

    def _trip(self, kept: Evaluation) -> None:
        name, rule, text = kept.verdict.name, kept.rule, kept.verdict.text
        self._ledger.record(
            be.BreakerTripped(
                name=name,
                inputs=text,
                limit=f"{rule.bad} {rule.limit}",
                policy_hash=self._hash,
                action=rule.action.name.lower(),
                day=kept.after.day,
            )
        )
        log.error("breaker tripped", breaker=name, action=rule.action.name, reading=text)
        if rule.cancels_entries:
            self.killed.set()
        if rule.action is not Action.KILL and kept.before.phase is Phase.CLOSED:
            severity = "critical" if rule.action is Action.HALT else "warning"
            self._pager.page(severity, f"breaker {name} tripped", text)

    def _kill(self, name: BreakerName, text: str) -> None:
        """Halt; beside another kill too: a resume that waits was asked about that one alone."""
        known, reason = self._ledger.book.halts.get(HaltCause.BREAKER), f"{name}: {text}"
        if known is not None:
            reason = f"{known}; {reason}"
            self._pager.page("critical", f"breaker {name} tripped", text)
        self._guard.latch(HaltCause.BREAKER, reason, by=f"breaker {name}")
        self.killed.set()

    def _state_of(self, name: BreakerName) -> State:
        """Return where a breaker stands: as the book has it, with what only this process knows."""
        standing = self._ledger.book.safety.standing_of(name)
        state = self._states.get(name, CLOSED)
        if standing is None:
            return state if state.phase is Phase.CLOSED else CLOSED
        if state.phase is standing.phase and state.day == standing.day:
            return state
        return State(phase=standing.phase, day=standing.day, reason=standing.reason)

    def _drop_disabled(self) -> None:
        """Close what a changed policy has switched off."""
        for standing in self._ledger.book.safety.standings:
            if not self._rules.of(standing.name).is_enabled:
                self._ledger.record(be.BreakerReset(standing.name, "policy", "switched off"))

    def note_posture(self) -> None:
        """Record what the daemon may do now, if that or its reasons changed."""
        causes, restrictions = self._guard.causes(), self._guard.restrictions()
        now = posture(causes, restrictions)
        names = (*(str(cause) for cause in causes), *restrictions)
        known = self._ledger.book.safety
        if (now, names) != (known.posture, known.causes):
            self._ledger.record(be.PostureChanged(now, names))
            log.warning("posture", posture=now, causes=names)

    def _note_outlook(self) -> None:
        """Record what the market leaves to new risk, if that changed: decisions are read by it."""
        now, known = Outlook(self._regime.regime, self.allocation()), self._ledger.book.safety
        if now != known.outlook:
            self._ledger.record(be.OutlookChanged(self._regime.regime, now.allocation))

    def _audit_round(
        self,
        now_s: float,
        before: dict[BreakerName, Finding],
        of_strategies: dict[StrategyName, Finding],
    ) -> None:
        is_full = now_s - self._audited_s >= _FULL_AUDIT_S
        rows = [
            kept
            for name, kept in self._last.items()
            if is_full
            or kept.verdict.step is not None
            or kept.verdict.finding is not before.get(name)
        ]
        rows += [
            kept
            for name, kept in self.strategies.last.items()
            if is_full
            or kept.verdict.step is not None
            or kept.verdict.finding is not of_strategies.get(name)
        ]
        if is_full:
            self._audited_s = now_s
        if rows:
            self._audit(Round(self._clock.utc(), self._hash, is_full, tuple(rows)))

    # ---- what they ask of the gate

    def restraint(self) -> Restraint:
        """Return what holds at this moment."""
        now_s = self._clock.monotonic()
        if self._evaluated_s is None or not now_s - self._evaluated_s <= _VERDICT_AGE_S_MAX:
            since = "yet" if self._evaluated_s is None else f"for {now_s - self._evaluated_s:.0f} s"
            why = {"breakers": f"not evaluated {since}"}
            return Restraint(restrictions=why, is_of_start=self._is_of_start)
        safety = self._ledger.book.safety
        known = self._restraint
        # Every send asks. What was worked out holds until something is recorded or evaluated; an
        # override may end at any moment, so with one it is worked out each time.
        if known is None or known[0] is not safety or safety.overrides:
            known = self._restraint = (safety, self._worked_out())
        return known[1]

    def forbidding_entries(self) -> tuple[BreakerName, ...]:
        """Return the tripped breakers under which no order that adds risk may go on working."""
        return tuple(
            name
            for name in self._rules.enabled()
            if self._rules.of(name).cancels_entries
            and self._state_of(name).phase is not Phase.CLOSED
            and not self.is_overridden(name)
        )

    def _worked_out(self) -> Restraint:
        causes: dict[HaltCause, str] = {}
        restrictions: dict[str, str] = {}
        for name, kept in self._last.items():
            action = self._action_of(name, kept)
            if action is None or action is Action.SCALE:
                continue
            text = self._text_of(name, kept)
            if action is Action.HALT:
                before = causes.get(HaltCause.BREAKER_TRIPPED)
                told = f"{name}: {text}"
                causes[HaltCause.BREAKER_TRIPPED] = f"{before}; {told}" if before else told
            else:
                # What kills is latched by itself; should that be cleared, nothing is added yet.
                restrictions[str(name)] = text
        halted = self.strategies.restrictions(self.is_overridden(BreakerName.PSR))
        return Restraint(causes, restrictions, halted, self._is_of_start)

    def _action_of(self, name: BreakerName, kept: Evaluation) -> Action | None:
        action = action_of(kept.rule, self._state_of(name), kept.verdict.finding)
        if action is None or not self.is_overridden(name):
            return action
        # An override lifts what a kill's missing reading restricts, and never a kill.
        return Action.KILL if action is Action.KILL else None

    def _text_of(self, name: BreakerName, kept: Evaluation) -> str:
        standing = self._ledger.book.safety.standing_of(name)
        return kept.verdict.text if standing is None else standing.reason

    def allocation(self) -> Decimal:
        """Return how much of its usual size new risk may have, 0 to 1: the least of both."""
        is_blind = any(
            self._action_of(name, self._last[name]) is Action.SCALE
            for name in BLIND_SPOTS
            if name in self._last
        )
        return min(self._left_by_vix(), self._blind_share if is_blind else Decimal(1))

    def _left_by_vix(self) -> Decimal:
        name = BreakerName.VIX
        if not self._rules.vix.is_enabled or self.is_overridden(name):
            return Decimal(1)
        kept = self._last.get(name)
        if kept is None or kept.verdict.finding is Finding.FAILED or kept.reading is None:
            return allocation(None, self._steps)
        share = allocation(kept.reading.value, self._steps)
        if self._state_of(name).phase is Phase.CLOSED:
            return share
        # Until it has closed, a calmer VIX only brings the mildest step back.
        return min(share, self._steps[0].share)

    def _look_at_regime(self, now_s: float) -> None:
        vix = self._readings.of(BreakerName.VIX)
        is_fresh = 0 <= now_s - vix.at_s <= self._rules.vix.reading_age_s_max
        policy, before = self._regime_policy, self._regime.regime
        measures = {
            "vix": vix.value if is_fresh else None,
            "realised": self._readings.volatility.realised(),
            "correlation": self._readings.blind.average_correlation(),
        }
        self._regime = step(policy, self._regime, now_s=now_s, **measures)
        self._regime_doubt = doubt(policy, self._regime.regime, **measures)
        if self._regime.regime is not before:
            log.warning("regime", before=before, now=self._regime.regime, vix=vix.value)

    def regime_doubt(self) -> str:
        """Say why the regime is not what is measured at this moment; empty where it is."""
        return self._regime_doubt

    def outlook(self) -> Outlook:
        """Return what the state of the market means for new risk at this moment."""
        now_s, evaluated_s = self._clock.monotonic(), self._evaluated_s
        is_current = evaluated_s is not None and now_s - evaluated_s <= _VERDICT_AGE_S_MAX
        return Outlook(self._regime.regime if is_current else None, self.allocation())

    def is_overridden(self, name: BreakerName) -> bool:
        """Tell whether a person's word holds a breaker back at this moment."""
        found = self._ledger.book.safety.override_of(name, self._clock.utc())
        if found is None:
            return False
        ends_s = self._override_ends_s.get(name)
        return ends_s is None or self._clock.monotonic() < ends_s

    def _tell_of_overrides(self) -> None:
        """Page when an override has ended by itself."""
        held = {
            row.breaker: row.until_utc
            for row in self._ledger.book.safety.overrides
            if self.is_overridden(row.breaker)
        }
        for name in self._told_overrides:
            if name not in held:
                self._pager.page("warning", f"override of {name} ended", "the breaker counts again")
        self._told_overrides = held

    # ---- the operator

    def objections(self) -> tuple[str, ...]:
        """Say which breaker that kills forbids a resume: its reading is bad, or unknown."""
        self.round()
        return tuple(
            f"breaker {name}: {kept.verdict.text}"
            for name, kept in self._kills_standing()
            if kept.verdict.finding is not Finding.GOOD
        )

    def release(self, *, reason: str, by: str) -> None:
        """Close the breakers that had killed, on the word of whoever resumes."""
        for name, _ in self._kills_standing():
            self._ledger.record(be.BreakerReset(name, by, reason))

    def _kills_standing(self) -> list[tuple[BreakerName, Evaluation]]:
        return [
            (name, kept)
            for name, kept in self._last.items()
            if kept.rule.action is Action.KILL and self._state_of(name).phase is not Phase.CLOSED
        ]

    async def reset(self, *, breaker: str, reason: str, by: str) -> Answer:
        """Close a tripped breaker whose reading is good again, or release a halted strategy."""
        strategy = self.strategies.named(breaker)
        if strategy is not None:
            return await self._release(strategy, reason=reason, by=by)
        name = _named(breaker)
        if name is None:
            return _unknown(breaker)
        self.round()
        kept = self._last.get(name)
        if kept is None or self._state_of(name).phase is Phase.CLOSED:
            return Answer(False, f"{name} is not tripped")
        if kept.verdict.finding in (Finding.BAD, Finding.FAILED):
            return Answer(False, f"{name} stays tripped", (f"its reading: {kept.verdict.text}",))
        self._ledger.record(be.BreakerReset(name, by, reason))
        problem = await self._durable()
        self.note_posture()
        if problem:
            return Answer(False, f"{name} closed, and not on disk yet: {problem}")
        is_kill = kept.rule.action is Action.KILL
        details = ("the halt stays until somebody resumes",) if is_kill else ()
        return Answer(True, f"{name} closed: {reason}", details)

    async def _release(self, strategy: StrategyName, *, reason: str, by: str) -> Answer:
        refusal = self.strategies.release(strategy, reason=reason, by=by)
        if refusal is not None:
            return Answer(False, refusal)
        self._restraint = None
        problem = await self._durable()
        if problem:
            return Answer(False, f"{strategy} released, and not on disk yet: {problem}")
        return Answer(True, f"strategy {strategy} may trade again, its record anew: {reason}")

    async def override(self, *, breaker: str, minutes: int, reason: str, by: str) -> Answer:
        """Let a breaker not count for some minutes; it ends by itself."""
        name = _named(breaker)
        if name is None:
            return _unknown(breaker)
        if not 1 <= minutes <= OVERRIDE_MINUTES_MAX:
            allowed = f"allowed is 1 to {OVERRIDE_MINUTES_MAX}"
            return Answer(False, f"minutes is {minutes}, {allowed}")
        has_killed = self._state_of(name).phase is not Phase.CLOSED
        if has_killed and self._rules.of(name).action is Action.KILL:
            return Answer(False, f"{name} has killed: it is reset or it stays, never overridden")
        until = self._clock.utc() + timedelta(minutes=minutes)
        self._override_ends_s[name] = self._clock.monotonic() + minutes * 60
        self._ledger.record(be.OverrideGranted(name, reason, by, until))
        self._pager.page("critical", f"breaker {name} overridden", f"by {by}: {reason}")
        log.error("breaker overridden", breaker=name, by=by, reason=reason, minutes=minutes)
        problem = await self._durable()
        self.note_posture()
        if problem:
            return Answer(False, f"{name} overridden, and not on disk yet: {problem}")
        return Answer(True, f"{name} does not count until {until:%H:%M:%S} UTC: {reason}")

    async def _durable(self) -> str:
        """Wait for the disk; returns what it said against it."""
        try:
            async with asyncio.timeout(_DISK_S):
                await self._ledger.durable(self._ledger.seq)
        except (JournalFailed, TimeoutError) as error:
            return str(error) or f"no answer within {_DISK_S:g} s"
        return ""

    # ---- to be seen

    def rows(self) -> tuple[BreakerStatus, ...]:
        """Return every breaker as it stands."""
        safety, now_utc = self._ledger.book.safety, self._clock.utc()
        rows = []
        for name in BreakerName:
            rule, kept = self._rules.of(name), self._last.get(name)
            override = safety.override_of(name, now_utc) if self.is_overridden(name) else None
            standing = safety.standing_of(name)
            rows.append(
                BreakerStatus(
                    name=str(name),
                    is_enabled=rule.is_enabled,
                    phase=str(self._state_of(name).phase),
                    finding="" if kept is None else str(kept.verdict.finding),
                    text="" if kept is None else kept.verdict.text,
                    limit=f"{rule.bad} {rule.limit.normalize():f}",
                    action=rule.action.name.lower(),
                    reset=str(rule.reset),
                    reason="" if standing is None else standing.reason,
                    overridden_until_utc=None if override is None else override.until_utc,
                    overridden_by="" if override is None else f"{override.by}: {override.reason}",
                )
            )
        return (*rows, *self.strategies.rows())


def _named(text: str) -> BreakerName | None:
    return BreakerName(text) if text in list(BreakerName) else None


def _unknown(text: str) -> Answer:
    return Answer(False, f"no breaker is called {text!r}", (f"allowed: {', '.join(BreakerName)}",))

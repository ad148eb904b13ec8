"""Owner of every halt cause: readings in, causes out.

Causes of level follow a reading and are evaluated at the moment somebody asks, so a stale
reading can never look good; latched causes live in the book and survive restarts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from trader.core.book import Book
from trader.core.events import HaltRaised
from trader.core.halts import (
    BOOK_MAY_LACK,
    Gate,
    HaltCause,
    Lane,
    Mode,
    Posture,
    Restraint,
    posture,
    refusal_of,
)
from trader.engine.ignored import IgnoredTickets
from trader.engine.ledger import Ledger
from trader.ports import Clock, KillSwitch, LinkWord, Pager, ServerTime

log = structlog.get_logger(__name__)

# "URGENT: your account is under liquidation" and the like.
_LIQUIDATION_NOTICES = frozenset({2148})
# More than this and deadlines, days and the order of events mean two things (INC-154).
_SKEW_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class FarmWord:
    """How a data farm is: ok, inactive, connecting or broken, by which code, and since when."""

    name: str
    state: str
    code: int
    since_utc: datetime


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How old or how far off a reading may be, in seconds."""

    heartbeat_age_s_max: float
    loop_lag_s_max: float
    environment_halt: str = ""
    # What it guards has no broker: orders of any mode go on, and stay in the process.
    is_local: bool = False


class Guard:
    """Halts, the gate and the link's facts."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        kill_switch: KillSwitch,
        pager: Pager,
        mode: Mode,
        limits: GuardLimits,
    ) -> None:
        self._ledger = ledger
        self._book: Book = ledger.book
        self._clock = clock
        self._kill_switch = kill_switch
        self._pager = pager
        self._limits = limits
        self._levels: dict[HaltCause, str] = {
            HaltCause.STARTING: "starting",
            HaltCause.LINK: "not connected yet",
            HaltCause.UPSTREAM: "the broker's upstream is not proven yet",
            HaltCause.NOT_RECONCILED: "not reconciled yet",
        }
        if limits.environment_halt:
            self._levels[HaltCause.ENVIRONMENT] = limits.environment_halt
        self.mode = mode
        self.farms: dict[str, bool] = {}
        # What was said of each farm last; it decides nothing (INC-011).
        self.farm_words: dict[str, FarmWord] = {}
        self.heartbeat: ServerTime | None = None
        self.heartbeat_s: float | None = None
        self.loop_lag_s = 0.0
        # How often the socket or the upstream was lost: what spans a loss is not one word.
        self.loss_count = 0
        # That count when book and broker were last compared; None before the first time.
        self._compared_losses: int | None = None
        self._is_clock_off = False
        # What of the difference to the broker's clock nothing explains.
        self.clock_skew_s: float | None = None
        # The worst lag since somebody last took it, and when the loop was last measured.
        self._lag_worst_s = 0.0
        self.lag_at_s: float | None = None
        # Which task that safety rests on does not move; empty when all do.
        self.stalled: Callable[[], str] = str
        # How often each cause was asked for, also while it stood: a resume clears what was before.
        self.latch_counts: dict[HaltCause, int] = {}
        # What the breakers ask for, evaluated at the moment somebody asks.
        self.restraint: Callable[[], Restraint] = Restraint
        # Told of every word of a link, those of our own included.
        self.heard: Callable[[LinkWord], None] = _nobody
        # Open tickets that a person lets wait: they restrict, and do not halt.
        self.ignored = IgnoredTickets(ledger, clock, pager)

    @property
    def may_send(self) -> bool:
        """Tell whether orders go on from here: to the broker by the mode, or to a local market."""
        return self.mode.may_send or self._limits.is_local

    # ---- causes

    def causes(self) -> dict[HaltCause, str]:
        """Return every cause that holds now; the halt file is looked at anew."""
        return self._causes(self.restraint())

    def _causes(self, asked: Restraint) -> dict[HaltCause, str]:
        causes = {**self._levels, **asked.causes, **self._book.halts}
        reading = self._kill_switch.reading()
        if reading.is_active:
            causes[HaltCause.HALT_FILE] = reading.reason
        if self._ledger.failure is not None:
            causes[HaltCause.JOURNAL] = self._ledger.failure
        if self._book.account is None:
            causes[HaltCause.BASELINE_MISSING] = "existing holdings have not been accepted"
        if self._book.tickets and (counting := self.ignored.counting()):
            causes[HaltCause.TICKET] = f"{len(counting)} open: {', '.join(counting)}"
        age_s = self.heartbeat_age_s()
        if age_s is None or not age_s <= self._limits.heartbeat_age_s_max:
            shown = "never" if age_s is None else f"{age_s:.1f} s ago"
            causes[HaltCause.HEARTBEAT] = f"last answer {shown}"
        if not self.loop_lag_s <= self._limits.loop_lag_s_max:
            causes[HaltCause.LOOP_LAG] = f"the loop lags {self.loop_lag_s:.2f} s"
        if stalled := self.stalled():
            causes[HaltCause.STALLED] = stalled
        return causes

    @property
    def is_halt_written(self) -> bool:
        """Tell whether the halt file halts by what somebody wrote, so the next start as well."""
        reading = self._kill_switch.reading()
        return reading.is_active and not reading.is_missing

    def book_may_lack(self) -> HaltCause | None:
        """Return why the book may lack what the broker knows, or None when it does not."""
        causes = self.causes()
        return next((cause for cause in BOOK_MAY_LACK if cause in causes), None)

    @property
    def is_coming_up(self) -> bool:
        """Tell whether the book may lack something, or is judged by a look from while it might."""
        return self.book_may_lack() is not None or self.restraint().is_of_start

    def posture(self) -> Posture:
        """Return what the daemon may do now."""
        asked = self.restraint()
        return posture(self._causes(asked), self._restrictions(asked))

    def restrictions(self) -> Mapping[str, str]:
        """Return everything that keeps new risk out now and lets exits leave."""
        return self._restrictions(self.restraint())

    def _restrictions(self, asked: Restraint) -> Mapping[str, str]:
        if not self._book.ignored:
            return asked.restrictions
        return {**asked.restrictions, **self.ignored.restrictions()}

    def refusal(self, lane: Lane, strategy: str = "") -> str | None:
        """Say why an order of this lane and strategy must not leave now, or None when it may."""
        if lane is Lane.OPERATOR and not self.is_compared:
            # No halt stops it, so this must: an exit that the broker has filled meanwhile is not
            # in the book, and the same again would cross zero (INC-032).
            return "book and broker were not compared since the link was lost"
        asked = self.restraint()
        restrictions = self._restrictions(asked)
        gate = Gate(self.mode, self._causes(asked), restrictions, asked.strategies)
        return refusal_of(gate, lane, strategy)

    def has(self, cause: HaltCause) -> bool:
        """Tell whether a cause holds now."""
        return cause in self.causes()

    def deafness(self, losses: int) -> str | None:
        """Say why the broker's complete lists are not its word, or None when they are.

        Cut off from IBKR, a gateway answers from its memory: an order on its way is in no list
        of it, and works when the link is back (INC-002, INC-132). ``losses`` is the count of
        losses from before the lists were asked for.
        """
        causes = self.causes()
        for cause in (HaltCause.LINK, HaltCause.UPSTREAM):
            if cause in causes:
                return f"{cause}: {causes[cause]}"
        if self.loss_count != losses:
            return "the link was lost while the snapshot was taken"
        return None

    @property
    def is_compared(self) -> bool:
        """Tell whether a complete run has compared book and broker since the last loss."""
        return self._compared_losses == self.loss_count

    def on_compared(self) -> None:
        """Note that a complete run compares them now."""
        self._compared_losses = self.loss_count

    def set_level(self, cause: HaltCause, reason: str) -> None:
        """Raise a cause that follows a reading; repeated readings refresh the reason only."""
        if cause not in self._levels:
            log.warning("halted", cause=cause, reason=reason)
        self._levels[cause] = reason

    def clear_level(self, cause: HaltCause) -> None:
        """Lower a cause whose reading is good again."""
        if self._levels.pop(cause, None) is not None:
            log.info("cause cleared", cause=cause)

    def latch(self, cause: HaltCause, reason: str, by: str) -> None:
        """Raise a cause that only an operator clears, and page when it is new."""
        self.latch_counts[cause] = self.latch_counts.get(cause, 0) + 1
        if self._book.halts.get(cause) == reason:
            return
        if cause not in self._book.halts:
            self._pager.page("critical", f"halted: {cause}", reason)
        self._ledger.record(HaltRaised(cause=cause, reason=reason, by=by))
        log.error("halted", cause=cause, reason=reason, by=by)

    # ---- readings

    def note_lag(self, lag_s: float) -> None:
        """Note how late the loop was just now."""
        self.loop_lag_s = lag_s
        self.lag_at_s = self._clock.monotonic()
        # Written so that a lag that is not a number stays the worst.
        if not lag_s <= self._lag_worst_s:
            self._lag_worst_s = lag_s

    def take_worst_lag(self) -> float:
        """Return the worst lag since the last call: it is over before anybody looks."""
        worst_s, self._lag_worst_s = max(self._lag_worst_s, self.loop_lag_s), 0.0
        return worst_s

    def heartbeat_age_s(self) -> float | None:
        """Return how long ago the broker last answered, or None before the first answer."""
        if self.heartbeat_s is None:
            return None
        return self._clock.monotonic() - self.heartbeat_s

    def on_heartbeat(self, answer: ServerTime) -> None:
        """Note a decoded answer of the broker: it proves what was when it was asked for."""
        self.heartbeat = answer
        self.heartbeat_s = self._clock.monotonic() - answer.round_trip_s
        ahead_s = (answer.server_utc - self._clock.utc()).total_seconds()
        # The answer says whole seconds, and it was true at some moment of the round trip.
        self.clock_skew_s = max(0.0, ahead_s, -ahead_s - 1.0 - answer.round_trip_s)
        is_off = not self.clock_skew_s <= _SKEW_S_MAX
        if is_off and not self._is_clock_off:
            text = f"the broker's clock is {ahead_s:+.0f} s ahead of ours"
            self._pager.page("warning", "the clocks differ", text)
        self._is_clock_off = is_off

    def on_link(self, word: LinkWord) -> None:
        """Follow what the broker says of a link; the three axes never stand for one another."""
        self.heard(word)
        match word.axis:
            case "socket" if not word.is_up:
                self.loss_count += 1
                self.heartbeat_s = None
                # The next connect tells them anew.
                self.farm_words.clear()
                self.set_level(HaltCause.LINK, word.text or "connection lost")
                self.set_level(HaltCause.UPSTREAM, "not connected")
                self.set_level(HaltCause.NOT_RECONCILED, "connection lost")
            case "upstream" if word.is_up:
                self.clear_level(HaltCause.UPSTREAM)
            case "upstream":
                self.loss_count += 1
                self.set_level(HaltCause.UPSTREAM, f"{word.code} {word.text}")
                self.set_level(HaltCause.NOT_RECONCILED, f"upstream was lost ({word.code})")
            case "farm":
                self.farms[word.text] = word.is_up
                known = self.farm_words.get(word.text)
                if known is None or known.state != word.state:
                    since = self._clock.utc()
                    self.farm_words[word.text] = FarmWord(word.text, word.state, word.code, since)
            case "read_only" if not word.is_up:
                self.set_level(HaltCause.READ_ONLY_API, word.text)
            case "read_only":
                self.clear_level(HaltCause.READ_ONLY_API)
            case "notice" if word.code in _LIQUIDATION_NOTICES:
                # The margin desk is at work: fighting it costs money (INC-086).
                self.latch(HaltCause.LIQUIDATION, f"{word.code} {word.text}", by="broker")
            case "notice":
                self._pager.page("warning", f"the broker says {word.code}", word.text)
            case _:
                pass


def _nobody(_word: LinkWord) -> None:
    """Stand in until somebody records them."""

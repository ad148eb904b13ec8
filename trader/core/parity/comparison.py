"""Two runs held against each other, row by row: who decided otherwise, filled otherwise, and why.

A is the shadow (or the other journal) and B the daemon. Rows come in about the order of time, each
is looked at once, and only what is still open is kept: memory grows with what is working, not with
how long the runs were. What is compared begins anew with each process of either.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.decisions import Row
from trader.core.ids import IntentId, numbered
from trader.core.moments import moment_of
from trader.core.parity.decided import Change, Decided, Follower
from trader.core.parity.differing import (
    Around,
    Finding,
    fills_differing,
    terms_differing,
    told,
    why_alone,
    why_pair,
)
from trader.core.parity.pairing import A, B, Pairing
from trader.core.parity.results import DAY_US, Results, TalliesOf, day_of
from trader.core.parity.spans import Common, Gap, Overlap, Places
from trader.core.parity.verdict import Limits, Tally, Verdict, overall, verdict_of

_US = 1_000_000
# How often what is over is let go, in the time of the rows.
_LOOK_US = 60 * _US
# What was decided so shortly before the end of a stretch may have had no time to fill in it.
_LATE_US = 60 * _US
# What is listed at most; more is counted and not listed.
LISTED_MAX = 10_000
_Key = tuple[str, str]
_NOT_OF_BOTH = "it does not run on both sides"


@dataclass(slots=True)
class _Outcome:
    """What was paired, or stays alone, until nothing of it changes any more."""

    a: Decided | None
    b: Decided | None
    around: Around

    @property
    def decided(self) -> tuple[Decided, ...]:
        return tuple(one for one in (self.a, self.b) if one is not None)

    @property
    def at_us(self) -> int:
        return min(one.at_us for one in self.decided)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Decisions that are not compared, with the reason."""

    party: str
    why: str
    decisions: int


@dataclass(frozen=True, slots=True)
class Aside:
    """One decision that is not compared."""

    party: str
    at_us: int
    intent_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of UTC."""

    day: str
    verdict: Verdict
    tally: Tally


@dataclass(frozen=True, slots=True)
class Parity:
    """Everything that a comparison found."""

    verdict: Verdict
    reasons: tuple[str, ...]
    total: Tally
    days: tuple[Day, ...]
    spans: tuple[Common, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[LeftOut, ...]
    asides: tuple[Aside, ...]
    findings: tuple[Finding, ...]
    unlisted: int
    # Rows whose time lies before that of the row before them.
    stepped_back: int
    # As many decisions as were kept at once.
    kept_max: int


@dataclass(slots=True)
class _Parties:
    """What is known of both at this moment of the rows."""

    followers: dict[str, Follower] = field(default_factory=lambda: {A: Follower(), B: Follower()})
    positions: dict[_Key, dict[str, Decimal]] = field(default_factory=dict)
    parted: dict[_Key, str] = field(default_factory=dict)
    stopped: dict[str, dict[str, str]] = field(default_factory=lambda: {A: {}, B: {}})

    def held(self, key: _Key) -> dict[str, Decimal]:
        return self.positions.setdefault(key, {A: ZERO, B: ZERO})


class Comparison:
    """Give it every row by :meth:`put`, then ask it to :meth:`finish`."""

    def __init__(self, found: Overlap, limits: Limits, names: Mapping[str, str]) -> None:
        self._found, self._limits, self._names = found, limits, names
        self._places = Places(found)
        self._span: Common | None = None
        self._parties = _Parties()
        self._pairing = self._new_pairing()
        self._outcomes: list[_Outcome] = []
        self._results = Results()
        self._tallies = TalliesOf(Tally())
        self._findings: list[Finding] = []
        self._asides: list[Aside] = []
        self._left_out: dict[tuple[str, str], int] = {}
        self._now_us = self._looked_us = 0
        self._unlisted = self._kept_max = self._stepped_back = 0
        self._last_us = {A: 0, B: 0}

    def put(self, party: str, row: Row) -> None:
        """Take the next row of a party."""
        at_us = int(row["at_us"])
        self._stepped_back += at_us < self._last_us[party]
        self._last_us[party] = at_us
        span = self._places.common_at(at_us)
        if span is None:
            if row["kind"] == "intent":
                self._leave_out(party, row, self._why_gap(party, at_us))
            return
        if self._span is None or span.number > self._span.number:
            self._end_span()
            self._span = span
        self._now_us = max(self._now_us, at_us)
        self._take(party, row, span)
        self._pairing.advance(self._now_us)
        if self._now_us - self._looked_us >= _LOOK_US:
            self._looked_us = self._now_us
            self._let_go()

    def finish(self) -> Parity:
        """Judge what is left and everything together."""
        self._end_span()
        limits, days = self._limits, []
        for number in self._all_days():
            tally = self._tallies(number)[0]
            days.append(Day(_day_name(number), verdict_of(tally, limits), tally))
        total = self._tallies.total
        verdict, reasons = overall(total, (day.verdict for day in days), limits)
        self._findings.sort(key=lambda row: (row.at_us, row.strategy, row.symbol, _id_of(row)))
        left_out = [LeftOut(*key, count) for key, count in sorted(self._left_out.items())]
        return Parity(
            verdict=verdict, reasons=reasons, total=total, days=tuple(days),
            spans=self._found.common, gaps=self._found.gaps, left_out=tuple(left_out),
            asides=tuple(self._asides), findings=tuple(self._findings), unlisted=self._unlisted,
            stepped_back=self._stepped_back, kept_max=self._kept_max,
        )  # fmt: skip

    def _all_days(self) -> Iterator[int]:
        """Give each day from the first that is compared to the last, those without anything too."""
        spans = self._found.common
        if spans:
            last = max(span.last_us for span in spans)
            yield from range(day_of(spans[0].first_us), day_of(last) + 1)

    # ---- rows

    def _take(self, party: str, row: Row, span: Common) -> None:
        match row["kind"]:
            case "intent":
                self._intent(party, row, span)
            case "fill":
                self._fill(party, row)
            case "commission":
                change = self._parties.followers[party].on_commission(row)
                if change is not None:
                    self._change(party, change, int(row["at_us"]))
            case "cancel":
                self._parties.followers[party].on_cancel(row)
            case "stopped":
                self._parties.stopped[party][str(row["strategy"])] = str(row["text"])

    def _intent(self, party: str, row: Row, span: Common) -> None:
        if row["strategy"] not in span.strategies:
            self._leave_out(party, row, f"{row['strategy']}: {_NOT_OF_BOTH}")
            return
        key = str(row["strategy"]), str(row["symbol"])
        held, other = self._parties.held(key), B if party == A else A
        parted = self._parties.parted.get(key, "")
        decided = Decided(row, (held[party], held[other]), parted)
        self._parties.followers[party].add(decided)
        self._pairing.put(party, decided)
        kept = sum(follower.open_count for follower in self._parties.followers.values())
        self._kept_max = max(self._kept_max, kept)

    def _fill(self, party: str, row: Row) -> None:
        change = self._parties.followers[party].on_fill(row)
        if change is None:
            return
        decided, at_us = change.decided, int(row["at_us"])
        self._change(party, change, at_us)
        for tally in self._tallies(day_of(at_us)):
            tally.fills_a += party == A
            tally.fills_b += party == B
        key = str(decided.row["strategy"]), str(decided.row["symbol"])
        held = self._parties.held(key)
        held[party] += decided.sign * change.quantity
        if held[A] == held[B]:
            self._parties.parted.pop(key, None)
        else:
            text = f"{row['intent_id']} filled in the {self._names[party]}"
            self._parties.parted.setdefault(key, text)

    def _change(self, party: str, change: Change, at_us: int) -> None:
        self._results.on_change(party, change, at_us)
        for tally in self._tallies(day_of(at_us)):
            amounts = tally.amounts_in(change.decided.currency)
            amounts.notional[party] += change.paid * change.decided.multiplier
            amounts.commission[party] += change.commission

    # ---- pairs

    def _new_pairing(self) -> Pairing[Decided]:
        return Pairing(int(self._limits.window_s * _US), self._on_paired)

    def _on_paired(self, a: Decided | None, b: Decided | None) -> None:
        one = a or b
        assert one is not None, "neither has decided"
        name, stopped = str(one.row["strategy"]), self._parties.stopped
        around = Around(
            names=self._names,
            stopped={p: texts[name] for p, texts in stopped.items() if name in texts},
            began=_moment(self._span.first_us if self._span is not None else one.at_us),
        )
        self._outcomes.append(_Outcome(a, b, around))

    def _let_go(self) -> None:
        """Judge what is over, and forget it."""
        staying = []
        for outcome in self._outcomes:
            if all(one.is_over(self._now_us) for one in outcome.decided):
                self._judge(outcome)
            else:
                staying.append(outcome)
        self._outcomes = staying
        for follower in self._parties.followers.values():
            follower.drop_over(self._now_us)
        self._results.close(day_of(self._now_us) - 1, self._tallies)

    def _end_span(self) -> None:
        self._pairing.finish()
        for outcome in self._outcomes:
            self._judge(outcome, is_cut=self._is_cut(outcome))
        self._outcomes = []
        self._results.close(None, self._tallies)
        self._parties = _Parties()
        self._pairing = self._new_pairing()

    def _is_cut(self, outcome: _Outcome) -> bool:
        """Tell whether the stretch ended before one could see what fills of it."""
        assert self._span is not None, "an outcome of no stretch"
        is_late = outcome.at_us > self._span.last_us - _LATE_US
        return is_late and any(
            one.is_approved and one.filled < one.quantity for one in outcome.decided
        )

    def _judge(self, outcome: _Outcome, *, is_cut: bool = False) -> None:
        a, b, around = outcome.a, outcome.b, outcome.around
        tallies = self._tallies(day_of(outcome.at_us))
        if a is not None and b is not None:
            terms = tuple(terms_differing(a, b, self._limits))
            for tally in tallies:
                tally.add_pair(a, b, [name for name, _, _ in terms], is_cut=is_cut)
            found = terms if is_cut else (*terms, *fills_differing(a, b, self._limits))
            if found:
                self._list(outcome, "differs", found, why_pair(a, b, around))
            return
        party, one = (A, a) if a is not None else (B, b)
        assert one is not None, "neither has decided"
        for tally in tallies:
            tally.only_a += party == A
            tally.only_b += party == B
        self._list(outcome, f"only_{party}", (), why_alone(party, one, around))

    def _list(
        self, outcome: _Outcome, kind: str, found: tuple[tuple[str, str, str], ...], why: str
    ) -> None:
        if len(self._findings) >= LISTED_MAX:
            self._unlisted += 1
            return
        row = outcome.decided[0].row
        a, b = (None if one is None else told(one) for one in (outcome.a, outcome.b))
        self._findings.append(
            Finding(outcome.at_us, str(row["strategy"]), str(row["symbol"]), kind, found, why, a, b)
        )

    # ---- what is left out

    def _leave_out(self, party: str, row: Row, why: str) -> None:
        self._left_out[party, why] = self._left_out.get((party, why), 0) + 1
        if len(self._asides) < LISTED_MAX:
            self._asides.append(Aside(party, int(row["at_us"]), str(row["intent_id"]), why))

    def _why_gap(self, party: str, at_us: int) -> str:
        gap = self._places.gap_at(party, at_us)
        return "outside of every process that is known" if gap is None else gap.why


def merged(a: Iterable[Row], b: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Give the rows of both, whichever is earlier; each keeps its own order."""
    left, right = iter(a), iter(b)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and int(one["at_us"]) <= int(other["at_us"])):
            assert one is not None, "neither is left"
            yield A, one
            one = next(left, None)
        else:
            yield B, other
            other = next(right, None)


def _id_of(finding: Finding) -> tuple[str, int]:
    told_of = finding.b or finding.a
    assert told_of is not None, "a finding of nothing"
    return numbered(IntentId(told_of.intent_id))


def _day_name(number: int) -> str:
    return f"{moment_of(number * DAY_US):%Y-%m-%d}"


def _moment(at_us: int) -> str:
    return f"{moment_of(at_us):%Y-%m-%d %H:%M:%S}"

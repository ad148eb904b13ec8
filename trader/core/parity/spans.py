"""For which stretches of time two runs are compared, and what is left out with its reason.

A run is there from its beginning to the last thing that it wrote before the next one. A shadow
begins anew with each process, so what is compared never reaches over such a beginning.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trader.core.halts import Mode
from trader.core.reports.content import evidence_of

_US = 1_000_000
_MODES = {mode.value: mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Span:
    """One process of a run, both ends included; ``is_shadow`` where no broker was asked."""

    first_us: int
    last_us: int
    mode: str
    account: str
    strategies: tuple[str, ...]
    is_shadow: bool
    # Why it may not be compared, empty where it may.
    problem: str = ""

    @property
    def evidence(self) -> str:
        """Say what it is evidence about: simulator, paper, live or unknown."""
        mode = _MODES.get(self.mode)
        return "unknown" if mode is None else evidence_of(mode, self.account)


@dataclass(frozen=True, slots=True)
class Common:
    """A stretch in which both were there, of one process each."""

    number: int
    first_us: int
    last_us: int
    a: Span
    b: Span

    @property
    def evidence(self) -> str:
        """Say what it is evidence about; of two kinds it is neither."""
        kinds = sorted({self.a.evidence, self.b.evidence})
        return "/".join(kinds)

    @property
    def strategies(self) -> tuple[str, ...]:
        """Return the strategies that decided on both sides."""
        return tuple(sorted(set(self.a.strategies) & set(self.b.strategies)))


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which only one of them can be looked at; ``party`` is that one, a or b."""

    party: str
    first_us: int
    last_us: int
    why: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two runs have in common and what not, each in the order of time."""

    common: tuple[Common, ...]
    gaps: tuple[Gap, ...]


def within(spans: Iterable[Span], first_us: int, last_us: int) -> tuple[Span, ...]:
    """Return what of the spans lies in a stretch of time."""
    return tuple(
        replace(span, first_us=max(span.first_us, first_us), last_us=min(span.last_us, last_us))
        for span in spans
        if span.first_us <= last_us and span.last_us >= first_us
    )


def overlap(a: Sequence[Span], b: Sequence[Span], warm_up_s: float = 0.0) -> Overlap:
    """Return where both were there; the first ``warm_up_s`` of a process are left out."""
    warm_us = round(warm_up_s * _US)
    common: list[Common] = []
    for one in a:
        for other in b:
            first = max(one.first_us, other.first_us)
            last = min(one.last_us, other.last_us)
            if one.problem or other.problem or first + warm_us > last:
                continue
            common.append(Common(len(common), first + warm_us, last, one, other))
    common.sort(key=lambda span: span.first_us)
    common = [replace(span, number=number) for number, span in enumerate(common)]
    gaps = [*_gaps("a", a, b, common), *_gaps("b", b, a, common)]
    return Overlap(tuple(common), tuple(sorted(gaps, key=lambda gap: (gap.first_us, gap.party))))


def _gaps(
    party: str, own: Sequence[Span], others: Sequence[Span], common: Sequence[Common]
) -> Iterable[Gap]:
    for span in own:
        if span.problem:
            yield Gap(party, span.first_us, span.last_us, span.problem)
            continue
        at_us = span.first_us
        for found in common:
            if (found.a if party == "a" else found.b) is not span:
                continue
            if found.first_us > at_us:
                yield Gap(party, at_us, found.first_us - 1, _why(at_us, others))
            at_us = found.last_us + 1
        if at_us <= span.last_us:
            yield Gap(party, at_us, span.last_us, _why(at_us, others))


def _why(at_us: int, others: Sequence[Span]) -> str:
    """Say why the other one is not there to be compared with at a moment."""
    there = next((span for span in others if span.first_us <= at_us <= span.last_us), None)
    if there is None:
        is_shadow = all(span.is_shadow for span in others)
        return "the shadow was not there" if is_shadow else "the daemon was down"
    return there.problem or "left out as warm-up: the shadow had just begun anew"


class Places:
    """Finds the stretch that a moment lies in."""

    def __init__(self, found: Overlap) -> None:
        self._common = found.common
        self._firsts = [span.first_us for span in found.common]
        self._gaps = {
            party: [gap for gap in found.gaps if gap.party == party] for party in ("a", "b")
        }
        self._gap_firsts = {
            party: [gap.first_us for gap in gaps] for party, gaps in self._gaps.items()
        }

    def common_at(self, at_us: int) -> Common | None:
        """Return the stretch that is compared, or None outside of all."""
        place = bisect_right(self._firsts, at_us) - 1
        if place < 0 or self._common[place].last_us < at_us:
            return None
        return self._common[place]

    def gap_at(self, party: str, at_us: int) -> Gap | None:
        """Return the stretch of a party that is left out."""
        place = bisect_right(self._gap_firsts[party], at_us) - 1
        if place < 0 or self._gaps[party][place].last_us < at_us:
            return None
        return self._gaps[party][place]

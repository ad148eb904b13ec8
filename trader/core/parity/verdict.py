"""What the comparison of a day amounts to, held against its limits.

A figure that nothing was measured for is not judged, and too little to judge by is a verdict of its
own: it never passes. Shares are of 1, prices and commissions in basis points of what was paid.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.parity.decided import Decided

_BPS = Decimal(10_000)


class Verdict(StrEnum):
    """How a day, or all of them, came out."""

    WITHIN = "within"
    OUTSIDE = "outside"
    INSUFFICIENT = "insufficient_data"


@dataclass(frozen=True, slots=True)
class Limits:
    """Within which the two are called the same; all are at most, but for the two that are least."""

    # So far apart may the same decision be, and so far may prices of its terms lie apart.
    window_s: Decimal = Decimal(5)
    terms_bps: Decimal = Decimal(5)
    # The beginning of each process that is not compared.
    warm_up_s: Decimal = ZERO
    decisions_min: int = 10
    fills_min: int = 5
    insufficient_days_max: int = 3
    days_outside_max: int = 0
    unpaired_share_max: Decimal = Decimal("0.05")
    differing_share_max: Decimal = Decimal("0.05")
    fill_share_gap_max: Decimal = Decimal("0.10")
    fill_s_gap_max: Decimal = Decimal(30)
    price_bps_max: Decimal = Decimal(10)
    commission_bps_max: Decimal = Decimal(5)
    result_bps_max: Decimal = Decimal(50)


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against its limit; ``value`` is None where nothing was measured."""

    name: str
    value: Decimal | None
    limit: Decimal
    count: int

    @property
    def has_passed(self) -> bool | None:
        """Tell whether it is within; None where it is not judged."""
        return None if self.value is None else abs(self.value) <= self.limit


@dataclass(slots=True)
class Measured:
    """A figure that is measured again and again: of both, or the difference alone."""

    count: int = 0
    a: Decimal = ZERO
    b: Decimal = ZERO
    apart_max: Decimal = ZERO

    def add(self, a: Decimal, b: Decimal) -> None:
        """Take one more."""
        self.count += 1
        self.a += a
        self.b += b
        self.apart_max = max(self.apart_max, abs(b - a))

    @property
    def mean(self) -> tuple[Decimal, Decimal] | None:
        """Return the averages of both, None of nothing."""
        return (self.a / self.count, self.b / self.count) if self.count else None

    @property
    def gap(self) -> Decimal | None:
        """Return by how much B is above A on average."""
        return (self.b - self.a) / self.count if self.count else None


@dataclass(slots=True)
class Amounts:
    """What was traded in one currency, by party: its worth, what it cost, what came of it."""

    notional: dict[str, Decimal] = field(default_factory=lambda: {"a": ZERO, "b": ZERO})
    commission: dict[str, Decimal] = field(default_factory=lambda: {"a": ZERO, "b": ZERO})
    result: dict[str, Decimal] = field(default_factory=lambda: {"a": ZERO, "b": ZERO})
    # What B paid more, over what both filled.
    paid_more: Decimal = ZERO

    @property
    def result_bps(self) -> Decimal | None:
        """Return by how much B came out above A, of what was traded on average."""
        traded = (self.notional["a"] + self.notional["b"]) / 2
        return (self.result["b"] - self.result["a"]) * _BPS / traded if traded else None


@dataclass(slots=True)
class Tally:
    """Everything that is counted, of a day or of all."""

    pairs: int = 0
    differing: int = 0
    only_a: int = 0
    only_b: int = 0
    fills_a: int = 0
    fills_b: int = 0
    unpriced: int = 0
    # Pairs that were decided too shortly before the end to see what fills of them.
    cut: int = 0
    by_field: dict[str, int] = field(default_factory=dict)
    apart_s: Measured = field(default_factory=Measured)
    fill_share: Measured = field(default_factory=Measured)
    fill_s: Measured = field(default_factory=Measured)
    price_bps: Measured = field(default_factory=Measured)
    commission_bps: Measured = field(default_factory=Measured)
    amounts: dict[str, Amounts] = field(default_factory=dict)

    @property
    def decisions(self) -> int:
        """Return how many decisions there were, a pair counted once."""
        return self.pairs + self.only_a + self.only_b

    def amounts_in(self, currency: str) -> Amounts:
        """Return what was traded in a currency."""
        return self.amounts.setdefault(currency, Amounts())

    def add_pair(
        self, a: Decided, b: Decided, differences: Iterable[str], *, is_cut: bool = False
    ) -> None:
        """Take a pair, and the fields of its terms that differ; of what is cut no fill counts."""
        self.pairs += 1
        names = tuple(differences)
        self.differing += bool(names)
        for name in names:
            self.by_field[name] = self.by_field.get(name, 0) + 1
        self.apart_s.add(ZERO, Decimal(abs(b.at_us - a.at_us)) / 1_000_000)
        if not (a.is_approved and b.is_approved):
            return
        if is_cut:
            self.cut += 1
            return
        self.fill_share.add(a.share, b.share)
        if a.fill_s is not None and b.fill_s is not None:
            self.fill_s.add(a.fill_s, b.fill_s)
        worse = worse_of(a, b)
        if worse is not None:
            self.price_bps.add(ZERO, worse)
            amounts = self.amounts_in(b.currency or a.currency)
            share = min(a.filled, b.filled) / a.filled
            amounts.paid_more += worse * a.notional * share / _BPS
        if a.notional and b.notional:
            if a.unpriced or b.unpriced:
                self.unpriced += 1
            else:
                self.commission_bps.add(
                    a.commission * _BPS / a.notional, b.commission * _BPS / b.notional
                )


def worse_of(a: Decided, b: Decided) -> Decimal | None:
    """Return by how much B paid more than A, in basis points; None unless both filled."""
    if not a.price or not b.price:
        return None
    return (b.price - a.price) * b.sign * _BPS / a.price


def checks_of(tally: Tally, limits: Limits) -> tuple[Check, ...]:
    """Hold each figure against its limit."""
    share, spent = tally.fill_share, tally.fill_s
    results = [bps for row in tally.amounts.values() if (bps := row.result_bps) is not None]
    unpaired = tally.only_a + tally.only_b
    return (
        Check(
            "unpaired_share", _share(unpaired, tally.decisions), limits.unpaired_share_max,
            tally.decisions,
        ),
        Check(
            "differing_share", _share(tally.differing, tally.pairs), limits.differing_share_max,
            tally.pairs,
        ),
        Check("fill_share_gap", share.gap, limits.fill_share_gap_max, share.count),
        Check("fill_s_gap", spent.gap, limits.fill_s_gap_max, spent.count),
        Check("price_bps", tally.price_bps.gap, limits.price_bps_max, tally.price_bps.count),
        Check(
            "commission_bps", tally.commission_bps.gap, limits.commission_bps_max,
            tally.commission_bps.count,
        ),
        Check(
            "result_bps", max(results, key=abs, default=None), limits.result_bps_max, len(results)
        ),
    )  # fmt: skip


def _share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / whole if whole else None


def lacking(tally: Tally, limits: Limits) -> str:
    """Say what is too little to judge by; empty where there is enough."""
    if tally.decisions < limits.decisions_min:
        return f"{tally.decisions} decisions, needed are {limits.decisions_min}"
    fills = min(tally.fills_a, tally.fills_b)
    if fills < limits.fills_min:
        return f"{fills} fills on one side, needed are {limits.fills_min}"
    return ""


def verdict_of(tally: Tally, limits: Limits) -> Verdict:
    """Judge what was counted."""
    if lacking(tally, limits):
        return Verdict.INSUFFICIENT
    passed = [check.has_passed for check in checks_of(tally, limits)]
    return Verdict.OUTSIDE if False in passed else Verdict.WITHIN


def overall(
    total: Tally, verdicts: Iterable[Verdict], limits: Limits
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge all days: one outside is outside, and so are too many in a row without enough."""
    problem = lacking(total, limits)
    if problem:
        return Verdict.INSUFFICIENT, (problem,)
    reasons = [
        f"{check.name} is {check.value:.4f}, allowed is at most {check.limit}"
        for check in checks_of(total, limits)
        if check.has_passed is False
    ]
    in_a_row = longest = outside = 0
    for verdict in verdicts:
        in_a_row = in_a_row + 1 if verdict is Verdict.INSUFFICIENT else 0
        longest, outside = max(longest, in_a_row), outside + (verdict is Verdict.OUTSIDE)
    if outside > limits.days_outside_max:
        days = "1 day is" if outside == 1 else f"{outside} days are"
        reasons.append(f"{days} outside, allowed are {limits.days_outside_max}")
    if longest > limits.insufficient_days_max:
        reasons.append(
            f"{longest} days in a row have too little to compare, allowed are "
            f"{limits.insufficient_days_max}"
        )
    return (Verdict.OUTSIDE if reasons else Verdict.WITHIN), tuple(reasons)

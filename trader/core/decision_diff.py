"""Where two runs of the same strategies decided or filled otherwise: pure, over their rows.

An intent of one run is that of the other if strategy, instrument, side and purpose are the same,
both are the same leg of a bracket or none, and no more than a window lies between them; each has
one partner at most, in the order of time. What the partners wish, what became of it and what filled
of it is then compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.decisions import Row, mark_of, plain

_COMPARED = ("quantity", "order_type", "time_in_force", "limit_price", "stop_price", "verdict")
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Wished:
    """One intent of a run with what filled of it; ``price`` is the average, None without any."""

    row: Row
    filled: Decimal
    price: Decimal | None

    @property
    def at_us(self) -> int:
        """Return when it was decided on."""
        return int(self.row["at_us"])

    @property
    def key(self) -> tuple[str, ...]:
        """Return what an intent of another run has to share with it."""
        row = self.row
        return (
            str(row["strategy"]), str(row["symbol"]), str(row["side"]), str(row["is_reduce_only"]),
            mark_of(str(row["intent_id"])),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """An intent of both runs, and in what they differ: the field, and what each run has."""

    a: Wished
    b: Wished
    differences: tuple[tuple[str, str, str], ...]

    @property
    def later_s(self) -> float:
        """Return by how much the second run decided later; negative for earlier."""
        return (self.b.at_us - self.a.at_us) / _US

    @property
    def worse(self) -> Decimal | None:
        """Return by how much each unit cost more in the second run; None unless both filled."""
        if self.a.price is None or self.b.price is None:
            return None
        sign = 1 if self.a.row["side"] == "BUY" else -1
        return (self.b.price - self.a.price) * sign


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs beside each other: pairs in the order of time, and what only one of them has."""

    pairs: tuple[Pair, ...]
    only_a: tuple[Wished, ...]
    only_b: tuple[Wished, ...]

    @property
    def count(self) -> int:
        """Return in how many intents they differ."""
        unlike = sum(bool(pair.differences) for pair in self.pairs)
        return unlike + len(self.only_a) + len(self.only_b)

    @property
    def is_empty(self) -> bool:
        """Tell whether there was nothing to compare, which proves nothing."""
        return not (self.pairs or self.only_a or self.only_b)

    def by_field(self) -> dict[str, int]:
        """Return how many pairs differ in each field."""
        counts: dict[str, int] = {}
        for pair in self.pairs:
            for name, _, _ in pair.differences:
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))

    def mean_late_s(self) -> float | None:
        """Return how far apart the partners decided, on average; None without any."""
        if not self.pairs:
            return None
        return sum(abs(pair.later_s) for pair in self.pairs) / len(self.pairs)

    def cost(self) -> Decimal:
        """Return what the second run paid more, over what both filled."""
        total = ZERO
        for pair in self.pairs:
            if pair.worse is not None:
                total += pair.worse * min(pair.a.filled, pair.b.filled)
        return total


def wished_of(rows: Iterable[Row]) -> tuple[Wished, ...]:
    """Return the intents among the rows of a run with their fills, in the order of time."""
    intents: dict[str, list[Row]] = {}
    amounts: dict[str, tuple[Decimal, Decimal]] = {}
    run = 0
    for row in rows:
        if row["kind"] == "begin":
            # Another process: it names its intents from the beginning again.
            run += 1
        if row["kind"] not in ("intent", "fill"):
            continue
        name = f"{run}/{row['intent_id']}"
        if row["kind"] == "intent":
            intents.setdefault(name, []).append(row)
            continue
        quantity, price = Decimal(str(row["quantity"])), Decimal(str(row["price"]))
        filled, paid = amounts.get(name, (ZERO, ZERO))
        amounts[name] = filled + quantity, paid + quantity * price
    found = []
    for name, (first, *_) in intents.items():
        filled, paid = amounts.get(name, (ZERO, ZERO))
        found.append(Wished(first, filled, paid / filled if filled else None))
    return tuple(sorted(found, key=lambda one: (one.at_us, str(one.row["intent_id"]))))


def difference(a: Sequence[Wished], b: Sequence[Wished], window_s: float) -> Difference:
    """Hold two runs against each other."""
    waiting: dict[tuple[str, ...], list[Wished]] = {}
    for one in b:
        waiting.setdefault(one.key, []).append(one)
    pairs, only_a = [], []
    matched: set[int] = set()
    for one in a:
        partner = _partner(one, waiting.get(one.key, []), window_s)
        if partner is None:
            only_a.append(one)
            continue
        matched.add(id(partner))
        pairs.append(Pair(one, partner, _differences(one, partner)))
    only_b = tuple(one for one in b if id(one) not in matched)
    return Difference(tuple(pairs), tuple(only_a), only_b)


def _partner(one: Wished, candidates: list[Wished], window_s: float) -> Wished | None:
    """Take the first that is not too early; none is taken twice and none is gone back to."""
    window_us = window_s * _US
    while candidates and candidates[0].at_us < one.at_us - window_us:
        candidates.pop(0)
    if candidates and candidates[0].at_us <= one.at_us + window_us:
        return candidates.pop(0)
    return None


def _differences(a: Wished, b: Wished) -> tuple[tuple[str, str, str], ...]:
    found = [
        (name, str(a.row[name]), str(b.row[name]))
        for name in _COMPARED
        if a.row[name] != b.row[name]
    ]
    if not found and a.row["code"] != b.row["code"]:
        found.append(("code", str(a.row["code"]), str(b.row["code"])))
    if a.filled != b.filled:
        found.append(("filled", plain(a.filled), plain(b.filled)))
    if a.price is not None and b.price is not None and a.price != b.price:
        found.append(("price", plain(a.price), plain(b.price)))
    return tuple(found)

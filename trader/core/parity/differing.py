"""In what two decisions differ, and why as far as the records know it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.decisions import plain
from trader.core.parity.decided import Decided
from trader.core.parity.verdict import Limits, worse_of

_EXACT = ("quantity", "order_type", "time_in_force")
_PRICES = ("limit_price", "stop_price", "take_profit_price", "stop_loss_price")
_BPS = Decimal(10_000)

# A field, what A has, what B has.
Differing = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """One decision as it is listed; ``trader why`` knows the id of one that a journal holds."""

    intent_id: str
    at_us: int
    side: str
    quantity: str
    order_type: str
    limit_price: str
    is_reduce_only: bool
    verdict: str
    code: str
    text: str
    filled: str
    price: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A pair that differs, or a decision without a partner: then ``a`` or ``b`` is None."""

    at_us: int
    strategy: str
    symbol: str
    kind: str
    differences: tuple[Differing, ...]
    why: str
    a: Told | None
    b: Told | None


def terms_differing(a: Decided, b: Decided, limits: Limits) -> Iterator[Differing]:
    """Give in what two wish, or were answered, otherwise."""
    for name in _EXACT:
        if a.row[name] != b.row[name]:
            yield name, str(a.row[name]), str(b.row[name])
    for name in _PRICES:
        mine, other = str(a.row.get(name, "")), str(b.row.get(name, ""))
        if not _is_near(mine, other, limits.terms_bps):
            yield name, mine, other
    if a.row["verdict"] != b.row["verdict"]:
        yield "verdict", str(a.row["verdict"]), str(b.row["verdict"])
    elif a.row["code"] != b.row["code"]:
        yield "code", str(a.row["code"]), str(b.row["code"])


def _is_near(mine: str, other: str, bps: Decimal) -> bool:
    if not mine or not other:
        return mine == other
    one, two = Decimal(mine), Decimal(other)
    return abs(one - two) * _BPS <= bps * abs(one)


def fills_differing(a: Decided, b: Decided, limits: Limits) -> Iterator[Differing]:
    """Give in what filled otherwise: how much, or at a price beyond the limit."""
    if a.filled != b.filled:
        yield "filled", plain(a.filled), plain(b.filled)
    worse = worse_of(a, b)
    if worse is not None and abs(worse) > limits.price_bps_max:
        yield "price", shown(a.price), shown(b.price)


def shown(value: Decimal | None) -> str:
    """Return a price with six places at most; empty for none."""
    return "" if value is None else plain(round(value, 6))


def told(decided: Decided) -> Told:
    """Return what is listed of a decision."""
    row = decided.row
    return Told(
        intent_id=str(row["intent_id"]),
        at_us=decided.at_us,
        side=str(row["side"]),
        quantity=str(row["quantity"]),
        order_type=str(row["order_type"]),
        limit_price=str(row["limit_price"]),
        is_reduce_only=row["is_reduce_only"] == "true",
        verdict=str(row["verdict"]),
        code=str(row["code"]),
        text=str(row["text"]),
        filled=plain(decided.filled),
        price=shown(decided.price),
        reason=str(row["reason"]),
    )


def refused(decided: Decided, who: str) -> str:
    """Say with what one was refused or held; empty where it was approved."""
    if decided.is_approved:
        return ""
    code, text = str(decided.row["code"]), str(decided.row["text"])
    said = text if text.startswith(code) else f"{code}: {text}"
    return f"the {who} {decided.row['verdict']} it: {said}".removesuffix(": ")


@dataclass(frozen=True, slots=True)
class Around:
    """What stood around a decision: who is who, and who had stopped."""

    names: Mapping[str, str]
    stopped: Mapping[str, str]
    # When the stretch began that is compared.
    began: str


def why_pair(a: Decided, b: Decided, around: Around) -> str:
    """Say why two decisions differ; empty where nothing in the records says it."""
    found = [refused(a, around.names["a"]), refused(b, around.names["b"])]
    if a.is_approved and b.is_approved and a.filled != b.filled:
        found = [_unfilled(one, around.names[party]) for party, one in (("a", a), ("b", b))]
    if a.held[0] != b.held[0]:
        found.append(_held(a.held[0], b.held[0], a.parted or b.parted, around))
    return "; ".join(text for text in found if text)


def why_alone(party: str, one: Decided, around: Around) -> str:
    """Say why a decision has no partner; empty where nothing in the records says it."""
    other = "b" if party == "a" else "a"
    found = []
    if stopped := around.stopped.get(other):
        found.append(f"the {around.names[other]}'s strategy had stopped: {stopped}")
    own, others = one.held
    if own != others:
        both = (own, others) if party == "a" else (others, own)
        found.append(_held(*both, one.parted, around))
    elif one.row["is_reduce_only"] == "true" and own * one.sign >= ZERO:
        held = f"it closes what the {around.names[party]} held before {around.began}"
        found.append(f"{held}, when the comparison began anew")
    found.append(refused(one, around.names[party]))
    return "; ".join(text for text in found if text)


def _held(a: Decimal, b: Decimal, parted: str, around: Around) -> str:
    text = f"held were {plain(a)} in the {around.names['a']}, {plain(b)} in the {around.names['b']}"
    return f"{text}, since {parted}" if parted else text


def _unfilled(one: Decided, who: str) -> str:
    if one.filled >= one.quantity:
        return ""
    end = "was cancelled" if one.is_cancelled else "ended"
    return f"in the {who} it {end} with {plain(one.filled)} of {plain(one.quantity)} filled"

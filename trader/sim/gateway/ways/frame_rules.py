"""Rules on single outgoing frames: which frame is meant, and what becomes of it.

A rule picks frames by message, client and field values, passes over the first few, takes effect
on some number of them and is then used up. The rules of a simulator are an ordered list; every
frame goes through all of them. Nothing here writes to a socket: the outlet does what comes out.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from trader.sim.wire.frames import encode
from trader.sim.wire.places import TICKS, places


@dataclass(frozen=True, slots=True)
class Match:
    """Which frames are meant; empty means any."""

    message_ids: frozenset[int] = frozenset()
    client_id: int | None = None
    # Field name (or place as digits) -> text; a trailing `*` matches any ending.
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """The frame is never sent."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The frame waits until its batch is released."""

    batch: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """The frame is sent several times."""

    times: int


@dataclass(frozen=True, slots=True)
class Delay:
    """The frame is sent later; others overtake it."""

    seconds: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reorder:
    """So many frames are gathered and then sent in another order."""

    size: int
    # Places of the gathered frames in the order to send them; empty for a shuffle.
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """The fields of the frame are changed."""

    replace: tuple[tuple[str, str], ...] = ()
    suffix: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, Decimal], ...] = ()
    # Fields cut from the end, or put there.
    cut: int = 0
    extend: tuple[str, ...] = ()


Effect = Drop | Hold | Repeat | Delay | Reorder | Edit


@dataclass(slots=True)
class Frame:
    """One frame on its way out, and when it goes: at once, later, or when a batch is released."""

    message_id: int
    data: bytes
    delay_s: float = 0.0
    batch: str = ""


@dataclass(slots=True)
class Rule:
    """A match, an effect, and how often it still applies."""

    name: str
    match: Match
    effect: Effect
    skip: int = 0
    left: int | None = None
    hits: int = 0
    _gathered: list[Frame] = field(default_factory=list)

    @property
    def is_used_up(self) -> bool:
        """Return whether it never applies again."""
        return self.left == 0 and not self._gathered

    def touches_ticks(self) -> bool:
        """Return whether market data has to be looked at frame by frame."""
        return not self.match.message_ids or bool(self.match.message_ids & TICKS)

    def flush(self) -> list[Frame]:
        """Give back what a reorder had gathered when the rule is taken away."""
        gathered, self._gathered = self._gathered, []
        return gathered

    def apply(
        self, frame: Frame, sv: int, client_id: int | None, rng: random.Random
    ) -> list[Frame]:
        """Return what is to be sent in place of the frame."""
        if not self._meets(frame, sv, client_id):
            return [frame]
        if self.skip:
            self.skip -= 1
            return [frame]
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        match self.effect:
            case Drop():
                return []
            case Hold(batch):
                frame.batch = batch
            case Repeat(times):
                return [Frame(frame.message_id, frame.data, frame.delay_s) for _ in range(times)]
            case Delay((low, high)):
                frame.delay_s += rng.uniform(low, high) if high > low else low
            case Reorder() as reorder:
                return self._gather(frame, reorder, rng)
            case Edit() as edit:
                frame.data = edited(frame.data, edit, sv)
        return [frame]

    def _meets(self, frame: Frame, sv: int, client_id: int | None) -> bool:
        wanted = self.match
        if self.left == 0 or (wanted.message_ids and frame.message_id not in wanted.message_ids):
            return False
        if wanted.client_id not in (None, client_id):
            return False
        if not wanted.where:
            return True
        fields, at = _split(frame.data), places(frame.message_id, sv)
        return all(_has(fields, _place(name, at), text) for name, text in wanted.where)

    def _gather(self, frame: Frame, reorder: Reorder, rng: random.Random) -> list[Frame]:
        self._gathered.append(frame)
        if len(self._gathered) < reorder.size:
            return []
        gathered = self.flush()
        if not reorder.order:
            rng.shuffle(gathered)
            return gathered
        return [gathered[place] for place in reorder.order]


def through(
    rules: list[Rule], frame: Frame, sv: int, client_id: int | None, rng: random.Random
) -> list[Frame]:
    """Send a frame through all rules in their order; used-up rules are removed."""
    frames = [frame]
    for rule in rules:
        frames = [out for each in frames for out in rule.apply(each, sv, client_id, rng)]
    if any(rule.is_used_up for rule in rules):
        rules[:] = [rule for rule in rules if not rule.is_used_up]
    return frames


def edited(data: bytes, edit: Edit, sv: int) -> bytes:
    """Return the frame with its fields changed; a field it does not have stays away."""
    fields = _split(data)
    at = places(int(fields[0]), sv)
    for place, text in _placed(edit.replace, at, fields):
        fields[place] = text
    for place, text in _placed(edit.suffix, at, fields):
        fields[place] += text
    for place, text in _placed([(name, str(amount)) for name, amount in edit.add], at, fields):
        fields[place] = _plus(fields[place], Decimal(text))
    if edit.cut:
        fields = fields[: max(1, len(fields) - edit.cut)]
    return encode(*fields, *edit.extend)


def _placed(
    pairs: Iterable[tuple[str, str]], at: dict[str, int], fields: list[str]
) -> list[tuple[int, str]]:
    found = [(_place(name, at), text) for name, text in pairs]
    return [(place, text) for place, text in found if place is not None and place < len(fields)]


def _place(name: str, at: dict[str, int]) -> int | None:
    return int(name) if name.isdecimal() else at.get(name)


def _has(fields: list[str], place: int | None, text: str) -> bool:
    if place is None or place >= len(fields):
        return False
    if text.endswith("*"):
        return fields[place].startswith(text[:-1])
    return fields[place] == text


def _plus(text: str, amount: Decimal) -> str:
    try:
        return f"{Decimal(text) + amount:f}"
    except InvalidOperation:
        return text


def _split(data: bytes) -> list[str]:
    return data[4:].decode().split("\0")[:-1]

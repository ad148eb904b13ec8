"""A bracket from its wish to its end, and how what is kept of it is linked to the book; pure.

What is kept is a claim: which bracket it was, under which order ids, where its legs are. What the
book has of it counts, also after a restart (STR-04): ids, side, size and prices are taken from the
orders that may still fill, and where a bracket stands is read from them and from what is held.

=========  ==========  ============  ==========
entry      held        stop          it is
=========  ==========  ============  ==========
may fill   any         any           ENTERING
over       its side    may fill      PROTECTED
over       its side    over          EXPOSED
over       other side  any           EXPOSED
over       nothing     legs may fill ENDING
over       nothing     over          FLAT
=========  ==========  ============  ==========
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from trader.core.amounts import ZERO
from trader.core.brackets import Membership, Role
from trader.core.ids import IntentId
from trader.core.intents import Side
from trader.strategies.base import OwnOrder
from trader.strategies.single import Numbers, Price

_Text = Annotated[str, Field(max_length=500)]
_Id = Annotated[int, Field(gt=0)]


class Phase(StrEnum):
    """Where a bracket stands, as the book has it."""

    FLAT = "flat"
    ENTERING = "entering"  # its entry may fill
    PROTECTED = "protected"  # held, and its stop works
    EXPOSED = "exposed"  # held, and no stop works behind it
    ENDING = "ending"  # nothing is held, and something may fill all the same


class Linked(BaseModel):
    """The order ids of a bracket, and the group of its legs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entry_id: _Id
    take_profit_id: _Id
    stop_loss_id: _Id
    oca_group: Annotated[str, Field(min_length=1, max_length=64)]


class Bracket(BaseModel):
    """One bracket: as it was wished for, and as the book showed it last.

    ``intent`` is the entry's; the legs' follow from it. A price is None where it was never known:
    that of an order which was over when the bracket was found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    intent: Annotated[str, Field(min_length=1, max_length=64)]
    direction: Literal[1, -1]
    quantity: Annotated[Decimal, Field(gt=0, lt=Decimal(10) ** 9, allow_inf_nan=False)]
    limit: Price | None
    take_profit: Price | None
    stop_loss: Price | None
    wished_utc: AwareDatetime
    # None until the book has its orders.
    linked: Linked | None = None


class BracketKept(BaseModel):
    """What is kept for one symbol; raises ValueError where it contradicts itself."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase = Phase.FLAT
    bracket: Bracket | None = None
    # Why what is held is being sold before a leg has taken it; empty while it is not.
    leaving: _Text = ""
    # How the book last differed from what was kept.
    correction: _Text = ""
    # When it last wished for an entry, tried to cancel or close, saw no stop, and was over.
    acted_utc: AwareDatetime | None = None
    tried_utc: AwareDatetime | None = None
    exposed_utc: AwareDatetime | None = None
    ended_utc: AwareDatetime | None = None
    # Behind a bracket the signal has to go away before it counts again.
    is_armed: bool = True
    signals: Numbers = {}
    indicators: Numbers = {}

    @model_validator(mode="after")
    def _agrees(self) -> "BracketKept":
        if self.bracket is not None and self.phase is Phase.FLAT:
            raise ValueError(f"phase {self.phase} does not go with bracket {self.bracket.intent}")
        if self.bracket is None and self.phase in (Phase.ENTERING, Phase.PROTECTED):
            raise ValueError(f"phase {self.phase} does not go without a bracket")
        return self

    def set_back(self, now_utc: datetime) -> None:
        """Count from now on where the clock was set back: nobody knows how long it has been."""
        for name in ("acted_utc", "tried_utc", "exposed_utc", "ended_utc"):
            at_utc = getattr(self, name)
            if at_utc is not None and at_utc > now_utc:
                setattr(self, name, now_utc)
        if self.bracket is not None and self.bracket.wished_utc > now_utc:
            self.bracket = self.bracket.model_copy(update={"wished_utc": now_utc})


@dataclass(frozen=True, slots=True)
class Seen:
    """What the book has in one instrument: held and able to fill, signed, and own orders."""

    held: Decimal
    working: Decimal
    orders: tuple[OwnOrder, ...]

    def member(self, bracket: Bracket | None, role: Role) -> OwnOrder | None:
        """Return an order of a bracket while it may fill."""
        if bracket is None:
            return None
        for order in self.orders:
            place = order.bracket
            if place is not None and place.role is role and _entry_of(order) == bracket.intent:
                return order
        return None


def linked(bracket: Bracket | None, seen: Seen, now_utc: datetime) -> tuple[Bracket | None, str]:
    """Return the bracket as the book has it, and in which way that differs from what was kept.

    Of several in one instrument it is the one that was kept, or else the oldest; the others end by
    their legs, and nothing is entered beside them. What the book has nothing of stays as it was.
    """
    members = [order for order in seen.orders if order.bracket is not None]
    if not members:
        return bracket, ""
    known = bracket
    if known is None or not any(_entry_of(order) == known.intent for order in members):
        known = None
    intent = _entry_of(members[0]) if known is None else known.intent
    own = [order for order in members if _entry_of(order) == intent]
    found = _told(intent, own, known, now_utc)
    return found, _difference(bracket, found)


def standing(bracket: Bracket | None, seen: Seen) -> Phase:
    """Return where a bracket stands, or an instrument without one."""
    if seen.member(bracket, Role.ENTRY) is not None:
        return Phase.ENTERING
    if seen.held != ZERO:
        is_its_side = bracket is not None and (seen.held > ZERO) == (bracket.direction > 0)
        has_stop = seen.member(bracket, Role.STOP_LOSS) is not None
        return Phase.PROTECTED if is_its_side and has_stop else Phase.EXPOSED
    if seen.orders or seen.working != ZERO:
        return Phase.ENDING
    return Phase.FLAT


def _entry_of(order: OwnOrder) -> IntentId:
    """Return the intent of the entry of an order's bracket: a leg's has one letter more."""
    place = order.bracket
    return order.intent_id if place is None or not place.is_leg else IntentId(order.intent_id[:-1])


def _told(
    intent: IntentId | str, own: Sequence[OwnOrder], known: Bracket | None, now_utc: datetime
) -> Bracket:
    """Return what the orders say of their bracket; of one that is over, what was known."""
    first, prices = own[0], {}
    place = _place(first)
    for order in own:
        role = _place(order).role
        prices[role] = order.stop_price if role is Role.STOP_LOSS else order.limit_price
    side = first.side.opposite if place.is_leg else first.side
    return Bracket(
        intent=intent,
        direction=1 if side is Side.BUY else -1,
        quantity=first.quantity,
        limit=prices.get(Role.ENTRY, None if known is None else known.limit),
        take_profit=prices.get(Role.TAKE_PROFIT, None if known is None else known.take_profit),
        stop_loss=prices.get(Role.STOP_LOSS, None if known is None else known.stop_loss),
        wished_utc=now_utc if known is None else known.wished_utc,
        linked=Linked(
            entry_id=place.entry_id,
            take_profit_id=place.take_profit_id,
            stop_loss_id=place.stop_loss_id,
            oca_group=place.oca_group,
        ),
    )


def _place(order: OwnOrder) -> Membership:
    place = order.bracket
    assert place is not None, "a member of a bracket without its place"
    return place


def _difference(kept: Bracket | None, found: Bracket) -> str:
    """Say in which way a claim was wrong; prices move and ids come to be known, and are none."""
    if kept is None:
        return f"the book has {found.intent}, none was kept"
    told = (found.intent, found.direction, found.quantity, found.linked)
    claim = (kept.intent, kept.direction, kept.quantity, kept.linked or found.linked)
    if told == claim:
        return ""
    return f"the book has {_words(found)}, kept was {_words(kept)}"


def _words(bracket: Bracket) -> str:
    ids = bracket.linked
    at = "no orders" if ids is None else f"{ids.entry_id} {ids.take_profit_id} {ids.stop_loss_id}"
    return f"{bracket.intent}: {bracket.quantity * bracket.direction:+f} as {at}"

"""The quarantine: what is kept of messages that could not be read, and how much at most.

A message becomes a letter: its raw fields, kept until a person has it read again or dismisses it.
The same message is the same letter however often it comes, and its repeats are written down at
powers of two alone. Distinct letters are bounded, for each message id and over all; what comes
past a bound is counted and not kept. So a gateway that sends nothing else costs at most
``LETTERS_MAX`` letters, and of every counter a row for each doubling.

What is no message of the protocol (the stream is out of step) has no layout to read it by. A few
short letters of it are kept, so that a person can see what came.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import assert_never

from trader.core.ids import Seq
from trader.core.quarantine_events import (
    MessageDismissed,
    MessageNotKept,
    MessageQuarantined,
    MessageRepeated,
    MessageRetried,
    QuarantineEvent,
)

# Open letters, over all and of one message id.
LETTERS_MAX = 250
OF_ONE_ID_MAX = 100
# Characters of one letter, its separators included: the longest message we use has about 2,500.
CHARACTERS_MAX = 4_096
# The id of what is no message, with bounds of its own.
OUT_OF_STEP = 0
OUT_OF_STEP_MAX = 8
OUT_OF_STEP_CHARACTERS_MAX = 512
ERROR_CHARACTERS_MAX = 300
# The digest is of so much: a frame may have 16 MB, and this runs in the way of the next fill.
_DIGEST_CHARACTERS_MAX = 65_536
_KEY_CHARACTERS = 12
# So many letters are remembered after their end, to answer who asks once more.
_SETTLED_KEPT = 100
# Executions and commissions.
RETRYABLE = (11, 59)
_NAMES = {
    1: "tickPrice", 2: "tickSize", 3: "orderStatus", 4: "error", 5: "openOrder",
    6: "updateAccountValue", 7: "updatePortfolio", 10: "contractDetails", 11: "execDetails",
    59: "commissionReport", 61: "position", 63: "accountSummary", 93: "marketRule", 94: "pnl",
    101: "completedOrder",
}  # fmt: skip
# Where each answer carries the id of its question: the same row of another list is the same row.
_REQUEST_ID_AT = {1: 2, 2: 2, 10: 1, 11: 1, 45: 2, 58: 2, 63: 2, 73: 2, 94: 1}


@dataclass(frozen=True, slots=True)
class BrokenMessage:
    """A message that could not be read, cut to what may be kept of it."""

    key: str
    message_id: int
    server_version: int
    fields: tuple[str, ...]
    is_truncated: bool
    error: str


@dataclass(frozen=True, slots=True)
class Letter:
    """An open letter; ``count`` is how often it came at least."""

    seq: Seq
    at_utc: datetime
    key: str
    message_id: int
    server_version: int
    fields: tuple[str, ...]
    is_truncated: bool
    error: str
    count: int
    last_utc: datetime


@dataclass(frozen=True, slots=True)
class PutRight:
    """What of the book a person has put right since there are letters: the last word on it.

    ``subject`` is a contract's id or a currency.
    """

    subject: str
    seq: Seq
    text: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Everything of it, as one value."""

    letters: tuple[Letter, ...] = ()
    # By message id, since the quarantine was last empty.
    not_kept: tuple[tuple[int, int], ...] = ()
    # The keys of the last letters that a person has ended, and how.
    settled: tuple[tuple[str, str], ...] = ()
    put_right: tuple[PutRight, ...] = ()
    # When the account was baselined, if that was after a letter came.
    baseline_seq: Seq = Seq(0)
    # Since the journal began.
    kept_count: int = 0

    def letter(self, key: str) -> Letter | None:
        """Return an open letter."""
        return next((row for row in self.letters if row.key == key), None)

    @property
    def not_kept_count(self) -> int:
        """Return how many messages were not kept, at least."""
        return sum(count for _, count in self.not_kept)

    def overtaken(self, letter: Letter, subject: str) -> str:
        """Say how a person has put a contract or a currency right since a letter came."""
        words = (row for row in self.put_right if row.subject == subject)
        return next((row.text for row in words if row.seq > letter.seq), "")


# ---- what is kept of a message


def broken(
    fields: Sequence[str], *, message_id: int, server_version: int, error: str
) -> BrokenMessage:
    """Cut a message to what may be kept of it; the work is bounded whatever its size."""
    is_out_of_step = message_id == OUT_OF_STEP
    kept = _cut(fields, OUT_OF_STEP_CHARACTERS_MAX if is_out_of_step else CHARACTERS_MAX)
    return BrokenMessage(
        key=_key(fields, message_id),
        message_id=message_id,
        server_version=server_version,
        fields=kept,
        is_truncated=len(kept) != len(fields) or kept[-1:] != tuple(fields[-1:]),
        error=error[:ERROR_CHARACTERS_MAX],
    )


def _cut(fields: Sequence[str], limit: int) -> tuple[str, ...]:
    kept = []
    for text in islice(fields, limit):
        kept.append(text[:limit])
        limit -= len(text) + 1
        if limit < 0:
            break
    return tuple(kept)


def _key(fields: Sequence[str], message_id: int) -> str:
    """Return the stable name of a message: of its fields, without the id of the question."""
    texts = list(_cut(fields, _DIGEST_CHARACTERS_MAX))
    at = _REQUEST_ID_AT.get(message_id)
    if at is not None and at < len(texts):
        texts[at] = ""
    told = "\0".join([*texts, str(len(fields))])
    digest = hashlib.sha256(told.encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:_KEY_CHARACTERS]


# ---- what is recorded of it


class Sorter:
    """Decide what is recorded of each broken message; it counts what it does not record."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._not_kept: dict[int, int] = {}

    def event_for(self, quarantine: Quarantine, message: BrokenMessage) -> QuarantineEvent | None:
        """Return what to record, if anything."""
        letter = quarantine.letter(message.key)
        if letter is not None:
            count = max(self._counts.get(letter.key, 0), letter.count) + 1
            self._counts[letter.key] = count
            return MessageRepeated(letter.key, count) if _is_doubled(count) else None
        if not quarantine.letters:
            # What was counted before was told, and ended with the last letter.
            self._counts.clear()
            self._not_kept.clear()
        if has_room(quarantine, message.message_id):
            self._counts[message.key] = 1
            return MessageQuarantined(
                key=message.key,
                message_id=message.message_id,
                server_version=message.server_version,
                fields=message.fields,
                is_truncated=message.is_truncated,
                error=message.error,
            )
        known = dict(quarantine.not_kept).get(message.message_id, 0)
        count = max(self._not_kept.get(message.message_id, 0), known) + 1
        self._not_kept[message.message_id] = count
        return MessageNotKept(message.message_id, count) if _is_doubled(count) else None


def has_room(quarantine: Quarantine, message_id: int) -> bool:
    """Tell whether one more letter of a message id may be kept."""
    same = sum(row.message_id == message_id for row in quarantine.letters)
    limit = OUT_OF_STEP_MAX if message_id == OUT_OF_STEP else OF_ONE_ID_MAX
    return same < limit and len(quarantine.letters) < LETTERS_MAX


def _is_doubled(count: int) -> bool:
    return count & (count - 1) == 0


# ---- the fold


def after(quarantine: Quarantine, event: QuarantineEvent, seq: Seq, at_utc: datetime) -> Quarantine:
    """Return what an event leaves."""
    match event:
        case MessageQuarantined():
            return replace(
                quarantine,
                letters=(*quarantine.letters, _opened(event, seq, at_utc)),
                kept_count=quarantine.kept_count + 1,
            )
        case MessageRepeated(key=key, count=count):
            letters = (
                replace(row, count=count, last_utc=at_utc) if row.key == key else row
                for row in quarantine.letters
            )
            return replace(quarantine, letters=tuple(letters))
        case MessageNotKept(message_id=message_id, count=count):
            counts = {**dict(quarantine.not_kept), message_id: count}
            return replace(quarantine, not_kept=tuple(sorted(counts.items())))
        case MessageRetried(key=key, is_settled=is_settled, outcome=outcome, by=by):
            return _ended(quarantine, key, f"{outcome}, by {by}") if is_settled else quarantine
        case MessageDismissed(key=key, by=by, reason=reason):
            return _ended(quarantine, key, f"dismissed by {by}: {reason}")
        case _:
            assert_never(event)


def after_put_right(quarantine: Quarantine, subject: str, seq: Seq, text: str) -> Quarantine:
    """Note that a person has put a contract or a currency right."""
    if not quarantine.letters:
        return quarantine
    others = (row for row in quarantine.put_right if row.subject != subject)
    return replace(quarantine, put_right=(*others, PutRight(subject, seq, text)))


def after_baseline(quarantine: Quarantine, seq: Seq) -> Quarantine:
    """Note that the account's holdings were accepted, with all that had traded by then."""
    return replace(quarantine, baseline_seq=seq) if quarantine.letters else quarantine


def _opened(event: MessageQuarantined, seq: Seq, at_utc: datetime) -> Letter:
    return Letter(
        seq=seq,
        at_utc=at_utc,
        key=event.key,
        message_id=event.message_id,
        server_version=event.server_version,
        fields=event.fields,
        is_truncated=event.is_truncated,
        error=event.error,
        count=1,
        last_utc=at_utc,
    )


def _ended(quarantine: Quarantine, key: str, how: str) -> Quarantine:
    letters = tuple(row for row in quarantine.letters if row.key != key)
    others = tuple(row for row in quarantine.settled if row[0] != key)
    settled = (*others, (key, how))[-_SETTLED_KEPT:]
    if letters:
        return replace(quarantine, letters=letters, settled=settled)
    # Nothing waits any more, so nothing has to be held against it.
    return Quarantine(settled=settled, kept_count=quarantine.kept_count)


# ---- what a person reads, and may do


def message_words(message_id: int) -> str:
    """Name a message as its documentation does."""
    if message_id == OUT_OF_STEP:
        return "no message of the protocol"
    name = _NAMES.get(message_id, "")
    return f"message {message_id}{f' {name}' if name else ''}"


def verbs_for(message_id: int, *, is_truncated: bool) -> dict[str, str]:
    """Return the verbs that fit a letter, each with what it would do."""
    found = {"dismiss": "ends it; nothing of it is taken in"}
    if message_id == OUT_OF_STEP or is_truncated:
        return found
    retried = "says whether this version can read it; its content came, or comes, otherwise"
    if message_id in RETRYABLE:
        what = "execution" if message_id == RETRYABLE[0] else "commission"
        retried = f"reads it again and books its {what}, once, under its own id"
    return {"retry": retried, **found}


def totals(letters: Iterable[Letter]) -> dict[int, int]:
    """Return how many letters are open, by message id."""
    counts: dict[int, int] = {}
    for row in letters:
        counts[row.message_id] = counts.get(row.message_id, 0) + 1
    return dict(sorted(counts.items()))

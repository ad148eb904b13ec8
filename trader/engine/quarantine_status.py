"""What the status shows of the quarantine: how much is in it, and its newest letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.quarantine import Quarantine, message_words

_ROWS_MAX = 10


@dataclass(frozen=True, slots=True)
class LetterStatus:
    """One open letter, without its fields; ``count`` is how often it came at least."""

    key: str
    message_id: int
    # The message by its name.
    message: str
    server_version: int
    error: str
    count: int
    first_utc: datetime
    last_utc: datetime


@dataclass(frozen=True, slots=True)
class QuarantineStatus:
    """Messages that could not be read; ``rows`` are the newest letters of all that are open."""

    open_count: int
    # Since the journal began.
    kept_count: int
    # Since the quarantine was last empty, by message id: what came when there was no room.
    not_kept: tuple[tuple[int, int], ...]
    # Of this process, by message id: each one that came.
    broken: tuple[tuple[int, int], ...]
    rows: tuple[LetterStatus, ...]


def quarantine_status(quarantine: Quarantine, broken: Mapping[int, int]) -> QuarantineStatus:
    """Return it as the status shows it."""
    newest = tuple(reversed(quarantine.letters[-_ROWS_MAX:]))
    return QuarantineStatus(
        open_count=len(quarantine.letters),
        kept_count=quarantine.kept_count,
        not_kept=quarantine.not_kept,
        broken=tuple(sorted(broken.items())),
        rows=tuple(
            LetterStatus(
                key=row.key,
                message_id=row.message_id,
                message=message_words(row.message_id),
                server_version=row.server_version,
                error=row.error,
                count=row.count,
                first_utc=row.at_utc,
                last_utc=row.last_utc,
            )
            for row in newest
        ),
    )

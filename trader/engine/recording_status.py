"""How the record of the market stands, for the status."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """The recording of the market; ``state`` is running, failing (tried again) or ended."""

    state: str
    problem: str
    place: str
    row_count: int
    lost_count: int
    byte_count: int
    # Since something was written last; None before the first time.
    written_age_s: float | None

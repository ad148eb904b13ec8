"""What an emergency did, what remains and why, and the exit code that says it in a number."""

from dataclasses import asdict, dataclass, field
from enum import IntEnum


class ExitCode(IntEnum):
    """How a kill switch ends; told in ``--help``, RUNBOOK.md and README.md."""

    DONE = 0
    NOT_CONFIRMED = 1
    USAGE = 2
    PROTECTED = 3
    REMAINS = 4
    WAITS = 5
    FILE_FAILED = 6
    NO_LINK = 7
    CANNOT_ACT = 8
    BUSY = 9


@dataclass(slots=True)
class Report:
    """The account of one run, in words that need no second look."""

    cancelled: list[str] = field(default_factory=list)
    # What was to be cancelled and filled instead.
    filled: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    # Protective exits that were left working on purpose.
    kept: list[str] = field(default_factory=list)
    # Closing orders that the broker holds and has not filled.
    waiting: list[str] = field(default_factory=list)
    remaining_orders: list[str] = field(default_factory=list)
    remaining_positions: list[str] = field(default_factory=list)
    # What the broker did not show clearly enough to call it done.
    unproven: list[str] = field(default_factory=list)
    # Every position that the broker showed at the end, whatever it counts for.
    positions: list[str] = field(default_factory=list)
    # What is not managed, and was not to be touched.
    left_alone: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fenced_pid: int | None = None
    used_global_cancel: bool = False
    is_verified: bool = False
    standing_order: str = ""
    refusal: ExitCode | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Return the code that says the worst that is true."""
        if self.refusal is not None:
            return self.refusal
        if not self.is_verified:
            return ExitCode.NO_LINK
        if self.remaining_orders or self.remaining_positions or self.unproven:
            return ExitCode.REMAINS
        if self.waiting:
            return ExitCode.WAITS
        return ExitCode.PROTECTED if self.kept else ExitCode.DONE

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {**asdict(self), "refusal": None, "exit_code": int(self.exit_code)}

    def lines(self) -> list[str]:
        """Return the end of the story, most important first."""
        named = (
            ("REMAINS", self.remaining_positions),
            ("REMAINS", self.remaining_orders),
            ("NOT PROVEN", self.unproven),
            ("WAITS AT THE BROKER", self.waiting),
            ("kept, protective", self.kept),
            ("filled before its cancel", self.filled),
            ("not managed, left alone", self.left_alone),
        )
        lines = [f"{name}: {text}" for name, texts in named for text in texts]
        return [*lines, *(f"why: {text}" for text in dict.fromkeys(self.problems))]

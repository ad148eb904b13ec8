"""The standing order's file as the daemon reads it."""

from pathlib import Path

from trader.engine.acts.standing import Standing
from trader.ops.standing_order import StandingOrderUnreadable, standing, withdraw
from trader.ports import WorldError


class StandingOrderFile:
    """One file: implements ``trader.engine.acts.standing.StandingFile``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def standing(self) -> Standing | None:
        """Return the standing order, or None; raises WorldError when it cannot be understood."""
        try:
            found = standing(self._path)
        except StandingOrderUnreadable as error:
            raise WorldError(str(error)) from error
        if found is None:
            return None
        return Standing(found.must_liquidate, found.is_everything, found.by, found.words)

    def withdraw(self) -> None:
        """Take the file away; raises WorldError."""
        try:
            withdraw(self._path)
        except OSError as error:
            raise WorldError(f"{self._path}: {error.strerror or error}") from error

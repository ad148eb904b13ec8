"""What a planted mistake is: how it is put in, and the rule that must find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.play import Result


@dataclass(frozen=True, slots=True)
class Plant:
    """A mistake, and the rule that it breaks, with words that the finding must hold.

    ``struck_by`` names kinds of fault without which it cannot show: a search begins with the seeds
    that draw them, often and in busy worlds; ``is_early`` with those that do at the first start.
    """

    put: Callable[[], None]
    rule: str
    words: str = ""
    struck_by: tuple[str, ...] = ()
    is_early: bool = False

    def explains(self, result: Result) -> bool:
        """Return whether what was found is this mistake, and no other."""
        return result.rule == self.rule and self.words in result.problem


def put(owner: Any, name: str, value: object) -> None:
    """Put something in the place of something that must be there."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, value)

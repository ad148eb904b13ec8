"""Says of what is wrong what is wrong anew: a person is told once, and again when it comes back."""

from collections.abc import Mapping


class Anew:
    """Remembers what was wrong at the last look, by name."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def of(self, wrong: Mapping[str, str]) -> dict[str, str]:
        """Return what was not wrong at the last look, in words by name."""
        fresh = {name: text for name, text in wrong.items() if name not in self._known}
        self._known = frozenset(wrong)
        return fresh

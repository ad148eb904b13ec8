"""How many errors each part of the daemon has logged.

A handler of the standard library's logging: the lines of every part and of every library pass the
root logger. Pages are counted where they are made, and no error of the part that makes them.
"""

import logging

_ENGINE = ("acts", "market", "orders", "risk", "strategy", "told", "truth")
_PACKAGES = ("config", "core", "ibkr", "ops", "store", "strategies")
COMPONENTS = ("app", "engine", "libraries", *_ENGINE, *_PACKAGES)
_PAGES = "trader.ops.pager"


class ErrorCounts(logging.Handler):
    """Counts lines of level error and above, by component; zero before the first."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.counts = dict.fromkeys(COMPONENTS, 0)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line."""
        if record.name != _PAGES:
            self.counts[component_of(record.name)] += 1


def component_of(logger: str) -> str:
    """Return which part a logger belongs to; there are no more than COMPONENTS."""
    root, *parts = logger.split(".")
    if root != "trader":
        return "libraries"
    if len(parts) > 1 and parts[0] == "engine" and parts[1] in _ENGINE:
        return parts[1]
    if parts and (parts[0] in _PACKAGES or parts[0] == "engine"):
        return parts[0]
    return "app"

"""The last word before the socket, said without the gate: mode, environment and halt file.

The gate has been asked three times when an order gets here. Should it ever be wrong, bypassed or
answered from a stale reading, what the operator has halted still does not leave (BRK-15): this
looks at the halt file itself, and knows nothing of causes, breakers or the book.
"""

from dataclasses import dataclass

from trader.core.halts import Mode
from trader.ports import KillSwitch


@dataclass(frozen=True, slots=True)
class Veto:
    """Says why an order must not be written; ``environment`` is the halt of the environment."""

    mode: Mode
    kill_switch: KillSwitch
    environment: str = ""

    def __call__(self, is_reduce_only: bool) -> str | None:
        """Return the reason, or None when it may; an operator's exits leave under a halt."""
        if not self.mode.may_send:
            return f"mode {self.mode} sends no orders"
        if is_reduce_only:
            return None
        if self.environment:
            return self.environment
        reading = self.kill_switch.reading()
        return reading.reason if reading.is_active else None

"""What is recorded of a strategy: its own state, and its end by a fault."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.ids import ExecId, StrategyName


@dataclass(frozen=True, slots=True)
class StrategyCheckpointed:
    """A strategy's own state; ``state`` is JSON text of its making.

    ``untold`` are its executions, oldest first, of which that state does not know yet: whoever
    takes the state up is told of them first. Of bars it knows those that ended until
    ``bars_until_utc``.
    """

    strategy: StrategyName
    intent_count: int
    state: str
    untold: tuple[ExecId, ...] = ()
    bars_until_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class StrategyFailed:
    """A strategy's task ended by a fault: it does nothing more in this process."""

    strategy: StrategyName
    problem: str


StrategyEvent = StrategyCheckpointed | StrategyFailed

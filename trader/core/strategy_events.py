"""What is recorded of a strategy: its own state, and its end by a fault."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.ids import ConId, ExecId, StrategyName


@dataclass(frozen=True, slots=True)
class BarsKnown:
    """Bars that a strategy's state knows of: those of some instruments that ended until a moment.

    Rows of before name neither size nor instruments: None, and they are of any and of all.
    """

    until_utc: datetime
    size_s: int | None
    con_ids: tuple[ConId, ...] | None


@dataclass(frozen=True, slots=True)
class StrategyCheckpointed:
    """A strategy's own state; ``state`` is JSON text of its making.

    ``untold`` are its executions, oldest first, of which that state does not know yet: whoever
    takes the state up is told of them first. Bars that it knows of are not told again; of an
    instrument that ``bars_known`` does not name it knows none that could come again.
    """

    strategy: StrategyName
    intent_count: int
    state: str
    untold: tuple[ExecId, ...] = ()
    bars_known: tuple[BarsKnown, ...] = ()


@dataclass(frozen=True, slots=True)
class StrategyFailed:
    """A strategy's task ended by a fault: it does nothing more in this process."""

    strategy: StrategyName
    problem: str


StrategyEvent = StrategyCheckpointed | StrategyFailed

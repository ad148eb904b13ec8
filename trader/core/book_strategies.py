"""The part of the book's fold that keeps what each strategy knows, and what it was not told."""

from dataclasses import replace
from datetime import datetime

from trader.core.book_tickets import TicketFold
from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.strategy_events import StrategyCheckpointed


class StrategyFold(TicketFold):
    """States of strategies, each with the executions that came after it."""

    def _on_strategy(self, event: StrategyCheckpointed, at: datetime) -> None:
        self.strategies[event.strategy] = event

    def _leave_untold(self, strategy: StrategyName | None, execution: Execution) -> None:
        """Keep an execution for its strategy until a state of it holds it (STR-01)."""
        known = None if strategy is None else self.strategies.get(strategy)
        if known is not None:
            untold = (*known.untold, execution.exec_id)
            self.strategies[known.strategy] = replace(known, untold=untold)

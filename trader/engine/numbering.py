"""Ids for intents of those who are no strategy: counted in the journal, never used twice."""

from trader.core.ids import IntentId, StrategyName, intent_id
from trader.core.strategy_events import StrategyCheckpointed
from trader.engine.ledger import Ledger


def next_intent_id(ledger: Ledger, name: StrategyName) -> IntentId:
    """Take the next number under a name and record that it is taken; raises JournalFailed."""
    book = ledger.book
    assert book.lineage is not None, "an id was asked for before the journal was opened"
    known = book.strategies.get(name)
    number = (known.intent_count if known else 0) + 1
    ledger.record(StrategyCheckpointed(name, number, "{}"))
    return intent_id(book.lineage, name, number)

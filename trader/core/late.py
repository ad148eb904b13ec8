"""Whether an execution or a commission that is read long after it came may still be booked.

The broker's lists may not reach back to it any more, so nothing but its own id keeps it from being
booked twice, and that does not keep it from what a person has booked without one. So it is booked
only while nobody has put the same right since, and only towards what the broker holds now.
"""

from collections.abc import Iterable
from decimal import Decimal

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.executions import Commission, Execution, delta, newest
from trader.core.ids import exec_family
from trader.core.quarantine import Letter
from trader.core.snapshots import BrokerSnapshot

_DISMISS = "dismiss it"


def objection(book: Book, letter: Letter, execution: Execution) -> str:
    """Say what the book itself has against it; empty when it has nothing."""
    if book.account is None:
        return f"the account has no baseline; trader baseline takes it in with the rest: {_DISMISS}"
    if letter.seq < book.quarantine.baseline_seq:
        return f"the holdings were accepted after it came and contain it: {_DISMISS}"
    word = book.quarantine.overtaken(letter, str(execution.con_id))
    if word:
        return f"a person has put {execution.symbol} right since it came ({word}): {_DISMISS}"
    return ""


def contradiction(
    book: Book,
    letter: Letter,
    execution: Execution,
    snapshot: BrokerSnapshot,
    *,
    together: Iterable[Execution],
    slack: Decimal,
) -> str:
    """Say how it contradicts what the broker holds now; empty when it explains a difference.

    It has to take the book's position towards the broker's and not beyond it, by itself or as one
    of those that are read late ``together``. ``slack`` is how far cash may be apart.
    """
    held, told = book.position_of(execution.con_id), snapshot.position_of(execution.con_id)
    missing, moves = told - held, movement(book, execution)
    rows = newest(row for row in together if row.con_id == execution.con_id).values()
    is_part = ZERO < moves / missing <= 1 if missing != ZERO else moves == ZERO
    if not is_part and sum((movement(book, row) for row in rows), start=ZERO) != missing:
        return (
            f"the book holds {held} {execution.symbol} and the broker {told}: {moves:+} does not "
            f"explain it, so it is in the book already, or something else is not"
        )
    word = book.quarantine.overtaken(letter, execution.currency)
    cash, told_cash = execution.cash_change, snapshot.cash.get(execution.currency)
    if not word or told_cash is None or abs(cash) <= slack:
        return ""
    if abs(told_cash - book.cash.get(execution.currency, ZERO)) <= slack:
        return (
            f"the cash it moved was put right since it came ({execution.currency} {word}): adopt "
            f"the position's ticket and {_DISMISS}"
        )
    return ""


def may_be_paid(book: Book, letter: Letter, paid: Commission) -> bool:
    """Tell whether cash of a commission's currency was put right since it came, with it perhaps."""
    is_older = letter.seq < book.quarantine.baseline_seq
    return is_older or bool(book.quarantine.overtaken(letter, paid.currency))


def paid_already(book: Book, letter: Letter, paid: Commission, told: Decimal | None) -> str:
    """Say why a commission is in the cash by now; empty when booking it leads to the broker's.

    To be asked where it may be; ``told`` is the broker's cash of its currency, None where unknown.
    """
    word = book.quarantine.overtaken(letter, paid.currency) or "the baseline"
    apart = None if told is None else told - book.cash.get(paid.currency, ZERO)
    if apart is not None and abs(apart + paid.amount) < abs(apart):
        return ""
    return f"the cash it was paid from was put right since it came ({word}): {_DISMISS}"


def movement(book: Book, execution: Execution) -> Decimal:
    """Return by how much booking an execution would move its position; 0 for one that is known."""
    if not book.is_news(ev.ExecutionSeen(execution)):
        return ZERO
    known = book.fills.get(exec_family(execution.exec_id)[0])
    change = delta(known.execution if known else None, execution)
    return sum((quantity for quantity, _ in change.trades), start=ZERO)

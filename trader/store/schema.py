"""The tables and views of the journal, as numbered migrations.

A migration that has shipped is never edited; a change is the next number. ``events`` is only ever
added to, and triggers say so to everybody with a SQLite shell. A checkpoint is its parts and then,
in one later row, the fact that all of them are there: parts without that row do not count.

The views are for people with a SQLite shell, for reports and for the checks that compare us with
the broker; the daemon itself never reads them, and their columns stay what they are.
"""

from trader.store.bracket_views import BRACKET_VIEWS, CHANGED_LEG_VIEWS
from trader.store.chain import CHAIN_STEPS, RECONSTRUCT
from trader.store.daemon_views import DAEMON_VIEWS
from trader.store.order_views import CHANGED_ORDER_VIEWS, EXPIRY_VIEWS, LESSENED_ORDER_VIEWS
from trader.store.quarantine_views import QUARANTINE_VIEWS
from trader.store.rows import JournalUnusable
from trader.store.stream_views import LINKED_STREAM_VIEWS, STREAM_VIEWS
from trader.store.ticket_views import TICKET_VIEWS
from trader.store.views import COMPARISON_VIEWS

# Tells a journal of ours from any other SQLite file: "TRDJ".
APPLICATION_ID = 0x5452444A

_V_ORDERS_PLANNED = """
CREATE VIEW v_orders_planned AS
SELECT seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', at_us / 1000000.0, 'unixepoch') AS at,
       json_extract(payload, '$.terms.intent_id') AS intent_id,
       json_extract(payload, '$.order_id') AS order_id,
       json_extract(payload, '$.order_ref') AS order_ref,
       json_extract(payload, '$.terms.symbol') AS symbol,
       json_extract(payload, '$.terms.side') AS side,
       json_extract(payload, '$.terms.quantity') AS quantity
  FROM events WHERE kind = 'OrderPlanned'
"""
_V_ORDERS_SENT = """
CREATE VIEW v_orders_sent AS
SELECT json_extract(payload, '$.order_id') AS order_id,
       seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', at_us / 1000000.0, 'unixepoch') AS at
  FROM events WHERE kind = 'OrderSent'
"""
# A correction is a row of its own, as it was recorded: its exec_id ends in a higher revision.
_V_EXECUTIONS = """
CREATE VIEW v_executions AS
SELECT seq,
       json_extract(payload, '$.execution.exec_id') AS exec_id,
       json_extract(payload, '$.execution.order_id') AS order_id,
       json_extract(payload, '$.execution.perm_id') AS perm_id,
       json_extract(payload, '$.execution.order_ref') AS order_ref,
       json_extract(payload, '$.execution.con_id') AS con_id,
       json_extract(payload, '$.execution.symbol') AS symbol,
       json_extract(payload, '$.execution.side') AS side,
       json_extract(payload, '$.execution.quantity') AS quantity,
       json_extract(payload, '$.execution.price') AS price
  FROM events WHERE kind = 'ExecutionSeen'
"""

MIGRATIONS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        1,
        (
            f"PRAGMA application_id = {APPLICATION_ID}",
            """
            CREATE TABLE events (
                seq INTEGER PRIMARY KEY,
                at_us INTEGER NOT NULL,
                kind TEXT NOT NULL,
                version INTEGER NOT NULL,
                payload TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE checkpoints (
                seq INTEGER PRIMARY KEY,
                at_us INTEGER NOT NULL,
                part_count INTEGER NOT NULL,
                crc INTEGER NOT NULL
            )
            """,
            """
            CREATE TABLE checkpoint_parts (
                seq INTEGER NOT NULL,
                part INTEGER NOT NULL,
                payload TEXT NOT NULL,
                PRIMARY KEY (seq, part)
            )
            """,
            _V_ORDERS_PLANNED,
            _V_ORDERS_SENT,
            _V_EXECUTIONS,
        ),
    ),
    # What a comparison with the broker needs: state of orders, what moved position and cash.
    (2, COMPARISON_VIEWS),
    # Orders as they were changed, not as they were promised.
    (3, CHANGED_ORDER_VIEWS),
    # Which strategies may trade, and what left without the daemon.
    (4, DAEMON_VIEWS),
    # Whether history is what was written, and nobody changes it by mistake.
    (5, CHAIN_STEPS),
    # An order that a change has made smaller is filled by less.
    (6, LESSENED_ORDER_VIEWS),
    # What a person has booked, and which tickets wait.
    (7, TICKET_VIEWS),
    # What was handed on outside, the streams of it, and the names that other programs ask for.
    (8, STREAM_VIEWS),
    # What could not be read, and what became of it.
    (9, QUARANTINE_VIEWS),
    # Which orders the broker lets expire.
    (10, EXPIRY_VIEWS),
    # The streams of a journal that begins with a link.
    (11, LINKED_STREAM_VIEWS),
    # Which orders are a bracket; the broker makes its legs smaller by itself.
    (12, BRACKET_VIEWS),
    # The changes of legs that the broker has made smaller.
    (13, CHANGED_LEG_VIEWS),
)
LATEST = MIGRATIONS[-1][0]
# From this version on every event carries its digest.
CHAINED = 5


def upgrade_from(version: int) -> tuple[str, ...]:
    """Return the statements that bring a journal up to date; raises JournalUnusable.

    They are one transaction: after a crash in between the journal is as it was before.
    """
    if not 0 <= version <= LATEST:
        raise JournalUnusable(
            f"the journal has version {version}, this program knows versions up to {LATEST}: "
            "it was written by a newer program"
        )
    if version == LATEST:
        return ()
    steps = [
        statement
        for number, statements in MIGRATIONS
        if number > version
        for statement in (*statements, f"PRAGMA user_version = {number}")
        # A new journal has nothing to reconstruct.
        if version or statement != RECONSTRUCT
    ]
    return ("BEGIN IMMEDIATE", *steps, "COMMIT")

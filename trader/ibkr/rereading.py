"""Reading a message again that could not be read: by the decoder of this version, off the wire.

It goes through a decoder and a tap of its own, at the server version that it came with. Neither
is connected to anything: what the tap says is caught here, and nothing of the live connection,
its requests or its subscriptions hears of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from trader.core.events import CommissionSeen, ExecutionSeen
from trader.core.ids import AccountId
from trader.core.quarantine import RETRYABLE, BrokenMessage
from trader.ibkr.client import ApiClient
from trader.ibkr.connection import Connection
from trader.ibkr.decoder import CheckedDecoder
from trader.ibkr.settings import BrokerSettings
from trader.ibkr.tap import Tap
from trader.ports import BrokerMessage, Clock, Reread


def reread(
    fields: Sequence[str],
    server_version: int,
    *,
    settings: BrokerSettings,
    clock: Clock,
    account: AccountId | None,
) -> Reread:
    """Return what the fields say now, of ``account`` alone where one is known."""
    heard: list[BrokerMessage] = []
    tap = Tap(replace(settings, account=account), clock, heard.append)
    # Never opened; the tap tells it what a greeting says.
    client = ApiClient(tap, settings.write_backlog_bytes_max)
    tap.connection = Connection(settings, clock, client, _nobody_lost)
    decoder = CheckedDecoder(tap)
    decoder.serverVersion = server_version
    tap.batch_arrived()
    decoder.interpret(list(fields))
    tap.batch_decoded()
    facts = tuple(row for row in heard if isinstance(row, ExecutionSeen | CommissionSeen))
    lost = [row.error for row in heard if isinstance(row, BrokenMessage)]
    # An execution whose layout has grown is read and reported, as it is when it is live.
    if lost and not facts:
        return Reread(problem=lost[0])
    is_retryable = fields[0] in {str(number) for number in RETRYABLE}
    return Reread(problem="", facts=facts if is_retryable else ())


def _nobody_lost(reason: str) -> None:
    """Stand in for whoever is told that a connection was lost."""

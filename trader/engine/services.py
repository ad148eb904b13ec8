"""The parts that nearly every other part needs, handed around together."""

from dataclasses import dataclass

from trader.engine.guard import Guard
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.sessions import Sessions
from trader.engine.supervisor import Supervisor
from trader.engine.valuer import Valuer
from trader.ports import Broker, Clock, Pacer, Pager


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, in the composition root."""

    clock: Clock
    supervisor: Supervisor
    ledger: Ledger
    guard: Guard
    hub: MarketHub
    valuer: Valuer
    sessions: Sessions
    broker: Broker
    pacer: Pacer
    pager: Pager

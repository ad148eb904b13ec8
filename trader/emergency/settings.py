"""What an emergency needs to know: whom to reach, what is managed, how long a step may take."""

from dataclasses import dataclass, replace

from trader.config import JOURNAL_FILE_NAME, Configuration
from trader.core.ids import AccountId, ClientId
from trader.core.instruments import InstrumentSpec
from trader.ibkr.settings import BrokerSettings
from trader.ops.reach import Reach, Traded

# Modes in which orders reach the broker; only in these is anything at the broker the daemon's.
_SENDING = ("paper", "live", "demo")
_PAPER_PREFIXES = ("DU", "DF")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds. Their sum bounds a run once the link is there."""

    # A daemon that was killed has its client id for as long as the gateway has not noticed.
    locked_s: float = 8.0
    # How long the gateway may take to prove that it reaches the broker (2104, 2106, 2158).
    proof_s: float = 5.0
    cancel_s: float = 8.0
    # A cancel that did nothing is sent again after this.
    cancel_again_s: float = 2.0
    close_s: float = 20.0
    # Between two readings that must agree, and between two looks.
    quiet_s: float = 0.6
    poll_s: float = 0.25
    # An execution younger than this may not be in the position yet.
    settle_s: float = 5.0
    # An order that has been over for so long has no more executions on the way.
    ended_s: float = 5.0
    # A promise younger than this, of an earlier run, may still be on its way.
    promise_s: float = 10.0
    # Between two tries to reach the broker.
    retry_s_min: float = 1.0
    retry_s_max: float = 4.0


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """One broker, one account, and the instruments that are ours to close."""

    mode: str
    account: AccountId
    host: str
    port: int
    client_id: ClientId
    emergency_client_id: ClientId
    zone: str
    lineage: str
    instruments: tuple[InstrumentSpec, ...]
    messages_per_s: float
    messages_burst: float
    bounds: Bounds = Bounds()
    # Ids that another liquidator of this daemon comes with: their orders are ours as well.
    kin: frozenset[ClientId] = frozenset()

    @property
    def own(self) -> frozenset[ClientId]:
        """Return the clients whose orders are ours."""
        return frozenset({self.client_id, self.emergency_client_id}) | self.kin

    def with_second_id(self, client_id: ClientId) -> "EmergencySettings":
        """Return them for a liquidator with a second id of its own."""
        kin = self.kin | {self.emergency_client_id}
        return replace(self, emergency_client_id=client_id, kin=kin)

    def broker(self, client_id: ClientId) -> BrokerSettings:
        """Return the settings of a connection as this client."""
        return BrokerSettings(
            host=self.host,
            port=self.port,
            client_id=client_id,
            account=self.account,
            tcp_deadline_s=3.0,
            version_deadline_s=3.0,
            start_deadline_s=5.0,
            heartbeat_deadline_s=3.0,
            snapshot_deadline_s=10.0,
            resolve_deadline_s=5.0,
            reconnect_gap_s=0.2,
            broker_zone=self.zone,
            naive_zone=self.zone,
        )

    def account_problem(self, accounts: tuple[AccountId, ...]) -> str | None:
        """Say why nothing may be sent to the account behind a link, or None."""
        reported = ", ".join(accounts) or "none"
        if self.mode not in _SENDING:
            return f"mode {self.mode} sends no orders, so none at the broker is this daemon's"
        if self.account not in accounts:
            return f"account {self.account} is configured, the link reports {reported}"
        is_paper = self.account.startswith(_PAPER_PREFIXES)
        if self.mode == "live" and is_paper:
            return f"mode live, but {self.account} is a paper account"
        if self.mode != "live" and not is_paper:
            return f"mode {self.mode} allows paper accounts only, {self.account} is not one"
        return None


def settings_of(reach: Reach, bounds: Bounds | None = None) -> EmergencySettings:
    """Return the settings that the last daemon ran with."""
    return EmergencySettings(
        mode=reach.mode,
        account=AccountId(reach.account),
        host=reach.host,
        port=reach.port,
        client_id=ClientId(reach.client_id),
        emergency_client_id=ClientId(reach.emergency_client_id),
        zone=reach.zone,
        lineage=reach.lineage,
        instruments=tuple(InstrumentSpec(*row) for row in reach.instruments),
        messages_per_s=reach.messages_per_s,
        messages_burst=reach.messages_burst,
        bounds=bounds or Bounds(),
    )


def reach_of(config: Configuration, lineage: str) -> Reach:
    """Return what a daemon with these settings leaves behind for the time when it is gone."""
    broker, own = config.settings.broker, config.settings.state_dir / JOURNAL_FILE_NAME
    return Reach(
        mode=str(config.settings.mode),
        account=config.settings.account,
        host=broker.host,
        port=broker.port,
        client_id=broker.client_id,
        emergency_client_id=broker.second_client_id,
        zone=broker.zone,
        lineage=lineage,
        instruments=tuple(
            Traded(
                symbol=spec.symbol,
                sec_type=spec.sec_type,
                exchange=spec.exchange,
                currency=spec.currency,
                primary_exchange=spec.primary_exchange,
                is_tradeable=spec.is_tradeable,
            )
            for spec in config.instruments
        ),
        messages_per_s=broker.messages_per_s,
        messages_burst=broker.messages_burst,
        journal="" if config.journal_file == own else str(config.journal_file),
    )

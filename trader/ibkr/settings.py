"""What the connection to the broker needs to know, checked when it is made."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from trader.core.ids import AccountId, ClientId


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """One connection: where, as whom, and how long each step may take (seconds).

    ``broker_zone`` cuts the broker's day for executions and completed orders; ``naive_zone``
    is the gateway's zone, in which it writes execution times without one (INC-084).
    """

    host: str
    port: int
    client_id: ClientId
    account: AccountId | None = None
    tcp_deadline_s: float = 5.0
    version_deadline_s: float = 5.0
    start_deadline_s: float = 10.0
    close_deadline_s: float = 5.0
    reconnect_gap_s: float = 0.5
    heartbeat_deadline_s: float = 5.0
    snapshot_deadline_s: float = 20.0
    resolve_deadline_s: float = 15.0
    pacing_deadline_s: float = 10.0
    # From when a question for bars is sent: the data service may take its time.
    history_deadline_s: float = 30.0
    # How long a late end marker of a request that timed out is still expected (INC-072).
    late_answer_s: float = 60.0
    # Bytes that may wait on our side; more means that the peer does not read (INC-004).
    write_backlog_bytes_max: int = 65_536
    tcp_user_timeout_s: float = 15.0
    keepalive_idle_s: int = 10
    broker_zone: str = "America/New_York"
    naive_zone: str = "America/New_York"

    def __post_init__(self) -> None:
        # Client 0 is bound to orders that people enter by hand, and could cancel them.
        if self.client_id <= 0:
            raise ValueError(f"client id {self.client_id}, allowed is above 0")
        if self.account == "":
            # Every row would be another account's, and the book would look flat.
            raise ValueError("account is empty; None means the login's only one")
        deadlines = {
            "tcp_deadline_s": self.tcp_deadline_s,
            "version_deadline_s": self.version_deadline_s,
            "start_deadline_s": self.start_deadline_s,
            "close_deadline_s": self.close_deadline_s,
            "heartbeat_deadline_s": self.heartbeat_deadline_s,
            "snapshot_deadline_s": self.snapshot_deadline_s,
            "resolve_deadline_s": self.resolve_deadline_s,
            "pacing_deadline_s": self.pacing_deadline_s,
            "history_deadline_s": self.history_deadline_s,
        }
        for name, value in deadlines.items():
            if not value > 0:
                raise ValueError(f"{name} is {value}, allowed is above 0")
        ZoneInfo(self.broker_zone)
        ZoneInfo(self.naive_zone)

"""What can go wrong while a connection begins: from the first byte to nextValidId.

A fault waits in a list until a connection meets it, and is used up after so many connections.
Refused client ids (326) have their own book: by time, by tries, or until the gateway restarts.
"""

from dataclasses import dataclass, field

# At the client's first bytes.
BEFORE_VERSION = ("silence", "eof", "reset", "version", "zone")
# After startApi.
AFTER_START = ("no-next-valid-id", "no-accounts", "no-session")
KINDS = BEFORE_VERSION + AFTER_START


@dataclass(slots=True)
class HandshakeFault:
    """One fault, for so many connections (None: until it is cleared)."""

    kind: str
    left: int | None = 1
    # The zone text or the version number, where the kind needs one.
    value: str = ""


@dataclass(slots=True)
class Handshakes:
    """All faults of connections that begin, and the client ids that are refused."""

    faults: list[HandshakeFault] = field(default_factory=list)
    # Client id -> monotonic second, number of tries, or until the gateway restarts.
    busy_until_s: dict[int, float] = field(default_factory=dict)
    busy_tries: dict[int, int] = field(default_factory=dict)
    busy_until_restart: dict[int, bool] = field(default_factory=dict)
    # How long an id stays in use after its connection has ended.
    linger_s: float = 0.0

    def take(self, kinds: tuple[str, ...]) -> HandshakeFault | None:
        """Use up one fault of the kinds for a connection; None when it begins well."""
        for fault in self.faults:
            if fault.kind in kinds and fault.left != 0:
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None

    def is_busy(self, client_id: int, now_s: float) -> bool:
        """Return whether the id is refused now; a try counts."""
        if self.busy_until_restart.get(client_id):
            return True
        tries = self.busy_tries.get(client_id, 0)
        if tries > 0:
            self.busy_tries[client_id] = tries - 1
            return True
        return self.busy_until_s.get(client_id, 0.0) > now_s

    def left(self, client_id: int, now_s: float) -> None:
        """Keep the id in use for a while after its connection has ended."""
        if self.linger_s:
            until_s = now_s + self.linger_s
            self.busy_until_s[client_id] = max(self.busy_until_s.get(client_id, 0.0), until_s)

    def restarted(self) -> None:
        """Free what only a restart of the gateway frees."""
        self.busy_until_restart.clear()

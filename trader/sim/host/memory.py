"""The simulator in one process under virtual time.

Nothing waits and nothing has a thread: clients join by a pipe in memory, the clock is advanced,
and the same seed and the same calls give the same bytes.
"""

from trader.sim.clock import VirtualClock
from trader.sim.host.pipe import MemoryPeer
from trader.sim.host.simulator import Simulator
from trader.sim.settings import Settings


class MemoryHost(Simulator):
    """A simulator that clients of the same process join."""

    clock: VirtualClock

    def __init__(self, settings: Settings, *, epoch_s: float) -> None:
        super().__init__(settings, VirtualClock(epoch_s))
        self._is_listening = False

    @property
    def is_listening(self) -> bool:
        """Return whether new connections are taken."""
        return self._is_listening

    def start(self) -> None:
        """Restore state, open the market, take connections."""
        self.open()
        self.come_up()

    def stop(self) -> None:
        """Close everything and save the state."""
        self.go_down("fin")
        self.clock.advance(0.0)
        self.close()

    def refuse(self) -> None:
        """Take no connections any more."""
        self._is_listening = False

    def come_up(self) -> None:
        """Take connections again."""
        self._is_listening = True

    def connect(self) -> MemoryPeer:
        """Join as a client. Raises ConnectionRefusedError while the simulator is down."""
        return self.join()

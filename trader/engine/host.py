"""What the daemon knows of the machine it runs on: its time, its room, and what drills it.

None where the machine does not say: unknown is never shown as a number.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeServiceStatus:
    """The kernel's word on this machine's clock; errors are seconds against UTC."""

    is_synchronised: bool | None
    estimated_error_s: float | None
    maximum_error_s: float | None
    # Why the clock does not count as right; empty when it does.
    problem: str


@dataclass(frozen=True, slots=True)
class HeadroomStatus:
    """How much process and host use of what they have."""

    # Of one core, since the look before; the event loop has no more than one.
    cpu_share: float | None
    resident_bytes: int | None
    # What the control group allows, the tightest of those above us.
    memory_bytes_max: int | None
    open_files: int | None
    open_files_max: int | None
    host_load: float | None
    host_cpus: int | None
    host_memory_available_bytes: int | None
    host_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class HostStatus:
    """Everything of the machine at one instant; ``warnings`` are what a person should know."""

    time_service: TimeServiceStatus
    headroom: HeadroomStatus
    # What is nearly used up, by name.
    low: tuple[str, ...]
    # Switches that are set and by-pass nothing, or make a drill.
    switches: tuple[str, ...]
    warnings: tuple[str, ...]

"""A disk in memory that knows what is written and what is synced.

A killed process loses nothing that it has written. A power cut leaves what was synced, and of the
rest nothing, a beginning, some of the writes, or torn sectors of them. A sync that fails may leave
pages that the kernel calls clean: no later sync writes them again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

SECTOR_BYTES = 512
# Offset and bytes of a write; None for bytes is a truncation to the offset.
Change = tuple[int, bytes | None]


@dataclass(slots=True, eq=False)
class File:
    """One file: what processes see, what is on the platter, and what is between them."""

    name: str
    data: bytearray = field(default_factory=bytearray)
    synced: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    # SQLite's locks by handle, and its shared memory, which dies with the last process.
    locks: dict[int, int] = field(default_factory=dict)
    shared: dict[int, object] = field(default_factory=dict)
    shared_locks: dict[int, dict[int, bool]] = field(default_factory=dict)

    def write(self, offset: int, content: bytes) -> None:
        """Write bytes that are not synced yet."""
        _put(self.data, offset, content)
        self.pending.append((offset, content))

    def truncate(self, size: int) -> None:
        """Cut the file off."""
        del self.data[size:]
        self.pending.append((size, None))

    def sync(self) -> None:
        """Put what is pending on the platter."""
        for change in self.pending:
            _apply(self.synced, change)
        self.pending.clear()

    def after_power_loss(self, chance: random.Random) -> bytearray:
        """Return what the next boot finds of it."""
        image = bytearray(self.synced)
        mode = chance.choice(("nothing", "beginning", "some", "torn"))
        changes = [] if mode == "nothing" else self.pending
        if mode == "beginning":
            changes = changes[: chance.randint(0, len(changes))]
        for offset, content in changes:
            if mode == "beginning":
                _apply(image, (offset, content))
            elif content is None or mode == "some":
                if chance.random() < 0.5:
                    _apply(image, (offset, content))
            else:
                for start in range(0, len(content), SECTOR_BYTES):
                    if chance.random() < 0.5:
                        part = content[start : start + SECTOR_BYTES]
                        _put(image, offset + start, part)
        return image


@dataclass(slots=True, eq=False)
class Disk:
    """Every file of one machine between two of its crashes."""

    chance: random.Random
    files: dict[str, File] = field(default_factory=dict)
    # Writes and syncs so far: where a crash is planned, it is counted in these.
    steps: int = 0
    crash_at_step: int = -1
    on_crash: Callable[[str], None] = lambda where: None
    bytes_max: int | None = None
    sync_s: float = 0.0008
    sync_failure: float = 0.0
    # How long the operation under way has taken.
    busy_s: float = 0.0
    # Of their own, so that a fault of one kind does not move those of another.
    sync_failures: random.Random = field(init=False)
    power_losses: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.sync_failures = random.Random(self.chance.getrandbits(64))
        self.power_losses = random.Random(self.chance.getrandbits(64))

    def step(self) -> None:
        """Count what is about to reach the disk; a crash comes before it."""
        if self.crash_at_step == self.steps:
            self.crash_at_step = -1
            self.on_crash("disk")
        self.steps += 1

    def has_room(self, growth: int) -> bool:
        """Return whether so many bytes more can be taken."""
        return growth <= 0 or self.bytes_max is None or self.used() + growth <= self.bytes_max

    def used(self) -> int:
        """Return how many bytes the files take."""
        return sum(len(file.data) for file in self.files.values())

    def sync(self, file: File) -> bool:
        """Sync a file; say whether that succeeded."""
        self.busy_s += self.chance.expovariate(1.0 / self.sync_s)
        if self.sync_failure and self.sync_failures.random() < self.sync_failure:
            if self.sync_failures.random() < 0.5:
                file.pending.clear()
            return False
        file.sync()
        return True

    def after_crash(self, *, has_power: bool) -> Disk:
        """Return the disk that the next start finds; old handles keep the old one."""
        next_disk = Disk(self.chance, sync_s=self.sync_s, steps=self.steps)
        next_disk.bytes_max, next_disk.sync_failure = self.bytes_max, self.sync_failure
        next_disk.sync_failures, next_disk.power_losses = self.sync_failures, self.power_losses
        for name, file in self.files.items():
            if has_power:
                found = File(name, bytearray(file.data), bytearray(file.synced))
                found.pending = list(file.pending)
            else:
                image = file.after_power_loss(self.power_losses)
                found = File(name, image, bytearray(image))
            next_disk.files[name] = found
        return next_disk


def _put(image: bytearray, offset: int, content: bytes) -> None:
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(content)] = content


def _apply(image: bytearray, change: Change) -> None:
    offset, content = change
    if content is None:
        del image[offset:]
    else:
        _put(image, offset, content)

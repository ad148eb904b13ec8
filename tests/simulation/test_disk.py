"""The simulated disk: a killed process loses nothing, a power cut what was not synced."""

from __future__ import annotations

import random

from tests.simulation.disk import Disk, File


def a_disk() -> tuple[Disk, File]:
    disk = Disk(random.Random(1))
    file = disk.files["journal"] = File("journal")
    file.write(0, b"synced")
    assert disk.sync(file)
    file.write(6, b" and written")
    return disk, file


def test_a_killed_process_loses_nothing_that_it_has_written() -> None:
    disk, _ = a_disk()
    found = disk.after_crash(has_power=True).files["journal"]
    assert bytes(found.data) == b"synced and written"


def test_a_power_cut_may_leave_any_part_of_what_was_not_synced() -> None:
    disk, _ = a_disk()
    images = {bytes(disk.after_crash(has_power=False).files["journal"].data) for _ in range(100)}
    assert all(image.startswith(b"synced") for image in images)
    assert {b"synced", b"synced and written"} <= images


def test_what_a_kill_left_unsynced_a_later_power_cut_may_take() -> None:
    disk, _ = a_disk()
    next_disk = disk.after_crash(has_power=True)
    images = {
        bytes(next_disk.after_crash(has_power=False).files["journal"].data) for _ in range(100)
    }
    assert b"synced" in images


def test_a_sync_that_failed_may_have_called_lost_pages_clean() -> None:
    disk, file = a_disk()
    disk.sync_failure = 1.0
    for _ in range(20):
        assert not disk.sync(file)
    disk.sync_failure = 0.0
    assert disk.sync(file)
    assert bytes(file.synced) == b"synced"


def test_a_full_disk_takes_what_does_not_grow() -> None:
    disk, _ = a_disk()
    disk.bytes_max = disk.used()
    assert disk.has_room(0)
    assert not disk.has_room(1)


def test_a_planned_crash_comes_before_the_write() -> None:
    disk, _ = a_disk()
    crashes: list[str] = []
    disk.on_crash = crashes.append
    disk.crash_at_step = disk.steps + 1
    disk.step()
    assert crashes == []
    disk.step()
    assert crashes == ["disk"]

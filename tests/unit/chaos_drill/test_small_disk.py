"""The small disk is small, belongs to one process, and is gone with it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from trader.chaos_drill import small_disk
from trader.drill_stage import ROOT

# In a process of its own: a namespace cannot be left again.
PLAY = """
import errno, sys
from pathlib import Path
from trader.chaos_drill import small_disk
place = Path(sys.argv[1])
try:
    small_disk.enter_own_namespace()
    small_disk.mount(place)
except small_disk.NoSmallDisk as error:
    print("lacks", error)
    sys.exit(0)
small_disk.fill(place)
size = (place / "ballast").stat().st_size
try:
    (place / "more").write_bytes(b"x" * 8192)
except OSError as error:
    print("refused", error.errno == errno.ENOSPC, size <= small_disk.SIZE_BYTES)
small_disk.empty(place)
(place / "more").write_bytes(b"x" * 8192)
print("taken", (place / "more").stat().st_size, place.stat().st_uid == __import__("os").geteuid())
"""


def test_a_full_small_disk_takes_nothing_and_an_emptied_one_does(tmp_path: Path) -> None:
    place = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", PLAY, str(place)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    if done.stdout.startswith("lacks"):
        pytest.skip(f"this kernel gives no small disk: {done.stdout.strip()}")
    assert done.stdout.splitlines() == ["refused True True", "taken 8192 True"]
    # Nobody else has ever seen it, and no mount is left.
    assert list(place.iterdir()) == []
    assert str(place) not in Path("/proc/self/mountinfo").read_text()


def test_space_is_filled_and_given_back_on_whatever_disk(tmp_path: Path) -> None:
    (tmp_path / "ballast").write_bytes(b"x")
    small_disk.empty(tmp_path)
    small_disk.empty(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_refuses_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def unshare(self, _: int) -> int:
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Refusing)
    with pytest.raises(small_disk.NoSmallDisk, match="no mount namespace: Operation not permitted"):
        small_disk.enter_own_namespace()

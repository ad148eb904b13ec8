"""The free share is that of the disk, and one that cannot be asked is named."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from trader.ops.disk import DiskUnreadable, free_share


async def test_the_share_is_what_the_file_system_says(tmp_path: Path) -> None:
    share = await free_share(tmp_path)
    found = os.statvfs(tmp_path)
    assert 0 < share <= 1
    assert abs(share - Decimal(found.f_bavail) / found.f_blocks) < Decimal("0.2") or share < 1


async def test_what_runs_out_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(blocks: int, free: int, files: int, free_files: int) -> None:
        result = os.statvfs_result((1, 1, blocks, free, free, files, free_files, free_files, 0, 9))
        monkeypatch.setattr(os, "statvfs", lambda path: result)

    told(100, 50, 100, 3)
    assert await free_share(tmp_path) == Decimal("0.03")
    told(100, 2, 100, 3)
    assert await free_share(tmp_path) == Decimal("0.02")
    told(100, 50, 0, 0)
    assert await free_share(tmp_path) == Decimal("0.5")
    told(0, 0, 0, 0)
    with pytest.raises(DiskUnreadable, match="no size"):
        await free_share(tmp_path)


async def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskUnreadable, match="nowhere: No such file"):
        await free_share(tmp_path / "nowhere")

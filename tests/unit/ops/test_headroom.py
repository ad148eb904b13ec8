"""Room that is left: measured as the kernel shows it, told when it is low, absent when unknown."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trader.engine.host import HeadroomStatus
from trader.ops.headroom import SHORTAGES, Roots, measured, shortages

MB = 1024 * 1024
WELL = HeadroomStatus(
    cpu_share=0.1,
    resident_bytes=100 * MB,
    memory_bytes_max=1000 * MB,
    open_files=20,
    open_files_max=1000,
    host_load=0.5,
    host_cpus=2,
    host_memory_available_bytes=900 * MB,
    host_memory_bytes=1000 * MB,
)


def roots(folder: Path, **files: str) -> Roots:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Roots(folder / "proc", folder / "cgroup")


def test_the_real_process_is_measured() -> None:
    found = measured(0.25, Roots())
    assert found.cpu_share == 0.25
    assert found.resident_bytes is not None
    assert found.resident_bytes > MB
    assert found.open_files is not None
    with open(os.devnull), open(os.devnull):
        more = measured(None, Roots()).open_files
    assert more == found.open_files + 2
    assert found.host_memory_bytes is not None
    assert found.host_memory_available_bytes is not None
    assert 0 < found.host_memory_available_bytes <= found.host_memory_bytes


def test_what_cannot_be_read_is_unknown_and_nothing_follows(tmp_path: Path) -> None:
    found = measured(None, roots(tmp_path))
    assert replace(found, host_cpus=None) == HeadroomStatus(*[None] * 9)
    assert shortages(found) == {}


def test_the_tightest_control_group_above_us_counts(tmp_path: Path) -> None:
    at = roots(
        tmp_path,
        proc__self__cgroup="4:memory:/old\n0::/system.slice/trader.service\n",
        cgroup__memory="",
    )
    slices = {"": "max", "system.slice": "500", "system.slice/trader.service": "900"}
    for place, text in slices.items():
        folder = tmp_path / "cgroup" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(text + "\n")
    assert measured(None, at).memory_bytes_max == 500


def test_the_limit_on_files_is_the_soft_one(tmp_path: Path) -> None:
    head = "Limit                     Soft Limit           Hard Limit           Units\n"
    line = "Max open files            4096                 524288               files\n"
    assert measured(None, roots(tmp_path, proc__self__limits=head + line)).open_files_max == 4096
    endless = line.replace("4096", "unlimited")
    assert measured(None, roots(tmp_path, proc__self__limits=endless)).open_files_max is None


def test_a_process_and_a_host_that_are_well_lack_nothing() -> None:
    assert shortages(WELL) == {}


@pytest.mark.parametrize(
    ("name", "edge", "low"),
    [
        ("cpu", {"cpu_share": 0.8}, {"cpu_share": 0.81}),
        ("memory", {"resident_bytes": 800 * MB}, {"resident_bytes": 800 * MB + 1}),
        ("files", {"open_files": 800}, {"open_files": 801}),
        ("host_cpu", {"host_load": 4.0}, {"host_load": 4.1}),
        (
            "host_memory",
            {"host_memory_available_bytes": 100 * MB},
            {"host_memory_available_bytes": 100 * MB - 1},
        ),
    ],
)
def test_what_is_nearly_used_up_is_told(
    name: str, edge: dict[str, Any], low: dict[str, Any]
) -> None:
    assert name in SHORTAGES
    assert shortages(replace(WELL, **edge)) == {}
    assert list(shortages(replace(WELL, **low))) == [name]

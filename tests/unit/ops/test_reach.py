"""What the daemon leaves behind for the time when it is gone, and nothing that could be abused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trader.ops.reach import Reach, ReachUnusable, Traded, read_reach, write_reach

REACH = Reach(
    mode="paper", account="DU1", host="127.0.0.1", port=7497, client_id=7,
    emergency_client_id=1007, zone="America/New_York", lineage="abc123",
    instruments=(Traded("AAPL", "STK", "SMART", "USD", "NASDAQ", True),),
)  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "reach.json"
    write_reach(path, REACH)
    assert read_reach(path) == REACH
    for journal in ("", "/srv/other.db"):
        write_reach(path, REACH._replace(journal=journal))
        assert read_reach(path).journal == journal
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"port": 0}, {"port": "x"}, {"client_id": 0}, {"account": ""}, {"emergency_client_id": 7},
        {"instruments": "AAPL"}, {"instruments": [1]}, {"instruments": [{}]},
        {"port": None}, {"journal": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "reach.json"
    write_reach(path, REACH)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ReachUnusable, match=r"reach\.json"):
        read_reach(path)


@pytest.mark.parametrize("content", [None, "", "[]", "null", "{", "{}"])
def test_what_is_no_such_file_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "reach.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReachUnusable, match=r"reach\.json"):
        read_reach(path)

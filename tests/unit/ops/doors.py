"""What a control server serves in tests: doubles of the engine's side, and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.ops.support import READY, SOURCES, TOKEN, FakeDesk
from trader.core.ids import IntentId, OrderId
from trader.engine.orders.wishes import CancelWish, ChangeWish, Turn, Verdict, Wish
from trader.engine.status import OrderStatus, Status
from trader.ops.http import HttpSettings, Served
from trader.ops.metrics import MetricsObserver

SENT = Verdict(Turn.DECIDED, "", "approved", IntentId("abc123-api-1"), True, OrderId(7), "SENT")


@dataclass
class FakeDoor:
    """A door that writes down who knocked."""

    verdict: Verdict = SENT
    calls: list[tuple[str, Wish, str]] = field(default_factory=list)
    changes: list[tuple[str, ChangeWish, str]] = field(default_factory=list)
    cancels: list[tuple[str, CancelWish, str]] = field(default_factory=list)

    async def submit(self, key: str, wish: Wish, by: str) -> Verdict:
        self.calls.append((key, wish, by))
        return self.verdict

    async def change(self, key: str, wish: ChangeWish, by: str) -> Verdict:
        self.changes.append((key, wish, by))
        return self.verdict

    async def cancel(self, key: str, wish: CancelWish, by: str) -> Verdict:
        self.cancels.append((key, wish, by))
        return self.verdict


@dataclass
class ListedOrders:
    """The orders of a status, newest first."""

    rows: tuple[OrderStatus, ...] = READY.orders

    def page(self, before: int | None, limit: int) -> tuple[OrderStatus, ...]:
        newest = sorted(self.rows, key=lambda row: -row.order_id)
        return tuple(row for row in newest if before is None or row.order_id < before)[:limit]

    def one(self, order_id: int) -> OrderStatus | None:
        return next((row for row in self.rows if row.order_id == order_id), None)


def served(status: Callable[[], Status] = lambda: READY, **parts: Any) -> Served:
    """Return what a server serves, with doubles for what is not given."""
    given: dict[str, Any] = {
        "desk": FakeDesk(),
        "metrics": MetricsObserver(status, SOURCES),
        "door": FakeDoor(),
        "orders": ListedOrders(),
    }
    return Served(status=status, **given | parts)


def http_settings(folder: Path, **changes: Any) -> HttpSettings:
    """Return settings of a server on any free port, whose files are in a folder."""
    given: dict[str, Any] = {
        "tokens_file": folder / "tokens.json",
        "audit_file": folder / "audit_logs" / "operators.jsonl",
        "port": 0,
        "token": TOKEN,
    }
    return HttpSettings(**given | changes)

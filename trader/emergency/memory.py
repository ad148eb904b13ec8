"""What a run promises and notes in ``state/emergency.jsonl``, and what it does on a full disk.

A promise that cannot be written does not hold a closing order back. The rule "no byte without a
promise" protects against sending twice and against adding risk; a close is sized from the
broker's own word each time and can only shrink, and its reference at the broker says whose it is.
Not closing would leave a person's savings exposed because of a disk.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from trader.core.closing import ClosingOrder
from trader.core.executions import Execution
from trader.core.flatten import Resting
from trader.core.ids import OrderRef
from trader.ops.emergency_record import (
    EMERGENCY_FILE_NAME,
    NO_LINEAGE,
    EmergencyOrder,
    highest_id,
    is_kill_ref,
    kill_ref,
    next_number,
    note,
    promise,
    read_lines,
    read_orders,
)
from trader.ops.halt_record import utc_text


class Memory:
    """The file of one state directory, for one run."""

    def __init__(
        self, state: Path, lineage: str, *, by: str, utc: Callable[[], datetime],
        complain: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._path = state / EMERGENCY_FILE_NAME
        self._lineage = lineage or NO_LINEAGE
        self._by = by
        self._utc = utc
        self._complain = complain
        # The milliseconds make it unlike any other run's, also where the file could not be kept.
        self._number = next_number(self._path, int(utc().timestamp() * 1000))
        self._is_told = False
        # What this run has promised, also where the file takes nothing.
        self._last: EmergencyOrder | None = None
        self._sent: set[tuple[int, int]] = set()
        self._filled: dict[str, Decimal] = {}
        self.problem = ""

    def next_ref(self) -> OrderRef:
        """Return a reference that no emergency order had before."""
        ref = kill_ref(self._lineage, self._number)
        self._number += 1
        return OrderRef(ref)

    def highest_id(self, client_id: int) -> int:
        """Return the highest order id that an emergency has used as this client."""
        return highest_id(self._path, client_id)

    def open_promise_s(self) -> float | None:
        """Return how old the last promise is whose fills are not all known, or None.

        One that cannot be read or dated counts as made just now.
        """
        try:
            orders = read_orders(self._path)
            rows = [row for row in read_lines(self._path) if row.get("kind") == "execution"]
        except OSError:
            if self._last is None:
                return 0.0
            orders, rows = [], []
        last = self._last or (orders[-1] if orders else None)
        if last is None:
            return None
        try:
            written = {
                str(row.get("exec_id")): Decimal(str(row["quantity"]))
                for row in rows
                if str(row.get("order_ref")).startswith(last.order_ref)
            }
            filled = sum((written | self._filled).values(), start=Decimal(0))
            at = datetime.fromisoformat(last.at.replace("Z", "+00:00"))
            if filled >= Decimal(last.quantity):
                return None
        except (ValueError, KeyError, InvalidOperation):
            return 0.0
        # A clock that was set back since must not make a promise of just now look settled.
        return max((self._utc() - at.astimezone(UTC)).total_seconds(), 0.0)

    def is_ours(self, row: Resting | Execution) -> bool:
        """Tell whether an order or an execution is of this or of an earlier emergency.

        By its id where it is this run's: its reference may come back altered or empty (INC-096).
        """
        return (row.client_id, row.order_id) in self._sent or is_kill_ref(row.order_ref)

    def promise(self, order: ClosingOrder) -> None:
        """Write a closing order down before it leaves; a full disk is told once, loudly."""
        row = EmergencyOrder(
            order_ref=order.order_ref,
            client_id=order.client_id,
            order_id=order.order_id,
            account=order.account,
            con_id=order.instrument.con_id,
            symbol=order.instrument.symbol,
            side=order.side,
            quantity=f"{order.quantity:f}",
            at=utc_text(self._utc()),
            by=self._by,
        )
        self._last, self._filled = row, {}
        self._sent.add((order.client_id, order.order_id))
        try:
            promise(self._path, row)
        except OSError as error:
            self._failed(error, "The closing order leaves all the same: it can only shrink.")

    def note_execution(self, row: Execution) -> None:
        """Write an execution of an emergency order down, so that the daemon can book it later."""
        values = {
            "exec_id": row.exec_id,
            "account": row.account,
            "con_id": row.con_id,
            "symbol": row.symbol,
            "side": str(row.side),
            "quantity": f"{row.quantity:f}",
            "price": f"{row.price:f}",
            "order_id": row.order_id,
            "client_id": row.client_id,
            "perm_id": row.perm_id,
            "order_ref": row.order_ref,
            "time_utc": row.time_utc.isoformat() if row.time_utc else None,
            "multiplier": f"{row.multiplier:f}",
            "currency": row.currency,
        }
        last = self._last
        if last is not None and (row.client_id, row.order_id) == (last.client_id, last.order_id):
            self._filled[row.exec_id] = row.quantity
        try:
            note(self._path, "execution", values)
        except OSError as error:
            self._failed(error, "The daemon learns of the execution from the broker.")

    def note_cancel(self, row: Resting, *, is_everything: bool) -> None:
        """Write down that an order was cancelled, by its id or with everything else."""
        values = {
            "lineage": self._lineage,
            "order_ref": row.order_ref,
            "client_id": row.client_id,
            "order_id": row.order_id,
            "perm_id": row.perm_id,
            "symbol": row.symbol,
            "is_everything": is_everything,
            "at": utc_text(self._utc()),
            "by": self._by,
        }
        try:
            note(self._path, "cancel", values)
        except OSError as error:
            self._failed(error, "The cancel has left; the broker tells what became of it.")

    def _failed(self, error: OSError, consequence: str) -> None:
        self.problem = f"{self._path} could not be written: {error.strerror or error}"
        if not self._is_told:
            self._is_told = True
            self._complain(f"NOT WRITTEN DOWN: {self.problem}. {consequence}")

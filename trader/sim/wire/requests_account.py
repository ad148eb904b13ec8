"""Account requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields, right_of


@dataclass(frozen=True, slots=True)
class UpdatesRequest:
    """The content of reqAccountUpdates (message 6); an empty account means the first."""

    is_on: bool
    account: str


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """The content of reqAccountSummary (message 62)."""

    request_id: int
    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MultiRequest:
    """A request for one account and model: messages 74, 76, 92 and 94."""

    request_id: int
    account: str
    model: str
    # Only values of the ledger and the net liquidation value (76).
    is_ledger: bool = False
    # The one position whose profit and loss is wanted (94).
    con_id: int = 0


@dataclass(frozen=True, slots=True)
class ExerciseRequest:
    """The content of exerciseOptions (message 21); action 1 exercises, 2 lets lapse."""

    request_id: int
    contract: ContractQuery
    action: int
    quantity: Decimal | None
    account: str
    # Whether it goes against what would happen anyway.
    is_forced: bool
    manual_time: str = ""
    customer_account: str = ""
    is_professional: bool = False


def parse_account_updates(fields: Sequence[str]) -> UpdatesRequest:
    """Read message 6."""
    read = Fields(fields, 2)
    return UpdatesRequest(read.flag(), read.text())


def parse_account_summary(fields: Sequence[str]) -> SummaryRequest:
    """Read message 62; tags are parted by commas."""
    read = Fields(fields, 2)
    request_id, group, tags = read.integer(), read.text(), read.text()
    named = tuple(tag.strip() for tag in tags.split(","))
    return SummaryRequest(request_id, group, tuple(tag for tag in named if tag))


def parse_account_updates_multi(fields: Sequence[str]) -> MultiRequest:
    """Read message 76."""
    read = Fields(fields, 2)
    return MultiRequest(read.integer(), read.text(), read.text(), is_ledger=read.flag())


def parse_positions_multi(fields: Sequence[str]) -> MultiRequest:
    """Read message 74."""
    read = Fields(fields, 2)
    return MultiRequest(read.integer(), read.text(), read.text())


def parse_pnl(fields: Sequence[str]) -> MultiRequest:
    """Read message 92."""
    read = Fields(fields, 1)
    return MultiRequest(read.integer(), read.text(), read.text())


def parse_pnl_single(fields: Sequence[str]) -> MultiRequest:
    """Read message 94."""
    read = Fields(fields, 1)
    return MultiRequest(read.integer(), read.text(), read.text(), con_id=read.integer())


def parse_exercise(fields: Sequence[str], server_version: int) -> ExerciseRequest:
    """Read message 21: eleven contract fields (no primary exchange), later ones by version."""
    read = Fields(fields, 2)
    request_id, con_id, symbol, sec_type, expiry = read.integer(), read.integer(), *read.texts(3)
    strike, right, multiplier = read.decimal(), right_of(read.text()), read.text()
    exchange, currency, local, trading_class = read.texts(4)
    query = ContractQuery(
        con_id, symbol, sec_type, exchange, "", currency, local, trading_class, expiry=expiry,
        strike=strike or None, right=right, multiplier=multiplier,
    )  # fmt: skip
    return ExerciseRequest(
        request_id, query, read.integer(), read.decimal(), read.text(), read.flag(),
        read.text() if server_version >= 180 else "",
        read.text() if server_version >= 183 else "",
        read.flag() if server_version >= 184 else False,
    )  # fmt: skip

"""News and scanner requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.wire.frames import read_integer
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class ArticleRequest:
    """The content of reqNewsArticle (message 84)."""

    request_id: int
    provider: str
    article: str


@dataclass(frozen=True, slots=True)
class HeadlinesRequest:
    """The content of reqHistoricalNews (message 86); providers parted by `+`, times as written."""

    request_id: int
    con_id: int
    providers: str
    start: str
    end: str
    count: int


@dataclass(frozen=True, slots=True)
class ScannerRequest:
    """The content of reqScannerSubscription (message 22); None and empty mean any."""

    request_id: int
    rows: int | None
    instrument: str
    location: str
    code: str
    above_price: Decimal | None
    below_price: Decimal | None
    above_volume: int | None
    # The bounds from market capitalization to stock type, as written.
    bounds: tuple[str, ...]
    filters: str
    options: str


def parse_bulletins(fields: Sequence[str]) -> bool:
    """Read message 12: whether today's earlier bulletins are wanted too."""
    return Fields(fields, 2).flag()


def parse_article(fields: Sequence[str]) -> ArticleRequest:
    """Read message 84."""
    read = Fields(fields, 1)
    request = ArticleRequest(read.integer(), read.text(), read.text())
    read.text()  # options
    return request


def parse_headlines(fields: Sequence[str]) -> HeadlinesRequest:
    """Read message 86."""
    read = Fields(fields, 1)
    request_id, con_id, providers, start, end = read.integer(), read.integer(), *read.texts(3)
    request = HeadlinesRequest(request_id, con_id, providers, start, end, read.integer())
    read.text()  # options
    return request


def parse_scanner(fields: Sequence[str]) -> ScannerRequest:
    """Read message 22."""
    read = Fields(fields, 1)
    request_id, rows, texts = read.integer(), read_integer(read.text()), read.texts(3)
    above, below, volume = read.decimal(), read.decimal(), read_integer(read.text())
    bounds = read.texts(14)
    filters, options = read.texts(2)
    return ScannerRequest(
        request_id, rows, texts[0], texts[1], texts[2], above, below, volume, bounds,
        filters, options,
    )  # fmt: skip

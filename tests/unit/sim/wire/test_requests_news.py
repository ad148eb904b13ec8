"""News and scanner requests are read as the real client writes them, to the last field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from ib_async import ScannerSubscription, TagValue

from tests.unit.sim.wire.client import written
from trader.sim.wire import requests_news as requests
from trader.sim.wire.frames import FieldError

SCAN = ScannerSubscription(
    numberOfRows=20, instrument="STK", locationCode="STK.US", scanCode="HOT", abovePrice=5.5,
    aboveVolume=1000, stockTypeFilter="ALL",
)  # fmt: skip


def test_a_scanner_is_read() -> None:
    fields = written(178, "reqScannerSubscription", 9, SCAN, [], [TagValue("a", "1")])
    read = requests.parse_scanner(fields)
    assert (read.request_id, read.rows, read.instrument) == (9, 20, "STK")
    assert (read.location, read.code) == ("STK.US", "HOT")
    assert (str(read.above_price), read.below_price, read.above_volume) == ("5.5", None, 1000)
    assert (read.bounds[-1], read.filters, read.options) == ("ALL", "a=1;", "")


def test_articles_and_headlines_are_read() -> None:
    article = requests.parse_article(written(178, "reqNewsArticle", 9, "BRFG", "BRFG$1", []))
    assert article == requests.ArticleRequest(9, "BRFG", "BRFG$1")
    asked = written(178, "reqHistoricalNews", 9, 8314, "BRFG+DJNL", "a", "b", 10, [])
    assert requests.parse_headlines(asked) == requests.HeadlinesRequest(
        9, 8314, "BRFG+DJNL", "a", "b", 10
    )
    assert requests.parse_bulletins(written(178, "reqNewsBulletins", True))


@pytest.mark.parametrize(
    ("parse", "fields"),
    [
        (requests.parse_scanner, written(178, "reqScannerSubscription", 9, SCAN, [], [])),
        (requests.parse_article, written(178, "reqNewsArticle", 9, "B", "B$1", [])),
        (requests.parse_headlines, written(178, "reqHistoricalNews", 9, 1, "B", "", "", 1, [])),
        (requests.parse_bulletins, written(178, "reqNewsBulletins", False)),
    ],
)
def test_a_missing_field_is_refused(
    parse: Callable[[Sequence[str]], object], fields: list[str]
) -> None:
    parse(fields)
    with pytest.raises(FieldError):
        parse(fields[:-1])

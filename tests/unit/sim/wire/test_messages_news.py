"""The real client understands news."""

from __future__ import annotations

from tests.unit.sim.wire.client import one_heard
from tests.unit.sim.wire.samples import only
from trader.sim.wire import messages_news as messages


def test_a_bulletin_names_its_kind_and_exchange() -> None:
    call = one_heard(178, messages.news_bulletin(4, 2, "halted", "NYSE"))
    assert call == ("updateNewsBulletin", (4, 2, "halted", "NYSE"))


def test_an_article_is_text() -> None:
    assert one_heard(178, messages.news_article(9, 0, "body")) == ("newsArticle", (9, 0, "body"))


def test_headlines_live_and_past() -> None:
    live = messages.tick_news(9, 1_700_000_000_000, ("BRFG", "BRFG$1", "head", "K:n/a"))
    assert one_heard(178, live) == (
        "tickNews", (9, 1_700_000_000_000, "BRFG", "BRFG$1", "head", "K:n/a"),
    )  # fmt: skip
    past = messages.historical_news(9, "2024-12-23 19:45:00.0", ("DJ-N", "DJ-N$1", "head"))
    assert len(only(past)) == 6
    name, values = one_heard(178, past)
    assert (name, values[2:]) == ("historicalNews", ("DJ-N", "DJ-N$1", "head"))
    assert one_heard(178, messages.historical_news_end(9, has_more=True)) == (
        "historicalNewsEnd", (9, True),
    )  # fmt: skip

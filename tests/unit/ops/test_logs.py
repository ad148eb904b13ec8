"""One format for every library's lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from trader.ops.error_counts import ErrorCounts
from trader.ops.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("ib_async", "asyncio", "aiohttp", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_are_json_in_utc_with_their_ids() -> None:
    out = io.StringIO()
    configure_logs("info", "json", out)
    structlog.get_logger("trader.x").info("order sent", order_id=7, intent_id="abc-1")
    (line,) = lines_of(out)
    assert line["message"] == "order sent"
    assert (line["order_id"], line["intent_id"], line["level"]) == (7, "abc-1", "info")
    assert line["logger"] == "trader.x"
    assert line["at_utc"].endswith("Z")


def test_standard_logging_takes_the_same_way() -> None:
    out = io.StringIO()
    configure_logs("info", "json", out)
    logging.getLogger("some.library").warning("lost %d bytes", 5)
    logging.getLogger("ib_async.wrapper").info("chatter")
    logging.getLogger("aiohttp.access").warning("GET /")
    logging.getLogger("ib_async.client").error("peer closed")
    assert [line["message"] for line in lines_of(out)] == ["lost 5 bytes", "peer closed"]


def test_secrets_do_not_get_out() -> None:
    out = io.StringIO()
    configure_logs("info", "json", out)
    structlog.get_logger().info("x", control_token="s3cr3t", Authorization="Bearer s3cr3t")
    assert "s3cr3t" not in out.getvalue()
    assert lines_of(out)[0]["control_token"] == "[hidden]"


def test_a_traceback_stays_on_one_line() -> None:
    out = io.StringIO()
    configure_logs("info", "json", out)
    hidden = "s3cr3t"
    try:
        raise ValueError("broken" if hidden else "")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines_of(out)
    assert line["exception"][0]["exc_value"] == "broken"
    assert hidden not in out.getvalue()


def test_the_console_is_readable_and_the_level_holds() -> None:
    out = io.StringIO()
    configure_logs("warning", "console", out)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud", cause="link")
    text = out.getvalue()
    assert "quiet" not in text
    assert "loud" in text
    assert "cause=link" in text


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(AssertionError, match="allowed: json, console"):
        configure_logs("info", "xml")


def test_lines_of_every_origin_are_shown_to_who_counts_errors() -> None:
    counts = ErrorCounts()
    configure_logs("info", "json", io.StringIO(), counts)
    structlog.get_logger("trader.store.journal").error("lost")
    structlog.get_logger("trader.store.journal").warning("odd")
    logging.getLogger("ib_async.client").error("unheard of")
    assert {key: count for key, count in counts.counts.items() if count} == {
        "store": 1,
        "libraries": 1,
    }

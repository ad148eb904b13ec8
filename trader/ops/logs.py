"""Log lines: JSON on stderr for machines, or readable ones for a person, from every library.

structlog renders; the standard ``logging`` of ib_async and aiohttp passes through the same
chain, so that there is one format. Values under names that hold secrets never get out (OBS-11).
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

FORMATS = ("json", "console")
LEVELS = ("debug", "info", "warning", "error", "critical")
# These talk at INFO about every message of the wire; their warnings are wanted.
_CHATTY = ("ib_async", "asyncio", "aiohttp")
_SECRET_WORDS = ("token", "secret", "password", "passwd", "authorization", "api_key", "cookie")
_HIDDEN = "[hidden]"


def configure_logs(
    level: str,
    log_format: str,
    stream: TextIO | None = None,
    errors: logging.Handler | None = None,
) -> None:
    """Send every log line of the process to ``stream``, stderr by default; ``errors`` counts."""
    assert log_format in FORMATS, f"log format {log_format!r}, allowed: {', '.join(FORMATS)}"
    assert level in LEVELS, f"log level {level!r}, allowed: {', '.join(LEVELS)}"
    out = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at_utc"),
        structlog.processors.StackInfoRenderer(),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=_rendering(log_format, out)
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    if errors is not None:
        root.addHandler(errors)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for name in _CHATTY:
        floor = logging.DEBUG if level == "debug" else logging.WARNING
        logging.getLogger(name).setLevel(max(floor, root.level))
    # A line for every scrape and every second of the page would bury the rest.
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)


def hide_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the values of keys that name a secret."""
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS) and key != "token_file":
            event[key] = _HIDDEN
    return event


def _rendering(log_format: str, out: TextIO) -> list[Processor]:
    if log_format == "json":
        return [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(
                # Local variables may hold the token or an account.
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.EventRenamer("message", "event"),
            structlog.processors.JSONRenderer(default=str),
        ]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            timestamp_key="at_utc",
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]

"""The last word of a daemon that went down in order."""

import json
from pathlib import Path

import structlog

from trader.engine.status import Status
from trader.ops.status_json import plain

# The last status of a daemon that went down in order.
LAST_STATUS_FILE_NAME = "last_status.json"

log = structlog.get_logger(__name__)


def write_status(path: Path, status: Status) -> None:
    """Write a status beside the journal, for whoever asks after the daemon has gone."""
    try:
        path.write_text(json.dumps(plain(status)) + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("last status not written", problem=str(error))

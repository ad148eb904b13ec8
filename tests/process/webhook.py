"""A receiver of Alertmanager's webhooks, as a process: each alert becomes a line of JSON.

python -m tests.process.webhook PORT FILE
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def main() -> None:
    """Serve until killed."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with file.open("a") as lines:
                for alert in body["alerts"]:
                    # A report's word is a label of this name, too.
                    told = {"to": self.path.strip("/"), "status": alert["status"]}
                    row = {**alert["labels"], **alert["annotations"], **told}
                    lines.write(json.dumps(row) + "\n")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    HTTPServer(("127.0.0.1", port), Receiver).serve_forever()


if __name__ == "__main__":
    main()

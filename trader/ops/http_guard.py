"""What every request passes and every response carries, whichever route it takes."""

import asyncio
import json
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADERS = {
    # Everything of the page comes from here, nothing is inline, nobody may frame it.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def guard(host_names: Collection[str]) -> Middleware:
    """Make the middleware that refuses foreign Host names and answers errors as JSON."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = host_name(request.headers.get("Host", ""))
        if name not in host_names:
            allowed = ", ".join(sorted(host_names))
            return refusal(403, f"Host {name!r} is not served here; allowed: {allowed}")
        try:
            return await handler(request)
        except web.HTTPException as error:
            # No such route, wrong method, body too large: same form as all other refusals.
            response = refusal(error.status, f"{request.method} {request.path}: {error.reason}")
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        except web.RequestPayloadError as error:
            return refusal(400, f"{request.method} {request.path}: the body is broken: {error}")
        except AssertionError as error:
            # Our bug: the server would answer 500 and go on, the daemon must not.
            message = f"assertion failed in {request.method} {request.path}"
            context = {"message": message, "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            raise

    return middleware


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on a response, streams included."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.pop("Server", None)


def host_name(header: str) -> str:
    """Return the name in a Host header, without the port and the brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def answer(status: int, body: dict[str, object]) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        status=status,
        text=json.dumps(body, ensure_ascii=False) + "\n",
        content_type="application/json",
    )


def refusal(status: int, problem: str) -> web.Response:
    """Answer that it was not done, and why."""
    return answer(status, {"is_done": False, "text": problem, "details": []})


def shown(value: object) -> str:
    """Return a value of a body as a refusal may hold it: as JSON, and short."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."

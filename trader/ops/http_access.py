"""Admission to every request that may change something: from where, who, in which role, how often.

A halt is admitted whatever the rate: a flood must not be able to keep an operator from stopping.
"""

from dataclasses import dataclass

from aiohttp import web

from trader.core.halts import Lane
from trader.core.pacing import Bucket, full, taken, wait_s
from trader.ops.audit import AuditLog
from trader.ops.http_guard import host_name, refusal
from trader.ops.roles import MAY, Principal, Principals
from trader.ports import Clock

_NOBODY = "nobody"
# As many keys at once as principals can exist; the wrong tokens of all strangers share one.
_BUCKETS_MAX = 512
_SAME_SITE = ("same-origin", "none", "")


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """How many writing requests one principal may make: per second on average, and at once."""

    writes_per_s: float = 5.0
    writes_burst: float = 20.0


class Access:
    """Admits or refuses, and writes down what came of it."""

    def __init__(
        self, principals: Principals, clock: Clock, audit: AuditLog, limits: AccessLimits
    ) -> None:
        self._principals = principals
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._buckets: dict[str, Bucket] = {}

    def admit(self, request: web.Request, verb: str) -> Principal | web.Response:
        """Return who asks, or the refusal; ``verb`` is one of :data:`trader.ops.roles.MAY`."""
        problem = _foreign(request)
        if problem is not None:
            return self._refused(_NOBODY, "", verb, refusal(403, problem))
        if request.method != "GET" and request.content_type != "application/json":
            text = f"Content-Type {request.content_type!r}; allowed: application/json"
            return self._refused(_NOBODY, "", verb, refusal(415, text))
        principal = self._who(request)
        if principal is None:
            return self._stranger(verb)
        if not principal.may(verb):
            allowed = ", ".join(sorted(MAY[verb]))
            text = f"{verb} is not for role {principal.role}; allowed: {allowed}"
            return self._refused(principal.name, principal.role, verb, refusal(403, text))
        if request.method != "GET" and verb != "halt":
            wait = self._wait_s(principal.name)
            if wait > 0:
                return self._refused(principal.name, principal.role, verb, _too_many(wait))
        return principal

    def note(self, principal: Principal, verb: str, asked: str, outcome: str) -> None:
        """Write down what was asked for and what came of it."""
        self._audit.write(
            who=principal.name, role=principal.role, verb=verb, asked=asked, outcome=outcome
        )

    def _who(self, request: web.Request) -> Principal | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return self._principals.whose(given.strip()) if scheme.lower() == "bearer" else None

    def _stranger(self, verb: str) -> web.Response:
        wait = self._wait_s(_NOBODY)
        if wait > 0 and verb != "halt":
            # Not audited: whoever guesses tokens must not be able to fill the disk.
            return _too_many(wait)
        response = refusal(401, "Authorization must be: Bearer <the content of the token file>")
        response.headers["WWW-Authenticate"] = "Bearer"
        return self._refused(_NOBODY, "", verb, response)

    def _wait_s(self, name: str) -> float:
        """Take a token of somebody's bucket; returns how long to wait when there is none."""
        now_s = self._clock.monotonic()
        limits = self._limits
        bucket = self._buckets.get(name) or full(limits.writes_per_s, limits.writes_burst, now_s)
        wait = wait_s(bucket, Lane.OPERATOR, now_s)
        if wait <= 0:
            bucket = taken(bucket, now_s)
        self._buckets.pop(name, None)
        self._buckets[name] = bucket
        if len(self._buckets) > _BUCKETS_MAX:
            del self._buckets[next(iter(self._buckets))]
        return wait

    def _refused(self, who: str, role: str, verb: str, response: web.Response) -> web.Response:
        self._audit.write(
            who=who, role=role, verb=verb, asked="", outcome=f"{response.status} {response.text}"
        )
        return response


def _foreign(request: web.Request) -> str | None:
    """Say why a request comes from another site's page, or None; a shell sends neither header."""
    site = request.headers.get("Sec-Fetch-Site", "").lower()
    if site not in _SAME_SITE:
        return f"Sec-Fetch-Site is {site!r}; allowed: requests of this site's own page"
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    _, _, place = origin.partition("://")
    if place and place == request.headers.get("Host"):
        return None
    return f"Origin {origin!r} is another site; allowed: {host_name(request.host)}'s own page"


def _too_many(wait: float) -> web.Response:
    response = refusal(429, f"too many requests; allowed: again in {wait:.1f} s")
    response.headers["Retry-After"] = str(max(1, round(wait + 0.5)))
    return response

"""The password of the Redis server, by file or by environment, and never in a message.

It is read again at every connect, so that one that was changed is taken up without a restart.
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from trader.config.errors import ConfigError
from trader.config.model import RedisSection, Settings, is_loopback, redis_parts

PASSWORD_VARIABLE = "TRADER_REDIS_PASSWORD"  # noqa: S105 - the name of it
_BYTES_MAX = 4096


def redis_password(redis: RedisSection, environment: Mapping[str, str]) -> str:
    """Return the password, empty without one; raises ConfigError."""
    if redis.password_file is None:
        return environment.get(PASSWORD_VARIABLE, "")
    return _first_line(redis.password_file)


def _first_line(path: Path) -> str:
    name = f"outbox.redis.password_file is {path}"
    try:
        with path.open("rb") as file:
            line = file.read(_BYTES_MAX).split(b"\n")[0].strip().decode()
    except OSError as error:
        raise ConfigError([f"{name}, cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{name}, allowed is a file whose first line is text"]) from None
    if not line:
        raise ConfigError([f"{name}, allowed is a file whose first line is the password"])
    return line


def redis_tls(redis: RedisSection) -> ssl.SSLContext | None:
    """Return how the server proves itself, None without TLS; raises OSError for a bad file."""
    parts = redis_parts(redis.url)
    if parts is None or not parts[0]:
        return None
    return ssl.create_default_context(cafile=redis.ca_file)


def redis_secret_problems(settings: Settings, environment: Mapping[str, str]) -> Iterable[str]:
    """Return what is wrong with the secret and the certificate, one line each."""
    redis = settings.outbox.redis
    if redis is None:
        return
    try:
        redis_password(redis, environment)
    except ConfigError as error:
        yield from error.problems
    try:
        redis_tls(redis)
    except OSError:
        yield f"outbox.redis.ca_file is {redis.ca_file}, allowed is a file of certificates"
    if redis.password_file is None and environment.get(PASSWORD_VARIABLE):
        parts = redis_parts(redis.url)
        if parts is not None and not parts[0] and not is_loopback(parts[1]):
            yield (
                f"outbox.redis.url is {redis.url}, allowed with {PASSWORD_VARIABLE} is rediss:// "
                "or a server on this machine: the password would cross the network in clear"
            )

"""What leads to the message broker is named when it is wrong, and no secret is shown by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.support import problems_of, write_files
from trader.config import load
from trader.config.redis_secret import PASSWORD_VARIABLE
from trader.config.relations import FILES, TAKE_S
from trader.engine.told import outbox
from trader.store.stream_views import FILES_CONSUMER

LOCAL = "redis://127.0.0.1:6379/2"


def files(tmp_path: Path, **redis: object) -> Path:
    return write_files(tmp_path, {"outbox": {"redis": {"url": LOCAL, **redis}}})


def test_nothing_leaves_this_machine_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert load(write_files(tmp_path), {}).settings.outbox.redis is None


def test_the_password_comes_from_the_file_beside_the_settings_and_is_read_anew(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "redis.password"
    secret.write_text("one\nanother line\n")
    config = load(files(tmp_path, password_file="redis.password"), {PASSWORD_VARIABLE: "no"})
    assert config.redis_password() == "one"
    secret.write_text("two\n")
    assert config.redis_password() == "two"
    assert "two" not in repr(config)


def test_without_a_file_it_is_the_environments_and_in_no_representation(tmp_path: Path) -> None:
    config = load(files(tmp_path), {PASSWORD_VARIABLE: "hunter2"})
    assert config.redis_password() == "hunter2"
    assert "hunter2" not in repr(config)
    assert load(files(tmp_path), {}).redis_password() == ""


@pytest.mark.parametrize(
    ("redis", "named"),
    [
        (
            {"url": "http://127.0.0.1"},
            "outbox.redis.url is 'http://127.0.0.1', allowed is redis://",
        ),
        ({"url": "redis://"}, "outbox.redis.url is 'redis://'"),
        ({"url": "redis://h:99999"}, "outbox.redis.url"),
        ({"url": "redis://h/one"}, "outbox.redis.url"),
        ({"url": "redis://h?ssl=1"}, "outbox.redis.url"),
        ({"maxlen": 10}, "outbox.redis.maxlen is 10, allowed is 1000 or more"),
        ({"key_prefix": "a b"}, "outbox.redis.key_prefix is 'a b'"),
        ({"consumer": "Files"}, "outbox.redis.consumer is 'Files'"),
        ({"consumer": "files"}, "outbox.redis.consumer is 'files', allowed is another"),
        ({"answer_s": 7}, "outbox.redis.answer_s is 7, allowed is below 10 together with"),
        ({"ca_file": "ca.pem"}, "allowed is none with redis://"),
        ({"url": "rediss://h", "ca_file": "ca.pem"}, "allowed is a file of certificates"),
        ({"password_file": "none"}, "cannot be read: No such file"),
        ({"password_file": "empty"}, "allowed is a file whose first line is the password"),
        ({"url": "redis://db:6379", "password_file": "good"}, "cross the network in clear"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(
    tmp_path: Path, redis: dict[str, object], named: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "good").write_text("secret\n")
    (problem,) = problems_of(files(tmp_path, **redis))
    assert named in problem


def test_the_environments_password_does_not_cross_the_network_in_clear_either(
    tmp_path: Path,
) -> None:
    path = files(tmp_path, url="redis://db:6379")
    load(path, {})
    (problem,) = problems_of(path, {PASSWORD_VARIABLE: "hunter2"})
    assert "cross the network in clear" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "redis",
    [
        {"url": "redis://trader:hunter2@127.0.0.1:6379/0"},
        {"url": "redis://:hunter2@127.0.0.1"},
        {"password": "hunter2"},
    ],
)
def test_a_password_that_was_put_where_it_does_not_belong_is_not_shown(
    tmp_path: Path, redis: dict[str, object]
) -> None:
    (problem,) = problems_of(files(tmp_path, **redis))
    assert "outbox.redis" in problem
    assert "hunter2" not in problem


def test_what_is_said_twice_is_the_same() -> None:
    assert (FILES, TAKE_S) == (FILES_CONSUMER, outbox.TAKE_S)

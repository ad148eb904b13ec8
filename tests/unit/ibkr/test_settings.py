"""The settings of a connection fail closed."""

from zoneinfo import ZoneInfoNotFoundError

import pytest

from trader.core.ids import AccountId, ClientId
from trader.ibkr.settings import BrokerSettings


@pytest.mark.parametrize("client_id", [0, -1])
def test_client_id_0_is_refused(client_id: int) -> None:
    with pytest.raises(ValueError, match="client id"):
        BrokerSettings(host="h", port=1, client_id=ClientId(client_id))


@pytest.mark.parametrize(
    "name", ["tcp_deadline_s", "snapshot_deadline_s", "heartbeat_deadline_s", "pacing_deadline_s"]
)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_deadline_that_is_not_above_0_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        BrokerSettings(host="h", port=1, client_id=ClientId(1), **{name: value})  # type: ignore[arg-type]


def test_an_unknown_zone_is_refused_when_the_settings_are_made() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        BrokerSettings(host="h", port=1, client_id=ClientId(1), broker_zone="Nowhere/City")


def test_an_empty_account_is_refused() -> None:
    with pytest.raises(ValueError, match="account"):
        BrokerSettings(host="h", port=1, client_id=ClientId(1), account=AccountId(""))

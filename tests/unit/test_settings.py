"""Settings: typed, checked at start, and never quoted back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audiodup.errors import SettingsInvalid
from audiodup.settings import Settings, read_settings

PROVIDER = {"url": "https://api.example.com/{asset_id}", "hosts": ["files.example.com"]}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has set is not asked."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_defaults_are_valid() -> None:
    """The embedded store needs no setting at all."""
    settings = read_settings()
    assert (settings.snowflake_database, settings.snowflake_schema) == ("BI_PROD", "AI_DATA")
    assert settings.fingerprint_seconds == 120


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under their names in capitals; an empty one counts as not set; PROVIDERS is JSON."""
    monkeypatch.setenv("FINGERPRINT_SECONDS", "0")
    monkeypatch.setenv("ROOM", "")
    monkeypatch.setenv("PROVIDERS", json.dumps({"artlist": {**PROVIDER, "secret": "token"}}))
    settings = read_settings()
    assert settings.fingerprint_seconds == 0
    assert settings.room == 5000
    provider = settings.providers["artlist"]
    assert (provider.header, provider.secret, provider.pointer) == ("Authorization", "token", "/data/url")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SNOWFLAKE_SCHEMA", "x; DROP TABLE secret-7"),
        ("SNOWFLAKE_DATABASE", '"secret-7"'),
        ("SNOWFLAKE_PROTOCOL", "secret-7"),
        ("FINGERPRINT_SECONDS", "secret-7"),
        ("FINGERPRINT_SECONDS", "-1"),
        ("PROVIDERS", "secret-7"),
        ("PROVIDERS", '["secret-7"]'),
        ("PROVIDERS", json.dumps({"artlist": {"url": "secret-7"}})),
        ("PROVIDERS", json.dumps({"artlist": {**PROVIDER, "hosts": [], "pasword": "secret-7"}})),
        ("PUBSUB_PROFILE", "secret-7"),
        ("LOG_LEVEL", "secret-7"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Its value may be a secret that was put under the wrong name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as caught:
        read_settings()
    assert name in str(caught.value).upper()
    assert "secret-7" not in str(caught.value)


def test_all_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to mend them one deployment at a time."""
    monkeypatch.setenv("ROOM", "none")
    monkeypatch.setenv("THREADS", "many")
    with pytest.raises(SettingsInvalid, match=r"ROOM.*; THREADS|THREADS.*; ROOM"):
        read_settings()


@pytest.mark.parametrize("change", [{"download_seconds": 400}, {"request_seconds": 100}, {"store_seconds": 300}])
def test_the_parts_fit_into_a_request(change: dict[str, Any]) -> None:
    """A late answer is no acknowledgement: the message would come again while the first request still runs."""
    with pytest.raises(SettingsInvalid, match="REQUEST_SECONDS"):
        read_settings(**change)

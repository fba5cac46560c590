"""Fixtures of the integration tests."""

from tests.audio import audio
from tests.download import api, server

__all__ = ["api", "audio", "server"]

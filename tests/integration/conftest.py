"""Fixtures of the integration tests."""

from tests.audio import audio
from tests.download import api, server
from tests.review_page import client, parts

__all__ = ["api", "audio", "client", "parts", "server"]

"""Fixtures of the integration tests."""

from tests.audio import audio

__all__ = ["audio"]

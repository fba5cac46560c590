"""Fixtures of the unit tests."""

from tests.audio import audio

__all__ = ["audio"]

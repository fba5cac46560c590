"""Finds duplicate recordings in a large audio library by their Chromaprint fingerprints."""

__version__ = "0.1.0"

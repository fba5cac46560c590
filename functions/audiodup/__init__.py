"""Finds duplicate recordings in a large audio library by their Chromaprint fingerprints."""

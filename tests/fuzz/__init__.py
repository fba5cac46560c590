"""Fuzzers of our own parsers of what strangers write; `python -m tests.fuzz` runs them for as long as one likes."""

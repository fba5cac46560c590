"""Hostile inputs, one row each, through the whole fingerprint step; docs/hostile-input.md is their table."""

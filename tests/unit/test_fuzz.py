"""Our own parsers over 1,000 made cases each, the same ones in every run; `python -m tests.fuzz` makes others."""

from __future__ import annotations

import pytest
from tests.fuzz.targets import TARGETS, fuzz

CASES = 1_000


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_the_parser(name: str) -> None:
    """It is read, or refused by name; and what is read holds what its reader relies on."""
    fuzz(name, CASES)

"""The local stack as `make local` runs it, over files that the tests make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts import require_emulator

from audiodup.container import is_audio
from audiodup.listing import Listing
from stack.processes import Processes

# The fewest attempts that Pub/Sub takes, as close together as it goes: ten at the local back-off take seven minutes.
QUICK_LIMITS = {"max_delivery_attempts": 5, "minimum_backoff_seconds": 1, "maximum_backoff_seconds": 2}


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """What the module starts, stopped at its end."""
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as running:
        yield running


def asset_ids(folder: Path) -> dict[str, str]:
    """Asset id by file key, for all that the system will list."""
    problems: list[tuple[str, str]] = []
    listing = Listing(folder, is_audio, lambda path, why: problems.append((path, why)))
    found = {local.asset.file_key: local.asset.asset_id for local in listing}
    assert problems == []
    return found

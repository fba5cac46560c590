"""What a test needs that not every machine has."""

from __future__ import annotations

import os
import shutil

import pytest

from stack.emulator import find_emulator
from stack.processes import StackError


def require_emulator() -> None:
    """Go on where the Pub/Sub emulator can be started; otherwise skip, or fail where CI says that it must be there.

    Debian itself has neither gcloud nor the emulator: without gcloud it cannot be had, CI or not.
    """
    try:
        find_emulator()
    except StackError as error:
        if os.environ.get("CI") == "true" and shutil.which("gcloud"):
            pytest.fail(error.words)
        pytest.skip(error.words)

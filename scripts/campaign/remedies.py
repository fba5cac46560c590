"""The functions with one remedy taken out: a copy of their folder with one text changed, to see what the audit says.

Whoever changes that text in the code meets an error here, and finds the remedy's new place.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.processes import StackError
from stack.system import FUNCTIONS


@dataclass(frozen=True, slots=True)
class Remedy:
    """Where it stands, and what stands there without it."""

    meaning: str
    file: str
    text: str
    instead: str


REMEDIES: Mapping[str, Remedy] = {
    "commit": Remedy(
        "a message is answered when its row is committed",
        "audiodup/batcher.py",
        "        if leads:\n            self._lead(batch, end)\n",
        "        if leads:\n            threading.Thread(target=self._lead, args=(batch, end)).start()\n"
        "        return outcome\n",
    ),
    "insert": Remedy(
        "a row is inserted only where there is none",
        "audiodup/sql/merge/4_insert_fingerprint.sql",
        "WHERE\n    NOT EXISTS (",
        "WHERE\n    TRUE OR NOT EXISTS (",
    ),
    "winner": Remedy(
        "of two outcomes that of the newer request wins",
        "audiodup/sql/merge/2_claim.sql",
        "REQUESTED_AT DESC,",
        "REQUESTED_AT ASC,",
    ),
    "close": Remedy(
        "a temporary file is closed with its request",
        "audiodup/tempfiles.py",
        "            os.close(descriptor)\n            file.give_back()\n",
        "            file.give_back()\n",
    ),
    "lease": Remedy(
        "what is QUEUED for longer than its lease is published again",
        "audiodup/sql/pending.sql",
        "AUDIO_FINGERPRINT.PROCESSING_STATUS = 'QUEUED'",
        "FALSE",
    ),
}
"""By the name that --without takes."""


def functions_without(name: str, folder: Path) -> Path:
    """A copy of the functions in `folder`, without that remedy.

    Raises:
        StackError: its text is not where it was.
    """
    remedy = REMEDIES[name]
    copy = folder / f"functions-without-{name}"
    shutil.copytree(FUNCTIONS, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    file = copy / remedy.file
    content = file.read_text()
    if content.count(remedy.text) != 1:
        raise StackError(f"{remedy.file}: the text of the remedy {name!r} is there {content.count(remedy.text)} times")
    file.write_text(content.replace(remedy.text, remedy.instead))
    return copy

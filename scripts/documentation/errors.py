"""docs/errors.md: every error code, from the classes that carry them."""

from __future__ import annotations

from audiodup.errors import AudioDupError, Malformed, Permanent, Transient, Unusable, stored_codes
from cli import Exit

from .markdown import code, page, sentence, table

INTRODUCTION = """
An error is shown as `CODE: words`: in `ERROR_MESSAGE` of a FAILED row, in the log, in what a command line prints. The
code says what happened and what to do, its kind who tries again. `--stats` counts the FAILED rows by code; a FAILED row
without a text, which only the original system can have written, counts there as `UNKNOWN`.

To fingerprint again what has FAILED: `scripts/audio_fingerprint_processor.py` does all of it (unless `--resume` is
given), with `--asset-ids` only some. In the cloud `scripts/redrive.py` publishes it again, by code or by id.
"""

KINDS: dict[type[AudioDupError], str] = {
    Permanent: """
The same file gives the same error, so nobody tries again: the row is FAILED with the code, and the message counts as
done (204). It stays FAILED until someone asks for it again.
""",
    Transient: """
Another try may succeed. A function answers 503 and stores nothing; Pub/Sub delivers the message again, later each time.
After the last attempt the message goes to the dead letters, whose function stores `RETRIES_EXHAUSTED`. A command line
tries three times itself, then reports the error and stores nothing, so that the next run takes the file up again; where
it is the store that is away, the command line ends.
""",
    Malformed: """
The message itself is wrong, so no try can succeed: it is put on the dead-letter topic with its reason and counts as
done (204). Where it names an asset that has no row yet, that asset gets a FAILED one.
""",
    Unusable: """
Settings, tools or the store are not as they must be, and a person has to act. A command line ends with one line that
says what to do. A function whose settings are wrong does not start; in a running one it is answered 500, as everything
unforeseen is (`INTERNAL`, with the reason in the log alone), and Pub/Sub delivers the message again.
""",
}

EXIT_INTRODUCTION = """
## Exit codes

Of every command line in scripts/.
"""

EXITS = {
    Exit.ALL_WELL: "All well.",
    Exit.SOME_FAILED: "It ran to its end, and some files failed.",
    Exit.WRONG_USAGE: "Wrong options, or a setting that is missing or wrong.",
    Exit.OUT_OF_REACH: "The store or the source is out of reach, or a tool is missing.",
    Exit.INTERRUPTED: "Interrupted; what was in hand is stored.",
}


def render() -> str:
    """The page."""
    sections = []
    for kind, words in KINDS.items():
        rows = [(code(error.code), sentence(error.__doc__), error.remedy) for error in by_kind()[kind]]
        sections += [f"## {kind.__name__}", words, table(("code", "what it means", "what to do"), rows)]
    exits = [(code(int(exit_code)), EXITS[exit_code]) for exit_code in Exit]
    return page(
        "Errors",
        "functions/audiodup/errors.py",
        INTRODUCTION,
        *sections,
        EXIT_INTRODUCTION,
        table(("code", "what it means"), exits),
    )


def by_kind() -> dict[type[AudioDupError], list[type[AudioDupError]]]:
    """Every class with a code, under the kind it is of."""
    found: dict[type[AudioDupError], list[type[AudioDupError]]] = {kind: [] for kind in KINDS}
    for error in stored_codes():
        [kind] = (kind for kind in KINDS if issubclass(error, kind))
        found[kind].append(error)
    return found

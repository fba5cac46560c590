"""What a process is wired to: its settings, its logging, and the parts that parts.py builds from them.

The only place that reads settings.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiodup import logs
from audiodup.errors import SettingsInvalid
from audiodup.parts import Parts as Parts  # noqa: PLC0414 - whoever is wired asks for them here
from audiodup.settings import Settings, identifier, read_settings

if TYPE_CHECKING:
    from flask import Flask

# Where the command lines keep the embedded store.
DEFAULT_DATABASE = Path(".audiodup")
_process_parts: Parts | None = None
_process_lock = threading.Lock()


def parts() -> Parts:
    """The parts of this process, from its environment: what the functions use. Sets up logging too.

    Raises:
        SettingsInvalid: naming each setting that is wrong.
    """
    global _process_parts  # noqa: PLW0603 - one process, one set of parts
    with _process_lock:
        if _process_parts is None:
            settings = read_settings()
            logs.configure(settings.log_level)
            _process_parts = Parts(settings)
        return _process_parts


_process_page: Flask | None = None


def review_page() -> Flask:
    """The review page of this process, for the people whom Identity-Aware Proxy lets in."""
    global _process_page  # noqa: PLW0603 - as its parts
    from audiodup import page_parts

    made = parts()
    with _process_lock:
        _process_page = _process_page or page_parts.review_page(made)
        return _process_page


def local_review_page(parts: Parts, person: str) -> Flask:
    """The same for one person on his own machine."""
    from audiodup import page_parts

    return page_parts.local_review_page(parts, person)


def report(parts: Parts, folder: Path | None) -> Iterator[str]:
    """A library's duplicates as one HTML file; see page_parts.make_report."""
    from audiodup import page_parts

    return page_parts.make_report(parts, folder)


def command_line_parts(*, database: Path | None = None, folder: Path | None = None) -> Parts:
    """The parts of a script: `database` or `folder` selects the embedded store, neither Snowflake.

    Raises:
        SettingsInvalid: a setting is wrong, or Snowflake is meant and no account is set.
        SchemaInvalid: Snowflake lacks tables.
    """
    settings = read_settings()
    logs.configure("ERROR", sys.stderr)
    if database is not None or folder is not None:
        return Parts(settings, database=database or DEFAULT_DATABASE, folder=folder)
    parts = _snowflake_parts(
        settings, "; for the embedded store give --database PATH, or to what reads a folder --local DIR"
    )
    from audiodup.schema import check_schema

    check_schema(parts.session, settings.snowflake_schema)
    return parts


def local_parts(environment: Mapping[str, str], folder: Path) -> Parts:
    """The parts of whoever runs the system on one machine: the functions' own settings, and a store with its tables."""
    from audiodup.schema import apply_schema

    logs.configure("ERROR", sys.stderr)
    parts = Parts(read_settings(**{name.lower(): value for name, value in environment.items()}), folder=folder)
    apply_schema(parts.session)
    parts.session.run("embedded/audio_asset")
    return parts


def apply_schema() -> list[str]:
    """Apply and check the schema in Snowflake; returns the names of the statements.

    Raises:
        SettingsInvalid, SchemaInvalid, StoreUnavailable: what a person has to mend.
    """
    from audiodup import schema

    settings = read_settings()
    session = _snowflake_parts(settings).session
    names = schema.apply_schema(session)
    schema.check_schema(session, settings.snowflake_schema)
    return names


@dataclass(frozen=True, slots=True)
class Schema:
    """What whoever prepares a Snowflake account has to know."""

    database: str
    name: str
    statements: tuple[str, ...]
    """The texts that make its tables and views, in their order."""
    statement_seconds: int
    """When the functions give up a statement."""


def snowflake_schema() -> Schema:
    """The schema that the functions will use.

    Raises:
        SettingsInvalid: naming each setting that is wrong.
    """
    from audiodup.schema import in_order
    from audiodup.session import STATEMENT_SECONDS, statement

    settings = read_settings()
    logs.configure("ERROR", sys.stderr)
    statements = tuple(statement(name) for name in in_order())
    return Schema(settings.snowflake_database, settings.snowflake_schema, statements, STATEMENT_SECONDS)


def plain_identifier(text: str) -> str:
    """`text`, if it can stand in a statement as a name.

    Raises:
        ValueError: it cannot.
    """
    try:
        return identifier(text)
    except ValueError as error:
        raise ValueError(f"{text!r} {error}") from None


def settings_model() -> type[Settings]:
    """What docs/settings.md is made from."""
    return Settings


def _snowflake_parts(settings: Settings, other_way: str = "") -> Parts:
    # A person reads the outcome in the table; the log is for what he would otherwise not hear of.
    logs.configure("ERROR", sys.stderr)
    if not settings.snowflake_account:
        raise SettingsInvalid(f"SNOWFLAKE_ACCOUNT is not set{other_way}")
    return Parts(settings)

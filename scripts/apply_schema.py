"""Make or complete the tables in Snowflake, and check them and the view AUDIO_ASSET."""

from __future__ import annotations

from typing import Annotated

import typer

from audiodup import wiring
from cli import APP_OPTIONS, emit, errors_as_lines

app = typer.Typer(**APP_OPTIONS)


@app.command()
def main(json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False) -> None:
    """Apply every statement of sql/schema to the Snowflake of the SNOWFLAKE_* settings; safe to repeat."""
    with errors_as_lines():
        names = wiring.apply_schema()
    if json_lines:
        for name in names:
            emit({"statement": name})
        emit({"summary": {"statements": len(names)}})
    else:
        print(f"{len(names)} statements applied; all tables and AUDIO_ASSET are as they must be.")


if __name__ == "__main__":
    app()

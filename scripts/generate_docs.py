"""Write what is made from the code: the pages on settings, errors and tables, and the defaults that Terraform reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import APP_OPTIONS, Exit, emit, fail
from documentation import errors, schema, settings, zoo

ROOT = Path(__file__).resolve().parents[1]

PAGES = {
    "docs/settings.md": settings.render,
    "docs/errors.md": errors.render,
    "docs/schema.md": schema.render,
    "infra/settings.json": settings.defaults,
    "docs/hostile-input.md": zoo.render,
}

app = typer.Typer(**APP_OPTIONS)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a page is not up to date.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Write docs/settings.md, docs/errors.md, docs/schema.md, docs/hostile-input.md and infra/settings.json."""
    stale = [name for name, text in rendered().items() if not _is_current(ROOT / name, text)]
    if not check:
        for name in stale:
            (ROOT / name).write_text(rendered()[name], encoding="utf-8")
    if json_lines:
        for name in PAGES:
            emit({"page": name, "stale": name in stale})
        emit({"summary": {"pages": len(PAGES), "stale": len(stale), "written": 0 if check else len(stale)}})
    if check and stale:
        fail(f"not up to date: {', '.join(stale)}; run `make docs`", Exit.SOME_FAILED)


def rendered() -> dict[str, str]:
    """Every generated page by its name."""
    return {name: render() for name, render in PAGES.items()}


def _is_current(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    app()

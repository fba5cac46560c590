"""The fault campaign: the local stack under kills, outages and bad answers; then an audit, and a report."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from campaign.plan import make_plan
from campaign.remedies import REMEDIES, functions_without
from campaign.report import markdown
from campaign.trial import hold_trial
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from stack.processes import Processes
from stack.system import FUNCTIONS

app = typer.Typer(**APP_OPTIONS)

_REMEDIES = ", ".join(f"`{name}` ({remedy.meaning})" for name, remedy in REMEDIES.items())


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    files: Annotated[int, typer.Option(min=20, help="So many files; 400 take three minutes.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Decides what is broken and who is killed when.")] = 1,
    keep_messages: Annotated[
        bool, typer.Option("--keep-messages", help="Pub/Sub loses nothing: no lease of 700 s to wait for.")
    ] = False,
    without: Annotated[
        str | None, typer.Option(metavar="REMEDY", help=f"Take a remedy out, to see the audit fail: {_REMEDIES}.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the report there, chaos.md and chaos.json.")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")] = False,
) -> None:
    """Run a campaign over made files; exit code 1 where the audit fails."""
    if without is not None and without not in REMEDIES:
        fail(f"--without {without}: no such remedy; there is {_REMEDIES}", Exit.WRONG_USAGE)
    plan = make_plan(seed, files, lose_messages=not keep_messages)
    try:
        with (
            errors_as_lines(),
            tempfile.TemporaryDirectory(prefix="audiodup-chaos-") as folder,
            Processes(Path(folder) / "stack") as processes,
        ):
            functions = FUNCTIONS if without is None else functions_without(without, Path(folder))
            trial = hold_trial(processes, plan, Path(folder) / "library", functions=functions)
    except KeyboardInterrupt:
        say("Stopped; nothing is left running.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    options = [f"--files {files} --seed {seed}", *(["--keep-messages"] if keep_messages else [])]
    text = markdown(
        trial.figures, " ".join(["scripts/chaos.py", *options, *([f"--without {without}"] if without else [])])
    )
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / "chaos.md").write_text(text)
        (report / "chaos.json").write_text(json.dumps(trial.figures, indent=2) + "\n")
    if json_lines:
        emit({"summary": trial.figures})
    else:
        print(text)
    raise typer.Exit(Exit.ALL_WELL if trial.passed else Exit.SOME_FAILED)


if __name__ == "__main__":
    app()

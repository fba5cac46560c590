"""`python -m tests.zoo`: every hostile input through the whole fingerprint step, twice: measured, then under strace.

One JSON object a line. `--results FILE` writes what docs/hostile-input.md is made from (tests/zoo/results.json).
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.zoo import census, trace
from tests.zoo.keeper import Row
from tests.zoo.specimen import Specimen


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("--only", default="", help="inputs or groups with this in their name")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--rows", type=Path, help="count once, without strace, and leave the rows here, pickled")
    options = parser.parse_args()
    rows = census.count(options.only)
    if options.rows:
        options.rows.write_bytes(pickle.dumps(rows))
        return 0
    watched = trace.is_there()
    if not watched:
        print("strace is missing, or may not look here: canary and socket alone tell what is reached", file=sys.stderr)
    seen = census.watched(options.only) if watched else rows
    groups = [
        {
            "title": group.title,
            "words": group.words,
            "inputs": [
                line(specimen, rows[specimen.name], seen[specimen.name])
                for specimen in group.specimens
                if specimen.name in rows
            ],
        }
        for group in census.GROUPS
    ]
    lines = [each for group in groups for each in group["inputs"]]
    for each in lines:
        print(json.dumps(each))
    wrong = sum(not each["ok"] for each in lines)
    print(json.dumps({"summary": {"inputs": len(lines), "wrong": wrong, "strace": watched}}))
    if options.results and (wrong or options.only or not watched):
        print(f"{options.results} is left as it was: it takes all inputs, none wrong, and strace", file=sys.stderr)
    elif options.results:
        tools = {name: version(name) for name in ("fpcalc", "ffmpeg")}
        result = {**tools, "cpus": os.cpu_count(), "groups": groups}
        options.results.write_text(text_of(result))
    return min(wrong, 1)


def line(specimen: Specimen, row: Row, seen: Row) -> dict[str, Any]:
    """What is kept of one input: rounded, so that another run says about the same."""
    reached = sorted({*row.reached, *seen.reached})
    ok = row.code == seen.code == specimen.code and not reached
    found = {
        "input": specimen.name,
        "code": specimen.code,
        "seconds": round(row.seconds),
        "ours": round(row.ours / 1e7) * 10,
        "children": round(row.children / 1e7) * 10,
        "ok": ok,
    }
    return found if ok else {**found, "codes": [row.code, seen.code], "words": row.words[:300], "reached": reached}


def text_of(result: dict[str, Any]) -> str:
    """JSON with a line for each input."""
    text = json.dumps(result, indent=1)
    return re.sub(r'\{\s+"input".*?\}', lambda match: json.dumps(json.loads(match[0])), text, flags=re.DOTALL) + "\n"


def version(program: str) -> str:
    """Of fpcalc or ffmpeg."""
    completed = subprocess.run([program, "-version"], capture_output=True, check=True, text=True)
    found = re.search(r"version (\S+)", completed.stdout)
    return found[1] if found else "unknown"


if __name__ == "__main__":
    sys.exit(main())

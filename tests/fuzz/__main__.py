"""`python -m tests.fuzz --cases 100000`: other cases each time; ends with 1 and the smallest case where one fails."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz.targets import TARGETS, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--only", default="", help="targets with this in their name")
    options = parser.parse_args()
    failed = 0
    for name in TARGETS:
        if options.only in name:
            started = time.monotonic()
            try:
                fuzz(name, options.cases, random=True)
            except Exception:  # noqa: BLE001 - that is what is looked for
                traceback.print_exc()
                failed += 1
            print(f"{name}: {options.cases} cases, {time.monotonic() - started:.0f} s", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())

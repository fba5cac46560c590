"""A backfill of a million ids, nearly all of them done already: how much memory it takes. No test: it takes minutes.

    PYTHONPATH=scripts python -m tests.million

The library is in the local warehouse, the ids are long ones, and what is published goes to Pub/Sub's emulator.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from audiodup import logs
from stack.emulator import start_emulator
from stack.processes import Processes
from stack.warehouse import start_warehouse
from tests.backfilling import PEAK, SCRIPT, Surroundings

GOAL_MEGABYTES = 400
# N is 0 to 9,999,999, made in the store: a million rows by INSERT would take longer than the backfill.
DIGITS = "(SELECT 0 AS D " + " ".join(f"UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
NUMBERS = (
    f"SELECT {' + '.join(f'D{place}.D * {10**place}' for place in range(7))} AS N "
    f"FROM {' CROSS JOIN '.join(f'{DIGITS} AS D{place}' for place in range(7))}"
)
LIBRARY = """
INSERT INTO AUDIO_ASSET
SELECT LPAD(N::VARCHAR, 50, '0'), N::VARCHAR || '.mp3', 'mp3', 'artlist', SYSDATE()
FROM ({numbers}) AS X WHERE N < {ids}
"""
DONE = """
INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY, PROCESSING_STATUS, CREATED_AT, UPDATED_AT)
SELECT ASSET_ID, FILE_KEY, 'SUCCESS', SYSDATE(), SYSDATE() FROM AUDIO_ASSET WHERE ASSET_ID >= '{first}'
"""


def main() -> int:
    """Print one JSON object; 1 where a file was not published once, or memory was above the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument("--pending", type=int, default=50_000, help="so many of them are not done yet")
    arguments = parser.parse_args()
    logs.configure("ERROR", sys.stderr)
    with (
        tempfile.TemporaryDirectory(prefix="audiodup-million-") as folder,
        Processes(Path(folder) / "stack") as processes,
    ):
        home = Path(folder) / "home"
        home.mkdir()
        warehouse = start_warehouse(processes, Path(folder) / "store", idle_seconds=5)
        around = Surroundings(home, start_emulator(processes), warehouse)
        around.session._execute(LIBRARY.format(numbers=NUMBERS, ids=arguments.ids))
        around.session._execute(DONE.format(first=f"{arguments.pending:050d}"))
        with (home / "ids.csv").open("w") as file:
            file.write("asset_id,title\n")
            file.writelines(f"{number:050d},some title\n" for number in range(arguments.ids))
        command = [sys.executable, "-c", PEAK, str(SCRIPT), "--file", "ids.csv", "--batch-size", "2000", "--json"]
        began = time.monotonic()
        with around.functions():
            done = subprocess.run(
                [*command, "--max-in-flight", "20000"],
                cwd=home,
                env=around.environment(SNOWFLAKE_NETWORK_SECONDS=60, PYTHONPATH=SCRIPT.parent),
                capture_output=True,
                text=True,
                check=False,
            )
        seconds = time.monotonic() - began
        published = len(around.received)
        around.close()
    if done.returncode not in (0, 1):
        print(done.stderr, file=sys.stderr)
        return 1
    peak = int(done.stderr.splitlines()[-1])
    print(
        json.dumps(
            {
                "ids": arguments.ids,
                "published": published,
                "seconds": round(seconds, 1),
                "peak_megabytes": peak,
                "summary": json.loads(done.stdout.splitlines()[-1]),
            }
        )
    )
    return 0 if published == arguments.pending and peak < GOAL_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())

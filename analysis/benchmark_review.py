"""How long the review page takes to answer over a library with many pairs: `python -m analysis.benchmark_review`.

The pairs are made, not found: what is measured is the store, the statements and the templates, over HTTP, one request
at a time as one person makes them. Prints one JSON object; milliseconds, the median and the worst of the repeats after
a first request that counts for nothing.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import threading
import time
from html import unescape
from pathlib import Path
from re import search
from typing import Annotated, Any

import requests
import typer
from werkzeug.serving import make_server

from audiodup import logs
from audiodup.embedded import open_embedded
from audiodup.model import Action, Duplicate, Judgement, Kind, MatchedRange, Verdict
from audiodup.page_parts import local_review_page
from audiodup.parts import Parts
from audiodup.schema import apply_schema
from audiodup.session import Session
from audiodup.settings import read_settings

GOAL_MILLISECONDS = 200
AT_ONCE = 20_000
# Uploaded within a year. A fifth of the pairs has a word of somebody; what is only related is in no group.
_LIBRARY = (
    """INSERT INTO AUDIO_ASSET
    SELECT
        A_ASSET_ID, A_FILE_KEY, 'wav', CASE WHEN SIMILARITY > 0.8 THEN 'artlist' ELSE 'motionarray' END,
        DATEADD('hour', -FLOOR(20000 * (SIMILARITY - 0.6)), SYSDATE())
    FROM AUDIO_DUPLICATE
    UNION ALL SELECT
        B_ASSET_ID, B_FILE_KEY, 'mp3', 'artlist', DATEADD('hour', -FLOOR(20000 * (SIMILARITY - 0.6)), SYSDATE())
    FROM AUDIO_DUPLICATE""",
    """INSERT INTO AUDIO_FINGERPRINT (
        ASSET_ID, FILE_KEY, FORMAT, DURATION, FILE_SIZE, PROCESSING_STATUS, UPDATED_AT
    )
    SELECT ASSET_ID, FILE_KEY, FORMAT, 180.0, 5000000, 'SUCCESS', CREATED_AT FROM AUDIO_ASSET""",
    """INSERT INTO AUDIO_FILE (
        ASSET_ID, FILE_KEY, CODEC, CHANNELS, SAMPLE_RATE, BIT_RATE, BANDWIDTH, REQUESTED_AT, EVENT_ID
    )
    SELECT ASSET_ID, FILE_KEY, FORMAT, 2, 44100, 320000, 18000.0, CREATED_AT, 'e' FROM AUDIO_ASSET""",
    """INSERT INTO AUDIO_DUPLICATE_GROUP
    SELECT A_ASSET_ID, A_ASSET_ID, A_FILE_KEY, TRUE, 'lossless' FROM AUDIO_DUPLICATE WHERE VERDICT <> 'RELATED'
    UNION ALL SELECT A_ASSET_ID, B_ASSET_ID, B_FILE_KEY, FALSE, NULL FROM AUDIO_DUPLICATE WHERE VERDICT <> 'RELATED'""",
    """INSERT INTO AUDIO_DUPLICATE_REVIEW
    SELECT 'r' || A_ASSET_ID, A_ASSET_ID, A_FILE_KEY, B_ASSET_ID, B_FILE_KEY, 'DUPLICATE', 'ana', SYSDATE()
    FROM AUDIO_DUPLICATE WHERE SIMILARITY > 0.92""",
)


def make_library(folder: Path, count: int) -> Parts:
    """An embedded store with so many pairs, of twice as many files, and what serves its page."""
    parts = Parts(read_settings(), database=folder, folder=folder)
    settings = parts.settings
    connect = open_embedded(folder, database=settings.snowflake_database, schema=settings.snowflake_schema)
    parts.built["session"] = session = Session(connect)
    apply_schema(session)
    session.run("embedded/audio_asset")
    chance = random.Random(1)
    for start in range(0, count, AT_ONCE):
        parts.duplicates.replace([_pair(number, chance) for number in range(start, min(start + AT_ONCE, count))])
    connection = connect()
    with connection.cursor() as cursor:
        for statement in _LIBRARY:
            cursor.execute(statement)
    connection.close()
    return parts


def _pair(number: int, chance: random.Random) -> Duplicate:
    verdict = chance.choice(list(Verdict))
    similarity = chance.uniform(0.6, 1.0)
    judgement = Judgement(
        verdict,
        None if verdict is Verdict.IDENTICAL else chance.choice(list(Kind)),
        chance.choice(list(Action)),
        similarity=similarity,
        kappa=similarity - 0.1,
        expected_false=1e-9,
        coverage_a=1.0,
        coverage_b=0.9,
        offset_seconds=0.0,
        overlap_seconds=120.0,
        tempo=1.0,
        ranges=(MatchedRange(0.0, 120.0, 0.0, 120.0),),
        evidence=f"agreement {similarity:.{chance.randint(2, 5)}f} over 120 s",
    )
    return Duplicate(
        (f"a{number:07}", f"masters/track {number:07}.wav"), (f"b{number:07}", f"web/copy {number:07}.mp3"), judgement
    )


def measure(session: requests.Session, url: str, path: str, repeats: int) -> dict[str, Any]:
    """Ask for a page again and again."""
    took = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        answer = session.get(url + path, timeout=60)
        answer.raise_for_status()
        took.append(1000 * (time.perf_counter() - started))
    return {"median": round(statistics.median(took[1:])), "worst": round(max(took[1:])), "bytes": len(answer.content)}


def main(
    pairs: Annotated[int, typer.Option(min=100, help="How many pairs the library has.")] = 100_000,
    repeats: Annotated[int, typer.Option(min=1, help="How often each page is asked for.")] = 20,
) -> None:
    """Make the library in a temporary folder, serve the page, and ask for each of its pages."""
    logs.configure("ERROR", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="audiodup-") as folder:
        parts = make_library(Path(folder), pairs)
        server = make_server("127.0.0.1", 0, local_review_page(parts, "ana"), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with requests.Session() as session:
            found = {name: measure(session, url, path, repeats) for name, path in _paths(session, url).items()}
        server.shutdown()
        parts.session.close()
    worst = max(page["median"] for page in found.values())
    print(json.dumps({"pairs": pairs, "goal": GOAL_MILLISECONDS, "slowest median": worst, "pages": found}))


def _paths(session: requests.Session, url: str) -> dict[str, str]:
    """Every kind of page, deep ones too."""

    def link(path: str, pattern: str) -> str:
        found = search(pattern, session.get(url + path, timeout=60).text)
        if found is None:
            raise SystemExit(f"{path} has no link like {pattern}")
        return unescape(found[1])

    following = link("/?review=", r'rel="next" href="([^"]*)"')
    filtered = "/?verdict=SAME_CONTENT&kind=transcode&from=0.7&sort=newest&provider=artlist&q=004"
    return {
        "first page": "/?review=",
        "undecided": "/",
        "second page": following,
        "filtered and searched": filtered,
        "deep page": link(following, r'rel="next" href="([^"]*)"'),
        "pair": link("/?sort=doubtful", r'href="(/pair\?[^"]*)"'),
        "groups": "/groups",
        "groups, page 500": "/groups?page=500",
        "bulk question": "/bulk?verdict=RELATED",
        "statistics": "/statistics",
    }


if __name__ == "__main__":
    typer.run(main)

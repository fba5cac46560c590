"""The bills and the prices on the page of analysis/scale.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from analysis.scale_inputs import DAY, Prices
from analysis.scale_model import DAYS_A_MONTH, RESUME_SECONDS, Scale
from analysis.scale_words import large, money, number, span, table, volume

SCHEDULES = ("* * * * *", "*/5 * * * *", "*/15 * * * *", "0 * * * *")

BILL_CLOSING = """
S3 takes money for bytes that leave its cloud: nothing where the functions run in the region of the files, and this,
were all of it within one month, where they run at Google. Fingerprinting costs the same with more instances, but for
the warehouse, which is awake for less time; that one X-Small takes any rate of INSERTs is assumed. Matching is at the
upper end of its range [above](#matching-all-of-it): what today's design would cost;
[below](#where-the-design-gives-way) is what would replace it.
"""

AWAKE = """
## A warehouse is billed while it is awake

A tick without work still wakes the warehouse: {resume} s are billed at least, and it sleeps {suspend} s after the last
statement. So the schedule costs more than the work. With {files} files:
"""

AWAKE_CLOSING = """
The default, `{cron}`, is for uploads that are wanted within minutes. Where an hour will do, set
`schedules = {{ scheduler = "0 * * * *" }}` in infra/; ROOM then has to hold the uploads of an hour. On a warehouse that
others keep awake anyway (SNOWFLAKE_WAREHOUSE) the ticks cost next to nothing.
"""

PRICES_INTRODUCTION = """
## Prices

List prices in dollars, looked up on {seen} in stored copies of public pages, which may be older.
"""


def bills(scales: Sequence[Scale]) -> Iterable[str]:
    """Of the first run over all files, and of each month after it."""
    instances = scales[0].infra.services["fingerprint"].instances

    def of_each(show: Callable[[Scale], str]) -> tuple[str, ...]:
        return tuple(show(scale) for scale in scales)

    header = ("", *of_each(lambda scale: large(scale.files)))
    yield "### The first bill"
    yield table(header, _bill([scale.first_bill(instances) for scale in scales]))
    yield BILL_CLOSING
    yield "### Each month, with its new uploads"
    yield table(
        header,
        (
            ("new files a day", *of_each(lambda s: large(s.uploads))),
            ("statements a day, without the matcher's", *of_each(lambda s: large(s.statements(s.uploads, DAY)))),
            ("scheduler's warehouse awake a day", *of_each(lambda s: span(s.scheduler_awake))),
            ("one run of the matcher", *of_each(lambda s: span(s.new_seconds))),
            ("matcher's warehouse awake a day", *of_each(lambda s: span(s.matcher_awake))),
            ("stored", *of_each(lambda s: volume(s.stored_bytes))),
            *_bill([scale.monthly_bill for scale in scales]),
        ),
    )


def _bill(bills: Sequence[Mapping[str, float]]) -> Iterable[tuple[str, ...]]:
    for name in bills[0]:
        yield name, *(money(bill[name]) for bill in bills)
    yield "**sum**", *(f"**{money(sum(bill.values()))}**" for bill in bills)


def awake(scale: Scale) -> Iterable[str]:
    """What the scheduler's warehouse costs by schedule."""
    yield AWAKE.format(
        resume=number(RESUME_SECONDS), suspend=number(scale.infra.auto_suspend), files=large(scale.files)
    )
    rows = []
    for cron in SCHEDULES:
        infra = replace(scale.infra, crons={**scale.infra.crons, "scheduler": cron})
        seconds = replace(scale, infra=infra).scheduler_awake
        rows.append((f"`{cron}`", span(seconds), money(DAYS_A_MONTH * scale.credits(seconds))))
    yield table(("scheduler", "awake a day", "a month"), rows)
    yield AWAKE_CLOSING.format(cron=scale.infra.crons["scheduler"])


def prices(table_of: Prices) -> Iterable[str]:
    """Each with where it was seen."""
    yield PRICES_INTRODUCTION.format(seen=table_of.seen)
    yield table(
        ("what", "dollars", "for one", "source", "evidence"),
        (
            (row["what"], f"{row['dollars']:.10f}".rstrip("0").rstrip("."), row["unit"], row["source"], row["evidence"])
            for row in table_of.rows
        ),
    )

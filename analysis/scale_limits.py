"""Where the design gives way as the library grows, computed from the same figures as all of analysis/scale.py."""

from __future__ import annotations

from collections.abc import Callable

from analysis.scale_inputs import DAY, GIB
from analysis.scale_model import DAYS_A_MONTH, Scale
from analysis.scale_words import about, between, large, number, percent, span
from audiodup.session import STATEMENT_SECONDS

CALLS_A_SECOND = 10
"""An example of what a download API may allow."""


def gives_way(unit: Scale) -> list[tuple[str, str, str, str]]:
    """What, at which size, why, and what would replace it."""
    return [*_fingerprinting(unit), *_matching(unit)]


def _fingerprinting(unit: Scale) -> list[tuple[str, str, str, str]]:
    service = unit.infra.services["fingerprint"]
    at_once = service.instances * service.concurrency
    room = float(unit.infra.settings["ROOM"])
    bill = unit.first_bill(service.instances)
    egress = bill["S3, if the functions are in another cloud"]
    return [
        (
            "an instance",
            f"{about(unit.rate)} files a second",
            ", ".join(f"{part} would take {about(rate)}" for part, rate in unit.rates.items())
            + f"; a request has {span(unit.request_seconds)}",
            "more instances; PARTIAL_DOWNLOADS where the network is narrowest, more requests at once where they are",
        ),
        (
            "the bytes' price",
            "any size, where files and functions are in different clouds",
            f"S3's egress is {about(egress / (sum(bill.values()) - egress))} times all else of the first bill",
            "the fingerprint function in the cloud and region of the files, where nothing is taken for them",
        ),
        (
            "the download API",
            f"{number(at_once)} requests at once, {about(unit.rate * service.instances)} a second",
            (
                f"one call a file: at {CALLS_A_SECOND} a second {large(unit.files)} files take "
                f"{span(unit.files / CALLS_A_SECOND)}"
            ),
            "an API that signs many URLs at once",
        ),
        (
            "ROOM of a tick",
            f"{large(room * DAY / unit.infra.interval('scheduler'))} uploads a day",
            f"a tick publishes at most {number(room)}",
            "a larger ROOM; then a message at each upload",
        ),
        (
            "`fingerprint.instances`",
            f"{at(unit, lambda s: s.backfill_seconds(s.infra.most_instances) > 7 * DAY)} files within a week",
            f"infra/ takes {unit.infra.most_instances} at most, and a new project's quota is far lower",
            "a higher quota; several regions",
        ),
        (
            "the scheduler's queries",
            f"{at(unit, lambda s: s.tick_seconds > s.infra.interval('scheduler'))} files",
            "each tick joins the whole library with its rows: by then longer than until the next one (embedded store)",
            "a stream over the asset table, or a message at each upload: what is done is not looked at again",
        ),
    ]


def _matching(unit: Scale) -> list[tuple[str, str, str, str]]:
    matcher = unit.infra.services["matcher"]
    largest = unit.measured.largest[-1]
    run, interval = span(unit.infra.matcher_seconds), span(unit.infra.interval("matcher"))
    batches = between(*(large(one.batches(one.files)) for one in (unit.least, unit)))
    by_ranges = "a table clustered by KEY, joined range by range of keys, so that every row is read once"
    return [
        (
            "the first matching",
            f"{at(unit, lambda s: s.matching_days > DAYS_A_MONTH)} files",
            (
                f"more than {DAYS_A_MONTH} days: one matcher for {run} of each {interval}, and every batch reads "
                f"the whole index, {batches} times for {large(unit.files)} files"
            ),
            f"{by_ranges}; a job without a limit of half an hour",
        ),
        (
            "matching new uploads",
            f"{at(unit, lambda s: s.new_seconds > s.infra.matcher_seconds)} files",
            f"those of {interval} ({percent(unit.assumed.uploads_a_day)} a day) take longer than a run may",
            "a larger warehouse; then an inverted index in memory, in shards by key, as AcoustID's",
        ),
        (
            "one statement of the matcher",
            f"{at(unit, lambda s: s.batch_seconds > STATEMENT_SECONDS)} files",
            f"it is cancelled after {STATEMENT_SECONDS} s, and matching stands still",
            f"a larger warehouse; {by_ranges}",
        ),
        (
            "keys",
            f"{at(unit, lambda s: s.uniform > s.scheme.common_key)} files",
            (
                f"even were all equally frequent, each would occur {number(unit.scheme.common_key)} times and be left "
                "out; the frequent ones are long before, and recall falls"
            ),
            "keys of more bits than one frame has; their recall is to be measured",
        ),
        (
            "the matcher's memory",
            f"not before {at(unit, lambda s: s.matcher_gib > matcher.memory_gib)} files",
            (
                f"{matcher.memory_gib} GiB; the benchmark's process had {about(largest['peak_gb'] * 1e9 / GIB)} GiB "
                f"for {large(largest['tracks'])} tracks, with the whole embedded store in it, which is elsewhere "
                "with Snowflake; what was met is kept for the whole run"
            ),
            "`matcher.memory_gib`; forgetting it batch by batch",
        ),
    ]


def at(unit: Scale, gives_way: Callable[[Scale], bool]) -> str:
    """The smallest library of which it is true."""
    return large(unit.where(gives_way))

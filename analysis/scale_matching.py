"""Matching on the page of analysis/scale.py, as a range, and how far its rule is off where it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from analysis.scale_inputs import DAY
from analysis.scale_model import WEEK, Scale, warehouse
from analysis.scale_words import about, between, large, number, span, table
from audiodup.index import JOIN_ROWS

MATCHING_CHECK = """
How often equal keys meet decides. Without the common ones (more than {common} times), and against keys that are all
equally frequent, it was counted in libraries made of a corpus (`python -m analysis.scale_measured`): {skews}. It is
much where many keys are just below the limit, and that depends on the size and on the music. The ranges are the least
and the most of these, and all that follows has the most; a corpus so small does not say what a real library has.

The rest is a rule: candidates are found in batches of at most {join_rows} meetings; each reads the whole index ({scan}
for {tracks} tracks), and a meeting takes {meeting}. It was made from the smallest and the largest run of
`python -m analysis.benchmark_matching` with keys of {setting}. Against all runs it is off by {band}, and nobody knows
by how much for a hundred times as many tracks:
"""


def matching(scales: Sequence[Scale]) -> Iterable[str]:
    """The first matching of each library."""

    def of_both(show: Callable[[Scale], str]) -> tuple[str, ...]:
        return tuple(between(show(scale.least), show(scale)) for scale in scales)

    header = ("", *(large(scale.files) for scale in scales))
    yield "### Matching all of it"
    yield table(
        header,
        (
            ("rows of AUDIO_INDEX_KEY", *of_both(lambda s: large(s.keys))),
            ("the key of a track occurs, times", *of_both(lambda s: about(s.occurrences))),
            ("statements for candidates", *of_both(lambda s: large(s.batches(s.files)))),
            ("X-Small warehouse for candidates", *of_both(lambda s: span(s.candidate_seconds()))),
            ("smallest warehouse for a week", *of_both(lambda s: _warehouse(s.candidate_seconds()))),
            (
                f"by the one matcher, a run each {span(scales[0].infra.interval('matcher'))}",
                *of_both(lambda s: span(s.matching_days * DAY)),
            ),
        ),
    )
    run = scales[0].measured.largest[-1]
    there = scales[0].like(run)
    runs = sorted(there.measured.benchmark, key=lambda one: int(one["tracks"]))
    rule = [there.like(one).candidate_seconds() for one in runs]
    off = [seconds / one["candidate_seconds"] - 1 for seconds, one in zip(rule, runs, strict=True)]
    yield MATCHING_CHECK.format(
        join_rows=large(JOIN_ROWS),
        scan=span(there.scan_seconds),
        tracks=large(there.files),
        meeting=span(there.meeting_seconds),
        setting=there.scheme.version,
        skews=", ".join(
            f"{number(one['skew'])} times as often in {large(one['tracks'])} tracks made of {one['made_of']}"
            for one in there.measured.figures["meetings"]
        ),
        common=number(there.scheme.common_key),
        band=between(*(_off(pick(off)) for pick in (min, max))),
    )
    yield table(
        ("tracks", "keys", "candidates: rule", "measured", "off by"),
        (
            (
                number(one["tracks"]),
                there.like(one).scheme.version,
                span(seconds),
                span(one["candidate_seconds"]),
                _off(share),
            )
            for one, seconds, share in zip(runs, rule, off, strict=True)
        ),
    )


def _off(share: float) -> str:
    return f"{round(100 * share):+d} %"


def _warehouse(seconds: float) -> str:
    found = warehouse(seconds, WEEK)
    return found[0] if found else "none"

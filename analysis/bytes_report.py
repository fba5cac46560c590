"""results/bytes.md, written from the figures: none of them is typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from analysis.bytes_fetched import HEAD_BYTES, MARGIN, SECONDS, SPARE_BYTES, TAIL_BYTES
from analysis.bytes_figures import FILES, JUDGED_MEGABITS, LENGTHS, LONG, LONGEST, TRIALS, WORTH, Summary
from analysis.bytes_loopback import LATENCY, MEGABITS
from analysis.bytes_made import MASTER, MASTER_SECONDS
from analysis.bytes_read import SUCCESS

_KIB = 1024
_LATENCY = f"{LATENCY * 1000:.0f} ms"
_SHOWN = (180, MASTER_SECONDS)
_BANDWIDTHS = [f"{megabits} Mbit/s" for megabits in MEGABITS]

Column = tuple[str, Callable[[Any], object]]


def verdict(summary: Summary) -> str:
    """Whether ranges pay for the format, and why not."""
    if summary["trials"]["fetched"]["different"]:
        return "must not be used: other fingerprints come of it unnoticed"
    if not summary["left_out"] and summary["longest"] < LONG:
        return "not known: no such file here is long enough"
    if not summary["left_out"]:
        return "does not pay: nothing tells beforehand how far the first seconds reach"
    short = summary["short_guesses"]
    if summary["guessed"] and short["different"]:
        return (
            "not safe: how far the first seconds reach is a guess, and a tenth too little of them went unnoticed in "
            f"{short['different']} of {sum(short.values())} files of the codec"
        )
    least = summary["pays_from_seconds"][str(JUDGED_MEGABITS)]
    if least > LONGEST:
        return f"does not pay below {least:.0f} s"
    return f"pays from {least:.0f} s on" + (", tail included" if summary["adds_tail"] else "")


def markdown(measured: Mapping[str, Any], found: Sequence[Summary], usd_per_gb: float) -> str:
    """The whole page."""
    parts = [
        f"# Which bytes does a fingerprint of the first {SECONDS} s need?",
        _method(measured["files"]),
        *_recommendation(found, usd_per_gb),
        *_reads(found),
        *_trials(found),
        *_lost(found),
        *_costs(found),
        *_loopback(measured["loopback"]),
    ]
    return "\n\n".join(parts) + "\n"


def _method(files: Sequence[Mapping[str, Any]]) -> str:
    music = {row["name"]: row["seconds"] for row in files if row["format"] not in MASTER}
    packages = {row["name"] for row in files if row["format"] in MASTER}
    return (
        f"Written by `python -m analysis.bytes` from [bytes.json](bytes.json). {len(files)} files: {len(music)} "
        f"pieces of music out of {len(packages)} packages in every format, {min(music.values()):.0f} to "
        f"{max(music.values()):.0f} s long (median {median(music.values()):.0f} s, "
        f"{sum(s > SECONDS for s in music.values())} longer than {SECONDS} s), and masters of {MASTER_SECONDS} s "
        f"joined of each package's; {sum(row['outcome'] != SUCCESS for row in files)} of them have no fingerprint "
        "even whole and are left out. The packages' music was lossy once, which matters for the size of FLAC alone."
    )


def _recommendation(found: Sequence[Summary], usd_per_gb: float) -> list[str]:
    columns: list[Column] = [
        ("format", lambda s: s["format"]),
        ("ranges", verdict),
        *((f"USD saved, {FILES:,} files of {seconds} s", _usd(seconds)) for seconds in _SHOWN),
    ]
    return [
        "## Recommendation",
        (
            f"A format pays where ranges, one request after the other with {_LATENCY} each, take at least "
            f"{WORTH:.0%} less time than one GET at {JUDGED_MEGABITS} Mbit/s, for music of at most {LONGEST} s, and "
            "where no other fingerprint comes of them unnoticed. What is a guess is judged with a tenth too little "
            "of it, and with the tail where that is fetched: its sound fills up what is missing. Of PCM the header "
            "tells exactly how much is enough."
        ),
        _table(columns, found),
        (
            f"EGRESS_USD_PER_GB is {usd_per_gb:g} (`--egress-usd-per-gb`): what leaves the host's cloud. Where host "
            "and function share cloud and region it is 0, and so is every sum above. Requests are not in it."
        ),
    ]


def _reads(found: Sequence[Summary]) -> list[str]:
    columns: list[Column] = [
        ("format", lambda s: s["format"]),
        ("files", lambda s: s["files"]),
        ("mean s", lambda s: f"{s['mean_seconds']:.0f}"),
        ("mean MB", lambda s: f"{s['mean_bytes'] / 1e6:.1f}"),
        ("read", lambda s: f"{s['read_share']:.1%}"),
        ("fpcalc", lambda s: f"{s['read_share_by_program']['fpcalc']:.1%}"),
        ("ffmpeg", lambda s: f"{s['read_share_by_program']['ffmpeg']:.1%}"),
        ("ours", lambda s: f"{s['read_share_by_program']['python']:.1%}"),
        ("shape (files)", lambda s: ", ".join(f"{shape} ({count})" for shape, count in s["shapes"].items())),
        ("even share: median, most", _even_share),
    ]
    return [
        "## What is read",
        (
            "By strace around the product's own fingerprinter, as share of all bytes of the format; hashes left "
            "out. *Ours* is the look at headers and tails, and the piece of a plain WAV for its bandwidth. "
            f"Stretches less than {SPARE_BYTES // _KIB} KiB apart count as one. *Even share* is the stretch at the "
            f"start over what {SECONDS} s take in a file of one rate, in files of {LONG} s and more."
        ),
        _table(columns, found),
    ]


def _even_share(summary: Summary) -> str:
    share = summary["prefix_over_even_share"]
    return "-" if share is None else f"{share['median']:.2f}, {share['most']:.2f}"


def _trials(found: Sequence[Summary]) -> list[str]:
    titles = ("what is read", "first stretch", "first stretch + tail", "0.9 of it", "0.9 of it + tail", "fetched")
    columns: list[Column] = [
        ("format", lambda s: s["format"]),
        *((title, _trial(label)) for label, title in zip(TRIALS, titles, strict=True)),
        ("other properties changed", lambda s: ", ".join(f"{k} ({n})" for k, n in s["changed"].items()) or "none"),
    ]
    return [
        "## Whether these bytes are enough",
        (
            "A sparse file of the real length with nothing else, through the same fingerprinter: `equal / failed / "
            "different` in outcome, fingerprint and duration, over the files of which something is left out. What "
            "fails is noticed, and the whole file can be fetched after it; what is different would be stored."
        ),
        (
            f"*Fetched* is what a client asks for who knows nothing beforehand: {HEAD_BYTES // _KIB} KiB of head; "
            f"{TAIL_BYTES // _KIB} KiB of tail where the length stands there (Ogg, m4a with its index last); then "
            f"{MARGIN:g} times the even share, of PCM just the share."
        ),
        _table(columns, found),
    ]


def _lost(found: Sequence[Summary]) -> list[str]:
    damaged, unnoticed = (sum(s[key] for s in found) for key in ("damaged", "damage_unnoticed_in_whole"))
    columns: list[Column] = [
        ("format", lambda s: s["format"]),
        ("files", lambda s: s["cut_off"]["files"]),
        ("all that is left", lambda s: s["cut_off"]["noticed_in_whole"]),
        ("what is fetched", lambda s: s["cut_off"]["noticed_in_fetched"]),
        ("with the tail too", lambda s: s["cut_off"]["noticed_with_tail"]),
    ]
    return [
        "## What is lost",
        (
            f"""\
- SHA-256 of the file. Size and ETag stand in, where the host gives a strong one.
- The hash of the samples: of WAV and AIFF it takes them all; FLAC's own stands in the head, but is believed only after
  all samples were decoded. Equal sound in different files is `IDENTICAL` with `AUTO_DELETE_CANDIDATE` no longer.
- Damage behind the first {SECONDS} s costs a FLAC that hash, and is noticed by nothing else: in {unnoticed} of
  {damaged} whole files with 1 KiB spoilt there outcome, fingerprint and duration are the same.
- That a file is cut off, where only its end tells. Noticed in files without their last tenth:"""
        ),
        _table(columns, [s for s in found if s["cut_off"]["files"]]),
    ]


def _costs(found: Sequence[Summary]) -> list[str]:
    name: Column = ("format", lambda s: s["format"])
    part = [s for s in found if s["left_out"]]
    saved = [
        (f"time saved, {title}", _by("seconds_saved", megabits, lambda share: f"{share:+.0%}"))
        for megabits, title in zip(MEGABITS, _BANDWIDTHS, strict=True)
    ]
    pays, one_get = (
        [
            (f"from s, {title}", _by(key, megabits, lambda value: f"{value:.0f}"))
            for megabits, title in zip(MEGABITS, _BANDWIDTHS, strict=True)
        ]
        for key in ("pays_from_seconds", "one_get_pays_from_seconds")
    )
    lengths = [(f"{seconds} s", _saved_at(seconds)) for seconds in LENGTHS]
    return [
        "## What it costs",
        (
            f"Computed: {_LATENCY} a request, one after the other, and bytes by bandwidth. *Time saved* is over all "
            "files here in their lengths, short ones too, with the whole file fetched where the part failed; below "
            f"0 it is lost. *From s* is the length from which {WORTH:.0%} of the time is saved; where a cut would go "
            "unnoticed the tail is counted in, as one more request."
        ),
        _table(
            [
                name,
                ("requests", lambda s: s["requests"]),
                ("fetched", lambda s: f"{s['fetched_share']:.0%}"),
                *saved,
                *pays,
            ],
            found,
        ),
        (
            "One GET that is read as far as the first seconds should reach and then broken off, where no tail is "
            "needed before (where it is for the cut, a second request). What is on its way by then is paid for, and "
            "the connection is lost:"
        ),
        _table([name, *one_get], [s for s in part if s["one_get_will_do"]]),
        f"Bytes saved by ranges, by the length of the music, and USD for {FILES:,} such files:",
        _table([name, *lengths], part),
    ]


def _loopback(trips: Sequence[Mapping[str, Any]]) -> list[str]:
    more = [trip["seconds"] / trip["computed"] - 1 for trip in trips]
    equal = sum(trip["seen"] == "equal" for trip in trips)
    columns: list[Column] = [
        ("format", lambda t: t["format"]),
        ("way", lambda t: t["way"]),
        ("Mbit/s", lambda t: t["megabits"]),
        ("requests", lambda t: t["requests"]),
        ("MB received", lambda t: f"{t['received'] / 1e6:.2f}"),
        ("MB sent", lambda t: f"{t['sent'] / 1e6:.2f}"),
        ("s", lambda t: f"{t['seconds']:.3f}"),
        ("computed", lambda t: f"{t['computed']:.3f}"),
    ]
    return [
        "## The same over a real server",
        (
            f"HTTP on loopback, {_LATENCY} before each answer and then the bandwidth kept to, one piece of music: "
            f"{equal} of {len(trips)} fetches gave outcome, fingerprint and duration of the whole file. Against the "
            f"computed time they took {min(more):+.0%} to {max(more):+.0%} more (median {median(more):+.0%}), on a "
            "machine with other work."
        ),
        _table(columns, trips),
    ]


def _usd(seconds: int) -> Callable[[Summary], str]:
    return lambda summary: f"{summary['usd_saved_at'][str(seconds)]:,.0f}"


def _saved_at(seconds: int) -> Callable[[Summary], str]:
    return lambda summary: f"{summary['bytes_saved_share_at'][str(seconds)]:.0%}, {_usd(seconds)(summary)} USD"


def _trial(label: str) -> Callable[[Summary], str]:
    return lambda summary: " / ".join(str(count) for count in summary["trials"][label].values())


def _by(key: str, megabits: int, form: Callable[[float], str]) -> Callable[[Summary], str]:
    def cell(summary: Summary) -> str:
        value = summary[key][str(megabits)]
        return "-" if value is None else form(value)

    return cell


def _table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> str:
    lines = [[title for title, _ in columns], ["---"] * len(columns)]
    lines += [[str(cell(row)) for _, cell in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""The study on bytes: what strace counts, what a client fetches, and that the page is what the figures say."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from analysis import bytes_figures, bytes_report
from analysis.bytes import Row, compare, shape
from analysis.bytes_fetched import HEAD_BYTES, TAIL_BYTES, fetch, reading, sparse
from analysis.bytes_loopback import LATENCY, fetch_at_once, fetch_whole, seconds_for, serving
from analysis.bytes_read import SUCCESS, Seen, count, covered, joined, look, trace, without_hashes
from analysis.report import RESULTS
from tests.audio import Audio
from tests.zoo import trace as zoo_trace

FAST = 1e6
"""Mbit/s: the server waits for nothing but its latency."""
LONG = 200.0
PATH = "/audio/x.flac"


def lines(*calls: str) -> list[str]:
    return ['execve("/usr/bin/fpcalc", ["fpcalc"], 0x1 /* 0 vars */) = 0', *calls]


def counted(*calls: str) -> dict[str, list[tuple[int, int]]]:
    reads: dict[str, dict[str, list[tuple[int, int]]]] = {PATH: {}}
    count(calls, reads)
    return reads[PATH]


OPEN = f'openat(AT_FDCWD</>, "{PATH}", O_RDONLY) = 3<{PATH}>'


def test_ranges_are_joined_over_small_gaps_and_counted_once():
    assert joined([(10, 20), (0, 5), (15, 30)]) == [(0, 5), (10, 30)]
    assert joined([(10, 20), (0, 5), (15, 30)], gap=5) == [(0, 30)]
    assert covered([(0, 5), (3, 10), (20, 21)]) == 11


def test_reads_are_counted_where_the_offset_stands():
    calls = lines(
        OPEN,
        f'read(3<{PATH}>, "f"..., 100) = 100',
        f"lseek(3<{PATH}>, 5000, SEEK_SET) = 5000",
        f'read(3<{PATH}>, "f"..., 100) = 60',
        f'read(3<{PATH}>, "", 100) = 0',
        f'pread64(3<{PATH}>, "f"..., 8, 9000) = 8',
        f"close(3<{PATH}>) = 0",
        OPEN,
        f'read(3<{PATH}>, "f"..., 10) = 10',
    )
    assert counted(*calls) == {"fpcalc": [(0, 100), (5000, 5060), (9000, 9008), (0, 10)]}


@pytest.mark.parametrize(
    "call",
    [
        f"mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3<{PATH}>, 0) = 0x7f0000000000",
        f"preadv(3<{PATH}>, [], 1, 0) = 10",
        f"dup(3<{PATH}>) = 4<{PATH}>",
        f"sendfile(5</x>, 3<{PATH}>, NULL, 10) = 10",
    ],
)
def test_what_would_read_unseen_stops_the_study(call: str):
    with pytest.raises(RuntimeError, match="is not counted"):
        counted(*lines(OPEN, call))


def test_a_thread_s_reads_are_not_guessed():
    with pytest.raises(RuntimeError, match="thread"):
        counted(OPEN, f'read(3<{PATH}>, "f"..., 100) = 100')


@pytest.mark.parametrize(
    ("stretches", "name"),
    [
        ([(0, 100)], "whole"),
        ([(0, 60)], "prefix"),
        ([(0, 60), (90, 100)], "prefix + tail"),
        ([(0, 60), (70, 80)], "scattered"),
        ([(0, 10), (20, 30), (90, 100)], "scattered"),
    ],
)
def test_shapes(stretches: list[tuple[int, int]], name: str):
    assert shape(stretches, 100) == name


def test_another_fingerprint_is_different_and_an_error_is_failed():
    whole = Seen(SUCCESS, "AQAD", 200.0, {})
    assert compare(whole, Seen(SUCCESS, "AQAD", 200.0, {"bandwidth": 1.0})) == "equal"
    assert compare(whole, Seen(SUCCESS, "AQAE", 200.0, {})) == "different"
    assert compare(whole, Seen(SUCCESS, "AQAD", 199.0, {})) == "different"
    assert compare(whole, Seen("CORRUPT", None, None, {})) == "failed"


def test_a_sparse_file_has_its_ranges_and_zeros(tmp_path: Path):
    source = tmp_path / "a"
    source.write_bytes(bytes(range(1, 101)))
    part = sparse(source, [(0, 10), (90, 100)], tmp_path / "b").read_bytes()
    assert part == source.read_bytes()[:10] + bytes(80) + source.read_bytes()[90:]


def test_a_wav_needs_two_requests_and_gives_the_same(audio: Audio, tmp_path: Path):
    """And with a tenth less than it needs another fingerprint: the comparison can fail."""
    path = audio.wav(LONG)
    fetched = fetch(reading(path), tmp_path / "part.wav")
    assert fetched.ranges[0] == (0, HEAD_BYTES)
    assert len(fetched.ranges) == 2
    assert fetched.is_prefix
    assert fetched.sent < 0.65 * path.stat().st_size
    with without_hashes():
        whole = look(path)
        assert whole.outcome == SUCCESS
        assert compare(whole, look(fetched.path)) == "equal"
        less = sparse(path, [(0, round(fetched.sent * 0.9))], tmp_path / "less.wav")
        assert compare(whole, look(less)) == "different"


def test_an_m4a_with_its_index_last_needs_its_tail(audio: Audio, tmp_path: Path):
    path = audio.make("m4a", "-c:a", "aac", "-b:a", "192k", seconds=LONG)
    fetched = fetch(reading(path), tmp_path / "part.m4a")
    size = path.stat().st_size
    assert fetched.ranges[:2] == [(0, HEAD_BYTES), (size - TAIL_BYTES, size)]
    assert not fetched.is_prefix
    with without_hashes():
        assert compare(look(path), look(fetched.path)) == "equal"


def test_what_is_no_audio_or_small_is_fetched_whole(tmp_path: Path):
    for size in (100, HEAD_BYTES + 1):
        path = tmp_path / str(size)
        path.write_bytes(b"\1" * size)
        assert fetch(reading(path), tmp_path / "part").path.read_bytes() == path.read_bytes()


def test_a_real_server_counts_requests_and_bytes(audio: Audio, tmp_path: Path):
    path = audio.wav(LONG)
    target = tmp_path / "fetched.wav"
    with serving(path, FAST) as server:
        ranges = fetch(server.get, target)
        by_ranges = target.read_bytes()
    assert (server.requests, server.sent) == (2, ranges.sent)
    with serving(path, FAST) as server:
        once = fetch_at_once(server, target)
    assert (server.requests, once.sent) == (1, ranges.sent)
    assert server.sent >= once.sent
    assert target.read_bytes() == by_ranges
    with serving(path, FAST) as server:
        fetch_whole(server, target)
    assert (server.requests, server.sent) == (1, path.stat().st_size)
    assert target.read_bytes() == path.read_bytes()


def test_seconds_are_requests_and_bytes():
    assert seconds_for(3, 12_500_000, 100) == pytest.approx(3 * LATENCY + 1)


def test_strace_sees_the_first_seconds_of_a_wav_read_and_no_more(audio: Audio):
    if not zoo_trace.is_there():
        if os.environ.get("CI") == "true" and shutil.which("apt-get"):
            pytest.fail("strace is missing, or may not look at processes here: apt-get install strace")
        pytest.skip("strace is missing, or may not look here: which bytes are read is not measured")
    path = audio.wav(LONG)
    traced = trace([path])[path]
    assert traced.seen.outcome == SUCCESS
    (one,) = joined(traced.ranges)
    assert one[0] == 0
    assert 0.6 < one[1] / path.stat().st_size < 0.61
    assert set(traced.by_program) == {"fpcalc", "python"}


def row(seconds: float, trial: str = "equal", **changes: Any) -> dict[str, Any]:
    """A file of 100,000 bytes a second, of which what 125 s take is fetched."""
    made = Row(
        format="x",
        name="n",
        seconds=seconds,
        size=round(seconds * 100_000),
        outcome=SUCCESS,
        programs={"fpcalc": 12_000_000},
        read=12_000_000,
        stretches=1,
        shape="prefix",
        prefix=12_000_000,
        requests=2,
        fetched=12_500_000,
        is_prefix=True,
        trials=dict.fromkeys(bytes_figures.TRIALS, "equal") | {"fetched": trial},
        changed=[],
        cut=["CORRUPT", "CORRUPT", "CORRUPT"],
        damaged="equal",
    )
    return asdict(replace(made, **changes))


def summary(*rows: dict[str, Any]) -> dict[str, Any]:
    (only,) = bytes_figures.summaries(rows, usd_per_gb=0.1)
    return only


def test_it_pays_from_the_length_at_which_a_tenth_of_the_time_is_saved():
    found = summary(row(200.0), row(300.0))
    for megabits, seconds in found["pays_from_seconds"].items():
        whole = seconds_for(1, round(seconds * 100_000), float(megabits))
        assert seconds_for(2, 12_500_000, float(megabits)) == pytest.approx(0.9 * whole, rel=1e-5)
    assert found["usd_saved_at"]["150"] == pytest.approx(25 * 100_000 * 100_000 / 1e9 * 0.1)
    assert bytes_report.verdict(found) == f"pays from {found['pays_from_seconds']['500']:.0f} s on"


def test_one_fingerprint_that_is_different_forbids_a_format():
    assert "must not be used" in bytes_report.verdict(summary(row(200.0), row(300.0, "different")))


def test_a_guess_that_may_be_short_unnoticed_forbids_the_family_but_not_pcm():
    short = dict.fromkeys(bytes_figures.TRIALS, "equal") | {"too short": "different", "too short + tail": "different"}
    flac, master, wav = bytes_figures.summaries(
        [
            row(200.0, format="flac 16/44.1", trials=short),
            row(200.0, format="flac 24/96 master"),
            row(200.0, format="wav 16/44.1", trials=short),
        ],
        usd_per_gb=0.1,
    )
    assert "in 1 of 2 files" in bytes_report.verdict(flac)
    assert "in 1 of 2 files" in bytes_report.verdict(master)
    assert bytes_report.verdict(wav).startswith("pays from")


def test_what_failed_is_fetched_again_and_paid_for():
    well, ill = summary(row(200.0)), summary(row(200.0, "failed"))
    assert ill["fetched_share"] == well["fetched_share"] + 1
    assert well["seconds_saved"]["100"] > 0 > ill["seconds_saved"]["100"]


def test_a_cut_that_only_the_tail_tells_costs_a_request_more():
    found = summary(row(200.0, cut=["CORRUPT", "SUCCESS", "CORRUPT"]))
    assert found["adds_tail"]
    assert found["pays_from_seconds"]["500"] > summary(row(200.0))["pays_from_seconds"]["500"]
    assert not summary(row(200.0, cut=["SUCCESS", "SUCCESS", "SUCCESS"]))["adds_tail"]


def test_short_music_says_nothing_of_a_format():
    short = row(130.0, fetched=13_000_000, size=13_000_000)
    assert bytes_report.verdict(summary(short)).startswith("not known")


def test_the_committed_page_is_what_the_committed_figures_say():
    measured = json.loads((RESULTS / "bytes.json").read_text())
    price = bytes_figures.EGRESS_USD_PER_GB
    found = bytes_figures.summaries(measured["files"], price)
    assert (RESULTS / "bytes.md").read_text() == bytes_report.markdown(measured, found, price)

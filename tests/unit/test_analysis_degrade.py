"""Degraded copies: their time maps are true, and a seed makes the same ones again."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analysis import degrade, edits, media
from analysis.classes import BY_NAME, DEGRADATIONS, SHORT
from analysis.recipes import WAV, Material, Part, whole


def material(duration: float = 200.0, seed: str = "x") -> Material:
    """What recipes are made of; no file of it is there."""
    return Material(
        source=Path("source"), head=Path("head.wav"), duration=duration, rms=0.1, side=0.5, speech=Path("speech.wav"),
        mark=Path("mark.wav"), native=WAV, rng=random.Random(seed),
    )  # fmt: skip


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: d.name)
@pytest.mark.parametrize("duration", [35.0, 90.0, 400.0])
def test_parts_lie_in_both_files_and_in_order(degradation, duration):
    recipe = degradation.make(material(duration))
    if recipe is None:
        assert degradation.group in {"clip", "clip_any", "cutdown", "chain"}
        return
    before = 0.0
    for part in recipe.parts:
        assert before <= part.a_start < part.a_end <= recipe.duration + 1e-6
        assert part.b_start >= 0
        assert part.b_start + part.tempo * (part.a_end - part.a_start) <= duration + 1e-6
        before = part.a_end


@pytest.mark.parametrize("degradation", [*DEGRADATIONS, *SHORT], ids=lambda d: f"{d.group}-{d.name}")
def test_the_same_seed_makes_the_same_recipe(degradation):
    assert degradation.make(material(seed="a")) == degradation.make(material(seed="a"))


def test_another_seed_cuts_elsewhere():
    recipes = [edits.clip(15)(material(seed=seed)) for seed in "ab"]
    assert recipes[0] != recipes[1]


def test_a_clip_lies_within_the_first_120_s_and_one_from_anywhere_need_not():
    starts = [edits.clip(15)(material(600, str(seed))).parts[0].b_start for seed in range(200)]
    anywhere = [edits.clip(15, anywhere=True)(material(600, str(seed))).parts[0].b_start for seed in range(200)]
    assert max(starts) <= 105
    assert max(anywhere) > 400


def test_a_source_too_short_for_a_clip_has_none():
    assert edits.clip(60)(material(60.5)) is None


def test_crossfaded_parts_meet_in_the_middle_of_the_fade():
    """Parts of 20 and 10 s, laid over each other by 0.5 s: the border is 0.25 s before the first one's end."""
    assert edits.crossfaded([(40.0, 20.0), (5.0, 10.0)]) == (
        Part(0.0, 19.75, 40.0, 1.0),
        Part(19.75, 29.5, 5.25, 1.0),
    )


def test_what_is_clipped_ends_at_whichever_limit_comes_first():
    part = Part(10.0, 200.0, 50.0, 2.0)
    assert part.clipped(120, 1000).a_end == 120
    assert part.clipped(1000, 120).a_end == 45
    assert part.clipped(5, 120) == Part(10.0, 10.0, 50.0, 2.0)


def test_edits_and_swapped_channels_may_not_be_called_identical():
    names = ("bleep", "replaced", "watermark", "swapped", "fades", "clip_15", "tempo_+1", "trim_end", "pad_end")
    assert not any(BY_NAME[name].may_be_identical for name in names)
    assert all(BY_NAME[name].may_be_identical for name in ("wav", "flac", "mp3_64", "reencoded"))


def test_names_are_unique_and_fit_an_asset_id():
    names = [degradation.name for degradation in DEGRADATIONS]
    assert len(set(names)) == len(names)
    assert all(len(f"{'0' * 16} {name}") <= 50 for name in names)


def test_copies_of_long_sources_that_differ_only_behind_their_head_differ_in_their_hash():
    rows = [{"duration": 300.0, "parts": [list(p) for p in whole(300.0)]},
            {"duration": 290.0, "parts": [list(p) for p in whole(290.0)]}]  # fmt: skip
    assert degrade._of_whole("0" * 64, rows[0]) != degrade._of_whole("0" * 64, rows[1])


def test_noise_is_as_far_below_the_music_as_it_says(tmp_path):
    """A sine of RMS 0.1 with noise at 10 dB: what is added has an RMS of 0.0316."""
    head = tmp_path / "head.wav"
    tone = "sine=f=440:r=44100:d=3,volume=-4.949dB,aformat=channel_layouts=stereo"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", tone, "-c:a", "pcm_s16le", str(head)]
    subprocess.run(command, check=True)
    clean = media.samples(head)
    recipe = edits.noise(10)(replace(material(3.0), head=head, rms=media.rms(head)))
    noisy = media.samples(degrade.make_file(recipe, tmp_path / "copy"))
    length = min(len(clean), len(noisy))
    added = np.sqrt(np.mean((noisy[:length] - clean[:length]) ** 2))
    assert 20 * np.log10(media.rms(head) / added) == pytest.approx(10, abs=0.3)

"""The campaign's plan comes from its seed alone, has everything in it, and its remedies are where it says."""

from __future__ import annotations

import hashlib
import wave
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from audiodup.model import Status
from campaign import remedies
from campaign.library import make_library
from campaign.plan import EXPECTED, POISON, Event, Extra, Kind, PlannedFile, Trouble, make_plan
from campaign.remedies import REMEDIES, functions_without
from stack.download_api import Fault
from stack.processes import StackError
from stack.system import FUNCTIONS


def test_the_same_seed_gives_the_same_campaign() -> None:
    one, again, other = (make_plan(seed, 300, lose_messages=True) for seed in (1, 1, 2))
    assert (one.files, one.messages, one.events) == (again.files, again.messages, again.events)
    assert list(islice(one.kills(), 50)) == list(islice(again.kills(), 50))
    assert one.files != other.files
    assert list(islice(one.kills(), 50)) != list(islice(other.kills(), 50))


def test_the_shares_are_those_of_the_specification() -> None:
    """5 % API 500 and 429, 2 % resets in mid-body, 2 % duplicates, 1 % poison."""
    plan = make_plan(1, 10_000, lose_messages=True)
    kinds = Counter(file.kind for file in plan.files)
    troubles = Counter(file.trouble for file in plan.files)
    extras = Counter(message.extra for message in plan.messages)
    assert len({file.key for file in plan.files}) == 10_000
    assert troubles[Trouble.API_500] + troubles[Trouble.API_429] == 500
    assert troubles[Trouble.RESET] == 200
    assert extras[Extra.DUPLICATE] == 200
    assert kinds[Kind.DEAD] + sum(extras[extra] for extra in POISON) == 100
    assert set(kinds) == set(Kind) == set(EXPECTED)


@pytest.mark.parametrize("files", [20, 400])
def test_a_small_campaign_has_everything_too(files: int) -> None:
    plan = make_plan(1, files, lose_messages=False)
    assert {file.kind for file in plan.files} == set(Kind)
    assert {file.trouble for file in plan.files} == {*Trouble, None}
    assert {message.extra for message in plan.messages} == set(Extra)
    assert set(plan.events) == {*Event} - {Event.EMULATOR_LOST}
    # What always fails shows no trouble that passes.
    assert not [file for file in plan.files if file.trouble and file.kind in {Kind.MISSING, Kind.DEAD}]


def test_every_trouble_is_one_that_the_stand_ins_know() -> None:
    """And leaves attempts to succeed with."""
    for trouble in Trouble:
        file = PlannedFile("x.wav", Kind.GOOD, trouble, 4)
        faults = [Fault(**fields) for fields in (*file.api_faults, *file.body_faults)]
        assert faults
        assert sum(fault.times or 99 for fault in faults) == file.spoilt <= 5


def test_the_library_is_what_the_plan_says(tmp_path: Path) -> None:
    """Distinct bytes, the same for the same seed."""
    files = make_plan(1, 40, lose_messages=False).files
    products = make_library(tmp_path / "one", files, 1)
    assert make_library(tmp_path / "two", files, 1) == products
    assert products.keys() == {file.key for file in files if EXPECTED[file.kind][0] in {Status.SUCCESS, Status.SHORT}}
    seconds = {Kind.GOOD: 12, Kind.SHORT: 1, Kind.BRIEF: 0.3}
    for file in files:
        path = tmp_path / "one" / file.key
        assert path.read_bytes() == (tmp_path / "two" / file.key).read_bytes()
        if file.key in products:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == products[file.key].sha256
        if file.kind in seconds:
            with wave.open(str(path)) as sound:
                assert sound.getnframes() == seconds[file.kind] * sound.getframerate()
    assert len({(tmp_path / "one" / file.key).read_bytes() for file in files}) == 40


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_taken_out_is_one_changed_text(name: str, tmp_path: Path) -> None:
    """In a copy: ours stay as they are."""
    copy = functions_without(name, tmp_path)
    changed = [
        str(file.relative_to(copy))
        for file in copy.rglob("*")
        if file.is_file() and file.read_bytes() != (FUNCTIONS / file.relative_to(copy)).read_bytes()
    ]
    assert changed == [REMEDIES[name].file]


def test_a_remedy_that_moved_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a run without it would quietly be one with it."""
    gone = remedies.Remedy("nothing", "audiodup/batcher.py", "no such text", "")
    monkeypatch.setattr(remedies, "REMEDIES", {"gone": gone})
    with pytest.raises(StackError, match="the text of the remedy 'gone' is there 0 times"):
        functions_without("gone", tmp_path)

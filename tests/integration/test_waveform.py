"""What files look like: decoded by the real ffmpeg, once, however many ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.audio import ffmpeg, write_wav
from tests.download import Api
from tests.fpcalc import guarded
from tests.loopback import Exchange, Server

from audiodup.container import is_audio
from audiodup.decoder import Ffmpeg
from audiodup.errors import AudioDupError, Corrupt, NotAudio, NotFound, TimedOut
from audiodup.folder import LocalFolder
from audiodup.model import Asset
from audiodup.steps import AudioFile, Deadline, Source
from audiodup.waveform import STRETCHES, Waveform, Waveforms

FFMPEG = Ffmpeg("ffmpeg", guarded())


class Shelf:
    """A folder as the source, which counts how often a file is opened and may hold everybody up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[str] = []
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._source = LocalFolder(folder, is_audio, max_file_bytes=100_000_000)

    @contextmanager
    def open(self, asset: Asset, deadline: Deadline) -> Iterator[AudioFile]:
        self.opened.append(asset.file_key)
        self.begun.set()
        assert self.may_go_on.wait(30)
        with self._source.open(asset, deadline) as file:
            yield file


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def seen(source: Source, name: str, seconds: float = 60, **options: int) -> Waveform:
    return Waveforms(source, FFMPEG, **options).of(Asset(name, name), Deadline(seconds))


def steps(folder: Path, name: str = "steps.wav", *, channels: int = 2) -> np.ndarray:
    """Eight seconds of a tone, each of them louder; the loudness of each."""
    loudness = np.repeat(np.arange(1, 9) / 8, 44_100)
    tone = loudness * np.sin(2 * np.pi * 440 * np.arange(len(loudness)) / 44_100)
    write_wav(folder / name, np.stack([tone] * channels, axis=1), 44_100)
    return loudness[::44_100]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_peaks_are_as_loud_as_the_sound_is_there(shelf: Shelf, channels: int) -> None:
    loudness = steps(shelf.folder, channels=channels)
    found = seen(shelf, "steps.wav")
    assert found.complete
    assert found.seconds == pytest.approx(8.0, abs=0.01)
    assert len(found.peaks) == STRETCHES
    # All but the stretches on the borders.
    inside = np.array(found.peaks).reshape(8, -1)[:, 5:-5]
    assert np.abs(inside - 127 * loudness[:, None]).max() <= 4


@pytest.mark.parametrize("ending", ["mp3", "flac", "ogg", "m4a", "opus", "aiff"])
def test_every_format_looks_like_its_master(shelf: Shelf, ending: str) -> None:
    loudness = steps(shelf.folder)
    ffmpeg("-i", str(shelf.folder / "steps.wav"), str(shelf.folder / f"copy.{ending}"))
    found = seen(shelf, f"copy.{ending}")
    assert found.seconds == pytest.approx(8.0, abs=0.1)
    # An encoder's delay moves the borders by up to 50 ms, 13 stretches.
    inside = np.array(found.peaks).reshape(8, -1)[:, 20:-20]
    assert np.abs(inside.mean(axis=1) - 127 * loudness).max() <= 6


def test_a_short_sound_has_fewer_stretches_none_under_a_millisecond(shelf: Shelf) -> None:
    for samples, stretches in [(44_100 // 20, 50), (44_100 // 50, 20)]:
        write_wav(shelf.folder / f"{samples}.wav", np.full((samples, 1), 0.5), 44_100)
        assert len(seen(shelf, f"{samples}.wav").peaks) == stretches


def test_the_lowest_sample_is_the_loudest(shelf: Shelf) -> None:
    """-128 has no absolute value in 8 bits."""
    write_wav(shelf.folder / "low.wav", np.full((8_000, 1), -1.0), 8_000)
    assert max(seen(shelf, "low.wav").peaks) == 127


def test_of_a_long_file_the_rest_is_left_out(shelf: Shelf) -> None:
    """And the picture says so; one of just that length is all there."""
    steps(shelf.folder)
    part = seen(shelf, "steps.wav", longest_seconds=4)
    assert (part.seconds, part.complete) == (4.0, False)
    assert np.array(part.peaks).reshape(4, -1).mean(axis=1) == pytest.approx([16, 32, 48, 64], abs=2)
    assert seen(shelf, "steps.wav", longest_seconds=9).complete


def test_a_file_is_decoded_once_for_all_who_ask_at_the_same_time(shelf: Shelf) -> None:
    steps(shelf.folder)
    waveforms = Waveforms(shelf, FFMPEG)
    shelf.may_go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(waveforms.of, Asset("1", "steps.wav"), Deadline(60)) for _ in range(8)]
        assert shelf.begun.wait(30)
        shelf.may_go_on.set()
        found = [future.result() for future in asked]
    assert shelf.opened == ["steps.wav"]
    assert all(one is found[0] for one in found)


def test_the_latest_are_remembered(shelf: Shelf) -> None:
    """By asset and file; who was looked at again stays."""
    for name in "abc":
        steps(shelf.folder, name)
    waveforms = Waveforms(shelf, FFMPEG, remembered=2)
    for name in ["a", "b", "a", "c", "a", "b"]:
        waveforms.of(Asset("1", name), Deadline(60))
    assert shelf.opened == ["a", "b", "c", "b"]
    waveforms.of(Asset("2", "b"), Deadline(60))
    assert shelf.opened == ["a", "b", "c", "b", "b"]


def test_who_waits_does_so_no_longer_than_his_time(shelf: Shelf) -> None:
    """And the one who decodes goes on."""
    steps(shelf.folder)
    waveforms = Waveforms(shelf, FFMPEG)
    shelf.may_go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(waveforms.of, Asset("1", "steps.wav"), Deadline(60))
        assert shelf.begun.wait(30)
        with pytest.raises(TimedOut, match="for someone else"):
            waveforms.of(Asset("1", "steps.wav"), Deadline(0.05))
        shelf.may_go_on.set()
        assert first.result().complete


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, NotFound),
        (b"#EXTM3U\nhttps://example.com/a.ts\n", NotAudio),
        (b"<html>", NotAudio),
        (b"RIFF\x24\0\0\0WAVEfmt ", Corrupt),
    ],
)
def test_errors_are_the_sources_and_the_decoders_and_are_not_kept(
    shelf: Shelf, content: bytes | None, error: type[AudioDupError]
) -> None:
    """A playlist never reaches ffmpeg; a file that was mended is looked at anew."""
    if content is not None:
        (shelf.folder / "a.wav").write_bytes(content)
    waveforms = Waveforms(shelf, FFMPEG)
    with pytest.raises(error):
        waveforms.of(Asset("1", "a.wav"), Deadline(60))
    steps(shelf.folder, "a.wav")
    assert waveforms.of(Asset("1", "a.wav"), Deadline(60)).complete


def test_an_error_is_told_to_all_who_wait_for_the_file(shelf: Shelf) -> None:
    (shelf.folder / "a.wav").write_bytes(b"<html>")
    waveforms = Waveforms(shelf, FFMPEG)
    shelf.may_go_on.clear()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(waveforms.of, Asset("1", "a.wav"), Deadline(60)) for _ in range(4)]
        assert shelf.begun.wait(30)
        shelf.may_go_on.set()
        assert all(isinstance(future.exception(), NotAudio) for future in asked)


def test_a_file_of_which_a_part_was_fetched_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    """What was not fetched would look like silence."""
    loudness = steps(tmp_path)
    content = (tmp_path / "steps.wav").read_bytes()
    asked: list[str | None] = []

    def host(exchange: Exchange) -> None:
        asked.append(exchange.headers.get("range"))
        if asked[-1] is None:
            exchange.answer(200, content, {"ETag": '"1"'})
        else:
            first, last = map(int, asked[-1].removeprefix("bytes=").split("-"))
            part = {"Content-Range": f"bytes {first}-{last}/{len(content)}", "ETag": '"1"'}
            exchange.answer(206, content[first : last + 1], part)

    server.on("/file", host)
    (tmp_path / "downloads").mkdir()
    api = Api(server, tmp_path / "downloads", needs=lambda file: [(0, len(content) // 4)])
    found = Waveforms(api.source, FFMPEG).of(Asset("a1", "k/1.wav", "wav", "artlist"), Deadline(60))
    api.source.close()
    assert [part is None for part in asked] == [False, False, True]
    assert np.array(found.peaks).reshape(8, -1).mean(axis=1) == pytest.approx(127 * loudness, rel=0.05, abs=2)

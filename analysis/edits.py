"""Degradations that move, cut, replace or mix: each with its true time map."""

from __future__ import annotations

from analysis.media import RATE
from analysis.recipes import HEAD_SECONDS, KEPT_SECONDS, WAV, Make, Material, Part, Recipe, whole

_CROSSFADE = 0.5
_BLEEP_SECONDS = 1.0
_REPLACED_SECONDS = 5.0
_WATERMARK_SECONDS = 2.5
_WATERMARK_EVERY = 20.0
_SPEECH_RMS = 0.1
_STEREO = f"aformat=sample_rates={RATE}:channel_layouts=stereo"
_BOTH = "pan=stereo|c0=c0|c1=c0"


def trim_start(material: Material) -> Recipe | None:
    """0.5 to 30 s cut off at the start."""
    cut = _cut(material)
    left = material.duration - cut
    return Recipe(("-ss", f"{cut:.4f}", "-i", str(material.head)), WAV, left, whole(left, at=cut))


def trim_end(material: Material) -> Recipe | None:
    """0.5 to 30 s cut off at the end."""
    left = material.duration - _cut(material)
    return Recipe(("-i", str(material.head)), WAV, left, whole(left))


def cut_tenth(material: Material) -> Recipe | None:
    """0.1 s cut off at the start: for short sounds."""
    left = material.duration - 0.1
    return Recipe(("-ss", "0.1", "-i", str(material.head)), WAV, left, whole(left, at=0.1))


def pad_start(material: Material) -> Recipe | None:
    """0.3 to 8 s of silence before it."""
    pad = round(material.rng.uniform(0.3, 8.0), 3)
    total = material.duration + pad
    return Recipe(
        ("-i", str(material.head), "-af", f"adelay={pad * 1000:.0f}:all=1"), WAV, total, (Part(pad, total, 0.0, 1.0),)
    )


def pad_end(material: Material) -> Recipe | None:
    """0.3 to 8 s of silence behind it."""
    pad = round(material.rng.uniform(0.3, 8.0), 3)
    filters = f"apad=pad_dur={pad}" if material.duration < HEAD_SECONDS else "anull"
    return Recipe(("-i", str(material.head), "-af", filters), WAV, material.duration + pad, whole(material.duration))


def clip(seconds: float, *, anywhere: bool = False) -> Make:
    """An excerpt, out of the first 120 s or of the whole source."""

    def make(material: Material) -> Recipe | None:
        room = (material.duration if anywhere else material.covered) - seconds
        if room < 1:
            return None
        start = round(material.rng.uniform(0.0, room), 4)
        source = material.source if anywhere else material.head
        arguments = ("-ss", f"{start:.4f}", "-i", str(source), "-ac", "2", "-ar", str(RATE))
        return Recipe(arguments, WAV, seconds, whole(seconds, at=start))

    return make


def cutdown(material: Material) -> Recipe | None:
    """Three parts of 12 to 25 s out of the first 120 s, crossfaded, in any order."""
    third = material.covered / 3
    if third < 15:
        return None
    rng = material.rng
    chosen = []
    for number in range(3):
        length = round(rng.uniform(12.0, min(25.0, third - 1)), 3)
        chosen.append((round(number * third + rng.uniform(0.0, third - length), 3), length))
    rng.shuffle(chosen)
    filters = "[0:a]asplit=3[s0][s1][s2];" + "".join(
        f"[s{n}]atrim={start}:{start + length},asetpts=PTS-STARTPTS[p{n}];" for n, (start, length) in enumerate(chosen)
    )
    filters += f"[p0][p1]acrossfade=d={_CROSSFADE}[x];[x][p2]acrossfade=d={_CROSSFADE}[out]"
    total = sum(length for _, length in chosen) - 2 * _CROSSFADE
    return Recipe(_complex(material, filters), WAV, total, crossfaded(chosen))


def crossfaded(chosen: list[tuple[float, float]]) -> tuple[Part, ...]:
    """The map of parts `(start, length)` in seconds, laid over each other by the crossfade; borders in its middle."""
    parts, begin = [], 0.0
    for number, (start, length) in enumerate(chosen):
        first, last = number == 0, number == len(chosen) - 1
        a_start = begin + (0.0 if first else _CROSSFADE / 2)
        a_end = begin + length - (0.0 if last else _CROSSFADE / 2)
        parts.append(Part(a_start, a_end, start + (a_start - begin), 1.0))
        begin += length - _CROSSFADE
    return tuple(parts)


def tempo(factor: float) -> Make:
    """Faster or slower at the same pitch."""
    return _faster(f"atempo={factor}", factor)


def speed(factor: float) -> Make:
    """Faster or slower, pitch with it: as a tape does."""
    rate = round(RATE * factor)
    # The head's rate is known; on another one `asetrate` would be another factor.
    return _faster(f"asetrate={rate},aresample={RATE}", rate / RATE)


def pitch(semitones: int) -> Make:
    """Higher or lower at the same tempo: a change of speed, and one of tempo that takes it back."""

    def make(material: Material) -> Recipe:
        rate = round(RATE * 2 ** (semitones / 12))
        filters = f"asetrate={rate},aresample={RATE},atempo={RATE / rate:.6f}"
        return Recipe(("-i", str(material.head), "-af", filters), WAV, material.duration, whole(material.duration))

    return make


def bleep(material: Material) -> Recipe | None:
    """One second replaced by a tone of 1 kHz."""
    at = _place(material, _BLEEP_SECONDS)
    end = at + _BLEEP_SECONDS
    filters = (
        f"[0:a]volume=0:enable='between(t,{at},{end})'[m];"
        f"sine=f=1000:r={RATE}:d={_BLEEP_SECONDS},{_BOTH},adelay={at * 1000:.0f}:all=1[s];"
        "[m][s]amix=inputs=2:normalize=0:duration=first[out]"
    )
    return Recipe(_complex(material, filters), WAV, material.duration, _without(material.duration, at, end))


def replaced(material: Material) -> Recipe | None:
    """Five seconds replaced by themselves backwards: as loud, and of the same instruments."""
    at = _place(material, _REPLACED_SECONDS)
    end = at + _REPLACED_SECONDS
    filters = (
        f"[0:a]asplit=3[a][b][c];[a]atrim=0:{at}[x];[b]atrim={at}:{end},areverse,asetpts=PTS-STARTPTS[y];"
        f"[c]atrim=start={end},asetpts=PTS-STARTPTS[z];[x][y][z]concat=n=3:v=0:a=1[out]"
    )
    return Recipe(_complex(material, filters), WAV, material.duration, _without(material.duration, at, end))


def watermark(material: Material) -> Recipe | None:
    """A phrase spoken every 20 s, as loud as the music."""
    gain = material.rms / _SPEECH_RMS
    filters = f"[1:a]volume={gain:.4f},{_BOTH}[w];[0:a][w]amix=inputs=2:normalize=0:duration=first[out]"
    arguments = _complex(material, filters, "-stream_loop", "-1", "-i", str(material.mark))
    parts, at = [], _WATERMARK_SECONDS
    while at < material.duration:
        end = min(at + _WATERMARK_EVERY - _WATERMARK_SECONDS, material.duration)
        parts.append(Part(at, end, at, 1.0))
        at += _WATERMARK_EVERY
    return Recipe(arguments, WAV, material.duration, tuple(parts))


def voice(material: Material) -> Recipe | None:
    """Someone speaks all along, 6 dB below the music."""
    gain = material.rms / _SPEECH_RMS / 2
    filters = f"[1:a]volume={gain:.4f},{_BOTH}[w];[0:a][w]amix=inputs=2:normalize=0:duration=first[out]"
    arguments = _complex(material, filters, "-i", str(material.speech))
    return Recipe(arguments, WAV, material.duration, whole(material.duration))


def noise(decibels: float) -> Make:
    """White noise, so many dB below the source's own RMS."""

    def make(material: Material) -> Recipe:
        # Noise of amplitude a is even between -a and a: its RMS is a / sqrt(3).
        amplitude = min(material.rms * 10 ** (-decibels / 20) * 3**0.5, 1.0)
        seed = material.rng.randrange(2**31)
        filters = (
            f"anoisesrc=r={RATE}:a={amplitude:.6f}:seed={seed}:d={HEAD_SECONDS:g},{_BOTH}[n];"
            "[0:a][n]amix=inputs=2:normalize=0:duration=first[out]"
        )
        return Recipe(_complex(material, filters), WAV, material.duration, whole(material.duration))

    return make


def swapped(material: Material) -> Recipe | None:
    """Left and right exchanged; of no use where they are (nearly) the same."""
    if material.side < 0.02:
        return None
    arguments = ("-i", str(material.head), "-af", "pan=stereo|c0=c1|c1=c0")
    return Recipe(arguments, WAV, material.duration, whole(material.duration))


def fades(material: Material) -> Recipe | None:
    """3 s in, 3 s out."""
    filters = f"afade=t=in:d=3,afade=t=out:st={material.duration - 3:.3f}:d=3"
    return Recipe(("-i", str(material.head), "-af", filters), WAV, material.duration, whole(material.duration))


def _faster(filters: str, factor: float) -> Make:
    def make(material: Material) -> Recipe:
        duration = material.duration / factor
        return Recipe(("-i", str(material.head), "-af", filters), WAV, duration, whole(duration, tempo=factor))

    return make


def _complex(material: Material, filters: str, *second_input: str) -> tuple[str, ...]:
    return ("-i", str(material.head), *second_input, "-filter_complex", filters, "-map", "[out]")


def _cut(material: Material) -> float:
    """Seconds; never so many that less than half is left."""
    return round(material.rng.uniform(0.5, min(30.0, material.duration / 2)), 4)


def _place(material: Material, seconds: float) -> float:
    """Where something of so many seconds happens, within what is fingerprinted and what is made of a copy."""
    return round(material.rng.uniform(5.0, min(material.covered, KEPT_SECONDS) - 5.0 - seconds), 3)


def _without(duration: float, start: float, end: float) -> tuple[Part, ...]:
    return (Part(0.0, start, 0.0, 1.0), Part(end, duration, end, 1.0))

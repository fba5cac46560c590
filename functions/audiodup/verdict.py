"""What two files are to each other, from their alignment and from all that is known of them.

Every threshold of a verdict stands here, with its meaning and where it was measured (analysis/README.md). When unsure,
split: a pair that is called less than it is costs a look, one that is called more costs a recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from audiodup.agreement import WORST_FRAMES
from audiodup.alignment import Alignment, Part
from audiodup.chance import ChanceModel
from audiodup.coverage import Extent, Seen, Side, extent
from audiodup.frames import Frames
from audiodup.model import Action, IndexedFile, Judgement, Kind, MatchedRange, Verdict

SAME_AGREEMENT = 0.95
"""Two encodings of one recording agree in at least so many bits: the lowest transcode, opus 24 kbit/s, has a median of
0.97; a trim by half a frame takes 0.05 away; a stem or a mix without one instrument reaches 0.91."""
SIMILAR_AGREEMENT = 0.80
"""Below it the same recording is changed so much (equaliser, echo) that another mix of the piece scores the same."""
SHORT_SIMILAR_AGREEMENT = 0.90
"""The same for short sounds: takes of one blow or one word reach 0.84."""
LEAST_AGREEMENT = 0.60
"""Unrelated music that shares some keys has a mean of 0.575 and a 95th percentile of 0.64: kappa tells them apart."""
TRIMMED_AGREEMENT = 0.90
"""A copy whose beginning was cut: its frames lie between the original's, which costs up to 0.05."""
IDENTICAL_AGREEMENT = 1.0
"""Every bit, as of one stream in another container or with other tags. It is no proof: neither the level nor what lies
above 5 kHz is heard. Encoded anew at the same settings it agrees in 0.984 to 0.998, and so do a copy at -12 dB, one
with fades and one with swapped channels: a threshold of 0.95 called 84 of 177 of those identical."""
EDITED_WORST = 0.80
"""A transcode's worst 2 s may be as low as 0.83 where the music is quiet; below, something was put in."""
WHOLE_COVERAGE = 0.95
"""So much of a file's sound counts as all of it: fades, padding, the few frames at either end."""
TRIMMED_COVERAGE = 0.80
"""A piece of less than this of the longer file is an excerpt of it."""
SAME_BALANCE = 0.02
"""dB between left and right of one and the same stream, found where seeking is not exact to the sample. Of swapped
channels it is twice the difference of their levels; mp3 and Vorbis give them the very same fingerprint."""
OTHER_BALANCE = 0.5
"""dB: channels were swapped or made louder one by one; no codec moves the balance by so much."""
SAME_DURATION_SECONDS = 0.1
"""For identical files: a decoder's padding is 0.03 to 0.05 s."""
TRIMMED_SECONDS = 0.5
"""From here on a difference in length is a trim, and no codec's padding."""
SHORT_COVERAGE = 0.70
"""Of a short sound so much has to be in the other: two words of one voice, or two decays into silence, share a few
tenths of a second (186 such pairs among 1,422 effects of games, most of them synthetic voices)."""
SAME_TEMPO = 0.0015
"""A tempo is fitted to 0.0005 over 120 s; the smallest change in use is 0.01."""
TEMPO_DRIFT_FRAMES = 2.0
"""So far another tempo has to lead away over the matched range, or the range is too short to tell."""
ONE_LINE_SECONDS = 1.0
"""Two parts whose offsets differ by less lie on one line: what is between them was replaced, not moved."""

NORMAL_CHANCE = ChanceModel(millionth=0.22, decade=0.041, trials=4000, floors=((24, 0.50), (48, 0.40), (96, 0.30)))
"""Measured on 1e7 to 3e8 windows of 24 to 200 frames of 82 tracks of different packages; the best of a pair's offsets
and windows is what 3,500 independent ones would give."""
SLOW_CHANCE = ChanceModel(
    millionth=0.24, decade=0.048, trials=400, floors=((12, 0.60), (24, 0.50), (48, 0.40), (96, 0.35))
)
"""Short sounds at 1/8 speed: their frames hold more silence and fewer different sounds. Measured on 1.5 million windows
of 16, 24 and 48 frames of 609 effects of different games; 130 offsets of some 65 frames are the trials."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two fingerprints and what they have in common."""

    a: Seen
    b: Seen
    alignment: Alignment
    speed: float = 1.0
    """Below 1: of slow fingerprints."""

    @classmethod
    def of(cls, a: Frames, b: Frames, alignment: Alignment, speed: float = 1.0) -> Compared:
        """What is kept of it; the frames themselves are not, since a batch has many pairs."""
        return cls(Seen.of(a), Seen.of(b), alignment, speed)

    def mirrored(self) -> Compared:
        """The same with A and B exchanged."""
        return Compared(self.b, self.a, self.alignment.mirrored(), self.speed)


def judge(a: IndexedFile, b: IndexedFile, compared: Compared | None, pairs: float) -> Judgement | None:
    """Say what A and B are to each other; None where nothing is proven.

    Args:
        a: one file.
        b: the other.
        compared: None where the fingerprints have nothing in common.
        pairs: of recordings in the library: what is rare enough in a small one is chance in a large one.
    """
    if content := equal_content(a, b):
        return _of_equal_content(a, b, content, Action.AUTO_DELETE_CANDIDATE)
    # Where nothing was compared, whoever asks has seen that the fingerprints are equal.
    if equal_tag(a, b) and (compared is None or compared.alignment.agreement >= IDENTICAL_AGREEMENT):
        return _of_equal_content(a, b, "equal size, ETag and fingerprint (no hash of all bytes)", Action.MANUAL_REVIEW)
    if compared is None:
        return None
    chance = NORMAL_CHANCE if compared.speed == 1 else SLOW_CHANCE
    alignment = _proven(compared.alignment, chance, pairs)
    if alignment is None or alignment.agreement < LEAST_AGREEMENT:
        return None
    sides = Side.of(compared.a, a.duration, compared.speed), Side.of(compared.b, b.duration, compared.speed)
    size = extent(alignment, *sides)
    if compared.speed != 1 and max(size.coverage_a, size.coverage_b) < SHORT_COVERAGE:
        return None
    identical = _is_identical(a, b, alignment, size, sides)
    verdict, kind = (Verdict.IDENTICAL, None) if identical else _name(alignment, size, sides, compared.speed)
    if verdict is Verdict.SAME_CONTENT and _rebalanced(a, b):
        kind = Kind.VERSION_OR_PROCESSING
    return Judgement(
        verdict,
        kind,
        _action(verdict, kind),
        similarity=alignment.agreement,
        kappa=alignment.kappa,
        expected_false=min(
            chance.expected_false(part.range.kappa, part.range.frames, pairs) for part in alignment.parts
        ),
        coverage_a=size.coverage_a,
        coverage_b=size.coverage_b,
        offset_seconds=size.offset_seconds,
        overlap_seconds=size.overlap_seconds,
        tempo=size.tempo,
        ranges=size.ranges,
        evidence=_words(a, b, alignment, size, sides, compared.speed),
    )


def equal_content(a: IndexedFile, b: IndexedFile) -> str | None:
    """Why the two are known to hold the same audio, in words; None where they are not."""
    if a.sha256 and a.sha256 == b.sha256:
        return "equal bytes (SHA-256)"
    # The hash is of the samples' bytes alone: it does not know how fast they are played, to how many ears, or how wide
    # a sample is (silence of 16 and of 24 bits has the same bytes, and another length).
    same_form = a.sample_rate == b.sample_rate and a.channels == b.channels
    same_length = a.duration is None or b.duration is None or abs(a.duration - b.duration) <= SAME_DURATION_SECONDS
    if a.pcm_md5 and a.pcm_md5 == b.pcm_md5 and same_form and same_length:
        return "equal decoded audio (MD5 of the samples)"
    return None


def equal_tag(a: IndexedFile, b: IndexedFile) -> bool:
    """Whether they have one size and one strong ETag, and no hash says more. S3's is made of the bytes; that of other
    hosts may be of time and size, which two exports of one session share.
    """
    hashed = a.sha256 is not None and b.sha256 is not None
    sized = a.file_size is not None and a.file_size == b.file_size
    return not hashed and sized and a.etag is not None and a.etag == b.etag and not a.etag.startswith("W/")


def _of_equal_content(a: IndexedFile, b: IndexedFile, why: str, action: Action) -> Judgement:
    seconds = min(a.duration or 0.0, b.duration or 0.0)
    return Judgement(
        Verdict.IDENTICAL,
        Kind.TRANSCODE if (a.container, a.codec) != (b.container, b.codec) else None,
        action,
        similarity=1.0,
        kappa=1.0,
        expected_false=0.0,
        coverage_a=1.0,
        coverage_b=1.0,
        offset_seconds=0.0,
        overlap_seconds=seconds,
        tempo=1.0,
        ranges=(MatchedRange(0.0, seconds, 0.0, seconds),),
        evidence=why,
    )


def _proven(alignment: Alignment, chance: ChanceModel, pairs: float) -> Alignment | None:
    """What is left when chance is ruled out: one part has to hold for the whole library, the others beside it only for
    themselves.
    """
    parts = [part for part in alignment.parts if part.range.kappa >= chance.least_kappa(part.range.frames, 0)]
    if not any(part.range.kappa >= chance.least_kappa(part.range.frames, pairs) for part in parts):
        return None
    return Alignment(tuple(parts))


def _is_identical(a: IndexedFile, b: IndexedFile, alignment: Alignment, size: Extent, sides: tuple[Side, Side]) -> bool:
    """Identical by its fingerprint: the same form, the same length, no 2 s that differ."""
    same_form = (a.codec, a.channels, a.sample_rate) == (b.codec, b.channels, b.sample_rate) and a.codec is not None
    # A fingerprint hears neither swapped channels nor another level: where the samples are known to differ, they do.
    differ = a.pcm_md5 is not None and b.pcm_md5 is not None
    mono = a.channels == 1
    same_balance = a.balance is not None and b.balance is not None and abs(a.balance - b.balance) <= SAME_BALANCE
    return (
        same_form
        and not differ
        and (mono or same_balance)
        and None not in (a.duration, b.duration)
        and abs(sides[0].duration - sides[1].duration) <= SAME_DURATION_SECONDS
        and sides[0].is_whole
        and sides[1].is_whole
        and len(alignment.parts) == 1
        and abs(size.tempo - 1) <= SAME_TEMPO
        and min(size.coverage_a, size.coverage_b) >= WHOLE_COVERAGE
        and min(alignment.agreement, alignment.worst) >= IDENTICAL_AGREEMENT
    )


def _name(alignment: Alignment, size: Extent, sides: tuple[Side, Side], speed: float) -> tuple[Verdict, Kind]:
    # The shorter file is the one of which more is covered.
    larger, smaller = sorted((size.coverage_a, size.coverage_b))
    if _other_tempo(alignment.main):
        return Verdict.RELATED, Kind.TEMPO_CHANGED
    if _moved(alignment, sides):
        return Verdict.RELATED, Kind.EDITED
    if larger >= WHOLE_COVERAGE:
        return _name_whole(alignment, sides, SIMILAR_AGREEMENT if speed == 1 else SHORT_SIMILAR_AGREEMENT)
    if smaller >= WHOLE_COVERAGE:
        return Verdict.RELATED, Kind.TRIMMED if larger >= TRIMMED_COVERAGE else Kind.EXCERPT
    if smaller >= TRIMMED_COVERAGE and larger >= TRIMMED_COVERAGE:
        return Verdict.RELATED, Kind.EDITED
    return Verdict.RELATED, Kind.SHARED_PART


def _rebalanced(a: IndexedFile, b: IndexedFile) -> bool:
    return a.balance is not None and b.balance is not None and abs(a.balance - b.balance) > OTHER_BALANCE


def _name_whole(alignment: Alignment, sides: tuple[Side, Side], similar: float) -> tuple[Verdict, Kind]:
    """Nearly all of both is the other."""
    trimmed = abs(sides[0].duration - sides[1].duration) > TRIMMED_SECONDS
    agreement = alignment.agreement
    if agreement >= SAME_AGREEMENT and (alignment.worst < EDITED_WORST or len(alignment.parts) > 1):
        return Verdict.SAME_CONTENT, Kind.EDITED
    if trimmed and agreement >= TRIMMED_AGREEMENT:
        return Verdict.SAME_CONTENT, Kind.TRIMMED
    if agreement >= SAME_AGREEMENT:
        return Verdict.SAME_CONTENT, Kind.TRANSCODE
    verdict = Verdict.SAME_CONTENT if agreement >= similar else Verdict.RELATED
    return verdict, Kind.VERSION_OR_PROCESSING


def _other_tempo(part: Part) -> bool:
    change = abs(part.line.tempo - 1)
    return change > SAME_TEMPO and change * (part.range.a[1] - part.range.a[0]) >= TEMPO_DRIFT_FRAMES


def _moved(alignment: Alignment, sides: tuple[Side, Side]) -> bool:
    """Whether parts lie on different lines: something was cut out, put in or put elsewhere."""
    offsets = [part.line.offset * sides[1].unit for part in alignment.parts]
    return max(offsets) - min(offsets) > ONE_LINE_SECONDS


def _action(verdict: Verdict, kind: Kind | None) -> Action:
    if verdict is Verdict.RELATED or kind is Kind.VERSION_OR_PROCESSING:
        return Action.FLAG_VARIANT
    return Action.MANUAL_REVIEW


def _words(  # noqa: PLR0913 - all that a sentence is made of
    a: IndexedFile, b: IndexedFile, alignment: Alignment, size: Extent, sides: tuple[Side, Side], speed: float
) -> str:
    words = [
        f"{alignment.agreement:.3f} of the bits agree over {size.overlap_seconds:.1f} s",
        f"kappa {alignment.kappa:.2f}, worst {WORST_FRAMES * sides[0].unit:.1g} s {alignment.worst:.2f}",
    ]
    if speed != 1:
        words.append(f"compared at {speed:g} speed")
    if a.balance is not None and b.balance is not None and _rebalanced(a, b):
        words.append(f"left over right {a.balance:+.1f} and {b.balance:+.1f} dB")
    if (a.codec, a.sample_rate, a.channels) != (b.codec, b.sample_rate, b.channels):
        words.append(f"{_form(a)} and {_form(b)}")
    if not all(side.is_whole for side in sides):
        words.append(f"compared up to {min(side.seen for side in sides):.0f} s only")
    return "; ".join(words)


def _form(file: IndexedFile) -> str:
    rate = f"{file.sample_rate / 1000:g} kHz" if file.sample_rate else "unknown rate"
    return f"{file.codec or 'unknown codec'} {rate} {file.channels or '?'} ch"

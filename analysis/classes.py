"""The table of degradations: every class of copies, in one place."""

from __future__ import annotations

from analysis import edits
from analysis.recipes import WAV, Degradation, encoded, filtered, natively, with_encoder

MP3_64 = ("-c:a", "libmp3lame", "-b:a", "64k", "mp3")
MP3_128 = ("-c:a", "libmp3lame", "-b:a", "128k", "mp3")
AAC_128 = ("-c:a", "aac", "-b:a", "128k", "m4a")
OGG_Q3 = ("-c:a", "libvorbis", "-q:a", "3", "ogg")
OPUS_64 = ("-c:a", "libopus", "-b:a", "64k", "-ar", "48000", "opus")
OPUS_24 = ("-c:a", "libopus", "-b:a", "24k", "-ar", "48000", "opus")
_EQ = "equalizer=f=120:t=q:w=1:g=5,equalizer=f=1200:t=q:w=1:g=-5,equalizer=f=5000:t=q:w=1:g=4"
# A heavy hand: 24 dB above the threshold leave 4.
_COMPRESSOR = "acompressor=threshold=-30dB:ratio=6:attack=5:release=120:makeup=8dB,alimiter=limit=0.95"
# 12 dB more would clip, and the clipping would be what is measured.
_BASS = "volume=-12dB,bass=g=12"

DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation("mp3_320", "codec", encoded("-c:a", "libmp3lame", "-b:a", "320k", "mp3"), True),
    Degradation("mp3_128", "codec", encoded(*MP3_128), True),
    Degradation("mp3_64", "codec", encoded(*MP3_64), True),
    Degradation("mp3_v0", "codec", encoded("-c:a", "libmp3lame", "-q:a", "0", "mp3"), True),
    Degradation("aac_128", "codec", encoded(*AAC_128), True),
    Degradation("ogg_q3", "codec", encoded(*OGG_Q3), True),
    Degradation("opus_64", "codec", encoded(*OPUS_64), True),
    Degradation("opus_24", "codec", encoded(*OPUS_24), True),
    Degradation("flac", "codec", encoded("-c:a", "flac", "flac"), True),
    Degradation("wav", "codec", encoded(*WAV), True),
    Degradation("aiff", "codec", encoded("-c:a", "pcm_s16be", "aiff"), True),
    Degradation("reencoded", "codec", natively(encoded(*WAV)), True),
    Degradation("rate_48k", "rate", encoded("-ar", "48000", *WAV), True),
    Degradation("rate_22k", "rate", encoded("-ar", "22050", *WAV), True),
    Degradation("mono", "channels", encoded("-ac", "1", *WAV)),
    Degradation("mono_8k", "channels", encoded("-ac", "1", "-ar", "8000", *WAV)),
    Degradation("left_only", "channels", filtered("pan=mono|c0=c0")),
    Degradation("gain_-12", "level", natively(filtered("volume=-12dB")), True),
    Degradation(
        "loudness", "level", filtered("loudnorm=I=-23:LRA=7:TP=-2,aresample=44100,aformat=channel_layouts=stereo")
    ),
    Degradation("compressor", "level", filtered(_COMPRESSOR)),
    Degradation("eq", "filter", filtered(f"volume=-5dB,{_EQ}")),
    Degradation("bass_12", "filter", filtered(_BASS)),
    Degradation("lowpass_3k", "filter", filtered("lowpass=f=3000"), version=2),
    Degradation("highpass_300", "filter", filtered("highpass=f=300"), version=2),
    Degradation("noise_20", "noise", edits.noise(20)),
    Degradation("noise_10", "noise", edits.noise(10)),
    Degradation("echo", "echo", filtered("aecho=0.8:0.7:60:0.4")),
    Degradation("trim_start", "trim", edits.trim_start),
    Degradation("trim_end", "trim", edits.trim_end),
    Degradation("pad_start", "pad", edits.pad_start),
    Degradation("pad_end", "pad", edits.pad_end),
    Degradation("clip_60", "clip", edits.clip(60)),
    Degradation("clip_30", "clip", edits.clip(30)),
    Degradation("clip_15", "clip", edits.clip(15)),
    Degradation("clip_30_any", "clip_any", edits.clip(30, anywhere=True)),
    Degradation("clip_15_any", "clip_any", edits.clip(15, anywhere=True)),
    Degradation("cutdown", "cutdown", edits.cutdown),
    Degradation("tempo_+1", "tempo", edits.tempo(1.01)),
    Degradation("tempo_-1", "tempo", edits.tempo(0.99)),
    Degradation("tempo_+2", "tempo", edits.tempo(1.02)),
    Degradation("tempo_-2", "tempo", edits.tempo(0.98)),
    Degradation("tempo_+5", "tempo", edits.tempo(1.05)),
    Degradation("tempo_-5", "tempo", edits.tempo(0.95)),
    Degradation("speed_+1", "speed", edits.speed(1.01)),
    Degradation("speed_-1", "speed", edits.speed(0.99)),
    Degradation("speed_+2", "speed", edits.speed(1.02)),
    Degradation("speed_-2", "speed", edits.speed(0.98)),
    Degradation("pitch_+1", "pitch", edits.pitch(1)),
    Degradation("pitch_-1", "pitch", edits.pitch(-1)),
    Degradation("fades", "edit", natively(edits.fades)),
    Degradation("voice", "edit", edits.voice, version=2),
    Degradation("bleep", "edit", natively(edits.bleep)),
    Degradation("replaced", "edit", natively(edits.replaced)),
    Degradation("watermark", "edit", natively(edits.watermark)),
    Degradation("swapped", "edit", natively(edits.swapped)),
    Degradation("clip_15+mp3_64", "chain", with_encoder(edits.clip(15), *MP3_64)),
    Degradation("clip_30+opus_24", "chain", with_encoder(edits.clip(30), *OPUS_24)),
    Degradation("tempo_+2+mp3_64", "chain", with_encoder(edits.tempo(1.02), *MP3_64)),
    Degradation("trim_start+opus_24", "chain", with_encoder(edits.trim_start, *OPUS_24)),
    Degradation("noise_20+mp3_64", "chain", with_encoder(edits.noise(20), *MP3_64)),
)
"""Semitones, percent, dB, seconds or kbit/s as the names say; of clips the ones named `any` are from anywhere."""

SHORT: tuple[Degradation, ...] = (
    Degradation("mp3_128", "short", encoded(*MP3_128)),
    Degradation("aac_128", "short", encoded(*AAC_128)),
    Degradation("ogg_q3", "short", encoded(*OGG_Q3)),
    Degradation("opus_64", "short", encoded(*OPUS_64)),
    Degradation("gain_-12", "short", filtered("volume=-12dB")),
    Degradation("mono_22k", "short", encoded("-ac", "1", "-ar", "22050", *WAV)),
    Degradation("cut_100ms", "short", edits.cut_tenth),
)

BY_NAME = {degradation.name: degradation for degradation in DEGRADATIONS}

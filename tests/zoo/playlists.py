"""Playlists, scripts and references in every disguise: FFmpeg, left to itself, follows them anywhere."""

from __future__ import annotations

import gzip
import struct

from audiodup.model import Asset
from tests.audio import id3
from tests.zoo.specimen import PROVIDER, Group, Make, Specimen, Surroundings, box, files, text

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"


def wrapped(before: bytes, after: bytes = b"") -> Make:
    """The playlist with bytes around it that are to keep it from being taken for text."""
    return lambda place: before + text(HLS)(place) + after


def in_wav(place: Surroundings) -> bytes:
    """The samples of a whole WAV are the playlist, over and over: five seconds of it."""
    lines = text(HLS)(place)
    samples = (lines * (80_000 // len(lines) + 1))[:80_000]
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def reference_movie(place: Surroundings) -> bytes:
    """QuickTime's own playlist: a movie that is nothing but the address of another one."""
    address = place.trap.encode() + b"\0"
    data = box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(address)), address)
    return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", data)))


def media_elsewhere(kind: bytes) -> Make:
    """A track whose samples are in another file or on another host, as its data reference says."""

    def make(place: Surroundings) -> bytes:
        movie = bytearray(place.audio.make("mov", "-c:a", "pcm_s16le").read_bytes())
        address = (place.trap if kind == b"url " else f"file://{place.canary}").encode() + b"\0"
        entry = box(kind, bytes(4), address)
        at = movie.index(b"dref") + 12
        old = struct.unpack_from(">I", movie, at)[0]
        movie[at : at + old] = entry
        for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
            size = movie.index(name) - 4
            struct.pack_into(">I", movie, size, struct.unpack_from(">I", movie, size)[0] + len(entry) - old)
        # Nothing is left in the file itself.
        media = movie.index(b"mdat") - 4
        size = struct.unpack_from(">I", movie, media)[0]
        return bytes(movie[:media]) + box(b"mdat") + bytes(movie[media + size :])

    return make


TEXTS: dict[str, str] = {
    "HLS playlist": HLS,
    "HLS playlist with a key and an init segment elsewhere": (
        '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file://{path}"\n#EXT-X-MAP:URI="{url}"\n#EXTINF:9,\n{name}\n'
    ),
    "HLS master playlist": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
    "HLS playlist behind a byte order mark": "\ufeff" + HLS,
    "HLS playlist behind 5 kB of comments": "# " + "x" * 5000 + "\n" + HLS,
    "M3U, a bare path": "{path}\n",
    "M3U, a bare URL": "{url}\n",
    "ffconcat, relative": "ffconcat version 1.0\nfile '{name}'\n",
    "ffconcat, absolute": "ffconcat version 1.0\nfile '{path}'\n",
    "concat: URL": "concat:{path}|{path}",
    "subfile: URL": "subfile,,start,0,end,0,,:{path}",
    "crypto: URL": "crypto:{path}",
    "file: URL": "file://{path}",
    "data: URL": "data:audio/wav;base64,UklGRiQAAABXQVZFZm10IBAAAAABAAEA",
    "http: URL": "{url}",
    "PLS": "[playlist]\nFile1={path}\nFile2={url}\nNumberOfEntries=2\nVersion=2\n",
    "old ASX": "[Reference]\nRef1={url}\n",
    "ASX": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "XSPF": '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><location>file://{path}</location></playlist>',
    "SMIL": '<smil><body><audio src="{url}"/></body></smil>',
    "DASH manifest": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
    "DASH manifest with an entity that reads a file": (
        '<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://{path}">]><MPD>&x;</MPD>'
    ),
    "IMF composition": '<?xml version="1.0"?><CompositionPlaylist><Id>{url}</Id></CompositionPlaylist>',
    "SDP": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
    "cue sheet": 'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "VobSub index": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n",
    "lavfi graph": "amovie={path}",
}

GROUP = Group(
    "Playlists and references",
    "All under a name that says nothing, naming a good file beside them, or a socket that listens.",
    (
        *files("NOT_AUDIO", {name: text(template) for name, template in TEXTS.items()}),
        *files(
            "NOT_AUDIO",
            {
                "HLS playlist in UTF-16": lambda place: text(HLS)(place).decode().encode("utf-16"),
                "HLS playlist behind an ID3 tag": wrapped(id3(100)),
                "HLS playlist behind a control character": wrapped(b"\1"),
                "HLS playlist behind zeros": wrapped(bytes(64)),
                "HLS playlist, gzipped": lambda place: gzip.compress(text(HLS)(place), mtime=0),
            },
        ),
        Specimen(
            "HLS playlist, said to be g722", "NOT_AUDIO", text(HLS), asset=Asset("zoo", "list.m3u8", "g722", PROVIDER)
        ),
        Specimen(
            "HLS playlist behind a control character, said to be g722: it is decoded as sound",
            "TOO_SHORT",
            wrapped(b"\1"),
            asset=Asset("zoo", "list", "g722", PROVIDER),
        ),
        Specimen("HLS playlist as the samples of a WAV", "SUCCESS", in_wav),
        Specimen("QuickTime reference movie", "NOT_AUDIO", reference_movie),
        Specimen("QuickTime, samples in another file", "CORRUPT", media_elsewhere(b"alis")),
        Specimen("QuickTime, samples at a URL", "CORRUPT", media_elsewhere(b"url ")),
    ),
)

"""Tags at the end of a file, which belong to no stream: ID3v1, APEv2 and Lyrics3."""

from __future__ import annotations

from audiodup.headers.reader import Reader

_MAX_TAGS = 8


def end_of_audio(reader: Reader) -> int:
    """Offset at which such tags begin, else the file's size."""
    end = reader.size
    for _ in range(_MAX_TAGS):
        size = _tag_before(reader, end)
        if not 0 < size <= end:
            break
        end -= size
    return end


def _tag_before(reader: Reader, end: int) -> int:
    if reader.upto(end - 128, 3) == b"TAG":
        return 128
    ape = reader.upto(end - 32, 32)
    if ape[:8] == b"APETAGEX":
        has_header = ape[23] & 0x80
        return int.from_bytes(ape[12:16], "little") + (32 if has_header else 0)
    lyrics = reader.upto(end - 15, 15)
    if lyrics[6:] == b"LYRICS200" and lyrics[:6].isdigit():
        return int(lyrics[:6]) + 15
    return 0

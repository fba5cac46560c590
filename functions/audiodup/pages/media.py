"""What is heard and seen of a pair: sounds, waveforms, and where the fingerprints differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray

from audiodup.decisions import NoSuchPair
from audiodup.difference import Difference, difference, picture
from audiodup.errors import NotFound
from audiodup.keys import SLOW_SPEED
from audiodup.model import Asset, FileKey
from audiodup.pages.desk import desk, read_pair
from audiodup.reviewing import Reviewed

pages = Blueprint("media", __name__)

# What it shows changes only when the file or the pair does.
_PRIVATE = {"Cache-Control": "private, max-age=300"}


@pages.get("/audio")
def audio() -> Response:
    """The sound of a file, or where it is."""
    return desk().listen(_asset(), request)


@pages.get("/waveform")
def waveform() -> tuple[dict[str, Any], dict[str, str]]:
    """How loud the file is, stretch by stretch."""
    found = desk().waveform(_asset(), desk().deadline())
    return {"seconds": found.seconds, "peaks": list(found.peaks), "complete": found.complete}, _PRIVATE


@pages.get("/difference.png")
def difference_picture() -> Response:
    """Where the fingerprints of a pair are equal and where not, on A's time line.

    Its place on that line stands in headers, in seconds of A.
    """
    key = read_pair(request.args)
    if key is None or (pair := desk().reviews.pairs([key]).get(key)) is None:
        raise NoSuchPair
    found = pair_difference(pair, desk().reviews.fingerprints(list(key)))
    if found is None:
        raise NotFound("one of the files has no fingerprint; their content is equal")
    end = found.start + found.unit * len(found.agreement)
    place = {"X-Start-Seconds": f"{found.start:.3f}", "X-End-Seconds": f"{end:.3f}"}
    return Response(picture(found), mimetype="image/png", headers=_PRIVATE | place)


def pair_difference(
    pair: Reviewed, fingerprints: Mapping[FileKey, tuple[NDArray[np.uint32] | None, ...]]
) -> Difference | None:
    """Of the fingerprints that both files have, the slow ones where the others are missing; None without any."""
    for place, speed in ((0, 1.0), (1, SLOW_SPEED)):
        a, b = (fingerprints.get(key, (None, None))[place] for key in pair.key)
        if a is not None and b is not None and len(a) and len(b):
            return difference(a, b, pair.duplicate.judgement, speed=speed)
    return None


def _asset() -> Asset:
    key = request.args.get("asset", ""), request.args.get("key", "")
    found = desk().reviews.files([key]).get(key)
    if found is None or not found.is_listed:
        raise NotFound(f"{key[1]!a:.200} is no file of the library")
    return Asset(*key, found.file.format, found.provider)

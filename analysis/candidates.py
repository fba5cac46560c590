"""Which copies would be candidates with the keys of a larger library: the studies' own library is a small one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.degrade import ORIGINAL, Copy
from analysis.kappa import Items
from analysis.shares import share
from audiodup.keys import SETTINGS, KeyScheme, informative, make_keys

_BUCKET_BITS = 4


def rows(copies: Sequence[Copy]) -> list[dict[str, Any]]:
    """For each class the share of its copies that are candidates, by the setting; unrelated originals last."""
    originals = {copy.track: copy for copy in copies if copy.cls == ORIGINAL}
    found = []
    for name in dict.fromkeys(copy.cls for copy in copies if copy.cls != ORIGINAL):
        pairs = [(originals[copy.track], copy) for copy in copies if copy.cls == name]
        found.append({"class": name, "pairs": len(pairs)} | _by_setting(pairs))
    unrelated = [(a, b) for a in originals.values() for b in originals.values() if a.package < b.package]
    return [*found, {"class": "unrelated", "pairs": len(unrelated)} | _by_setting(unrelated)]


def _by_setting(pairs: Sequence[tuple[Copy, Copy]]) -> dict[str, float]:
    shares = {}
    for setting in SETTINGS:
        scheme = setting.normal
        name = f"{scheme.bits} bits, 1 in {scheme.one_in}, {scheme.keys_in_common} keys"
        shares[name] = share((b.track, is_candidate(a.items, b.items, scheme)) for a, b in pairs).point
    return shares


def is_candidate(a: Items, b: Items, scheme: KeyScheme) -> bool:
    """Whether the two share enough keys in one bucket of offsets, as index/candidates.sql has it; common keys apart."""
    keys_a, places_a = make_keys(a, informative(a), scheme)
    keys_b, places_b = make_keys(b, informative(b), scheme)
    order = np.argsort(keys_b, kind="stable")
    first = np.searchsorted(keys_b[order], keys_a, "left")
    count = np.searchsorted(keys_b[order], keys_a, "right") - first
    if not count.any():
        return False
    # The meetings of each key of A: `count` places in B from `first` on.
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    offsets = places_b[order][np.repeat(first, count) + within] - np.repeat(places_a, count)
    return int(np.unique(offsets >> _BUCKET_BITS, return_counts=True)[1].max()) >= scheme.keys_in_common

"""What the review page and the report are built of, out of the parts of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from flask import Flask

from audiodup.decoder import Ffmpeg
from audiodup.pages.app import make_app
from audiodup.pages.audio import from_folder, from_providers, media_hosts
from audiodup.pages.desk import Desk
from audiodup.pages.identity import Iap
from audiodup.pages.report import report
from audiodup.parts import Parts
from audiodup.steps import Source
from audiodup.waveform import Waveforms


def review_page(parts: Parts) -> Flask:
    """The review page behind Identity-Aware Proxy."""
    return make_page(parts, Iap(parts.settings.review_audience), loopback_only=False)


def local_review_page(parts: Parts, person: str) -> Flask:
    """The same for one person on his own machine."""
    return make_page(parts, lambda _headers: person, loopback_only=True)


def make_page(parts: Parts, who: Callable[[Mapping[str, str]], str], *, loopback_only: bool) -> Flask:
    """The page; `who` tells by a request's headers who asks."""
    hosts: Sequence[str] = ()
    source: Source
    if parts.local is not None:
        source, listen = parts.folder, from_folder(parts.folder)
    else:
        # Whole files: a waveform is of all of it.
        source = api = parts.download_api(None)
        listen, hosts = from_providers(api, parts.deadline), media_hosts(api)
    return make_app(
        Desk(
            reviews=parts.reviews,
            statistics=lambda: parts.store.statistics(parts.pubsub.lease_seconds),
            listen=listen,
            waveform=Waveforms(source, Ffmpeg(parts.settings.ffmpeg, parts.runner)).of,
            who=who,
            deadline=parts.deadline,
            media_hosts=tuple(hosts),
            loopback_only=loopback_only,
        )
    )


def make_report(parts: Parts, folder: Path | None) -> Iterator[str]:
    """The pairs and groups as one HTML file, piece by piece.

    Args:
        parts: of the library.
        folder: of audio, that the embedded store shows; its name alone is told, since the file is sent to others.
    """
    settings = parts.settings
    if parts.database is None:
        over = f"{settings.snowflake_account}, {settings.snowflake_database}.{settings.snowflake_schema}"
    else:
        over = (folder or parts.database).resolve().name
    return report(parts.reviews, parts.store.statistics(parts.pubsub.lease_seconds), over)

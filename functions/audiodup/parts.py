"""Builds adapters from settings, and nothing else does.

Each adapter is imported and built when first asked for: the connector and Google's clients take seconds to import, no
function needs all of them, and `/health` needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiodup.errors import SettingsInvalid
from audiodup.once import Once
from audiodup.pubsub import PubSubConfig, read_pubsub_config
from audiodup.settings import Settings
from audiodup.steps import AudioFile, Deadline, Source

if TYPE_CHECKING:
    from audiodup.batcher import Batcher
    from audiodup.duplicates import Duplicates
    from audiodup.failures import Failures
    from audiodup.fingerprinter import AudioFingerprinter
    from audiodup.folder import LocalFolder
    from audiodup.guarded import GuardedRunner
    from audiodup.index import Index
    from audiodup.publisher import PubSubPublisher
    from audiodup.reviews import StoredReviews
    from audiodup.session import Session
    from audiodup.source import DownloadApi
    from audiodup.store import Store
    from audiodup.subscriber import PubSubSubscriber

# There an INSERT takes some 12 ms and costs nothing by the minute: a longer wait would only hold up the workers.
EMBEDDED_BATCH_MILLISECONDS = 20


class Parts:
    """Everything a function or a script is made of.

    Args:
        settings: of this process.
        database: a folder, for the embedded store instead of Snowflake.
        folder: a directory of audio files, as the source instead of the providers' download APIs.
    """

    def __init__(self, settings: Settings, *, database: Path | None = None, folder: Path | None = None) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.built: dict[str, Any] = {}
        self.database = database
        self.local = folder

    @Once
    def pubsub(self) -> PubSubConfig:
        """Names, attempts and times of Pub/Sub."""
        return read_pubsub_config(self.settings.pubsub_file, self.settings.pubsub_profile.value)

    @Once
    def secret(self) -> Callable[[str], str]:
        """Where secrets are read."""
        from audiodup.secrets import SecretFiles, SecretManager

        if self.settings.secrets == "gcp":
            return SecretManager(self.settings.google_cloud_project)
        return SecretFiles(Path(self.settings.secrets))

    @Once
    def session(self) -> Session:
        """The session with Snowflake, or with the embedded store, which is given its tables."""
        from audiodup.session import Session, connect_to_snowflake

        settings = self.settings
        if self.database is not None:
            from audiodup.embedded import open_embedded
            from audiodup.schema import apply_schema

            session = Session(
                open_embedded(self.database, database=settings.snowflake_database, schema=settings.snowflake_schema)
            )
            apply_schema(session)
            session.run("embedded/audio_asset")
            return session

        def connect() -> Any:
            key = settings.snowflake_private_key
            return connect_to_snowflake(
                account=settings.snowflake_account,
                database=settings.snowflake_database,
                schema=settings.snowflake_schema,
                user=settings.snowflake_user,
                role=settings.snowflake_role,
                warehouse=settings.snowflake_warehouse,
                # Read at each sign-in, so that a rotated key needs no restart.
                private_key=self.secret(key).encode() if key else None,
                host=settings.snowflake_host,
                port=settings.snowflake_port,
                protocol=settings.snowflake_protocol,
                login_seconds=settings.snowflake_login_seconds,
                network_seconds=settings.snowflake_network_seconds,
                socket_seconds=settings.snowflake_socket_seconds,
            )

        return Session(connect)

    @Once
    def store(self) -> Store:
        """The store."""
        from audiodup.store import Store

        return Store(self.session)

    @Once
    def index(self) -> Index:
        """What duplicates are found by."""
        from audiodup.index import Index

        return Index(self.session, fingerprint_seconds=self.settings.fingerprint_seconds)

    @Once
    def duplicates(self) -> Duplicates:
        """Where pairs and groups are kept."""
        from audiodup.duplicates import Duplicates

        return Duplicates(self.session)

    @Once
    def reviews(self) -> StoredReviews:
        """What people say of pairs."""
        from audiodup.reviews import StoredReviews

        return StoredReviews(self.session)

    @Once
    def failures(self) -> Failures:
        """What has FAILED."""
        from audiodup.failures import Failures

        return Failures(self.session)

    @Once
    def inbox(self) -> Batcher:
        """The store's inbox, shared by the requests of this instance."""
        from audiodup.batcher import Batcher
        from audiodup.rows import storable

        milliseconds = self.settings.batch_milliseconds
        if self.database is not None:
            milliseconds = min(milliseconds, EMBEDDED_BATCH_MILLISECONDS)
        return Batcher(
            storable,
            self.store.append,
            outcomes=self.settings.batch_outcomes,
            milliseconds=milliseconds,
            # Refused data are stored a second time, without what was refused.
            patience=self.settings.store_seconds / 2,
        )

    @Once
    def publisher(self) -> PubSubPublisher:
        """The topics."""
        from audiodup.publisher import PubSubPublisher

        return PubSubPublisher(
            project=self._topics_project(),
            request_topic=self.pubsub.request_topic,
            dead_letter_topic=self.pubsub.dead_letter_topic,
            seconds=self.settings.publish_seconds,
        )

    @Once
    def dead_letters(self) -> PubSubSubscriber:
        """Where dead letters wait for a person."""
        from audiodup.subscriber import PubSubSubscriber

        return PubSubSubscriber(project=self._topics_project(), subscription=self.pubsub.dead_letter_pull)

    @Once
    def folder(self) -> LocalFolder:
        """The folder that was given as the source."""
        from audiodup.container import is_audio
        from audiodup.folder import LocalFolder

        if self.local is None:
            raise SettingsInvalid("no folder was given")
        return LocalFolder(self.local, is_audio, max_file_bytes=self.settings.max_file_bytes)

    @Once
    def source(self) -> Source:
        """Where audio files come from: the folder, or the providers' download APIs."""
        if self.local is not None:
            return self.folder
        return self.download_api(self.fingerprinter.needs if self.settings.partial_downloads else None)

    def download_api(self, needs: Callable[[AudioFile], Sequence[tuple[int, int]]] | None) -> DownloadApi:
        """The providers' download APIs; `needs` as `source.DownloadApi` has it."""
        from audiodup.source import DownloadApi

        settings = self.settings
        return DownloadApi(
            settings.providers,
            self.secret,
            api_seconds=settings.api_seconds,
            download_seconds=settings.download_seconds,
            max_file_bytes=settings.max_file_bytes,
            files_in_flight_bytes=settings.files_in_flight_bytes,
            allow_loopback=settings.allow_loopback,
            needs=needs,
        )

    @Once
    def runner(self) -> GuardedRunner:
        """What fpcalc and ffmpeg run under: one queue for the CPUs."""
        from audiodup.guarded import GuardedRunner

        settings = self.settings
        return GuardedRunner(
            processes=settings.fpcalc_processes,
            wall_seconds=settings.fpcalc_seconds,
            cpu_seconds=settings.fpcalc_cpu_seconds,
            memory_bytes=settings.fpcalc_memory_bytes,
        )

    @Once
    def fingerprinter(self) -> AudioFingerprinter:
        """fpcalc and ffmpeg."""
        from audiodup.chromaprint import Fpcalc
        from audiodup.decoder import Ffmpeg
        from audiodup.fingerprinter import AudioFingerprinter

        settings = self.settings
        fpcalc = Fpcalc(settings.fpcalc, self.runner, seconds=settings.fingerprint_seconds)
        return AudioFingerprinter(fpcalc, Ffmpeg(settings.ffmpeg, self.runner), self.runner)

    def deadline(self) -> Deadline:
        """The time one request has for all but storing its outcome."""
        return Deadline(self.settings.request_seconds - self.settings.store_seconds)

    def project(self) -> str:
        """The Google Cloud project, for traces."""
        return self.settings.google_cloud_project

    def _topics_project(self) -> str:
        if not self.settings.google_cloud_project:
            raise SettingsInvalid("GOOGLE_CLOUD_PROJECT is not set: it is the project of the topics")
        return self.settings.google_cloud_project

    def hurry(self) -> None:
        """Store what waits to share a statement."""
        if "inbox" in self.built:
            self.inbox.hurry()

    def interrupt(self) -> None:
        """Kill what children still run; their requests end with INTERRUPTED and are delivered again."""
        if "runner" in self.built:
            self.runner.kill_all()

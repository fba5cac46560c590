"""The only place that reads settings and builds adapters from them.

Each adapter is imported and built when first asked for: the connector and Google's clients take seconds to import, no
function needs all of them, and `/health` needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from audiodup import logs
from audiodup.pubsub import PubSubConfig, read_pubsub_config
from audiodup.settings import Settings, read_settings
from audiodup.steps import Deadline

if TYPE_CHECKING:
    from audiodup.batcher import Batcher
    from audiodup.chromaprint import Fpcalc
    from audiodup.folder import LocalFolder
    from audiodup.publisher import PubSubPublisher
    from audiodup.session import Session
    from audiodup.source import DownloadApi
    from audiodup.store import Store

T = TypeVar("T")


class _Once(Generic[T]):
    """A property that is computed once, also when many threads ask at the same time."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, parts: None, owner: type) -> _Once[T]: ...
    @overload
    def __get__(self, parts: object, owner: type) -> T: ...
    def __get__(self, parts: Any, owner: type) -> T | _Once[T]:
        if parts is None:
            return self
        with parts.lock:
            if self._name not in parts.built:
                parts.built[self._name] = self._build(parts)
            value: T = parts.built[self._name]
            return value


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
        self._database = database
        self._folder = folder

    @_Once
    def pubsub(self) -> PubSubConfig:
        """Names, attempts and times of Pub/Sub."""
        return read_pubsub_config(self.settings.pubsub_file, self.settings.pubsub_profile.value)

    @_Once
    def secret(self) -> Callable[[str], str]:
        """Where secrets are read."""
        from audiodup.secrets import SecretFiles, SecretManager

        if self.settings.secrets == "gcp":
            return SecretManager(self.settings.google_cloud_project)
        return SecretFiles(Path(self.settings.secrets))

    @_Once
    def session(self) -> Session:
        """The session with Snowflake, or with the embedded store."""
        from audiodup.session import Session, connect_to_snowflake

        settings = self.settings
        if self._database is not None:
            from audiodup.embedded import open_embedded

            return Session(
                open_embedded(
                    self._database, database=settings.snowflake_database, schema=settings.snowflake_schema
                )
            )

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

    @_Once
    def store(self) -> Store:
        """The store; the embedded one is given its tables."""
        from audiodup.schema import apply_schema
        from audiodup.store import Store

        if self._database is not None:
            apply_schema(self.session)
            self.session.run("embedded/audio_asset")
        return Store(self.session)

    @_Once
    def inbox(self) -> Batcher:
        """The store's inbox, shared by the requests of this instance."""
        from audiodup.batcher import Batcher

        return Batcher(
            self.store.append,
            outcomes=self.settings.batch_outcomes,
            milliseconds=self.settings.batch_milliseconds,
        )

    @_Once
    def publisher(self) -> PubSubPublisher:
        """The topics."""
        from audiodup.publisher import PubSubPublisher

        return PubSubPublisher(
            project=self.settings.google_cloud_project,
            request_topic=self.pubsub.request_topic,
            dead_letter_topic=self.pubsub.dead_letter_topic,
            seconds=self.settings.publish_seconds,
        )

    @_Once
    def fingerprinter(self) -> Fpcalc:
        """fpcalc."""
        from audiodup.chromaprint import Fpcalc

        settings = self.settings
        return Fpcalc(
            program=settings.fpcalc,
            seconds=settings.fingerprint_seconds,
            processes=settings.fpcalc_processes,
            wall_seconds=settings.fpcalc_seconds,
            cpu_seconds=settings.fpcalc_cpu_seconds,
            memory_bytes=settings.fpcalc_memory_bytes,
        )

    def deadline(self) -> Deadline:
        """The time one request has."""
        return Deadline(self.settings.request_seconds)

    def project(self) -> str:
        """The Google Cloud project, for traces."""
        return self.settings.google_cloud_project

    def interrupt(self) -> None:
        """Kill what children still run; their requests end with INTERRUPTED and are delivered again."""
        if "fingerprinter" in self.built:
            self.fingerprinter.kill_all()


_process_parts: Parts | None = None
_process_lock = threading.Lock()


def parts() -> Parts:
    """The parts of this process, from its environment: what the functions use. Sets up logging too.

    Raises:
        SettingsInvalid: naming each setting that is wrong.
    """
    global _process_parts  # noqa: PLW0603 - one process, one set of parts
    with _process_lock:
        if _process_parts is None:
            settings = read_settings()
            logs.configure(settings.log_level)
            _process_parts = Parts(settings)
        return _process_parts

"""Fills the index from AUDIO_FINGERPRINT: a page at a time, read, decoded, and loaded as Parquet.

Who changes the index first updates the one row of AUDIO_INDEX_STATE, whose number GENERATION tells everyone else that
it has changed; a process killed or stopped anywhere leaves whole pages or nothing, and the next one goes on from there.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from audiodup.errors import Conflict, IndexMismatch
from audiodup.index_rows import Making, Page, Refused, as_json, in_parts, make_page, read_page
from audiodup.keys import Setting, setting_for, setting_of
from audiodup.rows import database_time
from audiodup.session import Session

PAGE = 20_000
"""Files read, decoded and loaded together: some 70 MB of text, and files that Snowflake loads well."""
COUNTED = 10_000
"""The keys of so many new files are all counted; where more are new, an eighth of them tells which keys to count."""
REFUSED_NAMED = 20


@dataclass(slots=True)
class Filled:
    """What a filling did, in files."""

    indexed: int = 0
    removed: int = 0
    """Rows of files that left the library or changed; those that changed are among the indexed again."""
    refused: int = 0
    """Files that cannot be compared with the others."""
    refused_first: list[Refused] = field(default_factory=list)
    stopped: bool = False
    """There is more to do, or which keys are too common is not known yet: the index is not to be matched."""


class Filling:
    """What changes the index; see Index for the arguments."""

    def __init__(self, session: Session, *, algorithm: int, fingerprint_seconds: int, setting: Setting | None) -> None:
        self._session = session
        self._algorithm = algorithm
        self._seconds = fingerprint_seconds
        self._setting = setting

    def fill(self, stop: Callable[[], bool] = lambda: False) -> Filled:
        """Bring the index up to date with AUDIO_FINGERPRINT and AUDIO_ASSET.

        Args:
            stop: asked after each page, so that every call adds one; when it says so the rest is left to the next.

        Raises:
            IndexMismatch: the index was made otherwise than this program would make it for this library.
            Conflict: another process changes the index.
        """
        generation, making = self.open()
        filled = Filled(removed=self._drop_stale(generation))
        last = ("", "")
        while True:
            # Read before the page: what others add later makes this page void.
            generation = self.state()[0]
            rows = self._session.run(
                "index/page",
                algorithm=making.algorithm,
                fingerprint_seconds=making.fingerprint_seconds,
                after_asset_id=last[0],
                after_file_key=last[1],
                at_most=PAGE,
            )
            if not rows:
                break
            decoded, refused = read_page(rows, making)
            filled.refused += len(refused)
            filled.refused_first += refused[: REFUSED_NAMED - len(filled.refused_first)]
            if decoded:
                self.load(make_page(decoded, making), generation)
            filled.indexed += len(rows) - len(refused)
            last = (rows[-1][0], rows[-1][1])
            if stop():
                filled.stopped = True
                return filled
        self.find_common_keys(making)
        return filled

    def forget(self) -> None:
        """Empty the index; the next filling makes it anew, as suits the library's size by then."""
        with self._session.transaction():
            self._lock(None)
            for name in ("forget_state", "forget_tracks", "forget_keys", "forget_common_keys"):
                self._session.run(f"index/{name}")

    def load(self, page: Page, generation: int) -> None:
        """Add rows to the index, all or none.

        Args:
            page: of files that the index did not have when it was at this generation.
            generation: then.

        Raises:
            Conflict: another process has changed the index since.
        """
        known = self._known(page)
        moment = self._session.run("clock")[0][0]
        with tempfile.TemporaryDirectory(prefix="audiodup-index-") as name:
            folder = Path(name)
            keys, tracks = folder / f"{uuid.uuid4().hex}.parquet", folder / f"{uuid.uuid4().hex}.parquet"
            any_keys = page.write_keys(keys, known)
            page.write_tracks(tracks, generation + 1, database_time(moment))
            for file in (keys, tracks) if any_keys else (tracks,):
                self._session.run("index/put", file=f"file://{file}")
            with self._session.transaction():
                self._lock(generation)
                if any_keys:
                    self._session.run("index/load_keys", staged=f"@AUDIO_INDEX_STAGE/{keys.name}")
                self._session.run("index/load_tracks", staged=f"@AUDIO_INDEX_STAGE/{tracks.name}")

    def open(self) -> tuple[int, Making]:
        """Generation and making of the index; an empty one is told how it will be made.

        Raises:
            IndexMismatch, Conflict: as `fill`.
        """
        generation, version, algorithm, seconds = self.state()
        files = int(self._session.run("index/fingerprinted")[0][0])
        if version is None:
            making = Making(self._setting or setting_for(files), self._algorithm, self._seconds)
            with self._session.transaction():
                self._lock(generation)
                self._session.run(
                    "index/begin",
                    key_version=making.setting.normal.version,
                    algorithm=making.algorithm,
                    fingerprint_seconds=making.fingerprint_seconds,
                )
            return generation + 1, making
        setting = self.setting_of(version)
        problems = []
        if setting is None:
            problems.append(f"has keys of version {version}, which this version does not make")
        elif files > 2 * setting.tracks:
            problems.append(f"was made for up to {setting.tracks:,} files, and there are {files:,}")
        if algorithm != self._algorithm:
            problems.append(f"has fingerprints of algorithm {algorithm}, not {self._algorithm}")
        if seconds != self._seconds:
            problems.append(f"has fingerprints of {seconds} s, FINGERPRINT_SECONDS is {self._seconds}")
        if seconds != self._seconds:
            raise IndexMismatch(
                f"the index {'; '.join(problems)}: set it back, or fingerprint the files again (the processor's "
                "`--reprocess`) and then match with `--all`"
            )
        if setting is None or problems:
            raise IndexMismatch(f"the index {'; '.join(problems)}: `--all` makes it anew")
        return generation, Making(setting, self._algorithm, self._seconds)

    def setting_of(self, version: str) -> Setting | None:
        """The setting that makes keys of this version; None where this program makes none."""
        if self._setting is not None:
            return self._setting if self._setting.normal.version == version else None
        return setting_of(version)

    def _drop_stale(self, generation: int) -> int:
        with self._session.transaction():
            self._lock(generation)
            [(removed, *_)] = self._session.run("index/drop_stale_tracks")
            if removed:
                self._session.run("index/drop_stale_keys")
            self._session.run("index/drop_stale_pairs")
        return int(removed)

    def find_common_keys(self, making: Making) -> None:
        """Leave out of the candidates what has become too common; the last step of a filling."""
        with self._session.transaction():
            self._lock(None)
            [(files, matched)] = self._session.run("index/progress")
            mostly_new = files - matched > max(matched, COUNTED)
            name = "index/common_keys_of_all" if mostly_new else "index/common_keys"
            self._session.run(name, common_key=making.setting.normal.common_key)

    def state(self) -> tuple[int, str | None, int | None, int | None]:
        """Generation of the index, and the key version, algorithm and seconds it is made with; None of an empty one."""
        [(generation, version, algorithm, seconds)] = self._session.run("index/state")
        return int(generation), version, algorithm, seconds

    def _lock(self, generation: int | None) -> None:
        """Make the open transaction the one that changes the index, if that is still at `generation`."""
        self._session.run("index/lock")
        if generation is not None and self.state()[0] != generation + 1:
            raise Conflict("another process has changed the index meanwhile")

    def _known(self, page: Page) -> set[int]:
        return {
            int(row[0])
            for part in in_parts(page.track_ids.tolist())
            for row in self._session.run("index/known_tracks", track_ids=as_json(part))
        }

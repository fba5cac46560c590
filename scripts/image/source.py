"""What the image is made of, and the tag that follows from it.

The tag is the source: who finds it in the registry need not build, on whatever machine it was built.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

DOCKERFILE = Path("functions/Dockerfile")
_BESIDE = (DOCKERFILE, Path("infra/pubsub.json"), Path("requirements.lock"), Path("LICENSE"))
# Only what is meant to be there: a folder of sources collects caches, editors' copies and secrets.
_KINDS = {".py", ".sql", ".html", ".css", ".js", ".LICENSE"}
_TAG_DIGITS = 16


def source_files(root: Path) -> list[Path]:
    """The relative paths of all that goes into the image, sorted.

    Raises:
        FileNotFoundError: `root` is no checkout of this project.
    """
    functions = root / "functions"
    found = {path.relative_to(root) for path in functions.rglob("*") if path.suffix in _KINDS and path.is_file()}
    visible = {path for path in found if not any(part.startswith(".") for part in path.parts)}
    for path in _BESIDE:
        # Says which file is missing.
        (root / path).stat()
    return sorted(visible.union(_BESIDE), key=Path.as_posix)


def source_tag(root: Path) -> str:
    """`src-` and the beginning of SHA-256 over each file's path, content and executable bit.

    Raises:
        FileNotFoundError: `root` is no checkout of this project.
    """
    digest = hashlib.sha256()
    for path in source_files(root):
        content = hashlib.sha256((root / path).read_bytes()).hexdigest()
        digest.update(f"{path.as_posix()}\0{_mode(root / path):o}\0{content}\n".encode())
    return "src-" + digest.hexdigest()[:_TAG_DIGITS]


def copy_source(root: Path, folder: Path) -> None:
    """Make `folder` the build's context: these files and no others, so that what is hashed is what is built."""
    for path in source_files(root):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
        target.chmod(_mode(root / path))


def _mode(path: Path) -> int:
    """What the image is given for a file's mode: a checkout's other bits are its owner's umask."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644

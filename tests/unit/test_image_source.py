"""The image's sources: which they are, the tag that follows from them, and the Dockerfile that takes them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.test_locks import read_lock

from image.source import DOCKERFILE, copy_source, source_files, source_tag

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTIONS = re.sub(r"\\\n", " ", (ROOT / DOCKERFILE).read_text()).splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project."""
    tree = tmp_path / "tree"
    for name, text in {
        "functions/Dockerfile": "FROM x\n",
        "functions/fingerprint.py": "print()\n",
        "functions/audiodup/store.py": "",
        "functions/audiodup/sql/clock.sql": "SELECT 1\n",
        "infra/pubsub.json": "{}\n",
        "requirements.lock": "numpy==2\n",
        "LICENSE": "MIT\n",
    }.items():
        write(tree / name, text)
    return tree


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def test_all_of_the_functions_is_in_the_image() -> None:
    """A new kind of file would otherwise be missing there, and nowhere else."""
    found = {
        path.relative_to(ROOT)
        for path in (ROOT / "functions").rglob("*")
        if path.is_file() and not re.search(r"__pycache__|\.egg-info|/\.", path.as_posix().removeprefix(str(ROOT)))
    }
    beside = {Path("infra/pubsub.json"), Path("requirements.lock"), Path("LICENSE")}
    assert set(source_files(ROOT)) == found | beside


def test_the_tag_is_the_same_everywhere(tree: Path) -> None:
    """Known here by its value: every machine that has these files computes it."""
    assert [path.as_posix() for path in source_files(tree)] == [
        "LICENSE",
        "functions/Dockerfile",
        "functions/audiodup/sql/clock.sql",
        "functions/audiodup/store.py",
        "functions/fingerprint.py",
        "infra/pubsub.json",
        "requirements.lock",
    ]
    assert source_tag(tree) == "src-7a0165759a933046"


@pytest.mark.parametrize(
    "name",
    [
        "functions/audiodup/__pycache__/store.cpython-311.pyc",
        "functions/audiodup.egg-info/PKG-INFO",
        "functions/.env",
        "functions/.#store.py",
        "functions/.venv/lib/x.py",
        "functions/audiodup/store.py~",
        "functions/notes.txt",
        "infra/main.tf",
        "README.md",
        "scripts/x.py",
        "tests/x.py",
    ],
)
def test_what_lies_beside_them_is_not_in_it(tree: Path, name: str) -> None:
    """Caches, editors' files, secrets: neither in the tag nor in the image."""
    before = source_tag(tree)
    write(tree / name, "x")
    assert Path(name) not in source_files(tree)
    assert source_tag(tree) == before


def test_a_checkouts_other_bits_do_not_matter(tree: Path) -> None:
    """One person's umask lets the group write, another's lets nobody read."""
    before = source_tag(tree)
    (tree / "functions/fingerprint.py").chmod(0o600)
    (tree / "functions/audiodup/store.py").chmod(0o666)
    assert source_tag(tree) == before


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda tree: write(tree / "functions/fingerprint.py", "print( )\n"),
    "a name": lambda tree: (tree / "functions/fingerprint.py").rename(tree / "functions/fingerprints.py"),
    "the executable bit": lambda tree: (tree / "functions/fingerprint.py").chmod(0o755),
    "a new module": lambda tree: write(tree / "functions/audiodup/new.py", ""),
    "a module less": lambda tree: (tree / "functions/audiodup/store.py").unlink(),
    "text of one file in another": lambda tree: (
        write(tree / "functions/fingerprint.py", ""),
        write(tree / "functions/audiodup/store.py", "print()\n"),
    ),
    "a statement": lambda tree: write(tree / "functions/audiodup/sql/clock.sql", "SELECT 2\n"),
    "a page": lambda tree: write(tree / "functions/audiodup/pages/templates/pair.html", "<p>"),
    "its style": lambda tree: write(tree / "functions/audiodup/pages/static/page.css", "p {}"),
    "its script": lambda tree: write(tree / "functions/audiodup/pages/static/page.js", "1"),
    "a licence of what is copied": lambda tree: write(tree / "functions/audiodup/pages/static/vendor/x.LICENSE", "BSD"),
    "the Dockerfile": lambda tree: write(tree / "functions/Dockerfile", "FROM y\n"),
    "the lock": lambda tree: write(tree / "requirements.lock", "numpy==3\n"),
    "the names of topics": lambda tree: write(tree / "infra/pubsub.json", "[]\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_the_sources_changes_the_tag(tree: Path, change: Callable[[Path], object]) -> None:
    """Otherwise a deployment would go on with the old image."""
    before = source_tag(tree)
    change(tree)
    assert source_tag(tree) != before


def test_the_context_is_what_was_hashed(tree: Path, tmp_path: Path) -> None:
    """Nothing else, and with the same modes whatever the checkout's are."""
    (tree / "functions/fingerprint.py").chmod(0o700)
    (tree / "functions/audiodup/store.py").chmod(0o600)
    write(tree / "functions/.env", "TOKEN=x")
    context = tmp_path / "context"
    copy_source(tree, context)
    files = {path.relative_to(context): path.stat().st_mode & 0o777 for path in context.rglob("*") if path.is_file()}
    assert sorted(files, key=Path.as_posix) == source_files(tree)
    assert {path.name for path, mode in files.items() if mode == 0o755} == {"fingerprint.py"}
    assert set(files.values()) == {0o755, 0o644}
    assert source_tag(context) == source_tag(tree)


@pytest.mark.parametrize("name", ["functions/Dockerfile", "infra/pubsub.json", "requirements.lock", "LICENSE"])
def test_a_missing_file_is_named(tree: Path, name: str) -> None:
    """An image without it would fail much later, or lie."""
    (tree / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        source_tag(tree)


def test_a_folder_that_is_no_checkout_has_no_tag(tmp_path: Path) -> None:
    """Nothing hashed is a hash too."""
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError):
        source_tag(tmp_path)


def test_the_image_is_made_by_the_uv_that_made_the_lock() -> None:
    """Pinned once in requirements-dev.lock; the Dockerfile cannot read it there."""
    [pinned] = [
        entry.version for entry in read_lock((ROOT / "requirements-dev.lock").read_text()) if entry.name == "uv"
    ]
    assert f"ARG UV_VERSION={pinned}" in INSTRUCTIONS


def test_the_dockerfile_copies_nothing_else() -> None:
    """What it takes is in the tag, or from another stage."""
    copied = [line.split()[1:-1] for line in INSTRUCTIONS if line.startswith("COPY ") and "--from=" not in line]
    assert len(copied) >= 4
    files = {parent for path in source_files(ROOT) for parent in (path, *path.parents)}
    assert [name for names in copied for name in names if Path(name) not in files] == []
    assert not [line for line in INSTRUCTIONS if line.startswith("ADD ")]


def test_the_image_runs_as_a_number_and_not_through_a_shell() -> None:
    """Cloud Run's SIGTERM reaches gunicorn itself."""
    [user] = [line.split()[1] for line in INSTRUCTIONS if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    [command] = [line for line in INSTRUCTIONS if line.startswith("CMD ")]
    assert command.startswith('CMD ["gunicorn", ')

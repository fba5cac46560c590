"""The part of the dependency rule that import-linter cannot hold, since it takes packages only, and modules that exist.

Read from the syntax tree, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "functions" / "audiodup"

DOORS = {"wiring", "steps", "matching", "model", "errors", "messages", "texts"}
"""What of audiodup the entry points and the scripts may import."""

MEANING: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "messages": set(),
    "steps": set(),
    "matching": {"numpy"},
    "verdict": set(),
    "groups": set(),
    "reviewing": set(),
    "decisions": set(),
    "texts": set(),
    "keep": set(),
    "pairing": set(),
    "chance": set(),
    "difference": {"numpy", "PIL"},
    **{name: {"numpy"} for name in ("screening", "alignment", "coverage", "agreement", "lines", "frames", "keys")},
}
"""Modules that import nothing but the standard library, audiodup and these."""

PARTS = {
    "session": {"store", "schema", "embedded", "index", "index_filling", "duplicates", "failures", "reviews"},
    "rows": {"store", "index_filling", "duplicates", "failures", "reviews"},
    "index_filling": {"index"},
    "index_rows": {"index", "index_filling"},
    "batcher": {"store"},
    "chromaprint": {"fingerprinter"},
    "decoder": {"fingerprinter", "waveform"},
    "slowed": {"fingerprinter"},
    "bandwidth": {"fingerprinter"},
    "wav_piece": {"fingerprinter"},
    "sound": {"fingerprinter", "decoder", "slowed", "bandwidth", "wav_piece"},
    "container": {"fingerprinter", "waveform"},
    "headers": {"container", "wav_piece"},
    "compressed": {"chromaprint", "index", "index_rows", "reviews"},
    "guarded": {"fingerprinter", "chromaprint", "decoder"},
    "prefix": {"fingerprinter"},
    "answers": {"source"},
    "network": {"source", "answers", "pages"},
    "connections": {"source", "network"},
    "addresses": {"source", "providers", "network", "connections", "pages"},
    "providers": {"source"},
    "json_pointer": {"source", "providers"},
    "tempfiles": {"source", "fingerprinter"},
    "listing": {"folder"},
    "opened": {"source", "folder", "tempfiles"},
}
"""Parts of an adapter and who, next to BUILDERS, may import them."""
BUILDERS = {"parts", "page_parts", "wiring"}


def imported(code: str, package: str = "") -> Iterator[str]:
    """Dotted names of all that `code`, a module of `package`, imports at any depth; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"__import__", "import_module"}:
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def audiodup_modules(code: str, package: str = "") -> set[str]:
    """The modules of audiodup that `code` imports; "" is the package itself, through which all can be reached."""
    names = (name.split(".") for name in imported(code, package))
    return {[*parts, ""][1] for parts in names if parts[0] == "audiodup"}


def forbidden(code: str, allowed: Iterable[str]) -> set[str]:
    """What `code`, outside audiodup, imports of it without being allowed to."""
    return audiodup_modules(code) - set(allowed)


def foreign(code: str, allowed: Iterable[str]) -> set[str]:
    """What `code` imports that is neither the standard library's nor audiodup's nor allowed."""
    tops = {name.split(".")[0] for name in imported(code, "audiodup")}
    return tops - sys.stdlib_module_names - {"audiodup"} - set(allowed)


def by_name(paths: Iterable[Path]) -> object:
    """Parametrise over files, named as people name them."""
    paths = sorted(paths)
    return pytest.mark.parametrize("path", paths, ids=[str(path.relative_to(ROOT)) for path in paths])


# Snowflake's stand-in and the embedded store both turn DuckDB's errors into Snowflake's: written once, in the adapter.
EXCEPTIONS = {"warehouse_server.py": {"embedded"}}


@by_name((ROOT / "functions").glob("*.py"))
def test_entry_points_know_only_the_doors_and_how_to_serve(path: Path) -> None:
    """A function decodes, calls one step and answers; it builds no adapter."""
    assert not forbidden(path.read_text(), DOORS | {"serving"})


@by_name((ROOT / "scripts").rglob("*.py"))
def test_scripts_know_only_the_doors(path: Path) -> None:
    """A command line gets its adapters from wiring, as the functions do."""
    assert not forbidden(path.read_text(), DOORS | EXCEPTIONS.get(path.name, set()))


@by_name(path for path in PACKAGE.glob("*.py") if path.stem in MEANING)
def test_what_the_system_means_needs_the_standard_library_only(path: Path) -> None:
    """Even an SDK that nobody thought of when the list in pyproject.toml was written is found."""
    assert not foreign(path.read_text(), MEANING[path.stem])


@by_name(PACKAGE.rglob("*.py"))
def test_the_parts_of_an_adapter_are_its_own(path: Path) -> None:
    """The publisher opens no session, a script sniffs no container."""
    used = audiodup_modules(path.read_text(), ".".join(path.relative_to(PACKAGE.parent).parent.parts))
    place = path.relative_to(PACKAGE).with_suffix("").parts[0]
    strangers = {part for part, owners in PARTS.items() if part in used and place not in owners | {part, *BUILDERS}}
    assert not strangers


@by_name([*(ROOT / "functions").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
def test_production_code_imports_neither_studies_nor_tests(path: Path) -> None:
    """What is deployed does not hold analysis/ and tests/."""
    assert not {name.split(".")[0] for name in imported(path.read_text())} & {"analysis", "tests"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from audiodup.store import Store", {"store"}),
        ("from audiodup import store, wiring", {"store"}),
        ("import audiodup.store as s", {"store"}),
        ("import audiodup", {""}),
        ("def f():\n    from audiodup.settings import Settings", {"settings"}),
        ("from importlib import import_module\nimport_module('audiodup.store')", {"store"}),
        ("from .store import Store", set()),
        ("from audiodup.wiring import build\nfrom audiodup.steps import Deadline\nimport json, audiodupe", set()),
    ],
)
def test_the_rule_finds_each_way_to_import(code: str, found: set[str]) -> None:
    """A rule that cannot fail says nothing."""
    assert forbidden(code, DOORS) == found


def test_relative_imports_inside_audiodup_are_found() -> None:
    """However deep the module stands."""
    assert audiodup_modules("from .session import Session\nfrom . import rows", "audiodup") == {"session", "rows"}
    assert audiodup_modules("from ..session import Session\nfrom .reader import Reader", "audiodup.headers") == {
        "session",
        "headers",
    }


def test_the_rule_finds_an_sdk() -> None:
    """The same for the standard library."""
    code = "import json\nimport numpy as np\ndef f():\n    from google.cloud import pubsub_v1"
    assert foreign(code, {"numpy"}) == {"google"}

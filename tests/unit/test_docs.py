"""README.md and docs/ say what is so: generated pages are current, and what the others name exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents import DOCUMENTS, ROOT, anchors, blocks, commands, inline_code, links, matches, prose
from typer.testing import CliRunner

import audiodup
import generate_docs
from audiodup import wiring
from audiodup.errors import AudioDupError, stored_codes
from audiodup.model import Action, Review, Verdict
from audiodup.schema import ASSET_COLUMNS, expected_columns
from documentation import errors as errors_page
from documentation import schema as schema_page
from documentation import settings as settings_page

PACKAGE = ROOT / "functions" / "audiodup"
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
SETTINGS = {name.upper() for name in wiring.settings_model().model_fields}
VARIABLES = SETTINGS | settings_page.OTHERS.keys() | settings_page.MAKE.keys()
NO_SETTINGS = {
    "CLOUD_RUN_TIMEOUT_SECONDS",
    "CURRENT_TIMESTAMP",
    "LOCK_TIMEOUT",
    "PARSE_JSON",
    "TIMESTAMP_NTZ",
} | {word.value for words in (Verdict, Action, Review) for word in words}
"""Names in capitals, of SQL and of others, that the documents mention and that are no settings."""

MADE_BY_THE_READER = {"infra/terraform.tfvars", "infra/bootstrap/terraform.tfvars", "infra/bootstrap/backend.tf"}
"""Files that the documents tell the reader to make."""

by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])


@pytest.mark.parametrize("name", generate_docs.PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    """`make docs` was run after the last change of what they are made from."""
    assert (ROOT / name).read_text() == generate_docs.rendered()[name], "run `make docs`"


def test_check_names_the_stale_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And exits 1; without --check it writes it, and then all is well."""
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    for folder in ("docs", "infra"):
        (tmp_path / folder).mkdir()
    run = CliRunner().invoke
    assert run(generate_docs.app, []).exit_code == 0
    assert run(generate_docs.app, ["--check"]).exit_code == 0
    (tmp_path / "docs/errors.md").write_text("# Errors\n")
    stale = run(generate_docs.app, ["--check", "--json"])
    assert stale.exit_code == 1
    assert "docs/errors.md" in stale.stderr
    assert "docs/settings.md" not in stale.stderr
    assert json.loads(stale.stdout.splitlines()[-1]) == {"summary": {"pages": 5, "stale": 1, "written": 0}}
    assert (tmp_path / "docs/errors.md").read_text() == "# Errors\n"


def test_every_setting_is_in_its_table() -> None:
    """Once, with a meaning, below one of the headings of settings.py."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.+) \| (.+) \| (.+) \|$", generate_docs.rendered()["docs/settings.md"], re.MULTILINE
    )
    assert [name for name, *_ in rows] == [name.upper() for name in wiring.settings_model().model_fields]
    assert all(cell.strip() for row in rows for cell in row)


def test_the_example_of_providers_is_one() -> None:
    """It is taken as it stands in the page, and shows every field."""
    [example] = [block for block in blocks(settings_page.render()) if block.language == "json"]
    providers = wiring.settings_model()(providers=example.text).providers
    assert providers.keys() == settings_page.EXAMPLE.keys()
    assert set(settings_page.EXAMPLE["artlist"]) == set(type(providers["artlist"]).model_fields)


def test_variables_of_make_are_those_of_the_makefile() -> None:
    """And the variables that the functions' own code reads itself are named."""
    for name in settings_page.MAKE:
        assert re.search(rf"\$[({{]?{name}\b", MAKEFILE), name
    read = {name for path in PACKAGE.rglob("*.py") for name in variables_read(path.read_text())}
    assert read
    assert read <= VARIABLES


def variables_read(code: str) -> Iterator[str]:
    """Names that code takes from the environment itself."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Call, ast.Subscript, ast.Compare)) and "environ" in ast.unparse(node):
            yield from (
                constant.value
                for constant in ast.walk(node)
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
            )


def test_every_error_code_has_a_row() -> None:
    """Also that of a class which an adapter declares: all modules are imported to find it."""
    for module in pkgutil.walk_packages(audiodup.__path__, "audiodup."):
        importlib.import_module(module.name)
    codes = [error.code for error in subclasses(AudioDupError) if "code" in vars(error)]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \|$", errors_page.render(), re.MULTILINE)
    assert sorted(codes) == sorted(code for code, *_ in rows)
    assert len(set(codes)) == len(codes)
    assert all(cell.strip() for row in rows for cell in row), "an error has a docstring and a remedy"


def subclasses(base: type[AudioDupError]) -> Iterator[type[AudioDupError]]:
    for child in base.__subclasses__():
        if child.__module__.startswith("audiodup"):
            yield child
            yield from subclasses(child)


def test_every_error_that_is_raised_has_a_code() -> None:
    """Its own or that of the class above it, and never the base's."""
    for error in subclasses(AudioDupError):
        kinds = set(errors_page.KINDS)
        assert error in kinds or error.code != AudioDupError.code, error
        assert kinds & set(inspect.getmro(error)), error


def test_every_column_has_its_meaning_and_every_table_its_writer() -> None:
    """And nothing is explained that is not there; the columns read here are those that the schema check reads."""
    relations = {relation.name: relation for relation in schema_page.relations()}
    columns = {name: [column for column, _ in relation.columns] for name, relation in relations.items()}
    tables = {name for name, relation in relations.items() if relation.kind == "TABLE"}
    assert {name: columns[name] for name in tables} == expected_columns()
    named = {column for table in columns.values() for column in table} | set(ASSET_COLUMNS)
    assert named == schema_page.MEANINGS.keys()
    assert all(relation.comment for relation in relations.values())
    assert schema_page.writers_by_table().keys() == tables | {"AUDIO_ASSET"}
    used = {writer for writers in schema_page.writers_by_table().values() for writer in writers}
    assert used == set(schema_page.WRITERS.values())


@by_document
def test_capital_names_are_variables_that_exist(document: Path) -> None:
    """A setting that was renamed, or never was, is found in whatever text still has the old name."""
    known = VARIABLES | NO_SETTINGS | known_to_the_schema() | {error.code for error in stored_codes()}
    unknown = {
        name
        for name in names_in(document.read_text())
        if name not in known and not name.startswith(("AUDIO_", "AUDIODUP_"))
    }
    assert not unknown, "no settings; if they are something else, tests/unit/test_docs.py has a list of such names"


def names_in(text: str) -> set[str]:
    """Names in capitals with an underscore, and those that are given a value in code."""
    shell = [command.text for block in blocks(text) if block.language == "console" for command in commands(block.text)]
    named = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", "\n".join([prose(text), *shell]))
    given = re.findall(r"(?<![\w-])([A-Z][A-Z0-9_]+)=", "\n".join([*inline_code(text), *shell]))
    return {*named, *given}


def known_to_the_schema() -> set[str]:
    defaults = {"BI_PROD", "AI_DATA"}
    return {*schema_page.MEANINGS, *defaults, *(relation.name for relation in schema_page.relations())}


@by_document
def test_make_targets_and_files_that_are_named_exist(document: Path) -> None:
    """In code, inline or in a shell session."""
    text = document.read_text()
    shell = [command.text for block in blocks(text) if block.language == "console" for command in commands(block.text)]
    for words in (*inline_code(text), *shell):
        for target in re.findall(r"(?:^|&& |; )make ([a-z]\w*)", words):
            assert target in TARGETS, f"make {target}"
        for path in re.findall(r"(?<![\w./-])(?:docs|functions|infra|scripts|tests|\.ci)/[\w./-]*\w", words):
            assert (ROOT / path).exists() or "..." in words or path in MADE_BY_THE_READER, path


@by_document
def test_links_lead_somewhere(document: Path) -> None:
    """To a file of the repository, and to a heading that is in it."""
    for link in links(document.read_text()):
        if re.match(r"https://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text()), link


@by_document
def test_no_registry_and_no_path_of_a_machine(document: Path) -> None:
    """Where packages come from, and where somebody's files are, is nobody else's business."""
    text = document.read_text()
    assert not re.findall(r"(?<![\w.}~/-])/(?:home|root|Users|work|mnt|private)\b\S*", text)
    assert not re.findall(r"(?i)\b[\w.-]*(?:pypi|pythonhosted|npmjs|artifactory|nexus|index-url)[\w.-]*", text)


@by_document
def test_console_blocks_can_be_read(document: Path) -> None:
    """What tests/integration/test_readme.py runs."""
    for block in blocks(document.read_text()):
        assert block.language not in {"bash", "sh", "shell", "shell-session"}, f"line {block.line}: say `console`"
        if block.language == "console":
            assert commands(block.text), f"line {block.line}"


def test_decisions_are_numbered_and_short() -> None:
    """docs/adr/NNNN-title.md, half a page each, in one form; and the numbers have no gap."""
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:5] for path in decisions] == [f"{number:04}-" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert re.findall(r"(?m)^## (.+)$", text) == ["Context", "Decision", "Consequences"], path.name
        assert len(text.split()) <= 320, path.name


def test_decisions_that_the_code_names_exist() -> None:
    """A comment that points to docs/ points to something."""
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql"), *(ROOT / "scripts").rglob("*.py"), ROOT / "Makefile"]
    for path in (*sources, ROOT / "pyproject.toml"):
        for named in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text()):
            assert (ROOT / named).exists(), f"{path.relative_to(ROOT)}: {named}"


def test_the_changelog_has_the_versions_that_there_are() -> None:
    """Keep a Changelog: the newest first, Unreleased above all."""
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text())
    version = audiodup.__version__
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    assert len(headings) == 1 or f"[{version}]" in headings[1]
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.+)$", (ROOT / "CHANGELOG.md").read_text())) <= kinds


SAMPLE = """\
# A title, with `code`

See [there](docs/a.md#a-part), [`here`](b.md "words") and `[no](link)`.

<!-- cloud only: needs an account -->

```console
$ . bin/activate
$ run --all \\
>   --json
{"summary": ...}

done
```

1. A list:
   ```json
   {"a": "[no](link)"}
   ```
"""


def test_the_reader_of_documents_reads_them() -> None:
    """Blocks with their remarks, commands with their output, links outside code."""
    console, data = blocks(SAMPLE)
    assert (console.language, console.remark, console.line) == ("console", "cloud only: needs an account", 7)
    assert (data.language, data.remark, data.text, data.line) == ("json", "", '{"a": "[no](link)"}', 17)
    first, second = commands(console.text)
    assert (first.text, first.shown) == (". bin/activate", ())
    assert (second.text, second.shown) == ("run --all \\\n  --json", ('{"summary": ...}', "", "done"))
    assert "activate" not in prose(SAMPLE)
    assert links(SAMPLE) == ["docs/a.md#a-part", "b.md"]
    assert anchors("# A title, with `code`\n## Pub/Sub and the rest\n```\n# none\n```") == {
        "a-title-with-code",
        "pubsub-and-the-rest",
    }
    with pytest.raises(ValueError, match="begins with"):
        commands("printed by nobody\n$ true")


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (("60 SUCCESS, 0 FAILED",), "60 SUCCESS, 0 FAILED\n", True),
        (("60 SUCCESS, 0 FAILED",), "59 SUCCESS, 1 FAILED\n", False),
        (("60 SUCCESS, 0 FAILED",), "before\n60 SUCCESS, 0 FAILED\n", False),
        (("...", "60 SUCCESS, 0 FAILED"), "before\n\n60 SUCCESS, 0 FAILED\n", True),
        (("...", "60 SUCCESS, 0 FAILED"), "60 SUCCESS, 0 FAILED\n", True),
        (("...", "60 SUCCESS, 0 FAILED"), "60 SUCCESS, 0 FAILED\nafter\n", False),
        (("first", "...", "last"), "first\na\nb\nlast\n", True),
        (("file    status", "a.mp3 ...  SUCCESS"), "file  status\na.mp3  3:05   SUCCESS\n", True),
        (("took ... s",), "took 1.5\ns\n", False),
        (('{"a": [1]}',), '{"a": [1]}', True),
    ],
)
def test_output_is_compared_but_for_what_is_elided(shown: tuple[str, ...], printed: str, same: bool) -> None:
    """A comparison that cannot fail says nothing."""
    assert matches(shown, printed) is same


def test_names_that_look_like_settings_are_found() -> None:
    """In words, in code and in commands; not in output."""
    text = "Raise MAX_BYTES or `ROOM=5`.\n\n```console\n$ PORT=1 run --X=2\nOTHER_NAME=3\n```\n"
    assert names_in(text) == {"MAX_BYTES", "ROOM", "PORT"}
    assert set(variables_read('a = os.environ.get("X")\nb = "Y" in os.environ\nc = os.environ["Z"]\nd = "W"')) == set(
        "XYZ"
    )

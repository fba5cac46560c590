"""Every `console` block of README.md and docs/ runs in a fresh copy of the checkout and prints what is shown.

A comment on the line above a block says otherwise:

- `<!-- cloud only: reason -->`: not run; the text around it says so too.
- `<!-- needs emulator -->`: run where the Pub/Sub emulator is.
- `<!-- runs these tests -->`: not run, or it would run itself.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.documents import CLOUD_DOCUMENTS, DOCUMENTS, ROOT, Block, Command, blocks, commands, matches
from tests.parts import require_emulator

CLOUD_ONLY, NEEDS_EMULATOR, RUNS_TESTS = "cloud only: ", "needs emulator", "runs these tests"
BLOCK_SECONDS = 280
MADE_MUSIC = "tune1.mp3"
"""What scripts/sample_music.sh makes where it cannot download any."""
KEPT_VARIABLES = re.compile(r"(?i)LANG|LC_\w+|TZ|CI|JAVA_HOME|CLOUDSDK_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|\w+_proxy")
"""What a block may know of this machine: nothing that a setting, `make` or this test run has put there."""
MARK = "\x1e"


@dataclass
class Result:
    """What a block did: each command's output, stderr included; fewer than its commands where one failed."""

    printed: list[str]
    status: int


@dataclass
class Reader:
    """Somebody who types a document's blocks into one terminal, from the first on, in a copy of his own."""

    copy: Path
    scratch: Path
    results: dict[int, Result] = field(default_factory=dict)

    def run(self, document: list[Block], wanted: Block) -> Result:
        """The block's result; the ones before it are run first, where they were not yet."""
        for block in document:
            if block.line not in self.results and (block == wanted or not block.remark):
                self.results[block.line] = self._type(commands(block.text))
            if block == wanted:
                break
        return self.results[wanted.line]

    def _type(self, session: list[Command]) -> Result:
        """One script, so that its lines share directory, variables and functions; the first failure ends it.

        Directory and variables are there again in the next block.
        """
        state = self.scratch / "state"
        lines = [f". '{state}'"] if state.exists() else []
        lines += ["set -e"]
        for command in session:
            lines += [f"printf '{MARK}'", command.text]
        lines += ["{ export -p; printf 'cd %q\\n' \"$PWD\"; } " + f">'{state}'"]
        script = self.scratch / "block.sh"
        script.write_text("\n".join(lines) + "\n")
        return self._bash(script)

    def _bash(self, script: Path) -> Result:
        """In a session of its own, so that nothing it started outlives it."""
        # A file and not a pipe: a process left in the background would keep a pipe open.
        output = self.scratch / "output"
        with (
            output.open("wb") as file,
            subprocess.Popen(
                ["bash", "--norc", str(script)],
                cwd=self.copy,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                status = process.wait(BLOCK_SECONDS)
            except subprocess.TimeoutExpired:
                status = -1
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return Result(output.read_text(errors="replace").split(MARK)[1:], status)

    def _environment(self) -> dict[str, str]:
        ours = {str(Path(sys.prefix) / "bin"), str(ROOT / ".venv" / "bin")}
        path = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder not in ours]
        kept = {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}
        return kept | {
            "HOME": str(self.scratch),
            "PATH": os.pathsep.join(path),
            # The environment's own entry for audiodup leads to the checkout, not to the copy.
            "PYTHONPATH": str(self.copy / "functions"),
            "TERM": "dumb",
        }


def fresh_copy(folder: Path) -> Path:
    """The checkout as a clone of it would be, with what is not committed yet, and its environment moved there."""
    copy = folder / "audiodup"
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    move_environment(Path(sys.prefix), copy)
    # The sample music, so that it is downloaded or made once for the checkout and not once for each copy.
    music = subprocess.run([ROOT / "scripts" / "sample_music.sh"], stdout=subprocess.PIPE, check=True, text=True)
    (copy / ".cache").mkdir()
    (copy / ".cache" / "music").symlink_to(music.stdout.strip())
    return copy


def move_environment(environment: Path, copy: Path) -> None:
    """A `.venv` in the copy that shares all packages; only the commands, which name their folder, are its own."""
    assert sys.prefix != sys.base_prefix, "these tests run from .venv: `make test`"
    new = copy / ".venv"
    (new / "bin").mkdir(parents=True)
    for entry in environment.iterdir():
        if entry.name == "pyvenv.cfg":
            shutil.copy2(entry, new / entry.name)
        elif entry.name not in {"bin", ".made-from"}:
            (new / entry.name).symlink_to(entry)
    for command in (environment / "bin").iterdir():
        target = new / "bin" / command.name
        try:
            text = command.read_text() if not command.is_symlink() else None
        except UnicodeDecodeError:
            text = None
        if text is None or str(environment) not in text:
            # Python itself must stay a link to the machine's, or it would find the old environment.
            target.symlink_to(command.resolve() if command.name.startswith("python") else command)
        else:
            target.write_text(text.replace(str(environment), str(new)))
            target.chmod(command.stat().st_mode)
    # As scripts/setup.sh leaves it, so that it neither makes another nor changes the packages, which are shared.
    [stamp] = re.findall(r"^wanted=.*$", (copy / "scripts" / "setup.sh").read_text(), re.MULTILINE)
    wanted = subprocess.run(
        ["sh", "-c", f'{stamp}; echo "$wanted"'], cwd=copy, stdout=subprocess.PIPE, check=True, text=True
    )
    (new / ".made-from").write_text(wanted.stdout)
    assert str(new) in (new / "bin" / "activate").read_text()


def console_blocks(document: Path) -> list[Block]:
    return [block for block in blocks(document.read_text()) if block.language == "console"]


ALL = [
    pytest.param(document, block, id=f"{document.relative_to(ROOT)}:{block.line}")
    for document in DOCUMENTS
    if document not in CLOUD_DOCUMENTS
    for block in console_blocks(document)
]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Reader]:
    """One for each document that was opened."""
    return {}


def test_the_readme_shows_sessions() -> None:
    """There is something to run."""
    assert any(block.text.startswith("$ make run") for block in console_blocks(ROOT / "README.md"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("document", "block"), ALL)
def test_console_blocks_do_what_they_show(
    document: Path, block: Block, readers: dict[Path, Reader], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each command ends well and prints what stands below it."""
    if block.remark.startswith(CLOUD_ONLY):
        assert says_that_it_needs_the_cloud(document.read_text(), block), "say so in the text too, with the reason"
        return
    if block.remark == RUNS_TESTS:
        return
    assert block.remark in {"", NEEDS_EMULATOR}, f"unknown remark: {block.remark}"
    if block.remark == NEEDS_EMULATOR:
        require_emulator()
    if document not in readers:
        folder = tmp_path_factory.mktemp("reader")
        readers[document] = Reader(fresh_copy(folder), folder)
    reader = readers[document]
    result = reader.run(console_blocks(document), block)
    try:
        check(block, result)
    except pytest.fail.Exception:
        if result.status == 0 and (reader.copy / ".cache" / "music" / MADE_MUSIC).exists():
            pytest.skip("it ran; what it shows is of Debian's sample music, which cannot be had here")
        raise


def check(block: Block, result: Result) -> None:
    """Fail, naming the command, where the block did not do what it shows."""
    session = commands(block.text)
    if result.status:
        last = max(len(result.printed) - 1, 0)
        said = "".join(result.printed[last:])
        pytest.fail(f"$ {session[last].text}\nended with {result.status}:\n{said}", pytrace=False)
    for command, printed in zip(session, result.printed, strict=True):
        shown = "\n".join(command.shown)
        if shown.strip() and not matches(command.shown, printed):
            pytest.fail(f"$ {command.text}\nshows:\n{shown}\nprints:\n{printed}", pytrace=False)


def says_that_it_needs_the_cloud(text: str, block: Block) -> bool:
    """Whether the paragraph above or below a block tells the reader that he needs something of his own for it."""
    lines = text.splitlines()
    above = "\n".join(lines[: block.line - 1]).replace(f"<!-- {block.remark} -->", "").rstrip().split("\n\n")[-1]
    below = "\n".join(lines[block.line + len(block.text.splitlines()) + 1 :]).lstrip().split("\n\n")[0]
    needs = re.compile(r"(?i)snowflake|google cloud|cloud account|your (?:own )?(?:account|project)")
    return bool(block.remark.removeprefix(CLOUD_ONLY).strip() and needs.search(f"{above}\n{below}"))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    (tmp_path / "copy").mkdir()
    return Reader(tmp_path / "copy", tmp_path)


def sample(*sessions: str, remark: str = "") -> list[Block]:
    return [Block("console", remark, session, line) for line, session in enumerate(sessions, 1)]


def test_lines_of_a_block_share_one_shell(reader: Reader) -> None:
    """And the next block finds directory and exported variables, though it is run on its own."""
    first, second = document = sample(
        "$ mkdir inner && cd inner\n$ export NAME='a b'; greet() { echo \"hello $1\"; }\n$ greet x\nhello x",
        '$ echo "$NAME in ${PWD##*/}"\na b in inner\n$ echo one \\\n>   two\none two',
    )
    check(second, reader.run(document, second))
    check(first, reader.run(document, first))


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ("$ echo first\n$ false\n$ echo never", r"\$ false\nended with 1"),
        ("$ echo 59 SUCCESS, 1 FAILED\n60 SUCCESS, 0 FAILED", "prints:\n59 SUCCESS, 1 FAILED"),
        ("$ true\nshown", "prints:"),
        ("$ no-such-command 2>/dev/null", "ended with 127"),
    ],
)
def test_what_is_not_as_shown_is_found(reader: Reader, session: str, words: str) -> None:
    """A test of documents that cannot fail says nothing."""
    [block] = document = sample(session)
    with pytest.raises(pytest.fail.Exception, match=words):
        check(block, reader.run(document, block))


def test_both_outputs_count_in_their_order(reader: Reader) -> None:
    """As a terminal shows them."""
    [block] = document = sample("$ echo note >&2; echo result\nnote\nresult")
    check(block, reader.run(document, block))


def test_nothing_of_this_run_reaches_a_block(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, make's variables and the activated environment are the tests', not the reader's."""
    for name in ("DATABASE", "MAKEFLAGS", "MAKELEVEL", "SNOWFLAKE_ACCOUNT", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}")
    [block] = document = sample("$ env")
    result = reader.run(document, block)
    assert not re.search(r"(?m)^(DATABASE|MAKE\w+|SNOWFLAKE\w+|VIRTUAL_ENV)=", result.printed[0])
    assert f"{sys.prefix}/bin" not in result.printed[0]


def test_the_copy_has_an_environment_of_its_own(tmp_path: Path) -> None:
    """Its python finds the packages, calls the copy its prefix and takes audiodup from there; setup.sh is content."""
    copy = fresh_copy(tmp_path)
    [block] = document = sample(
        "$ . .venv/bin/activate\n"
        '$ python -c "import sys, typer, audiodup; print(sys.prefix, audiodup.__file__)"\n'
        "... .../audiodup/functions/audiodup/__init__.py\n"
        "$ command -v pytest\n"
        "$ scripts/setup.sh"
    )
    result = Reader(copy, tmp_path).run(document, block)
    check(block, result)
    assert result.printed[1].split() == [str(copy / ".venv"), str(copy / "functions/audiodup/__init__.py")]
    assert result.printed[2].strip() == str(copy / ".venv/bin/pytest")
    assert result.printed[3] == ""
    assert not (copy / ".audiodup").exists()


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ("This needs your own Snowflake.\n\n{}\n", True),
        ("{}\n\nIt needs a Google Cloud project.\n", True),
        ("Snowflake is far above.\n\nDo this:\n\n{}\n\nDone.\n\nSnowflake is far below.\n", False),
    ],
)
def test_cloud_only_blocks_say_so_in_words(around: str, said: bool) -> None:
    """The remark is invisible to a reader."""
    text = around.format("<!-- cloud only: Snowflake -->\n```console\n$ make schema\n```")
    [block] = blocks(text)
    assert says_that_it_needs_the_cloud(text, block) is said

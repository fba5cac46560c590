"""All specimens, and a count of what becomes of them: measured, or watched by strace."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from audiodup.settings import read_settings
from tests.audio import Audio
from tests.zoo import answers, bombs, boxes, hosts, names, no_audio, pcm, playlists, streams, tags, trace
from tests.zoo.keeper import Row, Zoo
from tests.zoo.specimen import Group, Surroundings, unique

ROOT = Path(__file__).resolve().parents[2]
GROUPS: tuple[Group, ...] = unique(
    [
        no_audio.INTACT,
        playlists.GROUP,
        no_audio.GROUP,
        pcm.GROUP,
        streams.GROUP,
        boxes.GROUP,
        bombs.GROUP,
        tags.GROUP,
        names.GROUP,
        hosts.GROUP,
        answers.GROUP,
    ]
)
# Our own process imports modules when it first needs them.
_MODULES = (ROOT / "functions", ROOT / "tests")


def count(only: str = "") -> dict[str, Row]:
    """What becomes of each specimen (of those with `only` in their name or their group's, and of the intact ones)."""
    with tempfile.TemporaryDirectory() as temporary, socket.create_server(("127.0.0.1", 0), backlog=100) as trap:
        folder = Path(temporary)
        (folder / "audio").mkdir()
        (folder / "cage").mkdir()
        audio = Audio(folder / "audio")
        canary = folder / "cage" / "canary.wav"
        canary.write_bytes(audio.wav(9.37, seed=99).read_bytes())
        place = Surroundings(audio, canary, f"http://127.0.0.1:{trap.getsockname()[1]}/canary.wav")
        zoo = Zoo(folder, place, trap, read_settings())
        return {
            specimen.name: zoo.keep(specimen)
            for group in GROUPS
            for specimen in group.specimens
            if group is no_audio.INTACT or only in group.title or only in specimen.name
        }


def watched(only: str = "") -> dict[str, Row]:
    """The same in a process under strace; what it saw is in `reached`."""
    with tempfile.TemporaryDirectory() as temporary:
        prefix, rows = Path(temporary) / "trace", Path(temporary) / "rows"
        command = [sys.executable, "-m", "tests.zoo", "--only", only, "--rows", str(rows)]
        subprocess.run([*trace.COMMAND, "-o", str(prefix), *command], cwd=ROOT, check=True)
        found: dict[str, Row] = pickle.loads(rows.read_bytes())
        seen = {name: trace.look(prefix, row.process) for name, row in found.items()}
        usual = trace.Seen()
        for specimen in no_audio.INTACT.specimens:
            usual.add(seen[specimen.name])
        for name, row in found.items():
            own = [*_MODULES, *([row.file] if row.file else [])]
            row.reached += trace.beyond(seen[name], usual, own, row.port)
    return found

"""What analysis/scale.py computes from: figures as the commands that measured them wrote them, sizes and schedules as
infra/ has them, what had to be assumed, and a table of prices.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiodup.keys import SETTINGS, KeyScheme

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "analysis" / "results"
MEASURED = RESULTS / "scale_inputs.json"
PRICES = ROOT / "analysis" / "prices.json"

GIB = 2**30
HOUR, DAY = 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Service:
    """One function's size in infra/functions.tf."""

    cpus: int
    memory_gib: int
    concurrency: int
    instances: int


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What infra/ deploys by default."""

    services: Mapping[str, Service]
    crons: Mapping[str, str]
    settings: Mapping[str, Any]
    auto_suspend: float
    matcher_seconds: float
    """A run of the matcher may take so long."""
    most_instances: int
    """Of the fingerprint function that its variable takes."""

    def interval(self, job: str) -> float:
        """Seconds between two calls of a job."""
        return DAY / calls_a_day(self.crons[job])


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures that were measured, as their commands wrote them."""

    soak: Mapping[str, Any]
    bench: Mapping[str, Any]
    benchmark: tuple[Mapping[str, Any], ...]
    """Runs of analysis.benchmark_matching."""
    figures: Mapping[str, Any]
    """Of analysis.scale_measured."""

    @property
    def largest(self) -> list[Mapping[str, Any]]:
        """Those with the setting of the largest libraries, by tracks."""
        runs = [run for run in self.benchmark if KeyScheme(**run["setting"]) == SETTINGS[-1].normal]
        return sorted(runs, key=lambda run: int(run["tracks"]))

    def per_asset(self, name: str) -> float:
        """A total of the soak, by its files."""
        return float(self.soak[name]) / float(self.soak["files"])

    @property
    def appends_per_asset(self) -> float:
        """INSERTs into the inbox."""
        return float(self.soak["statements"]["append_outcomes"]) / float(self.soak["files"])

    @property
    def statements_per_tick(self) -> float:
        """All others; each tick merges once."""
        statements = self.soak["statements"]
        return float((sum(statements.values()) - statements["append_outcomes"]) / statements["merge/1_lock"])

    @property
    def cpu_per_asset(self) -> float:
        """CPU seconds in the fingerprint function for a track of real music, fpcalc and ffmpeg included."""
        spent = self.bench["cpu_seconds_per_asset"]
        return float(spent["fpcalc"] + spent["fingerprint"])


def read_measured(soak: Path, bench: Path, benchmark: Path, figures: Path) -> Measured:
    """From the files that the commands wrote."""
    runs = [json.loads(line) for line in benchmark.read_text().splitlines()]
    return Measured(
        json.loads(soak.read_text()), json.loads(bench.read_text()), tuple(runs), json.loads(figures.read_text())
    )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What nobody has measured: of the customer's library, of networks and of Snowflake."""

    file_bytes: float = 10e6
    """Of one file: four minutes of mp3 at 320 kbit/s. A WAV master has four times as much."""
    network_bytes: float = 125e6
    """A second, into one instance: 1 Gbit/s."""
    download_bytes: float = 20e6
    """A second, of one download."""
    api_seconds: float = 0.1
    """Of a call of the download API."""
    insert_seconds: float = 0.5
    """Of an INSERT."""
    batch_wait: float = 0.6
    """Of BATCH_MILLISECONDS, on average: who opens a batch waits for all of it, and the others for half."""
    uploads_a_day: float = 0.001
    """New files a day, of the library."""


@dataclass(frozen=True, slots=True)
class Prices:
    """analysis/prices.json."""

    seen: str
    """When the sources were looked at."""
    rows: tuple[Mapping[str, Any], ...]

    def __getitem__(self, name: str) -> float:
        """Dollars for one unit."""
        [dollars] = (row["dollars"] for row in self.rows if row["name"] == name)
        return float(dollars)


def read_prices(file: Path = PRICES) -> Prices:
    """The table."""
    table = json.loads(file.read_text())
    return Prices(table["seen"], tuple(table["prices"]))


def read_infrastructure(infra: Path = ROOT / "infra") -> Infrastructure:
    """Sizes and schedules as infra/ has them.

    Raises:
        ValueError: infra/ is written otherwise than this reads it.
    """
    functions, variables = (infra / "functions.tf").read_text(), (infra / "variables.tf").read_text()
    settings = json.loads((infra / "settings.json").read_text())
    variable = {
        block[1]: {name: value.strip('"') for name, value in re.findall(r"(\w+) += optional\(\w+, ([^)]+)\)", block[2])}
        for block in re.finditer(r'^variable "(\w+)" \{\n(.*?)^\}', variables, re.MULTILINE | re.DOTALL)
    }
    services = {}
    for name in ("scheduler", "fingerprint", "dead_letter", "matcher"):
        block = _found(rf"^    {name} = \{{\n(.*?)^    \}}", functions)
        sized = dict(
            re.findall(r"^      (cpus|memory_gib|concurrency|instances) += ([^#\n]+?) *(?:#.*)?$", block, re.MULTILINE)
        )
        values = {key: variable[name][key] if value == f"var.{name}.{key}" else value for key, value in sized.items()}
        if not values["memory_gib"].isdigit():
            values["memory_gib"] = _fingerprint_memory(values["memory_gib"], int(values["cpus"]), settings)
        services[name] = Service(**{key: int(value) for key, value in values.items()})
    request_seconds = float(_found(r"REQUEST_SECONDS += (\d+)", functions))
    warehouses = (infra / "snowflake" / "2_warehouses.sql").read_text()
    return Infrastructure(
        services,
        {name: variable["schedules"][name] for name in ("scheduler", "matcher")},
        settings,
        float(_found(r"AUTO_SUSPEND = (\d+)", warehouses)),
        # functions/matcher.py keeps the rest for the groups.
        request_seconds - settings["STORE_SECONDS"],
        int(_found(r"fingerprint\.instances <= (\d+)", variables)),
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(
            f"infra/ has nothing like {pattern}: it is written otherwise than analysis/scale_inputs.py reads it"
        )
    return found[1]


def _fingerprint_memory(formula: str, cpus: int, settings: Mapping[str, Any]) -> str:
    """Terraform's formula in numbers: the files in flight, a decoder for each CPU, and Python."""
    for part in ("FILES_IN_FLIGHT_BYTES", "FPCALC_MEMORY_BYTES", "pow(10, 9)", "pow(2, 30)"):
        if part not in formula:
            raise ValueError(f"memory_gib in infra/functions.tf has no {part}: {formula}")
    needed = settings["FILES_IN_FLIGHT_BYTES"] + cpus * settings["FPCALC_MEMORY_BYTES"] + 10**9
    return str(math.ceil(needed / GIB))


def calls_a_day(cron: str) -> int:
    """How often a schedule calls on one day.

    Raises:
        ValueError: it is not the same each day, or has a range.
    """
    minute, hour, *days = cron.split()
    if days != ["*", "*", "*"]:
        raise ValueError(f"{cron}: only schedules that are the same each day are counted")
    return _times(minute, 60) * _times(hour, 24)


def _times(field: str, of: int) -> int:
    if field == "*":
        return of
    if step := re.fullmatch(r"\*/(\d+)", field):
        return math.ceil(of / int(step[1]))
    if re.fullmatch(r"\d+(,\d+)*", field):
        return len(set(field.split(",")))
    raise ValueError(f"{field}: only *, */n and lists are counted")

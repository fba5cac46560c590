"""A campaign from its plan to its figures: make the library, run, look at what is there, judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiodup.wiring import command_line_parts
from cli import say
from stack.processes import Processes
from stack.system import FUNCTIONS

from .audit import Expected, Finding, Observed, audit
from .evidence import Tables, holders, log_lines
from .extras import unknown
from .library import make_library
from .memory import Growth, growth
from .plan import Extra, Kind, Plan
from .product import Product, listen
from .report import figures
from .run import SURVIVORS, Campaign

# What functions/audiodup/serving.py says when an exception was nobody's.
_UNFORESEEN = "unforeseen error"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    findings: Sequence[Finding]
    figures: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        return all(finding.holds for finding in self.findings)


def hold_trial(
    processes: Processes, plan: Plan, library: Path, *, functions: Path = FUNCTIONS, quiet_seconds: float | None = None
) -> Trial:
    """Make `library`, run the plan over it, audit.

    Raises:
        StackError: a stand-in does not start, or has ended by itself.
    """
    say(f"making {len(plan.files)} files ...")
    products = make_library(library, plan.files, plan.seed)
    listing = command_line_parts(folder=library).folder.listing(lambda *_: None)
    keys = {local.asset.file_key: (local.asset.asset_id, local.asset.file_key) for local in listing}
    say("starting emulator, warehouse, S3, download API and functions ...")
    campaign = Campaign(processes, plan, library, keys, functions=functions, quiet_seconds=quiet_seconds)
    fingerprints = listen(library, [file.key for file in plan.files if file.kind is Kind.GOOD], plan.seed)
    campaign.run()
    growths = {name: growth(campaign.happened.samples, name) for name in SURVIVORS}
    findings = audit(_expected(campaign, products, fingerprints), _observed(campaign, growths))
    found = figures(campaign, findings, growths)
    campaign.system.close()
    return Trial(findings, found)


def _expected(campaign: Campaign, products: Mapping[str, Product], fingerprints: Mapping[str, str]) -> Expected:
    keys, poison = campaign.keys, campaign.extras.poison
    return Expected(
        kinds={keys[file.key]: file.kind for file in campaign.plan.files},
        products={keys[key]: product for key, product in products.items()},
        fingerprints={keys[key]: text for key, text in fingerprints.items()},
        poison=set(poison),
        malformed={unknown(message.key) for message in poison.values() if message.extra is Extra.UNKNOWN_ASSET},
        max_attempts=campaign.system.topology.limits["max_delivery_attempts"],
    )


def _observed(campaign: Campaign, growths: Mapping[str, Growth | None]) -> Observed:
    system, happened = campaign.system, campaign.happened
    holding = holders(system.temporary)
    # Who holds a temporary file after this is an orphan.
    for running in system.functions.values():
        system.processes.stop(running)
    if happened.given_up:
        # What only waits for a merge is not lost.
        system.parts.store.merge()
    tables = Tables(system.warehouse)
    products, fingerprints = tables.products()
    observed = Observed(
        rows=tables.rows(),
        file_rows=tables.file_rows(),
        inbox=tables.count("AUDIO_FINGERPRINT_INBOX"),
        claims=tables.count("AUDIO_INBOX_CLAIM"),
        deliveries=campaign.deliveries,
        disturbances=campaign.disturbances,
        products=products,
        fingerprints=fingerprints,
        asked_again=happened.asked_again,
        given_up=happened.given_up,
        lost=happened.lost,
        temporary=sorted(entry.name for entry in system.temporary.iterdir()),
        holders=holding,
        orphans=holders(system.temporary),
        growths=growths,
        unforeseen=[
            str(line.get("exception", "")).strip().rpartition("\n")[2]
            for line in log_lines(running.log for running in system.functions.values())
            if line.get("message") == _UNFORESEEN
        ],
    )
    tables.close()
    return observed

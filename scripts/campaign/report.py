"""The report of a campaign: figures as one JSON object, and the same for people as Markdown. No name of any machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import requests

from .audit import Finding
from .evidence import log_lines
from .memory import MEGABYTE, Growth, Sample
from .outages import Outage
from .plan import KILL_SECONDS, Trouble
from .run import Campaign, Happened

MINUTE = 60.0
_GIVEN_BACK = 503


def figures(campaign: Campaign, findings: Sequence[Finding], growths: Mapping[str, Growth | None]) -> dict[str, Any]:
    """All of them, from what really happened."""
    happened, deliveries, plan = campaign.happened, campaign.deliveries, campaign.plan
    files = len(plan.files)
    busy = _busy_seconds(happened)
    logs = {name: running.log for name, running in campaign.system.functions.items()}
    tried_again, statements = _from_logs(logs)
    return {
        "seed": plan.seed,
        "files": files,
        "cores": os.cpu_count(),
        "messages": len(deliveries.requests),
        "messages_beside_the_schedulers": _counted(campaign.extras.published.elements()),
        "deliveries": len(deliveries.attempts),
        "deliveries_of_a_message": _counted(len(message.deliveries) for message in deliveries.requests),
        "answers": _counted("none" if attempt.status is None else attempt.status for attempt in deliveries.attempts),
        "failed_without_a_fault": sum(map(len, campaign.disturbances.unexplained(deliveries.requests))),
        "tried_again_for": tried_again,
        "kills": _counted(kill.victim for kill in happened.kills),
        "faults": _faults(campaign),
        "dead_letters": len(deliveries.letters),
        "given_up": happened.given_up or "no",
        "asked_again": len(happened.asked_again),
        "ticks": {
            "answered": sum(one.tick is not None for one in happened.ticks),
            "another_merge_ran": sum(one.tick is not None and not one.tick.merged for one in happened.ticks),
            "no_answer": sum(one.tick is None for one in happened.ticks),
            "longest_seconds": round(max((one.seconds for one in happened.ticks), default=0), 1),
        },
        "seconds": round(happened.ended - happened.began, 1),
        "files_per_second_until_99_percent": round(0.99 * files / busy, 2) if busy else None,
        "files_per_second_in_the_best_minute": _best_rate(happened.samples),
        "statements": {name: dict(counts.most_common()) for name, counts in statements.items()},
        "inserts_of_outcomes_per_file": _per_file(_inserts(statements), files),
        "outages": [_outage(outage, campaign) for outage in campaign.outages.over],
        "memory_megabytes": {name: _memory(growth) for name, growth in growths.items()},
        "audit": [
            {
                "rule": finding.rule,
                "holds": finding.holds,
                "against": list(finding.against),
                "unjudged": finding.unjudged,
            }
            for finding in findings
        ],
    }


def markdown(found: Mapping[str, Any], command: str) -> str:
    """For people; `found` is what `figures` gave."""
    lines = [
        f"# Fault campaign over {found['files']} files, seed {found['seed']}",
        "",
        f"Made by `{command}` on {found['cores']} cores.",
        "",
        "## Audit",
        "",
        *(_finding(finding) for finding in found["audit"]),
        "",
        "## Figures",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label.replace('_', ' ')} | {_cell(value)} |" for label, value in found.items() if _is_plain(label)),
        "",
        "## Outages, and how the functions bore them",
        "",
        _table(found["outages"]),
        "",
        f"Kills: kill -9 every {KILL_SECONDS[0]:g} to {KILL_SECONDS[1]:g} s.",
        "",
        "## Memory of the instances that were not killed, MB",
        "",
        "Medians while the second quarter of the files was done, and the last.",
        "",
        _table([{"instance": name, **(values or {})} for name, values in found["memory_megabytes"].items()]),
        "",
        "## Statements",
        "",
        _table(
            [
                {"instance": name, "statement": statement, "times": times}
                for name, counts in found["statements"].items()
                for statement, times in counts.items()
            ]
        ),
        "",
    ]
    return "\n".join(lines)


def _is_plain(label: str) -> bool:
    return label not in {"audit", "outages", "memory_megabytes", "statements", "files", "seed", "cores"}


def _finding(finding: Mapping[str, Any]) -> str:
    return f"- {Finding(finding['rule'], tuple(finding['against']), finding['unjudged']).text}"


def _cell(value: Any) -> str:
    return ", ".join(f"{name}: {count}" for name, count in value.items()) if isinstance(value, dict) else str(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |", "|" + "---|" * len(names)]
    return "\n".join([*head, *(f"| {' | '.join(_cell(row.get(name, '')) for name in names)} |" for row in rows)])


def _counted(values: Iterable[object]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items(), key=lambda item: str(item[0]))}


def _busy_seconds(happened: Happened) -> float:
    """Until 99 % of the files were answered: what comes after waits for poison and for leases."""
    most = max((sample.done for sample in happened.samples), default=0)
    for sample in happened.samples:
        if sample.done >= 0.99 * most:
            return sample.at - happened.began
    return 0.0


def _best_rate(samples: Sequence[Sample]) -> float | None:
    """What it does while it is left alone; None for a campaign shorter than a minute."""
    rates = []
    later = iter(samples)
    end = next(later, None)
    for start in samples:
        while end is not None and end.at - start.at < MINUTE:
            end = next(later, None)
        if end is not None:
            rates.append((end.done - start.done) / (end.at - start.at))
    return round(max(rates), 2) if rates else None


def _from_logs(logs: Mapping[str, Path]) -> tuple[dict[str, int], dict[str, Counter[str]]]:
    """What was answered 503, by code; statements by instance and name."""
    codes: Counter[str] = Counter()
    statements: dict[str, Counter[str]] = {}
    for name, log in logs.items():
        counts = statements.setdefault(name, Counter())
        for line in log_lines([log]):
            if line.get("message") == "statement":
                counts[line["name"]] += 1
            elif line.get("message") == "to be tried again":
                codes[line["code"]] += 1
    return dict(codes.most_common()), statements


def _inserts(statements: Mapping[str, Counter[str]]) -> int:
    return sum(counts["append_outcomes"] for name, counts in statements.items() if name.startswith("fingerprint"))


def _per_file(count: int, files: int) -> float:
    return round(count / files, 4)


def _faults(campaign: Campaign) -> dict[str, int]:
    """How often each really happened, as the stand-ins counted."""
    with requests.Session() as session:
        session.trust_env = False
        counts = session.get(campaign.system.provider.counts_url, timeout=30).json()
    found: Counter[str] = Counter()
    for file in campaign.plan.files:
        asset_id = campaign.keys[file.key][0]
        in_body = file.trouble in {Trouble.RESET, Trouble.SLOW_LORIS}
        happened = counts["bodies"].get(file.key, 0) if in_body else counts["faults"].get(asset_id, 0)
        found[file.trouble or f"{file.kind}, from the API"] += happened
    return {str(what): count for what, count in sorted(found.items()) if count}


def _outage(outage: Outage, campaign: Campaign) -> dict[str, Any]:
    during = [
        attempt.status for attempt in campaign.deliveries.attempts if outage.began <= attempt.ended <= outage.ended
    ]
    samples = campaign.happened.samples
    before = [sample for sample in samples if outage.began - 20 <= sample.at < outage.began]
    meanwhile = [sample for sample in samples if outage.began <= sample.at <= outage.ended]
    return {
        "event": outage.event,
        "seconds": round(outage.ended - outage.began, 1),
        "answered_503": during.count(_GIVEN_BACK),
        "acknowledged": sum(status is not None and status < 300 for status in during),
        "fingerprint_MB_before": _resident(median, before),
        "fingerprint_MB_at_most": _resident(max, meanwhile),
    }


def _resident(of: Any, samples: Sequence[Any]) -> float | None:
    sizes = [sample.resident["fingerprint"] for sample in samples if sample.resident.get("fingerprint")]
    return round(of(sizes) / MEGABYTE, 1) if sizes else None


def _memory(growth: Growth | None) -> dict[str, float] | None:
    if growth is None:
        return None
    return {
        "before": round(growth.before / MEGABYTE, 1),
        "after": round(growth.after / MEGABYTE, 1),
        "peak": round(growth.peak / MEGABYTE, 1),
        "per_1000_files": round(growth.per_thousand_files / MEGABYTE, 2),
    }

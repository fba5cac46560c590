"""docs/scale.md is what the script makes of its inputs, and its arithmetic is right on small ones made by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from analysis import scale, scale_words
from analysis.scale_inputs import (
    PRICES,
    ROOT,
    Assumptions,
    Infrastructure,
    Measured,
    Prices,
    Service,
    calls_a_day,
    read_infrastructure,
    read_measured,
    read_prices,
)
from analysis.scale_model import Scale, line, warehouse

from audiodup.index import JOIN_ROWS, MOST_IDS
from audiodup.keys import SETTINGS

SETTING = {"bits": 28, "one_in": 2, "keys_in_common": 2, "apart": 8, "common_key": 1000, "slow": False}
KEYS = 2**9
"""Of a track: of 2^27 keys each occurs once in 2^18 tracks."""
FILES = 400
SERVICES = {
    "fingerprint": Service(cpus=4, memory_gib=10, concurrency=80, instances=2),
    "scheduler": Service(1, 1, 1, 1),
    "matcher": Service(2, 8, 1, 1),
}
INFRA = Infrastructure(
    SERVICES,
    {"scheduler": "*/5 * * * *", "matcher": "17 * * * *"},
    {"ROOM": 5000, "BATCH_MILLISECONDS": 1000},
    auto_suspend=60.0,
    matcher_seconds=1_800.0,
    most_instances=100,
)


def run(tracks: int, candidate_seconds: float, new_seconds: float, peak_gb: float) -> dict[str, Any]:
    """What the benchmark prints of one library."""
    return {
        "tracks": tracks,
        "setting": SETTING,
        "candidate_seconds": candidate_seconds,
        "new_100_seconds": new_seconds,
        "peak_gb": peak_gb,
        "load_seconds": 20.0,
        "decode_seconds": 20.0,
        "align_seconds": 10.0,
    }


MEASURED = Measured(
    soak={
        "files": FILES,
        "made_by": "a test",
        "cpu_seconds": {"scheduler": 4.0, "dead_letter": 2.0},
        "bytes_downloaded": 8_000_000,
        "messages": 400,
        "deliveries": 500,
        "statements": {"append_outcomes": 20, "merge/1_lock": 5, "clock": 5, "pending": 10},
    },
    bench={
        "assets": 40,
        "cores": 2,
        "cpu_seconds_per_asset": {"fpcalc": 0.15, "fingerprint": 0.05},
        "bytes_per_asset": 3_000_000,
    },
    benchmark=(run(1_000_000, 1_100.0, 10.0, 16.0), run(500_000, 300.0, 5.0, 8.0)),
    figures={
        "date": "2026-11-23",
        "tracks": 44,
        "keys_per_track": dict.fromkeys((one.normal.version for one in SETTINGS), KEYS),
        "bytes_per_key": 5.0,
        "bytes_per_outcome": 4_000,
        "meetings": [
            {"made_of": 60, "tracks": 100_000, "skew": 1.0},
            {"made_of": 80, "tracks": 100_000, "skew": 3.0},
        ],
        "ticks": [
            {"files": 1_000_000, "room": 5000, "full_seconds": 3.0, "idle_seconds": 2.0},
            {"files": 3_000_000, "room": 5000, "full_seconds": 5.0, "idle_seconds": 4.0},
        ],
    },
)
UNITS = {
    "cloud_run_cpu": 1.0,
    "cloud_run_memory": 0.1,
    "cloud_run_request": 0.01,
    "pubsub_tib": 2.0**40 / 1_000,
    "scheduler_job": 0.1,
    "secret_version": 0.06,
    "secret_access": 0.0,
    "snowflake_credit": 3.0,
    "snowflake_tb_month": 20.0,
    "s3_egress_to_10_tb": 0.09,
    "s3_egress_to_50_tb": 0.08,
    "s3_egress_to_150_tb": 0.07,
    "s3_egress_above": 0.05,
    "s3_get": 0.001,
}


def priced(dollars: Mapping[str, float]) -> Prices:
    rows = [
        {"name": name, "dollars": one, "what": f"the {name}", "unit": "piece", "source": "a list", "evidence": "made"}
        for name, one in dollars.items()
    ]
    return Prices("2026-11-23", tuple(rows))


def of(files: float, **assumed: float) -> Scale:
    return Scale(files, MEASURED, INFRA, priced(UNITS), Assumptions(**{"file_bytes": 1e6, **assumed}))


def test_the_page_is_up_to_date() -> None:
    """It was made after the last change of what it is made from."""
    assert scale.PAGE.read_text() == scale.current(), "run `make docs`"


@pytest.mark.parametrize(
    ("cron", "calls"),
    [("* * * * *", 1440), ("*/5 * * * *", 288), ("17 * * * *", 24), ("0,30 6 * * *", 2), ("*/7 */12 * * *", 18)],
)
def test_calls_of_a_schedule(cron: str, calls: int) -> None:
    assert calls_a_day(cron) == calls


@pytest.mark.parametrize("cron", ["0 9-17 * * *", "0 0 * * 1", "0 0 1 * *"])
def test_a_schedule_that_is_not_understood_is_refused(cron: str) -> None:
    """A wrong count would be wrong money."""
    with pytest.raises(ValueError, match="only"):
        calls_a_day(cron)


def test_an_instance_is_limited_by_its_narrowest_part() -> None:
    """0.2 CPU seconds on 4 CPUs are 20 files a second; 125 MB/s are 12.5 files of 10 MB; and 80 requests of 0.1 s for
    the API, 0.05 s for 1 MB, 0.2 s of work, 0.6 of the batch's second and an INSERT of 7.05 s are 10 a second.
    """
    assert of(1).rate == pytest.approx(20)
    assert of(1, file_bytes=1e7).rate == pytest.approx(12.5)
    assert of(1, insert_seconds=7.05).request_seconds == pytest.approx(8)
    assert of(1, insert_seconds=7.05).rate == pytest.approx(10)
    assert of(72_000).backfill_seconds(2) == pytest.approx(1_800)


def test_money_of_fingerprinting() -> None:
    """20 files are one second of 4 CPUs at 1 dollar and 10 GiB at 0.1, and 25 requests at a cent."""
    assert of(20).compute == pytest.approx(4 + 1 + 0.25)
    assert of(20).messages == pytest.approx(20 * (1 + 1.25)), "1,000 bytes each, published and delivered"
    assert of(20).egress == pytest.approx(20 * (0.001 * 0.09 + 0.001))
    assert of(20).egress_of(3e6) == pytest.approx(20 * (0.003 * 0.09 + 0.001))
    bill = of(72_000).first_bill(2)
    assert bill["Snowflake, fingerprinting"] == pytest.approx(1.5), "half an hour awake"
    assert of(72_000).first_bill(1)["Cloud Run, fingerprint"] == bill["Cloud Run, fingerprint"]


def test_egress_is_charged_by_tiers() -> None:
    """The first 10 TB, the next 40, the next 100, and what is above: 200 TB, each thousand GB at its own price."""
    bytes_only = 900 + 40 * 80 + 100 * 70 + 50 * 50
    assert of(2e8).egress == pytest.approx(bytes_only + 2e8 * 0.001)
    assert of(5e6).egress == pytest.approx(5 * 90 + 5e6 * 0.001), "all in the first"


def test_statements_are_those_of_files_and_of_ticks() -> None:
    """20 INSERTs for 400 files; 20 others in 5 ticks, each of which merges once."""
    assert MEASURED.appends_per_asset == pytest.approx(0.05)
    assert MEASURED.statements_per_tick == pytest.approx(4)
    assert of(1).statements(1_000, 3_000) == pytest.approx(1_000 * 0.05 + 10 * 4)


def test_a_warehouse_is_billed_while_it_is_awake() -> None:
    """A tick each minute never lets it sleep; else a tick, its new uploads, and the time until it is suspended."""
    library = of(1_000_000)
    assert library.tick_seconds == pytest.approx(2)
    uploads = 1_000 / 288 / 40
    assert library.scheduler_awake == pytest.approx(288 * (2 + uploads + 60))
    each_minute = replace(library, infra=replace(INFRA, crons={**INFRA.crons, "scheduler": "* * * * *"}))
    assert each_minute.scheduler_awake == pytest.approx(86_400)
    short = replace(library, infra=replace(INFRA, auto_suspend=1.0))
    assert short.awake(2, 300) == pytest.approx(288 * 60), "a minute at least"
    assert library.monthly_bill["Snowflake, scheduler's warehouse"] == pytest.approx(
        30 * 3 * library.scheduler_awake / 3_600
    )


def test_the_rule_of_matching_gives_what_it_was_made_from() -> None:
    """Reading the index is a line through both libraries, and the largest takes as long as it was measured to take.

    The benchmark's libraries have even keys.
    """
    small, large_one = (of(1).like(one) for one in MEASURED.largest)
    assert (small.files, large_one.files) == (500_000, 1_000_000)
    assert small.scan_seconds == pytest.approx(5)
    assert of(2_000_000).scan_seconds == pytest.approx(20)
    assert large_one.candidate_seconds() == pytest.approx(1_100)
    assert of(2_000_000).matcher_gib == pytest.approx(32e9 / 2**30)


def test_batches_grow_with_the_square_and_each_reads_everything() -> None:
    """In 2^20 tracks a key occurs 4 times, and each of their 2^29 keys meets as many; few tracks go by their number."""
    library = of(2**20).least
    assert library.keys == 2**29
    assert library.occurrences == pytest.approx(4)
    assert library.batches(2**20) == math.ceil(2**31 / JOIN_ROWS)
    assert of(2**21).least.batches(2**21) == math.ceil(2**33 / JOIN_ROWS)
    assert library.batches(1) == 1
    assert of(100_000).least.batches(100_000) == math.ceil(100_000 / MOST_IDS)
    assert library.candidate_seconds() == pytest.approx(
        library.batches(2**20) * library.scan_seconds + 2**31 * library.meeting_seconds
    )
    assert library.meeting_seconds > 0


def test_uneven_keys_meet_more_often() -> None:
    """As often as in the most uneven library that was measured, though never more often than a key may occur."""
    library = of(2**20)
    assert library.occurrences == pytest.approx(3 * library.least.occurrences)
    assert library.batches(2**20) == math.ceil(3 * 2**31 / JOIN_ROWS)
    assert library.scan_seconds == library.least.scan_seconds
    assert library.meeting_seconds == pytest.approx(library.least.meeting_seconds), "that is the benchmark's"
    assert of(2**27).uniform == pytest.approx(512)
    assert of(2**27).occurrences == 1_000


def test_matching_goes_on_in_runs() -> None:
    """The candidates' seconds, and 50 s a million for the rest; each hour has a run of half an hour, one at least."""
    library = of(2**21)
    seconds = library.candidate_seconds() + 50 * 2**21 / 1_000_000
    assert library.matching_seconds == pytest.approx(seconds)
    assert library.matching_days == pytest.approx(seconds / 1_800 / 24)
    assert of(10).matching_days == pytest.approx(1 / 24)
    assert library.new_seconds == pytest.approx(library.candidate_seconds(2**21 / 1_000 / 24))
    bill = library.first_bill(1)
    assert bill["Snowflake, matching"] == pytest.approx(3 * library.candidate_seconds() / 3_600)
    assert bill["Cloud Run, matcher"] == pytest.approx(seconds * (2 + 8 * 0.1))


def test_a_month_has_its_new_uploads_ticks_and_runs() -> None:
    """30,000 files at 5.25 dollars for 20, 8,640 ticks of 2 s at 1.10 a second, 720 runs at 2.80; 20 dollars a TB."""
    library = of(1_000_000)
    bill = library.monthly_bill
    assert bill["Cloud Run"] == pytest.approx(1_500 * 5.25 + 8_640 * 2 * 1.1 + 720 * library.new_seconds * 2.8)
    assert bill["Pub/Sub"] == pytest.approx(30_000 * 2.25)
    assert bill["Snowflake, matcher's warehouse"] == pytest.approx(30 * 3 * 24 * (library.new_seconds + 60) / 3_600)
    assert bill["Snowflake, storage"] == pytest.approx(20 * (4_000 + KEYS * 5) * 1_000_000 / 1e12)
    assert bill["Cloud Scheduler, Secret Manager"] == pytest.approx(2 * 0.1 + 0.06)


def test_where_finds_the_border() -> None:
    """To 1 %, from above; and says so where there is none."""
    assert 12_345 <= of(1).where(lambda s: s.files >= 12_345) <= 12_345 * 1.01
    assert of(1).where(lambda s: False) == math.inf


def test_a_line_does_not_go_below_nothing() -> None:
    assert line((1, 10), (3, 20))(5) == pytest.approx(30)
    assert line((1, 10), (3, 20))(-100) == 0


def test_the_smallest_warehouse() -> None:
    assert warehouse(100, 100) == ("X-Small", 1)
    assert warehouse(101, 100) == ("Small", 2)
    assert warehouse(12_800, 100) == ("4X-Large", 128)
    assert warehouse(12_801, 100) is None


def test_infrastructure_is_what_terraform_computes(tmp_path: Path) -> None:
    """Sizes by their variables, or as they stand; the memory by its formula; and a change there is a change here."""
    real = read_infrastructure()
    assert set(real.services) == {"scheduler", "fingerprint", "dead_letter", "matcher"}
    assert all(1 <= one.memory_gib <= 4 * max(one.cpus, 1) for one in real.services.values())
    changed = read_infrastructure(
        copy(tmp_path, "cpus        = optional(number, 8)", "cpus        = optional(number, 2)")
    )
    assert real.services["fingerprint"].cpus == 4 * changed.services["fingerprint"].cpus
    gib = (real.settings["FILES_IN_FLIGHT_BYTES"] + 2 * real.settings["FPCALC_MEMORY_BYTES"] + 10**9) / 2**30
    assert changed.services["fingerprint"].memory_gib == math.ceil(gib)
    assert changed.services["matcher"] == real.services["matcher"]
    request_seconds = real.matcher_seconds + real.settings["STORE_SECONDS"]
    assert f"REQUEST_SECONDS     = {request_seconds:.0f}\n" in (ROOT / "infra" / "functions.tf").read_text()


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("    matcher = {\n", "    finder = {\n"),
        ("pow(10, 9)", "pow(10, 10)"),
        ("AUTO_SUSPEND = 60", "AUTO_RESUME = TRUE"),
    ],
)
def test_infrastructure_that_is_written_otherwise_is_refused(tmp_path: Path, there: str, instead: str) -> None:
    with pytest.raises(ValueError, match="infra/"):
        read_infrastructure(copy(tmp_path, there, instead))


def copy(folder: Path, there: str, instead: str) -> Path:
    """What is read of infra/, with one text in place of another wherever it stands."""
    (folder / "snowflake").mkdir()
    found = 0
    for name in ("functions.tf", "variables.tf", "settings.json", "snowflake/2_warehouses.sql"):
        text = (ROOT / "infra" / name).read_text()
        found += text.count(there)
        (folder / name).write_text(text.replace(there, instead))
    assert found, f"infra/ has no {there!r}"
    return folder


def test_measured_figures_are_read_as_their_commands_write_them(tmp_path: Path) -> None:
    """The benchmark's file has one run a line, in any order."""
    (tmp_path / "one").write_text(json.dumps(dict(MEASURED.soak)))
    (tmp_path / "runs").write_text("".join(json.dumps(one) + "\n" for one in MEASURED.benchmark))
    read = read_measured(tmp_path / "one", tmp_path / "one", tmp_path / "runs", tmp_path / "one")
    assert read.benchmark == MEASURED.benchmark
    assert [one["tracks"] for one in read.largest] == [500_000, 1_000_000]
    assert read.per_asset("deliveries") == pytest.approx(1.25)


def test_every_price_is_used_dated_and_says_how_sure_it_is() -> None:
    """One that nobody uses would grow stale unseen; one from memory is called so."""
    prices = read_prices()
    assert date.fromisoformat(prices.seen)
    names = [row["name"] for row in prices.rows]
    assert len(names) == len(set(names))
    assert set(names) == UNITS.keys()
    assert {row["evidence"] for row in prices.rows} <= {
        "the vendor's page, a stored copy",
        "second hand",
        "from memory, unconfirmed",
    }
    assert all("://" not in row["source"] and row["dollars"] > 0 for row in prices.rows)
    asked: set[str] = set()

    class Asked(Prices):
        def __getitem__(self, name: str) -> float:
            asked.add(name)
            return super().__getitem__(name)

    scale.render(MEASURED, INFRA, Asked(prices.seen, prices.rows))
    assert asked == set(names)
    assert json.loads(PRICES.read_text())["seen"] == prices.seen


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where numbers stand in nested dicts and lists."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, (list, tuple)):
        for place, one in enumerate(value):
            yield from leaves(one, (*path, place))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path


@pytest.mark.parametrize("part", ["soak", "bench", "figures"])
def test_no_figure_of_the_page_is_typed_by_hand(part: str) -> None:
    """Every number that was measured changes the page when it is another."""
    page = scale.render(MEASURED, INFRA, priced(UNITS))
    unused = []
    for path in leaves(getattr(MEASURED, part)):
        other = json.loads(json.dumps(dict(getattr(MEASURED, part))))
        place = other
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] *= 2
        if scale.render(replace(MEASURED, **{part: other}), INFRA, priced(UNITS)) == page:
            unused.append(path)
    # Of the sizes of libraries that have keys of their own the page has only some.
    expected = {("keys_per_track", one.normal.version) for one in SETTINGS[:2]} | {
        ("ticks", 0, "room"),
        ("ticks", 0, "full_seconds"),
    }
    assert set(unused) == (expected if part == "figures" else set())


@pytest.mark.parametrize("name", UNITS)
def test_each_price_changes_the_page(name: str) -> None:
    """And not only its own row of the table: the bills, too."""
    bills = [
        line
        for dollars in (UNITS, {**UNITS, name: 1_000 * UNITS[name] + 1_000})
        for line in [scale.render(MEASURED, INFRA, priced(dollars)).split("## Prices")[0]]
    ]
    assert bills[0] != bills[1]


def test_the_page_says_where_the_design_gives_way() -> None:
    """The borders are those of the arithmetic: one statement takes 10 s for a million tracks, and its meetings."""
    page = scale.render(MEASURED, INFRA, priced(UNITS))
    border = of(1).where(lambda s: s.batch_seconds > 480)
    assert f"| one statement of the matcher | {scale_words.large(border)} files |" in page
    keys = of(1).where(lambda s: s.uniform > 1_000)
    assert keys == pytest.approx(1_000 * 2**18, rel=0.02)
    assert f"| keys | {scale_words.large(keys)} files |" in page
    memory = of(1).where(lambda s: s.matcher_gib > 8)
    assert f"| the matcher's memory | not before {scale_words.large(memory)} files |" in page


def test_the_page_says_how_far_the_rule_is_off() -> None:
    """The largest run not at all, since the rule is made from it."""
    small, large_one = (of(1).like(one).candidate_seconds() for one in MEASURED.largest)
    assert large_one == pytest.approx(1_100)
    off = f"{100 * (small / 300 - 1):+.0f} %"
    page = scale.render(MEASURED, INFRA, priced(UNITS))
    assert f"| 300 s | {off} |" in page.replace("5 min", "300 s")
    assert f"off by {off} to +0 %" in page.replace("\n", " ")


def test_what_both_ends_of_matching_say_is_a_range() -> None:
    page = scale.render(MEASURED, INFRA, priced(UNITS))
    library = Scale(100_000_000, MEASURED, INFRA, priced(UNITS))
    ends = [scale_words.span(one.candidate_seconds()) for one in (library.least, library)]
    assert ends[0] != ends[1]
    assert f"{ends[0]} to {ends[1]} |" in page


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (scale_words.number(0), "0"),
        (scale_words.number(1234.5), "1,234"),
        (scale_words.number(12.34), "12.3"),
        (scale_words.number(0.05), "0.05"),
        (scale_words.number(100.0), "100"),
        (scale_words.number(9.999), "10"),
        (scale_words.large(999_999), "1 million"),
        (scale_words.large(45_530_000_000), "46 billion"),
        (scale_words.large(math.inf), "no number of"),
        (scale_words.money(0.001), "< $0.01"),
        (scale_words.money(0.0), "$0.00"),
        (scale_words.money(9.5), "$9.50"),
        (scale_words.money(1234.5), "$1,200"),
        (scale_words.volume(1e12), "1 TB"),
        (scale_words.volume(990), "990 B"),
        (scale_words.about(12.34), "12"),
        (scale_words.about(100_080), "100,000"),
        (scale_words.between("1 h", "1 h"), "1 h"),
        (scale_words.between("1 h", "2 h"), "1 h to 2 h"),
        (scale_words.percent(0.001), "0.1 %"),
        (scale_words.span(0), "0 s"),
        (scale_words.span(2e-7), "200 ns"),
        (scale_words.span(90), "1.5 min"),
        (scale_words.span(86_400), "24 h"),
        (scale_words.span(200_000), "2.3 days"),
        (scale_words.span(86_400 * 1_000), "2.7 years"),
    ],
)
def test_numbers_in_words(shown: str, expected: str) -> None:
    assert shown == expected

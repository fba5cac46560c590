"""Redriving with the real emulator and a real store: what is published, what is acknowledged, and what faults leave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.parts import require_emulator
from tests.redriving import CODE, Bench, assets

import dead_letters
import requesting
from audiodup.errors import PublishFailed, Unusable
from audiodup.messages import REASON, FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from audiodup.settings import read_settings
from audiodup.wiring import Parts
from cli import Exit
from dead_letters import State
from stack.emulator import Emulator, start_emulator
from stack.processes import Processes
from stack.subscriptions import Topology


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_emulator(processes)


@pytest.fixture
def bench(
    emulator: Emulator, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    project = "p-" + request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[-50:]
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
    # The emulator is near.
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0.2)
    # An outage is waited for by those who have time.
    monkeypatch.setattr(requesting, "PATIENCE_SECONDS", 0)
    topology = Topology(Emulator(emulator.address, project))
    topology.create()
    settings = read_settings(google_cloud_project=project, pubsub_profile="local", publish_seconds=5)
    parts = Parts(settings, database=tmp_path / "store")
    with capture_logs():
        yield Bench(parts, topology, parts.store.clock() - timedelta(hours=1))
        parts.store.close()
    topology.close()


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The records of --json, and the summary."""
    *records, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return records, last["summary"]


def test_a_listing_changes_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Codes with counts, samples and remedies; the letters are there for the next reader at once."""
    library = assets(5)
    bench.list(*library)
    bench.fail(*library[:4])
    bench.store(Outcome(library[4], Status.FAILED, bench.moment, error="NOT_FOUND: gone"))
    before = bench.rows()
    assert bench.run() is Exit.ALL_WELL
    records, summary = lines(capsys)
    assert [(one["code"], one["files"]) for one in records[:2]] == [(CODE, 4), ("NOT_FOUND", 1)]
    assert records[0]["samples"] == [{"asset_id": f"a000{n}", "file_key": f"000{n}.wav"} for n in range(3)]
    assert "Check the asset's id" in records[1]["remedy"]
    assert [(one["dead_letters"], one["count"], one["acknowledged"]) for one in records[2:]] == [("failed", 4, 0)]
    assert summary == {
        "failed": 5,
        "dead_letters": {"failed": 4},
        "acknowledged": {},
        "all_dead_letters_seen": True,
    }
    assert bench.waiting() == [asset.file_key for asset in library[:4]]
    assert (bench.published(), bench.rows()) == ([], before)


def test_what_failed_is_published_again_and_its_letters_are_acknowledged(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what AUDIO_ASSET says now, and one new time in row and message; other codes are left alone."""
    moved = [Asset(asset.asset_id, asset.file_key, "flac", "elsewhere") for asset in assets(4)]
    bench.list(*moved)
    bench.fail(*assets(3))
    bench.store(Outcome(moved[3], Status.FAILED, bench.moment, error="NOT_FOUND: gone"))
    assert bench.run(code=CODE) is Exit.ALL_WELL
    records, summary = lines(capsys)
    published = bench.published()
    assert sorted(request.asset.file_key for request in published) == [asset.file_key for asset in moved[:3]]
    assert {request.asset for request in published} == set(moved[:3])
    rows = bench.rows()
    for request in published:
        assert rows[request.asset.file_key] == (Status.QUEUED, request.requested_at)
        assert request.requested_at > bench.moment
    assert rows["0003.wav"][0] is Status.FAILED
    assert [one["file_key"] for one in records if one.get("published")] == [asset.file_key for asset in moved[:3]]
    assert (summary["published"], summary["acknowledged"]) == (3, {"republished": 3})
    assert bench.waiting() == []
    # Once more: there is nothing to do.
    assert bench.run(code=CODE) is Exit.ALL_WELL
    assert (bench.published(), lines(capsys)[1]["published"]) == ([], 0)


def test_only_some_by_id_and_limit(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The letters of the others stay; ids that nobody knows are named, and so is that they are some."""
    library = assets(8)
    bench.list(*library)
    bench.fail(*library[:4])
    for asset, status in zip(library[4:7], (Status.SUCCESS, Status.SHORT, Status.QUEUED), strict=True):
        bench.store(Outcome(asset, status, bench.moment))
    assert bench.run(code=CODE, limit=1) is Exit.ALL_WELL
    capsys.readouterr()
    others = ["a0004", "a0005", "a0006", "a0007", "'; DROP TABLE AUDIO_FILE; --"]
    assert bench.run(asset_ids=["a0002", *others]) is Exit.SOME_FAILED
    _, summary = lines(capsys)
    assert summary["unknown"] == ["'; DROP TABLE AUDIO_FILE; --"]
    assert summary["not_failed"] == {"SUCCESS": 1, "SHORT": 1, "QUEUED": 1, "PENDING": 1}
    assert [request.asset.file_key for request in bench.published()] == ["0000.wav", "0002.wav"]
    assert bench.waiting() == ["0001.wav", "0003.wav"]


def test_what_somebody_has_redriven_while_it_waited_for_room_is_left_alone(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are read when there is room; and for the last one nobody waits."""
    monkeypatch.setattr(requesting, "FIRST_LOOK_SECONDS", 0.01)
    library = assets(6)
    bench.list(*library)
    bench.fail(*library)
    look = requesting.Requests._look

    def others(requests: requesting.Requests) -> None:
        now = bench.parts.store.clock()
        bench.parts.store.append([Outcome(asset, Status.SUCCESS, now) for asset in library[:2]])
        # Into the inbox: another run has published it.
        bench.parts.store.append([Outcome(library[2], Status.QUEUED, now), Outcome(library[5], Status.QUEUED, now)])
        look(requests)

    monkeypatch.setattr(requesting.Requests, "_look", others)
    assert bench.run(code=CODE, max_in_flight=2) is Exit.ALL_WELL
    assert [request.asset for request in bench.published()] == [*library[:2], *library[3:5]]
    assert lines(capsys)[1]["unfinished"] == 2


def test_a_dry_run_says_what_would_be_and_does_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    library = assets(5)
    bench.list(*library)
    bench.fail(*library)
    assert bench.run(code=CODE, limit=4, dry_run=True) is Exit.ALL_WELL
    records, summary = lines(capsys)
    assert (records[0]["code"], records[0]["files"], len(records[0]["samples"])) == (CODE, 4, 3)
    assert (summary["would_publish"], summary["acknowledged"]) == (4, {})
    assert bench.run(discard=frozenset({State.FAILED}), dry_run=True) is Exit.ALL_WELL
    assert bench.published() == []
    assert bench.waiting() == [asset.file_key for asset in library]


def test_letters_that_nobody_needs_are_acknowledged_and_others_stay(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Done or superseded: away. Requested again by somebody else, unrecorded, gone, unreadable: they wait."""
    done, short, superseded, queued, unrecorded, gone = library = assets(6)
    bench.list(*library[:5])
    bench.fail(done, short, superseded, queued, gone)
    bench.topology.publish(FingerprintRequest(unrecorded, bench.moment).encode(), topic="dead_letter")
    bench.topology.publish(b"junk", {REASON: "data is not JSON in UTF-8"}, topic="dead_letter")
    later = bench.moment + timedelta(minutes=1)
    bench.store(
        Outcome(done, Status.SUCCESS, later),
        Outcome(short, Status.SHORT, bench.moment),
        Outcome(superseded, Status.FAILED, later, error="CORRUPT: x"),
        Outcome(queued, Status.QUEUED, later),
    )
    assert bench.run(code="NOTHING_HAS_THIS") is Exit.ALL_WELL
    _, summary = lines(capsys)
    assert summary["acknowledged"] == {"done": 2, "superseded": 1}
    left = {"in flight": 1, "unrecorded": 1, "gone": 1, "malformed": 1}
    assert {state: summary["dead_letters"][state] for state in left} == left
    assert bench.run(discard=frozenset({State.GONE})) is Exit.ALL_WELL
    assert lines(capsys)[1]["acknowledged"] == {"gone": 1}
    assert bench.run(discard=frozenset({State.MALFORMED})) is Exit.ALL_WELL
    records, summary = lines(capsys)
    assert summary["acknowledged"] == {"malformed": 1}
    # It is told before it is no more.
    assert next(one for one in records if one.get("acknowledged") is True)["data"] == "junk"
    assert bench.waiting() == [queued.file_key, unrecorded.file_key]
    assert bench.published() == []


def test_a_file_that_fails_once_more_keeps_its_new_letter(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the old one is done with; and then it can be given up, which the row outlives."""
    [asset] = assets(1)
    bench.list(asset)
    bench.fail(asset)
    bench.run(code=CODE)
    [request] = bench.published()
    bench.moment = request.requested_at
    bench.fail(asset)
    capsys.readouterr()
    bench.run(code="NOTHING_HAS_THIS")
    assert lines(capsys)[1]["dead_letters"] == {"failed": 1}
    bench.run(discard=frozenset({State.FAILED}))
    assert bench.waiting() == []
    assert bench.rows()[asset.file_key] == (Status.FAILED, request.requested_at)


HOSTILE: list[tuple[bytes, dict[str, str]]] = [
    (b"", {"attributes": "only"}),
    (b"\x00\xff" * 4_900_000, {}),
    (b'{"version": 2, "asset_id": "a0000", "file_key": "0000.wav"}', {}),
    (b'{"version": 1, "asset_id": "\\ud800", "file_key": "k", "requested_at": "2026-01-01T00:00:00Z"}', {}),
    (b"[" * 100_000, {}),
    (b"x", {f"a{number}": "v" * 1024 for number in range(90)}),
]
UNKNOWN = ["'; DELETE FROM AUDIO_FINGERPRINT; --", "\\' OR 1=1", "%(rows)s", "a\nb\x1b[2J", "null", "[red]", "é" * 50]


def test_hostile_letters_stop_no_others(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 10 MB, of nothing, with SQL for ids: they are counted and kept, and a good one among them is redriven."""
    good = assets(1)[0]
    bench.list(good)
    for data, attributes in HOSTILE:
        bench.topology.publish(data, attributes, topic="dead_letter")
    for text in UNKNOWN:
        request = FingerprintRequest(Asset(text, text, text, text), datetime(9999, 12, 31, tzinfo=UTC))
        bench.topology.publish(request.encode(), topic="dead_letter")
    bench.fail(good)
    assert bench.run(code=CODE, json_lines=False) is Exit.ALL_WELL
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert bench.run() is Exit.ALL_WELL
    _, summary = lines(capsys)
    assert summary["dead_letters"] == {"malformed": len(HOSTILE), "gone": len(UNKNOWN)}
    assert [request.asset for request in bench.published()] == [good]
    assert bench.rows()[good.file_key][0] is Status.QUEUED


class Failing:
    """The topics, which take so many and no more."""

    def __init__(self, parts: Parts, count: int) -> None:
        self._inner, self._left = parts.publisher, count

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        taken = requests[: self._left]
        self._left -= len(taken)
        self._inner.publish(taken)
        if len(taken) < len(requests):
            raise PublishFailed("at least 1 messages were not taken: away")


def test_a_publication_that_fails_half_way_acknowledges_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are QUEUED: what was taken will end, what was not is the scheduler's after its lease, and every letter waits
    until that has happened.
    """
    library = assets(5)
    bench.list(*library)
    bench.fail(*library)
    with monkeypatch.context() as patch:
        patch.setitem(bench.parts.built, "publisher", Failing(bench.parts, 2))
        with pytest.raises(PublishFailed):
            bench.run(code=CODE)
    assert bench.waiting() == [asset.file_key for asset in library]
    assert {status for status, _ in bench.rows().values()} == {Status.QUEUED}
    assert len(bench.published()) == 2
    capsys.readouterr()
    bench.run(code=CODE)
    assert lines(capsys)[1]["dead_letters"] == {"in flight": 5}
    again = bench.parts.store.clock()
    bench.store(*(Outcome(asset, Status.SUCCESS, again) for asset in library[1:]))
    bench.run(code=CODE)
    assert bench.waiting() == [library[0].file_key]


def test_a_store_that_goes_away_leaves_every_letter(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the publication, before the letters: the next run sees to them."""
    library = assets(3)
    bench.list(*library)
    bench.fail(*library)

    def away(_files: object) -> None:
        raise Unusable("the store is away")

    monkeypatch.setattr(bench.parts.failures, "standing", away)
    with pytest.raises(Unusable):
        bench.run(code=CODE)
    assert len(bench.published()) == 3
    assert bench.waiting() == [asset.file_key for asset in library]


def test_a_subscription_that_is_not_there_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with what to look at; what has FAILED was printed before."""
    other = Parts(bench.parts.settings.model_copy(update={"google_cloud_project": "no-such"}), database=None)
    monkeypatch.setitem(other.built, "session", bench.parts.session)
    with pytest.raises(Unusable, match=r"projects/no-such/subscriptions/\S+ is not there: check GOOGLE_CLOUD_PROJECT"):
        Bench(other, bench.topology, bench.moment).run()


def test_thousands_of_letters_in_pages(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """More than a pull gives, than is published at once, and than one question to the store takes."""
    library = assets(2500)
    bench.list(*library)
    bench.store(*(Outcome(asset, Status.FAILED, bench.moment, error=f"{CODE}: 10 attempts") for asset in library))
    for asset in library:
        bench.topology.publish(FingerprintRequest(asset, bench.moment).encode(), topic="dead_letter")
    bench.run(code=CODE, limit=2200, max_in_flight=5000)
    _, summary = lines(capsys)
    assert (summary["published"], summary["acknowledged"]) == (2200, {"republished": 2200})
    assert bench.waiting() == [asset.file_key for asset in library[2200:]]
    assert len({request.asset for request in bench.published()}) == 2200

"""Weights and packages are deleted where a person asks for it: which, what stays, and that a kill at any moment leaves
a version whole or purged."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import folder, version

from daemon.database.models import Evaluation, Run, Version, Voice, now
from daemon.database.store import Store, opened
from daemon.errors import MynaError, NotNow
from daemon.home import identity, purged_folder, purging, survey
from daemon.home.purging import Purging
from daemon.home.survey import State
from daemon.state import purgeable, voices
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration
WEIGHTS = 5_000  #: bytes


def lay(session: Session, home: Path, number: int, state: str = "archived", *, parent: int = 0, kind: str = "full",
        voice: str = "anna") -> Version:  # fmt: skip
    """A version as its training and its scoring left it."""
    row = version(session, number, parent=parent, voice=voice)
    row.state, row.kind = state, kind
    if state == "promoted":
        session.get_one(Voice, voice).promoted = number
    place = folder(home, row)
    (place / "model.safetensors").write_bytes(bytes(WEIGHTS))
    about = {"voice": voice, "version": number, "engine": "glow"}
    (place / "version.json").write_text(json.dumps(about))
    (place / "report.md").write_text(f"# {row.voice} v{number}\n")
    identity.write(place, identity.Mark("b" * 32, session.get_one(Run, row.run).uuid))
    return row


def purge(home: Path, store: Store, *versions: int, **more: object) -> pb.PurgeResponse:
    """As mynad does it."""

    async def act() -> pb.PurgeResponse:
        request = pb.PurgeRequest(voice="anna", versions=versions)
        request.MergeFrom(pb.PurgeRequest(**more))  # type: ignore[arg-type]
        return await Purging(home, store, asyncio.Lock()).purge(request)

    return asyncio.run(act())


def here(home: Path, number: int) -> bool:
    return (home / "voices/anna" / str(number) / "model.safetensors").exists()


def states(store: Store) -> dict[int, str]:
    return store.read_now(lambda session: dict(session.execute(select(Version.number, Version.state)).tuples().all()))


def test_a_purged_version_loses_its_weights_and_keeps_all_that_is_known_of_it(store: Store, tmp_path: Path) -> None:
    def given(session: Session) -> None:
        row = lay(session, tmp_path, 1)
        row.metrics, row.verdict = {"wer": 0.4}, "Not better."
        session.add(Evaluation(voice="anna", version=1, against=0, job=1, better=False, verdict="", time=now()))

    store.write_now(given)
    spoken = tmp_path / "samples/anna/1/line.wav"
    spoken.parent.mkdir(parents=True)
    spoken.write_bytes(b"sound")
    told = purge(tmp_path, store, 1)
    assert [(one.name, one.size) for one in told.purged] == [("anna@1", WEIGHTS)]
    assert told.freed == WEIGHTS
    left = sorted(path.name for path in (tmp_path / "voices/anna/1").iterdir())
    assert left == ["identity.json", "purged.json", "report.md", "version.json"]
    assert spoken.exists(), "few bytes, and still to be heard"

    def look(session: Session) -> None:
        row = voices.version(session, "anna", 1)
        message = voices.version_message(row, tmp_path, report=True)
        assert (message.state, message.state_value) == ("purged", pb.VERSION_PURGED)
        assert dict(message.metrics) == {"wer": 0.4}
        assert message.verdict.startswith("Not better. Purged: its weights were deleted")
        assert message.report_md == "# anna v1\n"
        assert 0 < message.size < WEIGHTS
        assert session.scalars(select(Evaluation)).one().version == 1

    store.read_now(look)


def test_a_dry_run_tells_the_bytes_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    store.write_now(lay, tmp_path, 1)
    told = purge(tmp_path, store, 1, dry_run=True)
    assert told.freed == WEIGHTS
    assert here(tmp_path, 1)
    assert states(store) == {1: "archived"}


def test_many_bytes_of_spoken_lines_go_with_the_weights(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purged_folder, "LARGE_SAMPLES", 999)
    store.write_now(lay, tmp_path, 1)
    spoken = tmp_path / "samples/anna/1/line.wav"
    spoken.parent.mkdir(parents=True)
    spoken.write_bytes(bytes(1_000))
    assert purge(tmp_path, store, 1).freed == WEIGHTS + 1_000
    assert not spoken.exists()


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (1, "anna@1 is a candidate"),
        (2, "anna@2 is the active version"),
        (3, "anna@4 holds adapters only"),
        (4, "anna@5 holds adapters only"),
        (9, "anna has no version 9"),
    ],
)
def test_what_speaks_waits_for_a_decision_or_is_loaded_onto_is_not_purged(
    store: Store, tmp_path: Path, number: int, why: str
) -> None:
    """And with it nothing that was named beside it."""

    def given(session: Session) -> None:
        lay(session, tmp_path, 1, "candidate")
        lay(session, tmp_path, 2, "promoted")
        lay(session, tmp_path, 3)
        lay(session, tmp_path, 4, kind="lora", parent=3)
        lay(session, tmp_path, 5, kind="lora", parent=4)
        lay(session, tmp_path, 6, "rejected")

    store.write_now(given)
    before = states(store)
    with pytest.raises(MynaError, match=why):
        purge(tmp_path, store, 6, number)
    assert states(store) == before
    assert here(tmp_path, 6)


def test_versions_that_are_loaded_onto_each_other_go_together(store: Store, tmp_path: Path) -> None:
    def given(session: Session) -> None:
        lay(session, tmp_path, 1)
        lay(session, tmp_path, 2, kind="lora", parent=1)
        lay(session, tmp_path, 3, kind="merged", parent=2)

    store.write_now(given)
    assert [one.name for one in purge(tmp_path, store, 2, 1).purged] == ["anna@2", "anna@1"]
    assert not here(tmp_path, 1)
    assert here(tmp_path, 3), "its weights are whole: it needs none of them"


def test_all_of_a_state_are_purged_but_those_that_are_needed_or_that_rolling_back_goes_to(
    store: Store, tmp_path: Path
) -> None:
    def given(session: Session) -> None:
        for number in (1, 2):
            lay(session, tmp_path, number, "candidate")
        lay(session, tmp_path, 3, "candidate", kind="lora", parent=1)
        for number in (1, 2, 3):
            voices.promote(session, "anna", number, voices.BY_SCORE)
        lay(session, tmp_path, 4, "rejected")
        lay(session, tmp_path, 5, "archived")

    store.write_now(given)
    told = purge(tmp_path, store, states=["archived"])
    assert [one.name for one in told.purged] == ["anna@5"]
    assert [(one.name, one.state) for one in told.left] == [("anna@1", "needed"), ("anna@2", "way-back")]
    assert all(one.sentence for one in told.left)
    assert purge(tmp_path, store, states=["archived"]).freed == 0
    assert [one.name for one in purge(tmp_path, store, states=["rejected"]).purged] == ["anna@4"]
    assert [one.name for one in purge(tmp_path, store, 2).purged] == ["anna@2"], "by its name, it is"
    with pytest.raises(NotNow, match="anna@2, which was active before, was purged"):
        store.write_now(voices.rollback, "anna")
    with pytest.raises(MynaError, match="Versions that are candidate cannot be purged"):
        purge(tmp_path, store, states=["candidate"])
    with pytest.raises(MynaError, match="Nothing to purge was named"):
        purge(tmp_path, store)


def test_a_folder_that_is_anothers_is_left_alone(store: Store, tmp_path: Path) -> None:
    store.write_now(lay, tmp_path, 1)
    identity.write(tmp_path / "voices/anna/1", identity.Mark("c" * 32, "d" * 32))
    with pytest.raises(NotNow, match="is not the folder of anna@1"):
        purge(tmp_path, store, 1)
    assert here(tmp_path, 1)
    assert [one.state for one in purge(tmp_path, store, states=["archived"]).left] == ["not-its-own"]


# ------------------------------------------------------------------------------------------------------------- kills


def _nothing(home: Path) -> None: ...


def _begun(home: Path) -> None:
    purged_folder._note(home / "voices/anna/1", done=False)


def _half(home: Path) -> None:
    _begun(home)
    (home / "voices/anna/1/model.safetensors").unlink()


def _all_but_told(home: Path) -> None:
    _half(home)
    shutil.rmtree(home / "voices/anna/1/more")


@pytest.mark.parametrize("deleted", [_nothing, _begun, _half, _all_but_told])
def test_a_kill_at_any_moment_after_the_rows_is_mended_at_the_next_start(
    tmp_path: Path, deleted: Callable[[Path], None]
) -> None:
    with opened(tmp_path) as store:
        store.write_now(lambda session: session.add(Voice(name="anna", options={}, created=now())))
        store.write_now(lay, tmp_path, 1)
        more = tmp_path / "voices/anna/1/more"
        more.mkdir()
        (more / "tokens.txt").write_bytes(b"more")
        store.write_now(purgeable.purge, "anna", {1: 100}, tmp_path)
        deleted(tmp_path)

    async def life(running: Living) -> None:
        assert (await running.client.version("anna", 1)).state == "purged"
        left = sorted(path.name for path in (tmp_path / "voices/anna/1").iterdir())
        assert left == ["identity.json", "purged.json", "report.md", "version.json"]

    lived(tmp_path, life)


def test_a_kill_before_the_rows_leaves_the_version_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write_now(lambda session: session.add(Voice(name="anna", options={}, created=now())))
        store.write_now(lay, tmp_path, 1)
        purge(tmp_path, store, 1, dry_run=True)
    with opened(tmp_path) as store:
        purging.finish(store, tmp_path)
        assert states(store) == {1: "archived"}
        assert here(tmp_path, 1)


def test_weights_that_somebody_puts_back_later_are_left_alone(store: Store, tmp_path: Path) -> None:
    store.write_now(lay, tmp_path, 1)
    purge(tmp_path, store, 1)
    (tmp_path / "voices/anna/1/model.safetensors").write_bytes(b"from a backup")
    purging.finish(store, tmp_path)
    assert here(tmp_path, 1)


@pytest.mark.parametrize("deleted", [_begun, _half, _all_but_told])
def test_a_purged_version_is_not_adopted_after_the_database_was_lost(
    tmp_path: Path, deleted: Callable[[Path], None]
) -> None:
    with opened(tmp_path / "before") as store:
        store.write_now(lambda session: session.add(Voice(name="anna", options={}, created=now())))
        store.write_now(lay, tmp_path, 1)
        (tmp_path / "voices/anna/1/more").mkdir()
        deleted(tmp_path)
    with opened(tmp_path / "empty") as empty:
        found = empty.read_now(survey.scan, tmp_path)
        assert [(one.name, one.state) for one in found] == [("anna@1", State.PURGED)]
        assert survey.finding(found) is None, "nothing to tell: it is as a person wanted it"


# ------------------------------------------------------------------------------------------------- the living daemon


def test_a_purged_version_is_refused_by_all_that_would_need_its_weights(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        client = running.client
        running.voice("bert")
        for number in (1, 2):
            running.daemon.store.write_now(lay, tmp_path, number, voice="bert")
        assert (await client.purge("bert", [1])).freed == WEIGHTS
        for refused in (
            client.submit(pb.SpeakSpec(voice="bert", version=1, text="Hello.")),
            client.submit(pb.TrainSpec(voice="bert", **{"from": "1"})),
            client.submit(pb.EvaluateSpec(voice="bert", version=2, against=1)),
            client.submit(pb.ExportSpec(voice="bert", version=1)),
            client.promote("bert", 1),
            client.archive("bert", 1),
        ):
            with pytest.raises(ClientError) as error:
                await refused
            assert "bert@1 was purged" in error.value.sentence
            assert "myna versions bert" in error.value.hint
        with pytest.raises(ClientError, match="was purged already"):
            await client.purge("bert", [1])

    lived(tmp_path, life)


def test_a_version_that_a_job_works_with_is_not_purged_until_that_has_ended(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        client = running.client
        job = await running.evaluate("steps")
        await client.archive("steps", 1)
        await running.until(job, "running")
        with pytest.raises(ClientError) as error:
            await client.purge("steps", [1])
        assert f"job #{job}" in error.value.sentence
        assert f"myna cancel {job}" in error.value.hint
        (left,) = (await client.purge("steps", states=["archived"])).left
        assert (left.name, left.state) == ("steps@1", "at-work")
        await client.cancel(job)
        await running.until(job, "cancelled")
        assert (await client.purge("steps", [1])).freed == len(b"weights")
        await client.retry(job)
        assert "steps@1 was purged" in (await running.until(job, "failed")).status.failed.error.sentence

    lived(tmp_path, life)


def test_packages_are_deleted_by_version_by_voice_or_all(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        client, exports = running.client, tmp_path / "exports"
        for number in (1, 2):
            running.daemon.store.write_now(lay, tmp_path, number)
        exports.mkdir()
        names = ("anna-1-coqui.tar", "anna-2-coqui.tar", "former-1-coqui.tar", ".tmp-anna-1-coqui.tar", "notes.txt")
        (exports / "anna-2.myna.tar.zst").write_bytes(bytes(50))
        for name in names:
            (exports / name).write_bytes(bytes(100))
        assert (await client.purge("anna", exports=True, dry_run=True)).freed == 250
        told = await client.purge("anna", [2], exports=True)
        assert [(one.name, one.size) for one in told.purged] == [("anna-2-coqui.tar", 100), ("anna-2.myna.tar.zst", 50)]
        assert (await client.purge("anna", exports=True)).freed == 100
        assert [one.name for one in (await client.purge(exports=True)).purged] == ["former-1-coqui.tar"]
        assert sorted(path.name for path in exports.iterdir()) == [".tmp-anna-1-coqui.tar", "notes.txt"]
        assert here(tmp_path, 1), "versions stay"
        with pytest.raises(ClientError, match=r"anna-1-coqui\.tar was deleted before it was sent"):
            [part async for part in client.export_voice("anna", 1)]  # the strange worker writes none

    lived(tmp_path, life)

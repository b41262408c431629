"""Folders of versions that no row knows: found, told, and taken in as candidates, or left with a reason."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import lives
import pytest
from living_daemon import Living, living
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.models import Home, Run, Version, Voice
from daemon.database.store import Store
from daemon.home import adopt, identity, survey
from daemon.home.survey import State
from daemon.state import voices
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def scan(store: Store, home: Path) -> dict[str, State]:
    return {one.name: one.state for one in store.read_now(survey.scan, home)}


ABOUT = {
    "voice": "anna", "version": 3, "engine": "glow", "language": "en", "kind": "full", "parent": 2,
    "parent_uuid": "e" * 32, "run": 9, "run_uuid": "a" * 32, "home": "b" * 32, "dataset": 1,
    "created": "2026-01-02T03:04:05+00:00", "licence": "Apache-2.0", "clips": ["c1", "c2"], "held_out": [],
    "settings": {"steps": 120}, "result": {"steps": 120, "best_step": 80, "best_loss": 0.5,
    "best_losses": {"loss": 0.5}, "seconds": 12.5, "ended": "Done.",
    "sound": {"vocoder": True, "bands": True}},
}  # fmt: skip


def lay(home: Path, number: int = 3, mark: identity.Mark | None = None, **about: object) -> Path:
    """A version's folder as a worker leaves it."""
    folder = home / "voices" / "anna" / str(number)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "report.json").write_text(json.dumps({"summaries": {"candidate": {"wer": 0.2, "note": "a word"}}}))
    (folder / "version.json").write_text(json.dumps({**ABOUT, "version": number, **about}))
    if mark is not None:
        identity.write(folder, mark)
    return folder


MARK = identity.Mark("b" * 32, "a" * 32)


def test_a_version_that_no_row_knows_is_taken_in_as_a_candidate_that_tells_where_it_comes_from(
    store: Store, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    lay(home, 3, MARK)
    found = adopt.measured(store.read_now(survey.scan, home), home)
    store.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), found, home, 500))
    row, run = store.read_now(
        lambda session: (session.scalars(select(Version)).one(), session.scalars(select(Run)).one())
    )
    assert (row.number, row.state, row.parent, row.engine, row.kind, row.path) == (
        3,
        "candidate",
        2,
        "glow",
        "full",
        "voices/anna/3",
    )
    assert voices.numbers(row.metrics) == {"train_loss": 0.5, "wer": 0.2}
    assert (run.uuid, run.step, run.best_loss, run.settings, run.to_version) == ("a" * 32, 120, 0.5, {"steps": 120}, 3)
    assert row.created.isoformat() == ABOUT["created"]
    assert row.adopted is not None
    assert voices.version_message(row).sound == pb.OwnSound(vocoder=True, bands=True)
    assert row.size == sum(file.stat().st_size for file in (home / row.path).rglob("*")) > 0
    assert row.dataset == 0, "dataset #1 of the other database is none of ours"
    assert store.read_now(lambda session: session.get_one(Voice, "anna").promoted) is None
    assert store.read_now(survey.scan, home) == []


def test_a_dataset_number_is_kept_where_this_database_has_the_same_clips_under_it(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "home"

    def given(session: Session) -> list[str]:
        clips = [clip(session, "one"), clip(session, "two")]
        dataset(session, 1, clips, [])
        return [one.sha256 for one in clips]

    lay(home, 3, MARK, clips=store.write_now(given))
    store.write_now(
        lambda session: adopt.take_in(session, lives.lifecycle(session), survey.scan(session, home), home, 500)
    )
    assert store.read_now(lambda session: session.scalars(select(Version.dataset)).one()) == 1


def test_a_parent_that_only_has_the_same_number_is_no_parent(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "home"
    store.write_now(lambda session: version(session, 2) and None)
    lay(home, 3, MARK)
    store.write_now(
        lambda session: adopt.take_in(session, lives.lifecycle(session), survey.scan(session, home), home, 500)
    )
    assert store.read_now(lambda session: session.scalars(select(Version.parent).where(Version.number == 3)).one()) == 0


@pytest.mark.parametrize(
    ("about", "state"),
    [
        ({"voice": "bea"}, State.ELSEWHERE),
        ({"version": 4}, State.ELSEWHERE),
        ({"engine": "gone"}, State.NO_ENGINE),
    ],
)
def test_a_version_that_cannot_be_taken_in_is_left_and_says_why(
    store: Store, tmp_path: Path, about: dict[str, object], state: State
) -> None:
    lay(tmp_path / "home", 3, MARK, **about)
    (found,) = store.read_now(survey.scan, tmp_path / "home")
    assert found.state is state
    assert found.message.sentence
    store.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), [found], tmp_path / "home", 500))
    assert store.read_now(lambda session: session.scalars(select(Version)).all()) == []


def test_a_folder_that_is_not_whole_is_left(store: Store, tmp_path: Path) -> None:
    (lay(tmp_path / "home", 3, MARK) / "version.json").unlink()
    (lay(tmp_path / "home", 4, MARK) / "model.safetensors").unlink()
    assert scan(store, tmp_path / "home") == {"anna@3": State.NOT_WHOLE, "anna@4": State.NOT_WHOLE}


def test_another_version_in_the_place_of_one_that_the_database_knows_is_told_of_and_left(
    store: Store, tmp_path: Path
) -> None:
    store.write_now(lambda session: version(session, 3) and None)
    lay(tmp_path / "home", 3, MARK)
    assert scan(store, tmp_path / "home") == {"anna@3": State.NUMBER_TAKEN}


def test_folders_of_the_database_itself_are_not_told_of(store: Store, tmp_path: Path) -> None:
    def given(session: Session) -> list[str]:
        rows = [version(session, 3), version(session, 4)]
        session.add(Run(voice="anna", engine="glow", job=0, dataset=1, to_version=5, uuid="f" * 32))
        return [session.get_one(Run, row.run).uuid for row in rows]

    known, _ = store.write_now(given)
    home = tmp_path / "home"
    lay(home, 3, identity.Mark("", known))
    lay(home, 4)  # from before there were marks
    lay(home, 5, identity.Mark("", "f" * 32))  # finished, its row is still to come
    (home / "voices/anna/1.of-another-database").mkdir()
    assert scan(store, home) == {}


def test_versions_from_before_there_were_marks_are_marked_where_all_that_was_measured_agrees(
    store: Store, tmp_path: Path
) -> None:
    from datetime import timedelta

    home = tmp_path / "home"

    def given(session: Session) -> list[str]:
        since, uuids = session.scalars(select(Home)).one().since, []
        for number in (3, 4):
            row = version(session, number, parent=2)
            run = session.get_one(Run, row.run)
            run.started, run.step, run.best_step, run.result = since - timedelta(days=1), 120, 80, {"seconds": 12.5}
            lay(home, number, run=run.id, result={**ABOUT["result"], "seconds": 12.5 if number == 3 else 99.0})  # type: ignore[dict-item]
            uuids.append(run.uuid)
        return uuids

    mine, _ = store.write_now(given)
    asyncio.run(survey.at_start(store, home))
    ours = store.read_now(lambda session: session.scalars(select(Home)).one().uuid)
    assert identity.read(home / "voices/anna/3") == identity.Mark(ours, mine)
    assert identity.read(home / "voices/anna/4") is None


def test_a_home_whose_database_lacks_something_says_so_after_the_start_and_takes_it_in_when_asked(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    lay(home, 3, MARK)

    async def notice(living: Living) -> pb.Notice:
        async with asyncio.timeout(10):
            async for event in living.daemon.events.watch(0):
                if event.HasField("notice"):
                    return event.notice
        raise AssertionError

    async def main() -> None:
        async with living(home) as running:
            told = await notice(running)
            assert told.sentence == "This home has 1 version that its database does not know."
            assert "myna adopt" in told.hint
            assert [finding.sentence for finding in (await running.client.info()).findings] == [told.sentence]
            assert told.sentence in [finding.sentence for finding in await running.client.doctor()]
            for _ in range(2):
                listed = await running.client.adopt(dry_run=True)
                assert [(one.name, one.state) for one in listed.found] == [("anna@3", "taken")]
            assert (await running.client.adopt()).versions == 1
            row = await running.client.version("anna", 3)
            assert row.HasField("adopted")
            assert (await running.client.voice("anna")).promoted == 0
            assert not (await running.client.adopt()).found
            assert not (await running.client.info()).findings
            assert "home contents" not in [finding.name for finding in await running.client.doctor()]

    asyncio.run(main())
